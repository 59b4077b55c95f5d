#include "hpasim/explain.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "hpasim/profile.hpp"
#include "hpasim/quantity.hpp"

namespace hpawalk::hpasim {

namespace {

std::string pods(std::int32_t n) {
  return fmt::format("{} {}", n, n == 1 ? "replica" : "replicas");
}

std::string amount(std::int64_t milli) {
  double value = static_cast<double>(milli) / 1000;
  return fmt::format("{:.4g}", value);
}

std::string target_text(const MetricSpec& metric) {
  return metric.target_kind == TargetKind::utilization ? fmt::format("{} %", metric.target)
                                                       : amount(metric.target);
}

std::string wanted(const Spec& spec, const Decision& d, const Proposal& p) {
  if (d.metric < 0) return "";
  const MetricSpec& metric = spec.metrics[static_cast<std::size_t>(d.metric)];
  std::string name = spec.metrics.size() > 1 ? metric.name + " " : "";
  return name + arithmetic(metric, p);
}

std::string until(const Decision& d) {
  return d.until ? " until " + time_text(*d.until) : "";
}

}  // namespace

std::string arithmetic(const MetricSpec& metric, const Proposal& p) {
  if (p.because == Because::failed) return std::string(failure_text(p.failure));
  bool utilization = metric.target_kind == TargetKind::utilization;
  std::string current = utilization ? fmt::format("{} %", p.utilization) : amount(p.current);
  std::string ratio = fmt::format("{} / {} = {:.3g}", current, target_text(metric), p.ratio);
  switch (p.because) {
    case Because::within_tolerance: return ratio + ", within the tolerance";
    case Because::unready_or_missing:
      return fmt::format("{}, but {:.3g} with the pods that are not ready or have no sample", ratio,
                         p.corrected);
    case Because::from_zero: return fmt::format("{}, from zero: {}", ratio, p.replicas);
    default: break;
  }
  if (metric.target_kind == TargetKind::average_value &&
      (metric.kind == MetricKind::object || metric.kind == MetricKind::external)) {
    return fmt::format("{} a pod: {}", ratio, p.replicas);
  }
  if (p.corrected != p.ratio) ratio += fmt::format(", {:.3g} with all pods,", p.corrected);
  return fmt::format("{} x {} {} = {}", ratio, p.pods, p.corrected != p.ratio ? "pods" : "ready", p.replicas);
}

std::string explain(const Spec& spec, const Decision& d, const Proposal& p) {
  std::string asked = wanted(spec, d, p);
  const ScalingRules* rules = !spec.behavior          ? nullptr
                              : d.stabilized > d.from ? &spec.behavior->up
                                                      : &spec.behavior->down;
  switch (d.rule) {
    case Rule::metric: return asked;
    case Rule::stabilized_down:
      return fmt::format("{}; {} by a higher recommendation in the scale-down window{}", asked,
                         d.to == d.from ? "held" : fmt::format("only to {}", d.to), until(d));
    case Rule::stabilized_up:
      return fmt::format("{}; {} by a lower recommendation in the scale-up window{}", asked,
                         d.to == d.from ? "held" : fmt::format("only to {}", d.to), until(d));
    case Rule::policy:
      return fmt::format(
          "{}; {} by the policy {}{}", asked, d.to == d.from ? "held" : fmt::format("limited to {}", d.limit),
          rules != nullptr && d.policy >= 0 ? describe(rules->policies[static_cast<std::size_t>(d.policy)])
                                            : "",
          d.to == d.from ? until(d) : "");
    case Rule::doubling:
      return fmt::format("{}; limited to {}: without behavior, at most twice as many (or 4) per sync", asked,
                         d.limit);
    case Rule::disabled: return asked + "; not scaled: selectPolicy is Disabled in this direction";
    case Rule::at_max: return fmt::format("{}; limited by maxReplicas {}", asked, spec.max);
    case Rule::at_min: return fmt::format("{}; limited by minReplicas {}", asked, spec.min);
    case Rule::above_max: return fmt::format("there were more than maxReplicas {}", spec.max);
    case Rule::below_min: return fmt::format("there were fewer than minReplicas {}", spec.min);
    case Rule::zero: return "0 replicas: scaling is disabled";
    case Rule::no_metric: return asked + ": no decision";
  }
  return "";
}

namespace {

// The ratio as the status allows to recompute it.
std::optional<double> ratio_of(const MetricSpec& metric, const MetricState& state) {
  if (metric.target_kind == TargetKind::utilization) {
    if (!state.utilization) return std::nullopt;
    return static_cast<double>(*state.utilization) / static_cast<double>(metric.target);
  }
  const auto& current = metric.target_kind == TargetKind::value ? state.value : state.average;
  if (!current) return std::nullopt;
  return static_cast<double>(*current) / static_cast<double>(metric.target);
}

std::string ratio_text(const MetricSpec& metric, const MetricState& state, double ratio) {
  std::string current = metric.target_kind == TargetKind::utilization
                            ? fmt::format("{} %", *state.utilization)
                            : amount(metric.target_kind == TargetKind::value ? *state.value : *state.average);
  return fmt::format("{} is {} of {}: {:.3g} times its target", metric.name, current, target_text(metric),
                     ratio);
}

Reason stabilized(const Spec& spec, const Flags& flags, const State& state, bool down, std::int32_t asked,
                  const std::vector<PastProposal>& past, Time now) {
  Time window = flags.downscale_stabilization;
  if (spec.behavior) {
    const auto& seconds = down ? spec.behavior->down.window_seconds : spec.behavior->up.window_seconds;
    if (seconds) window = std::chrono::seconds(*seconds);
  }
  Reason reason{down ? "stabilized-down" : "stabilized-up", {}, now + window, true};
  const PastProposal* holds = nullptr;
  for (const PastProposal& p : past) {
    if (p.at <= now - window) continue;
    bool stronger =
        holds == nullptr || (down ? p.replicas >= holds->replicas : p.replicas <= holds->replicas);
    if ((down ? p.replicas > asked : p.replicas < asked) && stronger) holds = &p;
  }
  std::string which = down ? "higher" : "lower";
  reason.text = fmt::format("a {} recommendation of the last {}s ({} window) still counts", which,
                            window.count() / 1'000'000, down ? "scale-down" : "scale-up");
  if (holds != nullptr) {
    reason.until = holds->at + window;
    reason.at_latest = false;
    reason.text =
        fmt::format("{} were recommended {}s ago, and the {} window of {}s still counts that recommendation",
                    pods(holds->replicas), (now - holds->at).count() / 1'000'000,
                    down ? "scale-down" : "scale-up", window.count() / 1'000'000);
  }
  (void)state;
  return reason;
}

}  // namespace

std::vector<Reason> why_unchanged(const Spec& spec, const Rules& rules, const Flags& flags,
                                  const State& state, const std::vector<PastProposal>& past, Time now) {
  std::vector<Reason> reasons;
  Tolerance tolerance = Controller(spec, rules, flags).tolerance();
  auto condition = [&](const char* type) {
    auto found = state.conditions.find(type);
    return found == state.conditions.end() ? ConditionState{} : found->second;
  };
  ConditionState able = condition("AbleToScale"), active = condition("ScalingActive"),
                 limited = condition("ScalingLimited");
  auto add = [&](std::string rule, std::string text) {
    reasons.push_back({std::move(rule), std::move(text), {}, false});
  };

  if (able.status == "False") {
    add("scale", fmt::format("the controller cannot {} the scale of {} {}: {}",
                             able.reason == "FailedUpdateScale" ? "change" : "read", spec.target_kind,
                             spec.target_name, able.message));
    return reasons;
  }
  if (active.status == "False" && active.reason == "ScalingDisabled") {
    add("zero", fmt::format("{} {} has 0 replicas, which disables scaling; set it to 1 or more",
                            spec.target_kind, spec.target_name));
    return reasons;
  }
  if (active.status == "False") {
    add("no-metric", active.message.empty() ? active.reason : active.message);
    return reasons;
  }
  if (state.desired != state.current) {
    add("moving", fmt::format("scaling in progress: {} desired, {} current", state.desired, state.current));
  }

  // What the metrics ask for, as far as the status tells.
  std::int32_t asked = 0;
  bool known = !spec.metrics.empty(), all_within = true;
  std::string ratios;
  for (std::size_t i = 0; i < spec.metrics.size() && known; ++i) {
    std::optional<double> ratio =
        i < state.metrics.size() ? ratio_of(spec.metrics[i], state.metrics[i]) : std::nullopt;
    if (!ratio) {
      known = false;
      break;
    }
    bool within = tolerance.within(*ratio);
    all_within = all_within && within;
    bool by_ready = spec.metrics[i].target_kind == TargetKind::value;
    std::int32_t base = by_ready ? state.ready_pods.value_or(state.current) : state.current;
    asked = std::max(asked, within ? state.current : to_int32(std::ceil(*ratio * static_cast<double>(base))));
    ratios += (ratios.empty() ? "" : "; ") + ratio_text(spec.metrics[i], state.metrics[i], *ratio);
  }
  if (able.reason == "ScaleDownStabilized" || able.reason == "ScaleUpStabilized") {
    Reason reason = stabilized(spec, flags, state, able.reason == "ScaleDownStabilized", asked, past, now);
    if (known) reason.text = ratios + "; but " + reason.text;
    reasons.push_back(reason);
    if (state.current < spec.max || able.reason == "ScaleDownStabilized") return reasons;
  }
  if (limited.status == "True") {
    if (limited.reason == "TooManyReplicas")
      add("at-max", fmt::format("it has maxReplicas {}{}", spec.max,
                                known ? fmt::format(", although {} ({} desired)", ratios, asked) : ""));
    if (limited.reason == "TooFewReplicas")
      add("at-min", fmt::format("it has minReplicas {}{}", spec.min, known ? ", though " + ratios : ""));
    if (limited.reason == "ScaleUpLimit" || limited.reason == "ScaleDownLimit") {
      bool up = limited.reason == "ScaleUpLimit";
      const ScalingRules* side = spec.behavior ? (up ? &spec.behavior->up : &spec.behavior->down) : nullptr;
      std::string policies;
      Time longest{0};
      if (side != nullptr) {
        for (const Policy& policy : side->policies) {
          policies += (policies.empty() ? "" : ", ") + describe(policy);
          longest = std::max<Time>(longest, std::chrono::seconds(policy.period_seconds));
        }
      }
      if (side != nullptr && side->select == SelectPolicy::disabled) {
        add("disabled", fmt::format("scaling {} is disabled by selectPolicy", up ? "up" : "down"));
      } else {
        Reason reason{side != nullptr ? "policy" : "doubling",
                      side != nullptr
                          ? fmt::format("the policies for scaling {} ({}) currently allow no more",
                                        up ? "up" : "down", policies)
                          : "without behavior, one sync at most doubles the replicas (or scales to 4)",
                      {},
                      false};
        if (longest > Time(0)) reason.until = now + longest, reason.at_latest = true;
        reasons.push_back(reason);
      }
    }
    if (!reasons.empty()) return reasons;
  }
  if (known && all_within) {
    add("within-tolerance", fmt::format("{}, which is within the tolerance ({:.4g} to {:.4g})", ratios,
                                        1 - tolerance.down, 1 + tolerance.up));
  } else if (known && asked == state.current) {
    add("metric", fmt::format("{}, which again gives {}", ratios, pods(asked)));
  } else if (known && asked != state.current) {
    add("unready", fmt::format("{}; that gives {}: the next sync applies it, unless pods that are not ready "
                               "or have no sample dampen it",
                               ratios, pods(asked)));
  }
  return reasons;
}

}  // namespace hpawalk::hpasim
