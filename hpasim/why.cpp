#include "hpasim/why.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/quantity.hpp"
#include "base/text.hpp"
#include "hpasim/explain.hpp"

namespace hpawalk::hpasim {

namespace {

using std::chrono::seconds;

// As old as a pod has to be for its start to play no part any more.
constexpr Time long_ago = -std::chrono::hours(24);

bool over_pods(const MetricSpec& metric) {
  return metric.kind != MetricKind::object && metric.kind != MetricKind::external;
}

// The field of a metric source in spec.metrics and status.currentMetrics: "containerResource".
std::string source_of(const Json& metric) {
  std::string type = text_at(metric, "type");
  if (!type.empty()) type.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(type.front())));
  return type;
}

// Two entries that are about the same metric.
bool same_metric(const Json& wanted, const Json& seen) {
  std::string source = source_of(wanted);
  if (source.empty() || source != source_of(seen)) return false;
  auto same = [&](std::string_view field) {
    std::string path = source + "." + std::string(field);
    return text_at(wanted, path) == text_at(seen, path);
  };
  return same("metric.name") && same("name") && same("container") && same("describedObject.kind") &&
         same("describedObject.name");
}

// The entry of status.currentMetrics about the same metric; a null if there is none.
const Json& status_of(const Json& hpa, const Json& wanted) {
  static const Json none;
  for (const Json& seen : list_at(hpa, "status.currentMetrics")) {
    if (same_metric(wanted, seen)) return seen;
  }
  return none;
}

std::string seconds_text(Time time) {
  return fmt::format("{}s", std::chrono::duration_cast<seconds>(time).count());
}

// What the metrics ask for together, as far as the status tells.
struct Asked {
  bool known = false, all_within = true;
  std::int32_t replicas = 0;
  std::string ratios;    // each metric's distance from its target, in words
  bool by_pods = false;  // with samples of single pods, which the status does not tell
  std::string needs() const {
    return known ? fmt::format("{}, which needs {}; ", ratios, text::count(replicas, "replica"))
                 : std::string();
  }
};

// What each metric asks for; empty if one of them does not tell.
std::vector<Proposal> proposals_of(const Spec& spec, const Rules& rules, const Flags& flags,
                                   const State& state) {
  std::vector<Proposal> all;
  for (std::size_t i = 0; i < spec.metrics.size(); ++i) {
    if (i >= state.metrics.size()) return {};
    std::optional<Proposal> p = proposal_of(spec, i, state.metrics[i], state.current,
                                            state.ready_pods.value_or(state.current), rules, flags);
    if (!p || p->because == Because::failed) return {};
    all.push_back(*p);
  }
  return all;
}

std::int32_t most_of(const std::vector<Proposal>& proposals) {
  std::int32_t most = 0;
  for (const Proposal& p : proposals) most = std::max(most, p.replicas);
  return most;
}

Asked asked_for(const Spec& spec, const Rules& rules, const Flags& flags, const State& state) {
  std::vector<Proposal> proposals = proposals_of(spec, rules, flags, state);
  Asked asked;
  asked.known = !proposals.empty();
  asked.replicas = most_of(proposals);
  for (std::size_t i = 0; i < proposals.size(); ++i) {
    const MetricSpec& metric = spec.metrics[i];
    const Proposal& p = proposals[i];
    asked.by_pods = asked.by_pods || over_pods(metric);
    asked.all_within = asked.all_within && p.because == Because::within_tolerance;
    asked.ratios += (i == 0 ? "" : "; ") + fmt::format("{} is {}: {:.3g} times its target", metric.name,
                                                       against_target(metric, p), p.ratio);
  }
  return asked;
}

