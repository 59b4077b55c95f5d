#include "world/interrupt.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <csignal>
#include <thread>

namespace hpawalk::world {

static sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int s : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, s);
  return set;
}

static bool tell(int event) {
  uint64_t one = 1;
  return write(event, &one, sizeof one) == sizeof one;
}

static void watch_signals(int event) {
  sigset_t set = watched_signals();
  for (bool first = true;; first = false) {
    int received = 0;
    if (sigwait(&set, &received) != 0) continue;
    if (!first) _exit(128 + received);
    if (!tell(event)) _exit(128 + received);
  }
}

SignalInterrupt::SignalInterrupt() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  sigset_t set = watched_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  std::thread(watch_signals, event_).detach();
}

SignalInterrupt::~SignalInterrupt() =
    default;  // the thread lives as long as the process, and so does its event

void SignalInterrupt::request() {
  static_cast<void>(tell(event_));
}

bool SignalInterrupt::requested() const {
  pollfd p{event_, POLLIN, 0};
  return poll(&p, 1, 0) == 1;
}

}  // namespace hpawalk::world
