#include "observe/trace.hpp"

#include <algorithm>
#include <cmath>

namespace hpawalk::observe {

using hpasim::Time;

// Rounded as the Deployment controller does it: maxSurge up, maxUnavailable down.
std::int32_t RolloutLimits::most_above(std::int32_t replicas) const {
  return surge_pods.value_or(static_cast<std::int32_t>(std::ceil(surge * replicas)));
}

std::int32_t RolloutLimits::most_below(std::int32_t replicas) const {
  if (recreate) return replicas;
  return unavailable_pods.value_or(static_cast<std::int32_t>(std::floor(unavailable * replicas)));
}

std::optional<double> sample_at(const Samples& samples, Time at, Time step) {
  auto later = std::upper_bound(samples.begin(), samples.end(), at,
                                [](Time t, const hpasim::PastSample& s) { return t < s.at; });
  if (later == samples.begin() || at - std::prev(later)->at > step + step / 2) return std::nullopt;
  return std::prev(later)->value;
}

std::vector<SampleChange> changes_of(const Samples& samples) {
  std::vector<SampleChange> changes;
  for (std::size_t i = 1; i < samples.size(); ++i) {
    const hpasim::PastSample &before = samples[i - 1], &now = samples[i];
    if (before.value != now.value) changes.push_back({before.at, now.at, before.value, now.value});
  }
  return changes;
}

}  // namespace hpawalk::observe
