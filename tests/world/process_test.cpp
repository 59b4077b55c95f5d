// Child processes for real: short ones, with limits of milliseconds. Everything that these tests start has
// ended when they have.
#include <doctest/doctest.h>

#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <atomic>
#include <csignal>
#include <fstream>
#include <thread>

#include "tests/fakes/fakes.hpp"
#include "tests/world/temporary_folder.hpp"
#include "world/process.hpp"

using namespace hpawalk;
using namespace hpawalk::world;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

struct Flag final : Interrupt {
  int event = eventfd(0, EFD_CLOEXEC);
  ~Flag() override { close(event); }
  bool requested() const override { return raised; }
  int fd() const override { return event; }
  void raise() {
    raised = true;
    std::uint64_t one = 1;
    if (write(event, &one, sizeof one) != sizeof one) FAIL("eventfd");
  }
  std::atomic<bool> raised = false;
};

Environment environment() {
  return {{"PATH", "/usr/bin:/bin"}, {"KEPT", "yes"}, {"REMOVED", "no"}};
}

Command shell(const std::string& script) {
  return Command{.argv = {"sh", "-c", script}};
}

// A process that runs; a zombie, which only its parent can take away, does not.
bool runs(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string stat((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  size_t end = stat.rfind(')');
  return end != std::string::npos && stat[end + 2] != 'Z' && stat[end + 2] != 'X';
}

bool within(milliseconds limit, const std::function<bool()>& holds) {
  for (auto end = steady_clock::now() + limit; steady_clock::now() < end;
       std::this_thread::sleep_for(milliseconds(2))) {
    if (holds()) return true;
  }
  return holds();
}

std::vector<pid_t> pids_in(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::vector<pid_t> pids;
  for (pid_t pid = 0; in >> pid;) pids.push_back(pid);
  return pids;
}

// A child, its child, and the file with the ids of both.
std::string tree(const std::filesystem::path& file) {
  return "sh -c 'echo $$ >> " + file.string() + "; sleep 100; :' & echo $$ >> " + file.string() + "; wait";
}

}  // namespace

TEST_CASE(
    "A child gets its arguments as they are, its input, folder and environment, and gives output and exit "
    "code") {
  fakes::NoInterrupt none;
  SystemProcesses processes(none, environment());
  Command command = shell("cat; pwd; echo \"$KEPT $ADDED ${REMOVED-unset} $1\"; echo problem >&2; exit 3");
  command.argv.insert(command.argv.end(), {"sh", "a b'$HOME"});
  command.input = "given\n";
  command.folder = "/usr";
  command.env = {{"ADDED", "too"}, {"REMOVED", ""}};
  Result<Outcome> outcome = processes.run(command);
  REQUIRE(outcome);
  CHECK(outcome->output == "given\n/usr\nyes too unset a b'$HOME\n");
  CHECK(outcome->errors == "problem\n");
  CHECK(outcome->exit_code == 3);
}

TEST_CASE("A megabyte of input and output arrives complete, and lines are delivered one by one") {
  fakes::NoInterrupt none;
  SystemProcesses processes(none, environment());
  std::string input;
  for (int i = 0; i < 100'000; ++i) input += "line " + std::to_string(i) + "\n";
  int lines = 0;
  std::string last;
  Command command{.argv = {"cat"}, .input = input};
  command.on_line = [&](std::string_view line) {
    ++lines;
    last = line;
  };
  Result<Outcome> outcome = processes.run(command);
  REQUIRE(outcome);
  CHECK(outcome->ok());
  CHECK(lines == 100'000);
  CHECK(last == "line 99999");
}

TEST_CASE(
    "A child that does not read its large input is not a failure, and an unterminated last line counts") {
  fakes::NoInterrupt none;
  SystemProcesses processes(none, environment());
  signal(SIGPIPE, SIG_IGN);  // as main does
  std::string last;
  Command command = shell("exec 0<&-; printf 'one\ntwo'");
  command.input = std::string(1U << 20U, 'x');
  command.on_line = [&](std::string_view line) { last = line; };
  Result<Outcome> outcome = processes.run(command);
  REQUIRE(outcome);
  CHECK(outcome->ok());
  CHECK(last == "two");
}

TEST_CASE("A signal that ends a child is its exit code") {
  fakes::NoInterrupt none;
  SystemProcesses processes(none, environment());
  CHECK(processes.run(shell("kill -9 $$"))->exit_code == 128 + SIGKILL);
}

TEST_CASE("What cannot be started says why: no such program, no such folder, no program at all") {
  fakes::NoInterrupt none;
  TemporaryFolder folder;
  SystemProcesses processes(none, environment());
  CHECK(processes.run(Command{.argv = {"hpawalk-has-no-such-program"}}).error().id == "tool-missing");
  Command elsewhere{.argv = {"true"}};
  elsewhere.folder = folder.path / "missing";
  CHECK(processes.run(elsewhere).error().because == "No such file or directory");
  std::ofstream(folder.path / "text") << "no program\n";
  std::filesystem::permissions(folder.path / "text", std::filesystem::perms::owner_all);
  Result<Outcome> text = processes.run(Command{.argv = {(folder.path / "text").string()}});
  REQUIRE_FALSE(text);
  CHECK(text.error().id == "tool-start");
  CHECK(processes.run(Command{.argv = {"true"}})->ok());  // no place in the table of children was lost
}

TEST_CASE("At its time limit a child is ended with its own children, and the error says so") {
  fakes::NoInterrupt none;
  TemporaryFolder folder;
  SystemProcesses processes(none, environment());
  Command command = shell("echo last words >&2; " + tree(folder.path / "pids"));
  command.limit = milliseconds(100);
  Result<Outcome> outcome = processes.run(command);
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().id == "tool-timeout");
  CHECK(outcome.error().output.find("last words") != std::string::npos);
  std::vector<pid_t> pids = pids_in(folder.path / "pids");
  REQUIRE(pids.size() == 2);
  CHECK(within(milliseconds(1000), [&] { return !runs(pids[0]) && !runs(pids[1]); }));
}

TEST_CASE("A child that ignores TERM is killed after the patience is over, one that tidies up is not") {
  fakes::NoInterrupt none;
  TemporaryFolder folder;
  SystemProcesses processes(none, environment(), milliseconds(150));
  Command stubborn = shell("trap '' TERM; while :; do sleep 0.05; done");
  stubborn.limit = milliseconds(50);
  auto start = steady_clock::now();
  CHECK(processes.run(stubborn).error().id == "tool-timeout");
  CHECK(steady_clock::now() - start >= milliseconds(200));
  Command tidy = shell("trap 'echo tidied > " + (folder.path / "done").string() +
                       "; exit' TERM; while :; do sleep 0.01; done");
  tidy.limit = milliseconds(50);
  CHECK(processes.run(tidy).error().id == "tool-timeout");
  CHECK(std::filesystem::exists(folder.path / "done"));
}

TEST_CASE("An interrupt ends the child, and is not reported as the child's result") {
  Flag flag;
  SystemProcesses processes(flag, environment());
  std::thread user([&] {
    std::this_thread::sleep_for(milliseconds(50));
    flag.raise();
  });
  Result<Outcome> outcome = processes.run(shell("sleep 100"));
  user.join();
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().kind == ErrorClass::interrupted);
}

TEST_CASE("Waiting for a child does not wait for its descendants that keep its output open") {
  fakes::NoInterrupt none;
  SystemProcesses processes(none, environment());
  auto start = steady_clock::now();
  Result<Outcome> outcome = processes.run(shell("sleep 3 & echo done"));
  REQUIRE(outcome);
  CHECK(outcome->output == "done\n");
  CHECK(steady_clock::now() - start < milliseconds(2500));
}

TEST_CASE("A background child ends with its object, including its own children") {
  fakes::NoInterrupt none;
  TemporaryFolder folder;
  SystemProcesses processes(none, environment());
  std::vector<pid_t> pids;
  {
    auto child = processes.start(shell("echo said; " + tree(folder.path / "pids")), folder.path / "log");
    REQUIRE(child);
    REQUIRE(within(milliseconds(5000), [&] { return pids_in(folder.path / "pids").size() == 2; }));
    pids = pids_in(folder.path / "pids");
    CHECK((*child)->running());
    CHECK(runs(pids[0]));
  }
  CHECK(within(milliseconds(1000), [&] { return !runs(pids[0]) && !runs(pids[1]); }));
  std::ifstream log(folder.path / "log");
  std::string line;
  std::getline(log, line);
  CHECK(line == "said");
}

TEST_CASE("Whatever ends the program, its children and theirs end too") {
  TemporaryFolder folder;
  const std::filesystem::path file = folder.path / "pids";
  for (int signal : {SIGKILL, SIGSEGV, 0}) {
    std::filesystem::remove(file);
    pid_t program = fork();
    if (program == 0) {
      fakes::NoInterrupt none;
      SystemProcesses processes(none, environment());
      // On threads that have ended long before the program: nothing may depend on those.
      std::unique_ptr<Child> beside;
      std::thread([&] { beside = std::move(*processes.start(shell(tree(file)), "/dev/null")); }).join();
      std::thread inside([&] { (void)processes.run(shell(tree(file))); });
      within(milliseconds(5000), [&] { return pids_in(file).size() == 4; });
      if (signal == 0) _exit(0);  // what a second Ctrl-C does
      ::signal(signal, SIG_DFL);
      raise(signal);
      pause();
    }
    waitpid(program, nullptr, 0);
    std::vector<pid_t> pids = pids_in(file);
    CHECK(pids.size() == 4);
    for (pid_t pid : pids) CHECK(within(milliseconds(2000), [&] { return !runs(pid); }));
  }
}

TEST_CASE("Sixty children at once, from as many threads") {
  fakes::NoInterrupt none;
  SystemProcesses processes(none, environment());
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 60; ++i) {
    threads.emplace_back([&, i] {
      Result<Outcome> outcome = processes.run(Command{.argv = {"cat"}, .input = std::to_string(i)});
      if (outcome && outcome->output == std::to_string(i)) ++good;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(good == 60);
}
