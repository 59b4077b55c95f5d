// Child processes. Never a shell: a command is a vector of arguments.
//
// Every child leads a process group of its own, so that what it started ends with it, and Ctrl-C at the
// terminal reaches only hpawalk, which then ends its children in order (TERM, then KILL). When hpawalk itself
// is ended without having the time for that, its guard (child_guard.hpp) kills the groups.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "world/child_guard.hpp"
#include "world/clock.hpp"
#include "world/interrupt.hpp"

namespace hpawalk::world {

using Environment = std::map<std::string, std::string>;

struct Command {
  std::vector<std::string> argv;  // argv[0] is looked up in PATH
  std::string input = {};         // given to stdin, which is then closed
  Environment env = {};           // added to (or replacing) hpawalk's own environment; "" removes a variable
  std::filesystem::path folder = {};
  Duration limit = std::chrono::seconds(60);
  // A line at a time, as it comes. Of an output that is handed over like this the Outcome keeps the end
  // alone.
  std::function<void(std::string_view line)> on_error_line = {};  // stderr
  std::function<void(std::string_view line)> on_line = {};        // stdout
};

struct Outcome {
  int exit_code = 0;   // 128 + signal number when a signal ended it
  std::string output;  // stdout
  std::string errors;  // stderr
  bool ok() const { return exit_code == 0; }
};

// A running child. Its destructor ends the whole group.
class Child {
 public:
  virtual ~Child() = default;
  virtual pid_t pid() const = 0;
  virtual bool running() = 0;
  virtual void stop() = 0;  // TERM, some seconds later KILL; returns when it is gone
};

class Processes {
 public:
  virtual ~Processes() = default;

  // Runs to the end. An error only if it could not start, exceeded its limit, or hpawalk was interrupted: a
  // non-zero exit code is an Outcome. Safe to call from several threads.
  virtual Result<Outcome> run(const Command& command) = 0;

  // Starts and returns; stdin is /dev/null, output goes to `log` (appended).
  virtual Result<std::unique_ptr<Child>> start(const Command& command, const std::filesystem::path& log) = 0;

  // Where PATH finds the program.
  virtual std::optional<std::filesystem::path> find(const std::string& program) = 0;
};

// Runs, and turns a non-zero exit into an error that carries the command line and the end of its stderr.
Result<std::string> run_checked(Processes& processes, const Command& command, ErrorId id,
                                const std::string& what);

class SystemProcesses final : public Processes {
 public:
  // `patience`: between TERM and KILL.
  SystemProcesses(const Interrupt& interrupt, Environment environment,
                  Duration patience = std::chrono::seconds(5))
      : interrupt_(interrupt), environment_(std::move(environment)), patience_(patience) {}
  Result<Outcome> run(const Command& command) override;
  Result<std::unique_ptr<Child>> start(const Command& command, const std::filesystem::path& log) override;
  std::optional<std::filesystem::path> find(const std::string& program) override;

 private:
  const Interrupt& interrupt_;
  Environment environment_;
  Duration patience_;
  ChildGuard guard_;
};

}  // namespace hpawalk::world
