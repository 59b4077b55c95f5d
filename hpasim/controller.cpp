#include "hpasim/controller.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace hpawalk::hpasim {

namespace {

using std::chrono::seconds;

std::int32_t wrap(std::int64_t value) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(value));
}

Time longest_period(const ScalingRules& rules) {
  std::int32_t longest = 0;
  for (const Policy& policy : rules.policies) longest = std::max(longest, policy.period_seconds);
  return seconds(longest);
}

}  // namespace

void SlidingExtreme::push(std::int32_t value, Time at) {
  while (!empty() && beats(value, entries_.back().value)) entries_.pop_back();
  if (head_ > 64 && head_ * 2 > entries_.size()) {
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
  entries_.push_back({value, at});
}

void SlidingExtreme::forget_until(Time cutoff, bool inclusive) {
  while (!empty() && (inclusive ? entries_[head_].at <= cutoff : entries_[head_].at < cutoff)) ++head_;
  if (empty()) entries_.clear(), head_ = 0;
}

void Recommendations::add(std::int32_t replicas, Time at) {
  counted_.push_back(slots_.size());
  slots_.push_back({replicas, at});
}

void Recommendations::put(std::int32_t replicas, Time at, Time cutoff) {
  while (!counted_.empty() && slots_[counted_.front()].at < cutoff) {
    free_.push(counted_.front());
    counted_.pop_front();
  }
  if (free_.empty()) return add(replicas, at);
  slots_[free_.top()] = {replicas, at};
  counted_.push_back(free_.top());
  free_.pop();
}

std::vector<Recommendations::Entry> Recommendations::by_age() {
  for (; !free_.empty(); free_.pop()) counted_.push_back(free_.top());
  std::stable_sort(counted_.begin(), counted_.end(),
                   [&](std::size_t a, std::size_t b) { return slots_[a].at < slots_[b].at; });
  std::vector<Entry> entries;
  for (std::size_t slot : counted_) entries.push_back(slots_[slot]);
  return entries;
}

Controller::Controller(Spec spec, Rules rules, Flags flags) : rules_(rules), flags_(flags) {
  adopt(std::move(spec));
}

void Controller::change(Spec spec) {
  adopt(std::move(spec));
  lows_ = SlidingExtreme(false), highs_ = SlidingExtreme(true);
  for (const auto& [replicas, at] : recommendations_.by_age()) {
    lows_.push(replicas, at);
    highs_.push(replicas, at);
  }
}

void Controller::adopt(Spec spec) {
  spec_ = std::move(spec);
  tolerance_ = {flags_.tolerance, flags_.tolerance, rules_.tolerance_is_absolute};
  up_window_ = Time(0), down_window_ = flags_.downscale_stabilization;
  if (spec_.behavior) {
    const auto& [up, down] = *spec_.behavior;
    up_window_ = seconds(up.window_seconds.value_or(0));
    // The flag goes through a whole number of seconds on its way here
    // (maybeInitScaleDownStabilizationWindow).
    down_window_ = down.window_seconds ? seconds(*down.window_seconds)
                                       : std::chrono::duration_cast<seconds>(flags_.downscale_stabilization);
    if (rules_.tolerance_from_spec) {
      tolerance_.up = up.tolerance.value_or(tolerance_.up);
      tolerance_.down = down.tolerance.value_or(tolerance_.down);
    }
  }
  has_zero_metric_ = std::any_of(spec_.metrics.begin(), spec_.metrics.end(), [](const MetricSpec& m) {
    return m.kind == MetricKind::object || m.kind == MetricKind::external;
  });
  proposals_.assign(spec_.metrics.size(), {});
}

void Controller::remember(std::int32_t proposed, Time now) {
  if (spec_.behavior) lows_.push(proposed, now);
  highs_.push(proposed, now);
  recommendations_.put(proposed, now, now - std::max(up_window_, down_window_));
}

Decision Controller::sync(std::span<const Reading> readings, std::span<const PodGroup> pods, Scale scale,
                          Time scale_read, Time now) {
  conditions_.able = Able::SucceededGetScale;
  if (!seeded_) {
    lows_.push(scale.spec_replicas, scale_read);
    highs_.push(scale.spec_replicas, scale_read);
    recommendations_.add(scale.spec_replicas, scale_read);
    seeded_ = true;
  }
  Decision d;
  d.from = d.to = d.proposed = d.stabilized = scale.spec_replicas;
  bool came_to_zero =
      rules_.zero_by_condition && rules_.zero_allowed && conditions_.scaled_to_zero.value_or(false);
  bool asleep = rules_.zero_by_condition
                    ? !((spec_.min != 0 && came_to_zero) || (came_to_zero && has_zero_metric_))
                    : spec_.min != 0;
  if (scale.spec_replicas == 0 && asleep) {
    d.rule = Rule::zero;
    conditions_.active = Active::ScalingDisabled;
    if (rules_.zero_by_condition && !rules_.zero_allowed) conditions_.scaled_to_zero.reset();
  } else if (scale.spec_replicas > spec_.max) {
    d.rule = Rule::above_max;
    d.to = d.limit = spec_.max;
  } else if (scale.spec_replicas != 0 && scale.spec_replicas < spec_.min) {
    d.rule = Rule::below_min;
    d.to = d.limit = spec_.min;
  } else if (combine(readings, pods, scale, now, d)) {
    spec_.behavior ? normalize_with_behavior(d, now) : normalize(d, now);
    if (scale.spec_replicas == 0 && spec_.min != 0 && d.to < spec_.min) {
      d.to = d.limit = spec_.min;
      d.rule = Rule::at_min;
    }
  } else {
    d.rule = Rule::no_metric;
  }
  if (d.rescaled()) {
    conditions_.able = Able::SucceededRescale;
    if (rules_.zero_by_condition && rules_.zero_allowed) {
      conditions_.scaled_to_zero = d.from > 0 && d.to == 0 && spec_.min == 0 && has_zero_metric_;
    }
  }
  d.conditions = conditions_;
  return d;
}

// computeReplicasForMetrics: the largest valid proposal; with a failed metric never downwards.
bool Controller::combine(std::span<const Reading> readings, std::span<const PodGroup> pods, Scale scale,
                         Time now, Decision& d) {
  std::int32_t replicas = 0;
  std::size_t failures = 0, first_failure = 0;
  for (std::size_t i = 0; i < spec_.metrics.size(); ++i) {
    proposals_[i] = propose(spec_.metrics[i], readings[i], pods, scale, tolerance_, rules_, flags_, now);
    const Proposal& p = proposals_[i];
    if (p.because == Because::failed) {
      if (failures++ == 0) first_failure = i;
      continue;
    }
    if (replicas == 0 || p.replicas > replicas) {
      replicas = p.replicas;
      d.metric = static_cast<std::int16_t>(i);
    }
  }
  if (failures >= spec_.metrics.size() || (failures > 0 && replicas < scale.spec_replicas)) {
    conditions_.active = Active::MetricFailed;
    conditions_.failed_kind = spec_.metrics[first_failure].kind;
    d.metric = static_cast<std::int16_t>(first_failure);
    return false;
  }
  conditions_.active = Active::ValidMetricFound;
  d.proposed = std::max(replicas, 0);
  return true;
}

// Without spec.behavior.
void Controller::normalize(Decision& d, Time now) {
  highs_.forget_until(now - down_window_, false);
  d.stabilized = d.proposed;
  if (!highs_.empty() && highs_.value() > d.proposed) {
    d.stabilized = highs_.value();
    d.rule = Rule::stabilized_down;
    d.until = highs_.at() + down_window_;
  }
  conditions_.able = d.stabilized != d.proposed ? Able::ScaleDownStabilized : Able::ReadyForNewScale;
  remember(d.proposed, now);

  std::int32_t doubled = to_int32(std::max(2.0 * static_cast<double>(d.from), 4.0));
  bool by_rate = spec_.max > doubled;
  std::int32_t most = by_rate ? doubled : spec_.max;
  d.to = d.stabilized;
  conditions_.limited = Limited::DesiredWithinRange;
  if (d.stabilized < spec_.min) {
    d.to = d.limit = spec_.min;
    d.rule = Rule::at_min;
    d.until.reset();
    conditions_.limited = Limited::TooFewReplicas;
  } else if (d.stabilized > most) {
    d.to = d.limit = most;
    conditions_.limited = by_rate ? Limited::ScaleUpLimit : Limited::TooManyReplicas;
    if (d.to == d.from && d.proposed < d.from)
      return;  // the metrics ask for fewer: it is the window that holds
    d.rule = by_rate ? Rule::doubling : Rule::at_max;
    d.until.reset();
  }
}

void Controller::normalize_with_behavior(Decision& d, Time now) {
  lows_.forget_until(now - up_window_, true);
  highs_.forget_until(now - down_window_, true);
  std::int32_t up = d.proposed, down = d.proposed;
  if (!lows_.empty()) up = std::min(up, lows_.value());
  if (!highs_.empty()) down = std::max(down, highs_.value());
  std::int32_t s = d.from;
  if (s < up) s = up;
  if (s > down) s = down;
  d.stabilized = d.to = s;
  if (s != d.proposed) {
    bool upwards = d.proposed >= d.from;
    conditions_.able = upwards ? Able::ScaleUpStabilized : Able::ScaleDownStabilized;
    d.rule = upwards ? Rule::stabilized_up : Rule::stabilized_down;
    if (upwards && !lows_.empty()) d.until = lows_.at() + up_window_;
    if (!upwards && !highs_.empty()) d.until = highs_.at() + down_window_;
  } else {
    conditions_.able = Able::ReadyForNewScale;
  }
  remember(d.proposed, now);
  conditions_.limited = Limited::DesiredWithinRange;
  if (s > d.from) {
    limit_up(d, now);
  } else if (s < d.from) {
    limit_down(d, now);
  }
}

std::int32_t Controller::change_since(const std::vector<ScaleEvent>& events, Time cutoff) const {
  std::int32_t sum = 0;
  for (const ScaleEvent& event : events) {
    if (event.at > cutoff) sum = wrap(std::int64_t(sum) + event.change);
  }
  return sum;
}

std::int32_t Controller::period_start(std::int32_t current, const Policy& policy, Time now) const {
  Time cutoff = now - seconds(policy.period_seconds);
  return wrap(std::int64_t(current) - change_since(ups_, cutoff) + change_since(downs_, cutoff));
}

// When the oldest event that the policy still counts leaves its period.
Time Controller::frees_at(const Policy& policy, const std::vector<ScaleEvent>& events, Time now) const {
  Time period = seconds(policy.period_seconds);
  Time oldest = now;
  for (const ScaleEvent& event : events) {
    if (event.at > now - period) oldest = std::min(oldest, event.at);
  }
  return oldest + period;
}

void Controller::limit_up(Decision& d, Time now) {
  const ScalingRules& rules = spec_.behavior->up;
  bool least = rules.select == SelectPolicy::min;
  std::int32_t limit =
      least ? std::numeric_limits<std::int32_t>::max() : std::numeric_limits<std::int32_t>::min();
  std::int16_t chosen = -1;
  if (rules.select == SelectPolicy::disabled) {
    limit = d.from;
  } else {
    for (std::size_t i = 0; i < rules.policies.size(); ++i) {
      const Policy& policy = rules.policies[i];
      std::int32_t start = period_start(d.from, policy, now);
      std::int32_t proposed = policy.kind == PolicyKind::pods
                                  ? wrap(std::int64_t(start) + policy.value)
                                  : to_int32(std::ceil(static_cast<double>(start) *
                                                       (1 + static_cast<double>(policy.value) / 100)));
      if (least ? proposed < limit : proposed > limit)
        limit = proposed, chosen = static_cast<std::int16_t>(i);
    }
  }
  limit = std::max(limit, d.from);
  bool by_rate = spec_.max > limit;
  std::int32_t most = by_rate ? limit : spec_.max;
  if (d.stabilized <= most) return;
  d.to = d.limit = most;
  conditions_.limited = by_rate ? Limited::ScaleUpLimit : Limited::TooManyReplicas;
  d.until.reset();
  d.rule = !by_rate ? Rule::at_max : rules.select == SelectPolicy::disabled ? Rule::disabled : Rule::policy;
  if (d.rule != Rule::policy) return;
  d.policy = chosen;
  if (chosen >= 0) d.until = frees_at(rules.policies[static_cast<std::size_t>(chosen)], ups_, now);
}

void Controller::limit_down(Decision& d, Time now) {
  const ScalingRules& rules = spec_.behavior->down;
  bool least = rules.select == SelectPolicy::min;  // the smallest change leaves the most replicas
  std::int32_t limit =
      least ? std::numeric_limits<std::int32_t>::min() : std::numeric_limits<std::int32_t>::max();
  std::int16_t chosen = -1;
  if (rules.select == SelectPolicy::disabled) {
    limit = d.from;
  } else {
    for (std::size_t i = 0; i < rules.policies.size(); ++i) {
      const Policy& policy = rules.policies[i];
      std::int32_t start = period_start(d.from, policy, now);
      std::int32_t proposed =
          policy.kind == PolicyKind::pods
              ? wrap(std::int64_t(start) - policy.value)
              : to_int32(static_cast<double>(start) * (1 - static_cast<double>(policy.value) / 100));
      if (least ? proposed > limit : proposed < limit)
        limit = proposed, chosen = static_cast<std::int16_t>(i);
    }
  }
  limit = std::min(limit, d.from);
  bool by_rate = spec_.min < limit;
  std::int32_t fewest = by_rate ? limit : spec_.min;
  if (d.stabilized >= fewest) return;
  d.to = d.limit = fewest;
  conditions_.limited = by_rate ? Limited::ScaleDownLimit : Limited::TooFewReplicas;
  d.until.reset();
  d.rule = !by_rate ? Rule::at_min : rules.select == SelectPolicy::disabled ? Rule::disabled : Rule::policy;
  if (d.rule != Rule::policy) return;
  d.policy = chosen;
  if (chosen >= 0) d.until = frees_at(rules.policies[static_cast<std::size_t>(chosen)], downs_, now);
}

// The controller reuses the slot of the last outdated event and keeps the other outdated ones, which a longer
// period in the other direction's policies may still count: so do we.
void Controller::store(std::vector<ScaleEvent>& events, std::int32_t change, Time longest, Time at) {
  ScaleEvent* slot = nullptr;
  for (ScaleEvent& event : events) {
    if (event.at < at - longest) event.outdated = true;
    if (event.outdated) slot = &event;
  }
  if (slot != nullptr) {
    *slot = {change, at, false};
  } else {
    events.push_back({change, at, false});
  }
}

void Controller::wrote(const Decision& decision, Time at) {
  if (!spec_.behavior || !decision.rescaled()) return;
  if (decision.to > decision.from) {
    store(ups_, wrap(std::int64_t(decision.to) - decision.from), longest_period(spec_.behavior->up), at);
  } else {
    store(downs_, wrap(std::int64_t(decision.from) - decision.to), longest_period(spec_.behavior->down), at);
  }
}

std::string_view reason(Able able) {
  static constexpr std::string_view names[] = {"",
                                               "SucceededGetScale",
                                               "ReadyForNewScale",
                                               "ScaleUpStabilized",
                                               "ScaleDownStabilized",
                                               "SucceededRescale"};
  return names[static_cast<std::size_t>(able)];
}

std::string_view reason(Limited limited) {
  static constexpr std::string_view names[] = {
      "", "DesiredWithinRange", "TooFewReplicas", "TooManyReplicas", "ScaleUpLimit", "ScaleDownLimit"};
  return names[static_cast<std::size_t>(limited)];
}

std::string reason(const Conditions& conditions) {
  switch (conditions.active) {
    case Active::unset: return "";
    case Active::ValidMetricFound: return "ValidMetricFound";
    case Active::ScalingDisabled: return "ScalingDisabled";
    case Active::MetricFailed: return failure_reason(conditions.failed_kind);
  }
  return "";
}

std::string_view rule_name(Rule rule) {
  static constexpr std::string_view names[] = {
      "metric",    "stabilized-up", "stabilized-down", "policy",        "doubling", "disabled",
      "at-max",    "at-min",        "above-max",       "below-min",     "zero",     "no-metric",
      "activated", "deactivated",   "keda-minimum",    "keda-unchanged"};
  return names[static_cast<std::size_t>(rule)];
}

}  // namespace hpawalk::hpasim
