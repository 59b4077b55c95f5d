#include "hpasim/replay.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace hpawalk::hpasim {

namespace {

constexpr double most = 9e15;  // in thousandths it still fits into 64 bits

std::optional<std::int32_t> replicas_at(const Past& past, Time at, std::int32_t now) {
  if (past.replicas.empty()) return now;
  auto after = std::upper_bound(past.replicas.begin(), past.replicas.end(), at,
                                [](Time t, const PastReplicas& r) { return t < r.at; });
  if (after == past.replicas.begin()) return std::nullopt;
  return std::prev(after)->replicas;
}

MetricState seen_then(const MetricSpec& metric, double value, std::int32_t replicas) {
  bool over_pods = metric.kind == MetricKind::pods;
  auto milli = static_cast<std::int64_t>(value * 1000);
  return {milli, over_pods ? milli : milli / std::max(1, replicas), {}};
}

}  // namespace

std::vector<PastRecommendation> replay(const Spec& spec, const Rules& rules, const Flags& flags,
                                       const Past& past, std::int32_t replicas_now) {
  std::map<Time, std::vector<double>> values;  // of the metrics, in the spec's order
  for (std::size_t i = 0; i < past.metrics.size(); ++i) {
    for (const PastSample& sample : past.metrics[i]) {
      std::vector<double>& then = values[sample.at];
      if (then.size() == i && std::abs(sample.value) < most) then.push_back(sample.value);
    }
  }
  std::vector<PastRecommendation> all;
  for (const auto& [at, then] : values) {
    std::optional<std::int32_t> replicas = replicas_at(past, at, replicas_now);
    if (!replicas || then.size() != spec.metrics.size()) continue;
    State state;
    state.current = *replicas;
    for (std::size_t i = 0; i < then.size(); ++i)
      state.metrics.push_back(seen_then(spec.metrics[i], then[i], *replicas));
    if (auto recommended = recommendation_of(spec, rules, flags, state)) all.push_back({at, *recommended});
  }
  return all;
}

}  // namespace hpawalk::hpasim
