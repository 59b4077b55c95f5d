// Why the replicas are what they are, in words: of a simulated sync, or of an HPA in a cluster by its spec,
// its status and, if known, the proposals of the last minutes.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "hpasim/controller.hpp"

namespace hpawalk::hpasim {

// "The metric is at 5.0 times its target: 5 wanted; limited to 4 (...)". `until` is a time of the simulation.
std::string explain(const Spec& spec, const Decision& decision, const Proposal& proposal);

// The arithmetic of a proposal: "50 / 10 = 5.0 x 1 ready pod".
std::string arithmetic(const MetricSpec& metric, const Proposal& proposal);

// --- an HPA in a cluster

struct MetricState {
  std::optional<std::int64_t> value, average;  // milli, from status.currentMetrics
  std::optional<std::int32_t> utilization;
};

struct ConditionState {
  std::string status, reason, message;
};

struct State {
  std::int32_t current = 0, desired = 0;             // status.currentReplicas, desiredReplicas
  std::vector<MetricState> metrics;                  // in the spec's order
  std::map<std::string, ConditionState> conditions;  // by type
  std::optional<std::int32_t> ready_pods;
};

// What the metrics asked for at a time; the more of the stabilization window it covers, the better. Times in
// the same clock as `now`.
struct PastProposal {
  Time at{0};
  std::int32_t replicas = 0;
};

struct Reason {
  std::string rule;  // stable: as rule_name(), and "within-tolerance", "unready", "moving"
  std::string text;
  std::optional<Time> until;  // when it ends by itself; if only an upper bound is known, `at_latest`
  bool at_latest = false;
};

// Why does it not change (now)? The most important reason first; empty only if nothing is known.
std::vector<Reason> why_unchanged(const Spec& spec, const Rules& rules, const Flags& flags,
                                  const State& state, const std::vector<PastProposal>& past, Time now);

}  // namespace hpawalk::hpasim
