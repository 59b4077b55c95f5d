#include <doctest/doctest.h>

#include "tests/fakes/fakes.hpp"

using namespace hpawalk;
using namespace hpawalk::world;
using namespace std::chrono_literals;

TEST_CASE("A wait looks once even with no time left, and reports the last reason") {
  fakes::FakeClock clock;
  int looks = 0;
  Status status = wait_until(clock, {0ms}, "waiting", [&]() -> Result<StillWaiting> {
    ++looks;
    return StillWaiting{"attempt " + std::to_string(looks)};
  });
  REQUIRE_FALSE(status);
  CHECK(looks == 1);
  CHECK(status.error().id == "timeout");
  CHECK(status.error().because == "attempt 1");
}

TEST_CASE("A wait ends at once when it holds, when it fails, and on an interrupt") {
  fakes::FakeClock clock;
  CHECK(wait_until(clock, {10s}, "waiting", []() -> Result<StillWaiting> { return StillWaiting{}; }));
  CHECK(clock.elapsed == 0ms);
  Status failed = wait_until(clock, {10s}, "waiting", []() -> Result<StillWaiting> {
    return failure(ErrorClass::environment, "helm", "It broke");
  });
  CHECK(failed.error().id == "helm");
  clock.interrupt_at = 250ms;
  Status stopped =
      wait_until(clock, {10s}, "waiting", []() -> Result<StillWaiting> { return StillWaiting{"not yet"}; });
  CHECK(stopped.error().kind == ErrorClass::interrupted);
}

TEST_CASE(
    "A failed command becomes an error with its command line and the end of its stderr, without secrets") {
  fakes::FakeWorld fake;
  fake.processes.expect("az login --password=hunter2", {3, "", "first\nAuthorization: Bearer abc\n"});
  Result<std::string> out = run_checked(
      fake.processes, Command{.argv = {"az", "login", "--password=hunter2"}}, "az-failed", "Cannot log in");
  REQUIRE_FALSE(out);
  CHECK(out.error().because == "az ended with exit code 3");
  CHECK(out.error().command == "az login --password=[redacted]");
  CHECK(out.error().output == "first\nAuthorization: Bearer [redacted]");
}
