// Time, and waiting for something.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "base/error.hpp"

namespace hpawalk::world {

using Duration = std::chrono::milliseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;  // for waiting
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;   // for time stamps

class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() = 0;
  virtual WallTime wall_now() = 0;
  virtual bool sleep(Duration d) = 0;  // false: interrupted before `d` was over
};

class Interrupt;

class SystemClock final : public Clock {
 public:
  explicit SystemClock(const Interrupt& interrupt) : interrupt_(interrupt) {}
  TimePoint now() override;
  WallTime wall_now() override;
  bool sleep(Duration d) override;

 private:
  const Interrupt& interrupt_;
};

// What is still missing, in words; nothing when the wait is over.
using StillWaiting = std::optional<std::string>;

struct Wait {
  Duration limit;
  Duration interval = std::chrono::milliseconds(100);
};

// Calls `check` at once and then every `interval` until it returns nothing. At the limit the result is the
// last reason it gave, as the error's `because`; on Ctrl-C it is the error `interrupted`. An error from
// `check` ends the wait.
Status wait_until(Clock& clock, Wait wait, const std::string& doing,
                  const std::function<Result<StillWaiting>()>& check);

}  // namespace hpawalk::world
