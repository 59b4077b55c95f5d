#include "hpasim/explain.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/quantity.hpp"

namespace hpawalk::hpasim {

namespace {

std::string amount(std::int64_t milli) {
  double value = static_cast<double>(milli) / 1000;
  return fmt::format("{:.4g}", value);
}

std::string target_text(const MetricSpec& metric) {
  return metric.target_kind == TargetKind::utilization ? fmt::format("{}%", metric.target)
                                                       : amount(metric.target);
}

std::string wanted(const Spec& spec, const Decision& d, const Proposal& p) {
  if (d.metric < 0) return "";
  const MetricSpec& metric = spec.metrics[static_cast<std::size_t>(d.metric)];
  std::string name = spec.metrics.size() > 1 ? metric.name + " " : "";
  return name + arithmetic(metric, p);
}

std::string until(const Decision& d, const TimeText& when) {
  return d.until ? " until " + when(*d.until) : "";
}

std::string current_text(const MetricSpec& metric, const Proposal& p) {
  // What the controller writes for the average of no pods is no number that anybody can read.
  if (p.because == Because::from_zero)
    return amount(std::llround(p.ratio * static_cast<double>(metric.target)));
  return metric.target_kind == TargetKind::utilization ? fmt::format("{}%", p.utilization)
                                                       : amount(p.current);
}

std::string activated_by(const Spec& spec, const Decision& d, const Proposal& p) {
  if (d.metric < 0) return "it is forced by an annotation, or has only cpu and memory triggers";
  const std::string& name = spec.metrics[static_cast<std::size_t>(d.metric)].name;
  if (p.failure != Failure::none) return "the fallback counts, because " + name + " cannot be read";
  return fmt::format("{} is {}", name, amount(p.current));
}

}  // namespace

std::string against_target(const MetricSpec& metric, const Proposal& p) {
  return current_text(metric, p) + " of " + target_text(metric);
}

std::string arithmetic(const MetricSpec& metric, const Proposal& p) {
  if (p.because == Because::failed) return std::string(failure_text(p.failure));
  std::string ratio = fmt::format("{} / {} = {:.3g}", current_text(metric, p), target_text(metric), p.ratio);
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

std::string explain(const Spec& spec, const Decision& d, const Proposal& p, const TimeText& when) {
  std::string asked = wanted(spec, d, p);
  const ScalingRules* rules = !spec.behavior          ? nullptr
                              : d.stabilized > d.from ? &spec.behavior->up
                                                      : &spec.behavior->down;
  switch (d.rule) {
    case Rule::metric: return asked;
    case Rule::stabilized_down:
      return fmt::format("{}; {} by a higher recommendation in the scale-down window{}", asked,
                         d.to == d.from ? "held" : fmt::format("only to {}", d.to), until(d, when));
    case Rule::stabilized_up:
      return fmt::format("{}; {} by a lower recommendation in the scale-up window{}", asked,
                         d.to == d.from ? "held" : fmt::format("only to {}", d.to), until(d, when));
    case Rule::policy:
      return fmt::format(
          "{}; {} by the policy {}{}", asked, d.to == d.from ? "held" : fmt::format("limited to {}", d.limit),
          rules != nullptr && d.policy >= 0 ? describe(rules->policies[static_cast<std::size_t>(d.policy)])
                                            : "",
          d.to == d.from ? until(d, when) : "");
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
    case Rule::activated: return "KEDA activates: " + activated_by(spec, d, p);
    case Rule::deactivated: return "KEDA deactivates: no trigger has been active for the cooldown period";
    case Rule::keda_minimum: return "KEDA: there were fewer than minReplicaCount";
    case Rule::keda_unchanged: return "KEDA changes nothing";
  }
  return "";
}

}  // namespace hpawalk::hpasim
