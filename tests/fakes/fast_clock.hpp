// For code with threads of its own: time runs a thousand times as fast as outside.
#pragma once

#include <atomic>
#include <thread>

#include "world/clock.hpp"

namespace hpawalk::fakes {

class FastClock final : public world::Clock {
 public:
  world::TimePoint now() override { return world::TimePoint(since_start()); }
  world::WallTime wall_now() override {
    return world::WallTime(std::chrono::seconds(1'800'000'000)) + since_start();
  }
  bool sleep(world::Duration d) override {
    std::this_thread::sleep_for(std::chrono::microseconds(d.count()));
    return !interrupted;
  }
  std::atomic<bool> interrupted = false;

 private:
  world::Duration since_start() const {
    return world::Duration((std::chrono::steady_clock::now() - start_) / std::chrono::microseconds(1));
  }
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace hpawalk::fakes
