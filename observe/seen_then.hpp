// What an HPA's controller saw at a time of a recorded past, and what it decided by that. Pure. Inside
// observe/.
#pragma once

#include <vector>

#include "hpasim/simulate.hpp"
#include "observe/trace.hpp"

namespace hpawalk::observe {

// How many of the replicas are ready: all of them, as many as the record has at that time, or at the next
// scrape.
enum class Ready : std::uint8_t { all, then, next };

// What the controller saw at a sync.
struct ControllerSight {
  std::vector<hpasim::Reading> readings;
  std::vector<hpasim::PodGroup> pods;
  std::vector<std::int64_t> values;                     // that the readings refer to
  std::vector<std::vector<hpasim::PodSample>> samples;  // likewise
};

std::int32_t whole(double value);  // rounded; what does not fit becomes the smallest

class SeenThen {
 public:
  SeenThen() = default;
  // `metrics`: for each of the spec's, which of the trace's it is. The trace must outlive this.
  SeenThen(const Trace& trace, hpasim::Spec spec, std::vector<std::size_t> metrics)
      : trace_(&trace), spec_(std::move(spec)), metrics_(std::move(metrics)) {}

  // `ahead`: between two samples there can have been a scrape, from which on the controller saw the second
  // one.
  ControllerSight at(hpasim::Time at, hpasim::Time ahead, std::int32_t replicas, Ready how) const;

  // One sync of the controller, with the limits of that time.
  hpasim::Sync sync(hpasim::Controller& controller, hpasim::Time at, hpasim::Time ahead,
                    std::int32_t replicas, Ready how) const;

 private:
  std::int32_t ready_at(hpasim::Time at, std::int32_t replicas, Ready how) const;
  bool inactive_at(hpasim::Time at) const;
  void take_limits(hpasim::Controller& controller, hpasim::Time at) const;

  const Trace* trace_ = nullptr;
  hpasim::Spec spec_;
  std::vector<std::size_t> metrics_;
};

}  // namespace hpawalk::observe
