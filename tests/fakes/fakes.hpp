// Hand-written stand-ins for world/. Scripted ones are strict both ways: a call that nobody expected and an
// expected call that never came both fail the test.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "world/world.hpp"

namespace hpawalk::fakes {

// Time stands still until somebody sleeps.
class FakeClock final : public world::Clock {
 public:
  world::TimePoint now() override { return world::TimePoint(elapsed); }
  world::WallTime wall_now() override {
    return world::WallTime(std::chrono::seconds(1'800'000'000)) + elapsed;
  }
  bool sleep(world::Duration d) override;
  world::Duration elapsed{0};
  world::Duration interrupt_at = world::Duration::max();  // sleep returns false from here on
};

struct NoInterrupt final : world::Interrupt {
  bool requested() const override { return now; }
  int fd() const override { return -1; }
  bool now = false;
};

// A file system in memory. Folders exist by the files in them, or by make_folder.
class MemoryFiles final : public world::Files {
 public:
  std::map<fs::path, std::string> content;
  std::map<fs::path, unsigned> modes;
  std::set<fs::path> folders;
  unsigned long long free = 1ULL << 40;

  Result<std::string> read(const fs::path& file, size_t most = world::most_read) override;
  Status write(const fs::path& file, std::string_view text, unsigned mode) override;
  Status append(const fs::path& file, std::string_view text, unsigned mode) override;
  Status write_in_place(const fs::path& file, std::string_view text) override;
  bool exists(const fs::path& path) override;
  Result<world::FileStatus> status(
      const fs::path& path) override;  // of root, unless `owners` and `modes` say otherwise
  std::map<fs::path, unsigned> owners;
  Status remove_all(const fs::path& path) override;
  Status make_folder(const fs::path& path, unsigned mode) override;
  Status rename(const fs::path& from, const fs::path& to) override;
  Result<std::vector<fs::path>> list(const fs::path& folder) override;
  Result<unsigned long long> free_bytes(const fs::path&) override { return free; }
};

// Answers command lines in any order. `expect` scripts one call; what is left over at the end, or a call that
// was never scripted, is a test failure (see `complaints`, checked by the destructor).
class ScriptedProcesses final : public world::Processes {
 public:
  ~ScriptedProcesses() override;
  void expect(const std::string& command_line, world::Outcome outcome = {});
  void allow(const std::string& command_line, world::Outcome outcome = {});  // any number of times, also none
  std::set<std::string> programs;  // what find() finds, as /usr/bin/NAME
  std::vector<world::Command> calls;
  std::function<void(const world::Command&)> on_call;  // sees each call before it is answered

  Result<world::Outcome> run(const world::Command& command) override;
  Result<std::unique_ptr<world::Child>> start(const world::Command& command,
                                              const std::filesystem::path& log) override;
  std::optional<std::filesystem::path> find(const std::string& program) override;

 private:
  std::mutex mutex_;
  std::map<std::string, std::deque<world::Outcome>> expected_;
  std::map<std::string, world::Outcome> allowed_;
};

// "METHOD URL" -> responses, each used once and in order; the same strictness.
class ScriptedHttp final : public world::Http {
 public:
  ~ScriptedHttp() override;
  void expect(const std::string& method_and_url, world::HttpResponse response);
  void allow(const std::string& method_and_url, world::HttpResponse response);
  Result<world::HttpResponse> send(const world::HttpRequest& request) override;
  Result<world::HttpResponse> stream(const world::HttpRequest& request,
                                     const std::function<bool(std::string_view)>& on_line) override;

 private:
  std::map<std::string, std::deque<world::HttpResponse>> expected_;
  std::map<std::string, world::HttpResponse> allowed_;
};

class RecordingTerminal final : public world::Terminal {
 public:
  std::string output, errors;
  bool is_terminal = false;
  int width = 80;
  bool out_is_terminal() const override { return is_terminal; }
  bool err_is_terminal() const override { return is_terminal; }
  int columns() const override { return width; }
  int rows() const override { return 24; }

 private:
  void write_out(std::string_view bytes) override { output += bytes; }
  void write_err(std::string_view bytes) override { errors += bytes; }
};

// All of them, and the World that refers to them.
struct FakeWorld {
  ScriptedProcesses processes;
  ScriptedHttp http;
  MemoryFiles files;
  FakeClock clock;
  RecordingTerminal terminal;
  NoInterrupt interrupt;
  world::World world{
      processes, http, files, clock, terminal, interrupt, {{"HOME", "/home/user"}, {"PATH", "/usr/bin"}}};
};

}  // namespace hpawalk::fakes
