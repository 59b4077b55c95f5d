// Processes that outlive hpawalk, or live in namespaces of their own: what a local cluster's node is made of.
// Knows nothing about clusters.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace hpawalk::world {

// A process by its id and its start time (/proc/PID/stat, field 22, in clock ticks since boot), so that
// another process with a reused id is never taken for it.
struct ProcessIdentity {
  pid_t pid = 0;
  unsigned long long start = 0;
};

std::optional<ProcessIdentity> identify(
    pid_t pid);  // nothing when there is no such process, or only a zombie
bool alive(const ProcessIdentity& process);
std::string to_text(const ProcessIdentity& process);  // "PID START"
std::optional<ProcessIdentity> identity_from_text(std::string_view text);

// Starts `argv` in a session of its own, without this program's terminal, signals or children's fate.
// stdout and stderr are appended to `log`. The caller reaps it or exits before it.
Result<pid_t> spawn_detached(const std::vector<std::string>& argv, const std::filesystem::path& log);

// Like spawn_detached, as the first process (id 1) of new mount, pid, network, UTS and IPC namespaces.
// `prepare` runs in the caller with the new process's id before `argv` is executed; if it fails, or the
// caller dies first, nothing is executed. Only for single-threaded callers. Needs root.
Result<pid_t> spawn_in_namespaces(const std::vector<std::string>& argv, const std::filesystem::path& log,
                                  const std::function<Status(pid_t)>& prepare);

// Kills the process, and reaps it if it is a child.
void end(const ProcessIdentity& process);

// Waits until one of the processes has ended (children are reaped); its index in `processes`, nothing after
// `limit`.
std::optional<size_t> wait_for_any_exit(const std::vector<ProcessIdentity>& processes,
                                        std::chrono::milliseconds limit);

// Empties the file that this program's output goes to when it exceeds 32 MiB: the open file, which counts
// even where its name is gone.
void cap_own_log();

// The pauses before something that keeps ending is started again: none after a life of some length, twice as
// long each time after a short one.
class Backoff {
 public:
  void started(std::chrono::steady_clock::time_point now);
  void ended(std::chrono::steady_clock::time_point now);  // or could not be started
  bool may_start(std::chrono::steady_clock::time_point now) const { return now >= next_; }

 private:
  std::chrono::steady_clock::time_point started_{}, next_{};
  std::chrono::milliseconds pause_{0};
};

// An exclusive flock on `file`, held until the process ends or it goes out of scope. Its holder may remove
// the file. `wait`: block until it is free; else nothing is returned when somebody else holds it.
class FileLock {
 public:
  static std::optional<FileLock> take(const std::filesystem::path& file, bool wait);
  FileLock(FileLock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

// A program that must always run, once the files it needs are there.
struct Service {
  std::string name;
  std::function<std::vector<std::string>()> argv;  // asked again at each start
  std::vector<std::filesystem::path> needs;        // started when all of these exist
  std::filesystem::path log;                       // appended; emptied when it exceeds 32 MiB
  std::function<bool()> ready = {};  // asked five times a second, once the files are there, until it says yes
  std::function<void()> before = {};  // done before each start
};

// The work of a namespace's first process: starts the services, starts each again one second after it ended
// (at once the first time), and reaps every orphan. Its own output, if that is a file, is emptied like the
// services' logs. Returns when `needed` is gone: what runs then works on files that nobody can reach any
// more.
void supervise(const std::vector<Service>& services, const std::filesystem::path& needed);

}  // namespace hpawalk::world
