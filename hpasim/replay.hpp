// What an HPA's metrics asked for in the past, from what was recorded of them: the recommendations that a
// stabilization window still counts. Pure; who has the records is not its business.
#pragma once

#include <cstdint>
#include <vector>

#include "hpasim/why.hpp"

namespace hpawalk::hpasim {

struct PastSample {
  Time at{0};
  double value = 0;  // of an Object or External metric the total, of a Pods metric the average over the pods
};

// From `at` on the workload had so many replicas.
struct PastReplicas {
  Time at{0};
  std::int32_t replicas = 0;
};

struct Past {
  std::vector<std::vector<PastSample>> metrics;  // in the spec's order, each by time; of the same times
  std::vector<PastReplicas> replicas;            // by time; empty: it always had those that it has now
};

// One recommendation for each time of which every metric has a sample and the replicas are known; pods are
// taken to be ready. Empty if a metric has no samples: what it asked for could have been more.
std::vector<PastRecommendation> replay(const Spec& spec, const Rules& rules, const Flags& flags,
                                       const Past& past, std::int32_t replicas_now);

}  // namespace hpawalk::hpasim
