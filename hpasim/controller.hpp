// One HPA over time: what the controller remembers between syncs, and what a sync decides and why.
//
// Source of every rule: pkg/controller/podautoscaler/horizontal.go of Kubernetes 1.34.4 (reconcileAutoscaler,
// stabilizeRecommendation[WithBehaviors], convertDesiredReplicasWith{Rules,BehaviorRate}, storeScaleEvent);
// version.hpp lists what differs elsewhere. Knows nothing about when syncs happen or where metrics come from.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <queue>
#include <string>
#include <vector>

#include "hpasim/calculator.hpp"

namespace hpawalk::hpasim {

enum class Able : std::uint8_t {
  unset,
  SucceededGetScale,
  ReadyForNewScale,
  ScaleUpStabilized,
  ScaleDownStabilized,
  SucceededRescale
};
enum class Active : std::uint8_t { unset, ValidMetricFound, ScalingDisabled, MetricFailed };
enum class Limited : std::uint8_t {
  unset,
  DesiredWithinRange,
  TooFewReplicas,
  TooManyReplicas,
  ScaleUpLimit,
  ScaleDownLimit
};

// The conditions' reasons; their status follows from them.
struct Conditions {
  Able able = Able::unset;
  Active active = Active::unset;
  MetricKind failed_kind{};  // with MetricFailed: of the metric that gives the reason
  Limited limited = Limited::unset;
  std::optional<bool> scaled_to_zero;  // since 1.36
};

// The rule that decided how many replicas there are after the sync.
enum class Rule : std::uint8_t {
  metric,           // the metrics' proposal, as it is
  stabilized_up,    // a lower recommendation within the scale-up window
  stabilized_down,  // a higher recommendation within the scale-down window
  policy,           // a scaling policy (see `policy` and `frees_at`)
  doubling,         // without behavior: at most twice as many, or 4
  disabled,         // selectPolicy: Disabled
  at_max,
  at_min,
  above_max,
  below_min,  // spec.replicas was outside: metrics are not even looked at
  zero,       // scaling is disabled because there are 0 replicas
  no_metric,  // a metric failed: no decision
  // KEDA's own decisions (keda_loop.hpp), not the HPA's.
  activated,
  deactivated,
  keda_minimum,  // there were fewer than minReplicaCount
  keda_unchanged
};

struct Decision {
  std::int32_t from = 0, to = 0;
  std::int32_t proposed = 0;    // the metrics' combined proposal, before anything limits it
  std::int32_t stabilized = 0;  // after the windows
  Rule rule = Rule::metric;
  std::int16_t metric = -1;   // whose proposal won; -1: none
  std::int16_t policy = -1;   // index in the rules' policies
  std::int32_t limit = 0;     // what the rule allowed
  std::optional<Time> until;  // when the recommendation or the scale event that holds it back runs out
  Conditions conditions;
  bool rescaled() const { return from != to; }
};

// The largest (or smallest) of the recommendations within a sliding window: a queue in which every entry
// beats all that are younger. Amortised constant time.
class SlidingExtreme {
 public:
  explicit SlidingExtreme(bool largest) : largest_(largest) {}
  void push(std::int32_t value, Time at);
  void forget_until(Time cutoff,
                    bool inclusive);  // drops what is older than (or, inclusive, as old as) cutoff
  bool empty() const { return head_ == entries_.size(); }
  std::int32_t value() const { return entries_[head_].value; }
  Time at() const { return entries_[head_].at; }

 private:
  struct Entry {
    std::int32_t value;
    Time at;
  };
  bool beats(std::int32_t a, std::int32_t b) const { return largest_ ? a >= b : a <= b; }
  bool largest_;
  std::vector<Entry> entries_;
  std::size_t head_ = 0;
};

// The recommendations as the controller keeps them: one that no window counts any more stays until its slot
// is used again, and counts again if the HPA gets a longer window before that.
class Recommendations {
 public:
  struct Entry {
    std::int32_t replicas;
    Time at;
  };
  void add(std::int32_t replicas, Time at);
  // Into the last of the slots that are older than `cutoff`, if there is one. Amortised logarithmic in the
  // slots.
  void put(std::int32_t replicas, Time at, Time cutoff);
  // All of them, the oldest first. From here on `cutoff` may go back.
  std::vector<Entry> by_age();

 private:
  std::vector<Entry> slots_;
  std::deque<std::size_t> counted_;        // slots, the oldest first
  std::priority_queue<std::size_t> free_;  // slots whose entry is too old
};

struct ScaleEvent {
  std::int32_t change = 0;
  Time at{0};
  bool outdated = false;
};

class Controller {
 public:
  Controller(Spec spec, Rules rules, Flags flags);

  // One sync. `readings` has one entry a metric; `scale_read` and `now` are when the scale and then the
  // metrics had been read. With a change, call wrote() with the time at which the new scale had been written.
  Decision sync(std::span<const Reading> readings, std::span<const PodGroup> pods, Scale scale,
                Time scale_read, Time now);
  void wrote(const Decision& decision, Time at);
  // Before the first sync: the HPA has the condition ScaledToZero, which counts since 1.36.
  void came_to_zero() {
    if (rules_.zero_by_condition) conditions_.scaled_to_zero = true;
  }

  // Somebody changes the HPA: from the next sync on this spec counts. What the controller remembers stays.
  void change(Spec spec);

  const Spec& spec() const { return spec_; }
  const Tolerance& tolerance() const { return tolerance_; }
  const std::vector<Proposal>& proposals() const { return proposals_; }  // of the last sync, one a metric
  const Conditions& conditions() const { return conditions_; }

 private:
  void adopt(Spec spec);
  void remember(std::int32_t proposed, Time now);
  bool combine(std::span<const Reading> readings, std::span<const PodGroup> pods, Scale scale, Time now,
               Decision& d);
  void normalize(Decision& d, Time now);
  void normalize_with_behavior(Decision& d, Time now);
  void limit_up(Decision& d, Time now);
  void limit_down(Decision& d, Time now);
  std::int32_t change_since(const std::vector<ScaleEvent>& events, Time cutoff) const;
  std::int32_t period_start(std::int32_t current, const Policy& policy, Time now) const;
  Time frees_at(const Policy& policy, const std::vector<ScaleEvent>& events, Time now) const;
  static void store(std::vector<ScaleEvent>& events, std::int32_t change, Time longest, Time at);

  Spec spec_;
  Rules rules_;
  Flags flags_;
  Tolerance tolerance_;
  Time up_window_{0}, down_window_{0};
  bool has_zero_metric_ = false;
  bool seeded_ = false;
  Recommendations recommendations_;
  SlidingExtreme lows_{false}, highs_{true};  // of the recommendations
  std::vector<ScaleEvent> ups_, downs_;
  std::vector<Proposal> proposals_;
  Conditions conditions_;
};

std::string_view reason(Able able);
std::string_view reason(Limited limited);
std::string reason(const Conditions& conditions);  // of ScalingActive
std::string_view rule_name(Rule rule);             // "stabilized-down", "policy"

}  // namespace hpawalk::hpasim
