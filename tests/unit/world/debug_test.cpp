#include "world/debug.hpp"

#include <doctest/doctest.h>

#include "tests/fakes/fakes.hpp"

using namespace hpawalk;
using namespace hpawalk::world;
using namespace std::chrono_literals;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("The debug log tells each child process, request and pause in a line with the time") {
  fakes::FakeWorld fake;
  fake.processes.expect("kubectl get 'a b'", {3, "out", "err"});
  fake.http.expect("GET http://localhost/api/v1/pods?limit=500", HttpResponse{429, "busy", 2s});
  DebugWorld debug(fake.world);
  World& world = debug.world();
  CHECK(world.processes.run(Command{.argv = {"kubectl", "get", "a b"}})->exit_code == 3);
  HttpRequest request{"GET", "http://localhost/api/v1/pods?limit=500", "/run/api"};
  request.attempt = 2;
  CHECK(world.http.send(request)->status == 429);
  CHECK(world.clock.sleep(2s));
  CHECK(world.clock.sleep(3ms));
  CHECK(fake.terminal.output.empty());
  CHECK(fake.terminal.errors ==
        "debug 08:00:00.000 child 1 runs: kubectl get 'a b'\n"
        "debug 08:00:00.000 child 1: exit 3, 3 B out, 3 B err, 0ms\n"
        "debug 08:00:00.000 GET /api/v1/pods?limit=500 (attempt 2): 429, 4 B, retry after 2s, 0ms\n"
        "debug 08:00:00.000 waits 2.0s\n");
}

TEST_CASE(
    "No secret of a command line, a URL or an error is in the debug log, nor what is sent and answered") {
  fakes::FakeWorld fake;
  fake.processes.expect("helm upgrade --set password=hunter2", {0, "hunter2", "hunter2"});
  fake.http.expect("POST http://eve:hunter2@prom:9090/api?token=hunter2", HttpResponse{200, "hunter2"});
  DebugWorld debug(fake.world);
  Command command{.argv = {"helm", "upgrade", "--set", "password=hunter2"},
                  .input = "hunter2",
                  .env = {{"PASSWORD", "hunter2"}}};
  CHECK(debug.world().processes.run(command)->ok());
  HttpRequest request{"POST",
                      "http://eve:hunter2@prom:9090/api?token=hunter2",
                      {},
                      {{"Authorization", "Bearer hunter2"}},
                      "hunter2"};
  CHECK(debug.world().http.send(request)->ok());
  CHECK_FALSE(has(fake.terminal.errors, "hunter2"));
  CHECK_FALSE(has(fake.terminal.errors, "eve"));
  CHECK(has(fake.terminal.errors, "http://[redacted]@prom:9090/api"));
}
