// Why an HPA in a cluster has the replicas that it has, and what comes next: from its spec, its status and,
// as far as they are known, the recommendations of the last minutes. What a metric asks for is computed by
// the simulator's own calculator. explain.hpp does the same for a simulated sync.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hpasim/controller.hpp"

namespace hpawalk::hpasim {

// One metric as a sync saw it. For a target of type Value the value, for AverageValue the average over the
// current replicas; both in thousandths. For Utilization the percentage of the requests.
struct MetricState {
  std::optional<std::int64_t> value, average;
  std::optional<std::int32_t> utilization;
};

struct ConditionState {
  std::string status, reason, message;
};

struct State {
  std::int32_t current = 0, desired = 0;             // status.currentReplicas, desiredReplicas
  std::vector<MetricState> metrics;                  // in the spec's order
  std::map<std::string, ConditionState> conditions;  // by type
  std::optional<std::int32_t> ready_pods;            // absent: taken to be all
  std::string scaled_object;                         // of KEDA, which made the HPA of it; empty: none did
};

// An HPA's object, as autoscaling/v2 has it.
std::optional<Spec> spec_of(const nlohmann::json& hpa);
State state_of(const nlohmann::json& hpa);

// The same totals over another number of replicas: the status has averages over those of the last sync.
State with_replicas(State state, const Spec& spec, std::int32_t replicas);

// One metric as the HPA shows it, in the texts that the API server has: "50", "1500m", "45%".
struct ShownMetric {
  std::string target, current;   // current: empty until the controller has read the metric
  std::optional<double> number;  // of `current`; of a utilization its percentage
  bool average = false;          // the target is an AverageValue
};
// Absent: spec.metrics has no metric of this kind with this name (of a resource metric the resource's).
std::optional<ShownMetric> shown_metric(const nlohmann::json& hpa, MetricKind kind, std::string_view name);

// The tolerance that counts for this HPA.
Tolerance tolerance_of(const Spec& spec, const Rules& rules, const Flags& flags);

// What one metric asks for with this state, if every pod is like the others. Absent: the state has no value.
std::optional<Proposal> proposal_of(const Spec& spec, std::size_t metric, const MetricState& seen,
                                    std::int32_t current, std::int32_t ready, const Rules& rules,
                                    const Flags& flags);

// What all metrics together ask for, before any limit. Absent: of one of them the state has no value.
std::optional<std::int32_t> recommendation_of(const Spec& spec, const Rules& rules, const Flags& flags,
                                              const State& state);

// A recommendation within minReplicas and maxReplicas.
std::int32_t within_limits(const Spec& spec, std::int32_t recommendation);

// The window that holds back in this direction: the HPA's own, else the controller's flag (scale-down), else
// none.
Time window_of(const Spec& spec, const Flags& flags, bool down);

// What the metrics asked for at syncs of the past; the more of the stabilization window they cover, the
// better. Times are by the same clock as `now`.
struct PastRecommendation {
  Time at{0};                 // the last sync that made it
  std::int32_t replicas = 0;  // before any limit
};

// The window that holds the replicas back, in numbers.
struct Held {
  Time window{0};
  std::optional<std::int32_t>
      strongest;  // recommendation in the window that holds; absent: from before the history
  Time last{0};   // when one that holds was made last; with `strongest`
};

struct Reason {
  std::string
      rule;  // stable: as rule_name(), and "scale", "within-tolerance", "unready", "moving", "keda-zero"
  std::string text;
  std::optional<Time> until;  // when it ends by itself; if only an upper bound is known, `at_latest`
  bool at_latest = false;
  std::optional<std::int32_t> next;  // the replicas once it has ended
  std::optional<Held> held;          // with "stabilized-down" and "stabilized-up"
};

// Why does it not change (now), or not by more? The most important reason first; empty only if nothing is
// known.
std::vector<Reason> why_unchanged(const Spec& spec, const Rules& rules, const Flags& flags,
                                  const State& state, const std::vector<PastRecommendation>& past, Time now);

}  // namespace hpawalk::hpasim
