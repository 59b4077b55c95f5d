// What keeps the controller from the size that the metric asks for: limits, policies, a window, a refusal.
#include <algorithm>
#include <cmath>

#include "diagnose/collect.hpp"
#include "diagnose/rules_hpa.hpp"

namespace hpawalk::diagnose {

const Cause cause::stabilization = {
    .id = "stabilization",
    .link = Link::hpa,
    .symptom = "The metric is low, and nothing happens",
    .reason = "The stabilization window delays the scale-down",
    .detection = "The condition ScaleDownStabilized; the metric's history shows until when",
    .fix = "Wait, or shorten the window"};

const Cause cause::at_max = {.id = "at-max",
                             .link = Link::hpa,
                             .symptom = "The metric is high, and nothing happens",
                             .reason = "maxReplicas is reached",
                             .detection = "ScalingLimited",
                             .fix = "Raise maxReplicas"};

const Cause cause::at_min = {.id = "at-min",
                             .link = Link::hpa,
                             .symptom = "The metric is low, and nothing happens",
                             .reason = "minReplicas is reached",
                             .detection = "ScalingLimited",
                             .fix = "Lower minReplicas"};

const Cause cause::rate_limited = {.id = "rate-limited",
                                   .link = Link::hpa,
                                   .symptom = "It scales in steps",
                                   .reason = "A policy limits how fast",
                                   .detection = "ScalingLimited",
                                   .fix = "spec.behavior"};

const Cause cause::scale_refused = {.id = "scale-refused",
                                    .link = Link::target,
                                    .symptom = "FailedUpdateScale",
                                    .reason = "The controller may not change the replicas",
                                    .detection = "The condition",
                                    .fix = "Webhooks, quotas, RBAC"};

namespace {

void refused(const HpaSide& s, const Json& able) {
  s.report.broken(cause::scale_refused,
                  "The controller cannot change the replicas: " + text_at(able, "message"),
                  {fmt::format("HPA {}: AbleToScale is False: FailedUpdateScale", s.ref)},
                  advice("Change the admission webhook, policy or quota that the message names, so that it "
                         "allows the change",
                         look_at("get", target_ref(s.c))));
}

void limited(const HpaSide& s, const Json& condition) {
  std::string reason = text_at(condition, "reason");
  std::string evidence =
      fmt::format("HPA {}: ScalingLimited: {}: {}", s.ref, reason, text_at(condition, "message"));
  if (reason == "TooManyReplicas") {
    s.report.note(cause::at_max,
                  fmt::format("The metric needs more replicas, but maxReplicas is {}",
                              int_at(s.hpa, "spec.maxReplicas")),
                  {evidence},
                  advice("The HPA works as configured. If you can afford more pods, raise spec.maxReplicas",
                         look_at("describe", ref_of("hpa", s.hpa))));
  } else if (reason == "TooFewReplicas") {
    s.report.note(cause::at_min,
                  fmt::format("The metric needs fewer replicas, but minReplicas is {}",
                              int_at(s.hpa, "spec.minReplicas", 1)),
                  {evidence});
  } else if (reason == "ScaleUpLimit" || reason == "ScaleDownLimit") {
    s.report.note(cause::rate_limited,
                  fmt::format("The HPA is scaling, but a policy limits the rate ({})", reason), {evidence},
                  advice("Wait; spec.behavior sets the rate", look_at("get", ref_of("hpa", s.hpa))));
  }
}

// Does a value of the metric, at this target, keep the replicas that there are?
bool keeps_size(const HpaSide& s, double value, std::int64_t target) {
  double ratio = value * 1000.0 / static_cast<double>(target);
  return s.c.need.target_type == "Value" ? ratio > 1 - s.c.controller.flags.tolerance
                                         : std::ceil(ratio) >= static_cast<double>(s.replicas);
}

std::optional<world::WallTime> last_high(const HpaSide& s) {
  const Candidate* candidate = s.c.candidate();
  if (candidate == nullptr || !s.c.prometheus.address) return std::nullopt;
  Result<std::string> query = expression(s.c.hpa, s.c.need, *candidate);
  const Reading* history = query ? s.c.facts.find(range_key(s.c.prometheus.address->key(), *query)) : nullptr;
  std::optional<std::int64_t> target = milli(s.c.need.target);
  if (history == nullptr || !history->read() || !target || *target <= 0) return std::nullopt;
  double last = 0;
  for (const Json& row : list_at(history->value, "")) {
    for (const Json& point : list_at(row, "values")) {
      if (point.size() != 2 || !point[0].is_number() || !point[1].is_string()) continue;
      if (keeps_size(s, std::atof(point[1].get<std::string>().c_str()), *target))
        last = std::max(last, point[0].get<double>());
    }
  }
  if (last <= 0 || last > 1e11) return std::nullopt;  // no time that a clock shows
  return world::WallTime(world::Duration(static_cast<long long>(last * 1000)));
}

// Until when: the last moment at which the metric asked for as many replicas as there are, plus the window.
void stabilized(const HpaSide& s, const Json& able, bool down) {
  long long current = int_at(s.hpa, "status.currentReplicas");
  bool at_limit =
      down ? current <= int_at(s.hpa, "spec.minReplicas", 1) : current >= int_at(s.hpa, "spec.maxReplicas");
  if (at_limit) return;  // a window that holds back nothing
  const std::string field = down ? "spec.behavior.scaleDown.stabilizationWindowSeconds"
                                 : "spec.behavior.scaleUp.stabilizationWindowSeconds";
  bool own = !at(s.hpa, field).is_null() || !down;  // there is no flag for scaling up
  long long window =
      int_at(s.hpa, field, down ? in_seconds(s.c.controller.flags.downscale_stabilization) : 0);
  std::string until;
  std::optional<world::WallTime> last = down ? last_high(s) : std::nullopt;
  if (last)
    until = fmt::format(", until about {} (the metric was last high at {})",
                        world::clock_time(*last + std::chrono::seconds(window)), world::clock_time(*last));
  s.report.note(
      cause::stabilization,
      fmt::format("Scaling {} is delayed by the stabilization window of {}s{}{}", down ? "down" : "up",
                  window, own ? "" : if_assumed(s.c), until),
      {fmt::format("HPA {}: AbleToScale: {}: {}", s.ref, text_at(able, "reason"), text_at(able, "message")),
       own ? fmt::format("HPA {}: {} is {}", s.ref, field, window)
           : flag_evidence(s.c, "downscale-stabilization", fmt::format("{}s", window))},
      advice("Wait; the window is set in " + field, look_at("get", ref_of("hpa", s.hpa))));
}

}  // namespace

void judge_limits(const HpaSide& s) {
  const Json& able = condition(s.hpa, "AbleToScale");
  std::string reason = text_at(able, "reason");
  if (text_at(able, "status") == "False" && reason == "FailedUpdateScale") refused(s, able);
  if (reason == "ScaleDownStabilized") stabilized(s, able, true);
  if (reason == "ScaleUpStabilized") stabilized(s, able, false);
  const Json& scaling = condition(s.hpa, "ScalingLimited");
  if (text_at(scaling, "status") == "True") limited(s, scaling);
}

}  // namespace hpawalk::diagnose
