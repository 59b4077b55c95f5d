#include "world/clock.hpp"

#include <poll.h>

#include "base/text.hpp"
#include "world/interrupt.hpp"

namespace hpawalk::world {

TimePoint SystemClock::now() {
  return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
}

WallTime SystemClock::wall_now() {
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

bool SystemClock::sleep(Duration d) {
  pollfd p{interrupt_.fd(), POLLIN, 0};
  return poll(&p, 1, static_cast<int>(d.count())) == 0;
}

Status wait_until(Clock& clock, Wait wait, const std::string& doing,
                  const std::function<Result<StillWaiting>()>& check) {
  const TimePoint end = clock.now() + wait.limit;
  while (true) {
    Result<StillWaiting> waiting = check();
    if (!waiting) return failure(waiting.error());
    if (!*waiting) return {};
    if (clock.now() >= end) {
      return failure(ErrorClass::check_failed, "timeout",
                     "Timed out " + doing + " after " + text::duration(wait.limit), **waiting);
    }
    if (!clock.sleep(wait.interval)) return interrupted(doing);
  }
}

}  // namespace hpawalk::world