// Of the recommendations in the window, those that hold the replicas; what comes once they have left it.
Reason stabilized(const Spec& spec, const Flags& flags, const State& state, bool down, const Asked& asked,
                  const std::vector<PastRecommendation>& past, Time now) {
  Held held{window_of(spec, flags, down), {}, {}};
  auto stronger = [&](std::int32_t a, std::int32_t b) { return down ? std::max(a, b) : std::min(a, b); };
  auto holds = [&](const PastRecommendation& p) {
    std::int32_t allowed = within_limits(spec, p.replicas);
    return p.at > now - held.window && (down ? allowed >= state.current : allowed <= state.current);
  };
  for (const PastRecommendation& p : past) {
    if (!holds(p)) continue;
    held.strongest = stronger(held.strongest.value_or(p.replicas), p.replicas);
    held.last = std::max(held.last, p.at);
  }
  Reason reason{down ? "stabilized-down" : "stabilized-up", {}, now + held.window, true, {}, held};
  std::string side = down ? "scale-down" : "scale-up", which = down ? "higher" : "lower";
  if (held.strongest) {
    reason.until = held.last + held.window;
    reason.at_latest = false;
    std::int32_t next = within_limits(spec, asked.replicas);
    for (const PastRecommendation& p : past) {
      if (p.at <= held.last || p.at <= now - held.window) continue;
      std::int32_t allowed = within_limits(spec, p.replicas);
      next = stronger(next, down ? std::min(allowed, state.current) : std::max(allowed, state.current));
    }
    if (asked.known) reason.next = next;
    reason.text =
        fmt::format("{} were recommended {} ago, and the {} window of {} still counts that recommendation",
                    text::count(*held.strongest, "replica"), seconds_text(now - held.last), side,
                    seconds_text(held.window));
  } else if (!past.empty() && past.front().at <= now - held.window + flags.sync_period) {
    // All of the window is known: what held it has run out since the last sync.
    reason.until = now + flags.sync_period;
    reason.at_latest = false;
    if (asked.known) reason.next = within_limits(spec, asked.replicas);
    reason.text = fmt::format(
        "no {} recommendation of the last {} ({} window) counts any more: the next "
        "sync can scale",
        which, seconds_text(held.window), side);
  } else {
    reason.text = fmt::format("a {} recommendation of the last {} ({} window) still counts", which,
                              seconds_text(held.window), side);
  }
  if (asked.known) reason.text = asked.ratios + "; but " + reason.text;
  return reason;
}

Reason limited_by_rate(const Spec& spec, const Asked& asked, const State& state, bool up, Time now) {
  if (!spec.behavior) {
    Reason reason{"doubling",
                  asked.needs() + "without behavior, one sync at most doubles the replicas (or scales to 4)",
                  {},
                  false,
                  {},
                  {}};
    if (asked.known && up)
      reason.next = std::min(within_limits(spec, asked.replicas), std::max(2 * state.current, 4));
    return reason;
  }
  const ScalingRules& side = up ? spec.behavior->up : spec.behavior->down;
  std::string direction = up ? "up" : "down", policies;
  if (side.select == SelectPolicy::disabled)
    return {"disabled",
            fmt::format("scaling {} is disabled by selectPolicy", direction),
            {},
            false,
            state.current,
            {}};
  Time longest{0};
  for (const Policy& policy : side.policies) {
    policies += (policies.empty() ? "" : ", ") + describe(policy);
    longest = std::max<Time>(longest, seconds(policy.period_seconds));
  }
  Reason reason{"policy",
                fmt::format("{}the policies for scaling {} ({}) currently allow no more", asked.needs(),
                            direction, policies),
                {},
                false,
                {},
                {}};
  if (longest > Time(0)) reason.until = now + longest, reason.at_latest = true;
  return reason;
}

}  // namespace

std::optional<Spec> spec_of(const nlohmann::json& hpa) {
  if (!hpa.is_object()) return std::nullopt;
  Document document = hpa;
  document["apiVersion"] = "autoscaling/v2";  // the entries of a list do not say it
  document["kind"] = "HorizontalPodAutoscaler";
  Result<Spec> spec = parse_spec(document);
  return spec ? std::optional(*std::move(spec)) : std::nullopt;
}

State state_of(const nlohmann::json& hpa) {
  State state;
  for (const Json& metric : list_at(hpa, "spec.metrics")) {
    const Json& name = at(metric, std::vector<std::string>{"external", "metric", "selector", "matchLabels",
                                                           "scaledobject.keda.sh/name"});
    if (name.is_string()) state.scaled_object = name;
  }
  state.current = static_cast<std::int32_t>(int_at(hpa, "status.currentReplicas"));
  state.desired = static_cast<std::int32_t>(int_at(hpa, "status.desiredReplicas"));
  for (const Json& c : list_at(hpa, "status.conditions"))
    state.conditions[text_at(c, "type")] = {text_at(c, "status"), text_at(c, "reason"),
                                            text_at(c, "message")};
  for (const Json& wanted : list_at(hpa, "spec.metrics")) {
    MetricState metric;
    const Json& seen = status_of(hpa, wanted);
    std::string current = source_of(wanted) + ".current.";
    metric.value = milli_of(text_at(seen, current + "value"));
    metric.average = milli_of(text_at(seen, current + "averageValue"));
    if (!at(seen, current + "averageUtilization").is_null())
      metric.utilization = static_cast<std::int32_t>(int_at(seen, current + "averageUtilization"));
    state.metrics.push_back(metric);
  }
  return state;
}

