// What keeps a local cluster alive, without a cluster.
#include <doctest/doctest.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <thread>

#include "tests/world/temporary_folder.hpp"
#include "world/daemon.hpp"

using namespace hpawalk;
using namespace hpawalk::world;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

namespace {

ProcessIdentity sleeper() {
  pid_t pid = fork();
  if (pid == 0) {
    execlp("sleep", "sleep", "100", nullptr);
    _exit(127);
  }
  return *identify(pid);
}

}  // namespace

TEST_CASE("Waiting for an end gives nothing when the time is over, and says which one ended") {
  ProcessIdentity first = sleeper(), second = sleeper();
  CHECK_FALSE(wait_for_any_exit({first, second}, milliseconds(20)));
  end(second);
  CHECK(wait_for_any_exit({first, second}, seconds(5)) == 1U);
  end(first);
  CHECK_FALSE(wait_for_any_exit({}, milliseconds(1)));
}

TEST_CASE("A process that cannot be watched, because no file can be opened any more, has not ended") {
  ProcessIdentity process = sleeper();
  pid_t poor = fork();
  if (poor == 0) {
    rlimit none{};
    none.rlim_max = 1024;
    setrlimit(RLIMIT_NOFILE, &none);
    _exit(wait_for_any_exit({process}, milliseconds(300)) ? 1 : 0);
  }
  int status = 0;
  waitpid(poor, &status, 0);
  CHECK(status == 0);
  end(process);
}

TEST_CASE(
    "A process that keeps exiting is restarted at once after a long life, and with a growing delay after "
    "short ones") {
  Backoff backoff;
  steady_clock::time_point now = steady_clock::now();
  backoff.started(now);
  now += seconds(20);
  backoff.ended(now);
  CHECK(backoff.may_start(now));
  milliseconds waited{0};
  int starts = 0;
  for (auto end = now + seconds(60); now < end; now += milliseconds(50)) {
    if (!backoff.may_start(now)) continue;
    backoff.started(now);
    backoff.ended(now);
    ++starts;
  }
  CHECK(starts >= 5);
  CHECK(starts <= 12);
  now += seconds(20);
  backoff.started(now);
  now += seconds(20);
  backoff.ended(now);
  CHECK(backoff.may_start(now));
}

TEST_CASE(
    "When the holder of a lock removes its file, the lock passes to the next file, never to two holders at "
    "once") {
  TemporaryFolder folder;
  const std::filesystem::path file = folder.path / "lock";
  std::optional<FileLock> first = FileLock::take(file, false);
  REQUIRE(first);
  CHECK_FALSE(FileLock::take(file, false));
  std::optional<FileLock> second;
  std::thread waits([&] { second = FileLock::take(file, true); });
  std::this_thread::sleep_for(milliseconds(30));
  std::filesystem::remove(file);
  std::optional<FileLock> third = FileLock::take(file, false);  // a file of its own, before the first is free
  REQUIRE(third);
  first.reset();
  std::this_thread::sleep_for(milliseconds(30));
  CHECK_FALSE(second);
  third.reset();
  waits.join();
  CHECK(second);
}

TEST_CASE("Services are started again until what they need is gone") {
  TemporaryFolder folder;
  const std::filesystem::path home = folder.path / "home", log = folder.path / "log";
  std::filesystem::create_directory(home);
  fflush(stdout);  // else the child's freopen writes what doctest has said so far
  pid_t first = fork();
  if (first == 0) {
    if (freopen("/dev/null", "w", stdout) == nullptr) _exit(3);
    supervise({{"service", [] { return std::vector<std::string>{"echo", "here"}; }, {}, log}}, home);
    _exit(0);
  }
  auto size = [&] {
    std::error_code none;
    auto bytes = std::filesystem::file_size(log, none);
    return none ? 0 : bytes;
  };
  for (int i = 0; i < 400 && size() < 10; ++i) std::this_thread::sleep_for(milliseconds(10));
  CHECK(size() >= 10);  // "here\n" twice
  std::filesystem::remove(home);
  int status = -1;
  waitpid(first, &status, 0);
  CHECK(status == 0);
}

TEST_CASE("A log that grew too large is emptied, also when its name is gone") {
  TemporaryFolder folder;
  const std::filesystem::path file = folder.path / "log";
  fflush(stdout);
  pid_t writer = fork();
  if (writer == 0) {
    if (freopen(file.c_str(), "a", stdout) == nullptr) _exit(3);
    unlink(file.c_str());
    if (ftruncate(STDOUT_FILENO, 33 << 20) != 0) _exit(4);
    cap_own_log();
    _exit(lseek(STDOUT_FILENO, 0, SEEK_END) == 0 ? 0 : 1);
  }
  int status = -1;
  waitpid(writer, &status, 0);
  CHECK(status == 0);
}
