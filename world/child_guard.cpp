#include "world/child_guard.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <csignal>

namespace hpawalk::world {

namespace {

constexpr size_t places = 256;  // children at a time

// The guard's whole life. Forked from a program with threads: only async-signal-safe calls.
[[noreturn]] void watch(int pipe, const ChildGuard::Place* table) {
  setsid();  // what is sent to hpawalk's own group or terminal must not reach it
  prctl(PR_SET_NAME, "hpawalk-guard");
  dup2(pipe, STDIN_FILENO);
  // Nothing else of hpawalk's: neither the other end of the pipe, nor its output, nor its locks.
  if (close_range(STDIN_FILENO + 1, ~0U, 0) != 0) {
    for (int fd = STDIN_FILENO + 1; fd < 1024; ++fd) close(fd);
  }
  char byte = 0;
  while (read(STDIN_FILENO, &byte, 1) < 0 && errno == EINTR) {
  }
  for (size_t i = 0; i < places; ++i) {
    pid_t group = table[i].load();
    if (group > 1) kill(-group, SIGKILL);
  }
  _exit(0);
}

}  // namespace

bool ChildGuard::start() {
  std::array<int, 2> ends{-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return false;
  if (table_ == nullptr) {
    void* memory =
        mmap(nullptr, places * sizeof(Place), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) table_ = static_cast<Place*>(memory);  // zeros: every place is unused
  }
  if (table_ != nullptr) guard_ = fork();
  if (guard_ == 0) watch(ends[0], table_);
  int number = errno;
  close(ends[0]);
  if (guard_ > 0) {
    alive_ = ends[1];
    return true;
  }
  close(ends[1]);
  errno = number;
  return false;
}

ChildGuard::Place* ChildGuard::reserve() {
  static_assert(Place::is_always_lock_free);
  std::lock_guard lock(mutex_);
  if (guard_ < 0 && !start()) return nullptr;
  for (size_t i = 0; i < places; ++i) {
    pid_t expected = unused;
    if (table_[i].compare_exchange_strong(expected, reserved)) return &table_[i];
  }
  errno = EAGAIN;
  return nullptr;
}

ChildGuard::~ChildGuard() {
  if (guard_ > 0) {
    close(alive_);
    while (waitpid(guard_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (table_ != nullptr) munmap(table_, places * sizeof(Place));
}

}  // namespace hpawalk::world