State with_replicas(State state, const Spec& spec, std::int32_t replicas) {
  for (std::size_t i = 0; i < state.metrics.size() && i < spec.metrics.size(); ++i) {
    std::optional<std::int64_t>& average = state.metrics[i].average;
    if (!average || over_pods(spec.metrics[i]) || state.current <= 0 || replicas <= 0) continue;
    average = std::llround(static_cast<double>(*average) * state.current / replicas);
  }
  state.current = replicas;
  return state;
}

std::optional<ShownMetric> shown_metric(const nlohmann::json& hpa, MetricKind kind, std::string_view name) {
  for (const Json& wanted : list_at(hpa, "spec.metrics")) {
    std::string source = source_of(wanted);
    bool resource = kind == MetricKind::resource || kind == MetricKind::container_resource;
    if (text_at(wanted, "type") != kind_name(kind) ||
        text_at(wanted, source + (resource ? ".name" : ".metric.name")) != name)
      continue;
    std::string type = text_at(wanted, source + ".target.type");
    std::string field = type == "Utilization"    ? "averageUtilization"
                        : type == "AverageValue" ? "averageValue"
                                                 : "value";
    ShownMetric shown{text_at(wanted, source + ".target." + field),
                      text_at(status_of(hpa, wanted), source + ".current." + field),
                      {},
                      type == "AverageValue"};
    if (auto quantity = parse_quantity(shown.current)) shown.number = to_double(*quantity);
    if (type == "Utilization") {
      shown.target += "%";
      if (!shown.current.empty()) shown.current += "%";
    }
    return shown;
  }
  return std::nullopt;
}

Tolerance tolerance_of(const Spec& spec, const Rules& rules, const Flags& flags) {
  return Controller(spec, rules, flags).tolerance();
}

std::optional<Proposal> proposal_of(const Spec& spec, std::size_t metric, const MetricState& seen,
                                    std::int32_t current, std::int32_t ready, const Rules& rules,
                                    const Flags& flags) {
  const MetricSpec& m = spec.metrics.at(metric);
  Reading reading;
  std::int64_t value = 0;
  PodSample sample;
  PodGroup pods{.count = over_pods(m) ? current : ready, .started = long_ago, .ready_changed = long_ago};
  if (m.target_kind == TargetKind::utilization) {
    if (!seen.utilization) return std::nullopt;
    sample.milli = *seen.utilization;  // of a request of 100
    sample.request = 100;
  } else {
    const std::optional<std::int64_t>& shown = m.target_kind == TargetKind::value ? seen.value : seen.average;
    if (!shown) return std::nullopt;
    sample.milli = value = *shown;
    if (m.target_kind == TargetKind::average_value && !over_pods(m)) value *= std::max(current, 1);
  }
  if (over_pods(m)) {
    reading.samples = {&sample, 1};
  } else {
    reading.values = {&value, 1};
  }
  return propose(m, reading, {&pods, 1}, {current, std::max(current, 1)}, tolerance_of(spec, rules, flags),
                 rules, flags, Time(0));
}

std::optional<std::int32_t> recommendation_of(const Spec& spec, const Rules& rules, const Flags& flags,
                                              const State& state) {
  std::vector<Proposal> proposals = proposals_of(spec, rules, flags, state);
  return proposals.empty() ? std::nullopt : std::optional(most_of(proposals));
}

std::int32_t within_limits(const Spec& spec, std::int32_t recommendation) {
  return std::min(std::max(recommendation, spec.min), spec.max);
}

Time window_of(const Spec& spec, const Flags& flags, bool down) {
  if (spec.behavior) {
    const std::optional<std::int32_t>& own =
        down ? spec.behavior->down.window_seconds : spec.behavior->up.window_seconds;
    if (own) return seconds(*own);
  }
  return down ? flags.downscale_stabilization : Time(0);
}

