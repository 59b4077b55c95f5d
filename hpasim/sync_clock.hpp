// When the controller looks at an HPA: its queue, its informer's resyncs and its own delays.
//
// Source: horizontal.go (enqueueHPA, updateHPA, processNextWorkItem) and rate_limiters.go of
// Kubernetes 1.34.4 to 1.37.2. A key is put back with a delay of one sync period whenever the HPA's object
// changes (its status is written: by the sync itself), whenever the informer resyncs (every period, at a
// phase of its own) and when a sync ends; the earliest wins. Since 1.37 a new HPA, or one whose spec changed,
// also goes into the queue without a delay, and the delayed one still comes at its time. So syncs drift apart
// by what each takes, until a resync falls into a running sync: from then on they can stay locked to the
// resyncs. A change is stamped after its write. While drifting, the next sync but n is therefore later than n
// periods after the stamp, and a policy of exactly n periods has let go of it; while locked it is earlier,
// and the policy still counts it. That is the race behind windows and periods that are whole multiples of the
// sync period.
#pragma once

#include <algorithm>
#include <optional>
#include <utility>

#include "hpasim/version.hpp"

namespace hpawalk::hpasim {

// When one HPA comes out of the queue.
class SyncQueue {
 public:
  explicit SyncQueue(Time period) : period_(period) {}

  void delay_until(Time first) { due_ = first; }

  // With a delay of one period. The calls for what happens during a sync come by time; its end is the last.
  void put_back(Time at) {
    if (due_ <= at) due_ = never, again_ = true;  // it came out while its sync was running
    due_ = std::min(due_, at + period_);
  }

  // The start of the next sync, after one that ended at `end`. `at_once`: somebody puts it there without a
  // delay.
  Time next(Time end, std::optional<Time> at_once = {}) {
    if (again_) return again_ = false, end;
    if (at_once && *at_once < due_) return std::max(end, *at_once);
    return std::exchange(due_, never);
  }

 private:
  static constexpr Time never = Time::max();

  Time period_;
  Time due_ = never;
  bool again_ = false;
};

// A sync that ran from `start` to `end` and wrote the HPA's status at `status` (or `end`, if it wrote none).
// `resync`: the time of any one resync.
inline void put_back(SyncQueue& queue, Time start, Time status, Time end, Time resync, Time period) {
  Time::rep behind = (start - resync).count() % period.count();
  if (behind < 0) behind += period.count();
  Time tick = start + (period - Time(behind));  // the first resync after the start
  if (tick < std::min(status, end)) queue.put_back(tick);
  if (status < end) queue.put_back(status);
  queue.put_back(end);
}

// A small generator with the same sequence on every platform (SplitMix64).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }  // [0, 1)
  double between(double low, double high) { return low + (high - low) * unit(); }

 private:
  std::uint64_t state_;
};

}  // namespace hpawalk::hpasim
