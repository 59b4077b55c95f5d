// Ends hpawalk's children when hpawalk itself ends, however it ends: by itself, by a second Ctrl-C, by
// SIGKILL.
//
// A guard process, started before the first child, reads from a pipe whose other end only hpawalk has. When
// hpawalk is no more, the kernel closes that end, and the guard kills every process group of a table in
// shared memory. (The kernel's parent-death signal does not do: it is bound to the thread that forked, and
// reaches no grandchild: not what `go build` or the shell script `az` has started.) Knows nothing about what
// is executed.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <mutex>

namespace hpawalk::world {

class ChildGuard {
 public:
  using Place = std::atomic<pid_t>;  // a process group; `unused`; or `reserved`: there is no process yet
  static constexpr pid_t unused = 0, reserved = -1;

  ChildGuard() = default;
  ~ChildGuard();  // kills what is left in the table, and ends the guard
  ChildGuard(const ChildGuard&) = delete;
  ChildGuard& operator=(const ChildGuard&) = delete;

  // A place in the table, and a guard that looks after it. The new child writes its own group into it before
  // it executes anything: so there is no moment in which it runs and the guard does not know it. nullptr:
  // errno says why.
  Place* reserve();

 private:
  bool start();

  std::mutex mutex_;
  Place* table_ = nullptr;
  pid_t guard_ = -1;
  int alive_ = -1;  // this end of the pipe
};

}  // namespace hpawalk::world