std::vector<Reason> why_unchanged(const Spec& spec, const Rules& rules, const Flags& flags,
                                  const State& state, const std::vector<PastRecommendation>& past, Time now) {
  std::vector<Reason> reasons;
  auto condition = [&](const char* type) {
    auto found = state.conditions.find(type);
    return found == state.conditions.end() ? ConditionState{} : found->second;
  };
  ConditionState able = condition("AbleToScale"), active = condition("ScalingActive"),
                 limited = condition("ScalingLimited");
  auto add = [&](std::string rule, std::string text, std::optional<std::int32_t> next = {}) {
    reasons.push_back({std::move(rule), std::move(text), {}, false, next, {}});
  };

  if (able.status == "False") {
    add("scale", fmt::format("the controller cannot {} the scale of {} {}: {}",
                             able.reason == "FailedUpdateScale" ? "change" : "read", spec.target_kind,
                             spec.target_name, able.message));
    return reasons;
  }
  if (active.status == "False" && active.reason == "ScalingDisabled") {
    if (state.scaled_object.empty()) {
      add("zero", fmt::format("{} {} has 0 replicas, which disables scaling; set it to 1 or more",
                              spec.target_kind, spec.target_name));
    } else {
      add("keda-zero",
          fmt::format("KEDA holds {} {} at 0 (ScaledObject {}), and scales it to {} at the first poll "
                      "(pollingInterval) at which the value of a trigger is above its activationThreshold "
                      "(default: 0)",
                      spec.target_kind, spec.target_name, state.scaled_object, std::max(1, spec.min)));
    }
    return reasons;
  }
  if (active.status == "False") {
    add("no-metric", active.message.empty() ? active.reason : active.message);
    return reasons;
  }
  if (state.desired != state.current)
    add("moving", fmt::format("scaling in progress: {} desired, {} current", state.desired, state.current),
        state.desired);

  Asked asked = asked_for(spec, rules, flags, state);
  // The condition is of the last sync: a window that holds back nothing is no reason.
  bool down = able.reason == "ScaleDownStabilized", up = able.reason == "ScaleUpStabilized";
  std::int32_t allowed = within_limits(spec, asked.replicas);
  bool held = (down && state.current > spec.min && (!asked.known || allowed < state.current)) ||
              (up && state.current < spec.max && (!asked.known || allowed > state.current));
  if (held) {
    reasons.push_back(stabilized(spec, flags, state, down, asked, past, now));
    return reasons;
  }
  if (limited.status == "True") {
    if (limited.reason == "TooManyReplicas")
      add("at-max",
          fmt::format(
              "it has maxReplicas {}{}", spec.max,
              asked.known ? fmt::format(", although {} ({} desired)", asked.ratios, asked.replicas) : ""),
          spec.max);
    if (limited.reason == "TooFewReplicas")
      add("at-min",
          fmt::format("it has minReplicas {}{}", spec.min, asked.known ? ", though " + asked.ratios : ""),
          spec.min);
    if (limited.reason == "ScaleUpLimit" || limited.reason == "ScaleDownLimit")
      reasons.push_back(limited_by_rate(spec, asked, state, limited.reason == "ScaleUpLimit", now));
  }
  if (!reasons.empty() || !asked.known) return reasons;
  if (asked.all_within) {
    Tolerance tolerance = tolerance_of(spec, rules, flags);
    add("within-tolerance",
        fmt::format("{}, which is within the tolerance ({:.4g} to {:.4g})", asked.ratios, 1 - tolerance.down,
                    1 + tolerance.up),
        state.current);
  } else if (asked.replicas < state.current && allowed == state.current) {
    add("at-min",
        fmt::format("{}, which needs {}, and minReplicas is {}", asked.ratios,
                    text::count(asked.replicas, "replica"), spec.min),
        state.current);
  } else if (asked.replicas == state.current) {
    add("metric",
        fmt::format("{}, which again gives {}", asked.ratios, text::count(asked.replicas, "replica")),
        state.current);
  } else {
    add("unready",
        fmt::format("{}, which needs {}{}", asked.ratios, text::count(asked.replicas, "replica"),
                    asked.by_pods ? ", unless pods that are not ready or have no sample dampen it" : ""));
    if (!spec.behavior && asked.replicas > state.current)
      reasons.back().next = limited_by_rate(spec, asked, state, true, now).next;
  }
  return reasons;
}

}  // namespace hpawalk::hpasim
