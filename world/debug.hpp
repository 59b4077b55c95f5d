// The debug log: what hpawalk asks of the machine and of the network, as it happens, one line each, to
// stderr: child processes (command line, exit code, time), HTTP requests (answer's status and size, time,
// attempt), and pauses. Decorators around world/'s interfaces: nobody else knows that there is a log. Secrets
// are redacted; what is sent or answered is never printed.
#pragma once

#include <atomic>
#include <mutex>
#include <string>

#include "world/world.hpp"

namespace hpawalk::world {

class DebugLog {
 public:
  DebugLog(Terminal& terminal, Clock& clock) : terminal_(terminal), clock_(clock) {}
  void line(const std::string& text);  // "debug 12:03:44.567 TEXT"; may be called by several threads
  TimePoint now() { return clock_.now(); }
  std::string since(TimePoint start);
  size_t next_child() { return ++children_; }

 private:
  Terminal& terminal_;
  Clock& clock_;
  std::mutex mutex_;
  std::atomic<size_t> children_ = 0;
};

class DebugProcesses final : public Processes {
 public:
  DebugProcesses(Processes& processes, DebugLog& log) : processes_(processes), log_(log) {}
  Result<Outcome> run(const Command& command) override;
  Result<std::unique_ptr<Child>> start(const Command& command, const std::filesystem::path& log) override;
  std::optional<std::filesystem::path> find(const std::string& program) override {
    return processes_.find(program);
  }

 private:
  Processes& processes_;
  DebugLog& log_;
};

class DebugHttp final : public Http {
 public:
  DebugHttp(Http& http, DebugLog& log) : http_(http), log_(log) {}
  Result<HttpResponse> send(const HttpRequest& request) override;
  Result<HttpResponse> stream(const HttpRequest& request,
                              const std::function<bool(std::string_view line)>& on_line) override;

 private:
  Http& http_;
  DebugLog& log_;
};

// Only pauses of a tenth of a second and more: shorter ones are looks at something that is about to be ready.
class DebugClock final : public Clock {
 public:
  DebugClock(Clock& clock, DebugLog& log) : clock_(clock), log_(log) {}
  TimePoint now() override { return clock_.now(); }
  WallTime wall_now() override { return clock_.wall_now(); }
  bool sleep(Duration d) override;

 private:
  Clock& clock_;
  DebugLog& log_;
};

// The same world, with a log of what happens in it.
class DebugWorld {
 public:
  explicit DebugWorld(World& world)
      : log_(world.terminal, world.clock),
        processes_(world.processes, log_),
        http_(world.http, log_),
        clock_(world.clock, log_),
        world_{processes_, http_, world.files, clock_, world.terminal, world.interrupt, world.environment} {}
  World& world() { return world_; }

 private:
  DebugLog log_;
  DebugProcesses processes_;
  DebugHttp http_;
  DebugClock clock_;
  World world_;
};

}  // namespace hpawalk::world
