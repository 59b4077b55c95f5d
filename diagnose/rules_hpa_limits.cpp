// What keeps the controller from the size that the metric asks for: limits, policies, a window, a refusal.
#include "diagnose/collect.hpp"
#include "diagnose/past.hpp"
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

// A rule of the simulator's that limits, and the cause that it is.
const Cause* limit_by(std::string_view rule) {
  if (rule == "at-max") return &cause::at_max;
  if (rule == "at-min") return &cause::at_min;
  if (rule == "policy" || rule == "doubling" || rule == "disabled") return &cause::rate_limited;
  return nullptr;
}

Fix after_limit(const HpaSide& s, const Cause& limit) {
  if (&limit == &cause::at_max)
    return advice("The HPA works as configured. If you can afford more pods, raise spec.maxReplicas",
                  look_at("describe", ref_of("hpa", s.hpa)));
  if (&limit == &cause::rate_limited)
    return advice("Wait; spec.behavior sets the rate", look_at("get", ref_of("hpa", s.hpa)));
  return {};
}

void limited(const HpaSide& s, const hpasim::Reason& reason, const Cause& limit) {
  const Json& scaling = condition(s.hpa, "ScalingLimited");
  if (text_at(scaling, "status") != "True") return;
  s.report.note(limit,
                fmt::format("The HPA {}: {}", &limit == &cause::rate_limited ? "scales in steps" : "stays",
                            reason.text),
                {fmt::format("HPA {}: ScalingLimited: {}: {}", s.ref, text_at(scaling, "reason"),
                             text_at(scaling, "message"))},
                after_limit(s, limit));
}

// What the metrics asked for in the past, by the samples that Prometheus has; empty if one has none.
std::vector<hpasim::PastRecommendation> past(const HpaSide& s) {
  if (!stabilizing(s.hpa)) return {};  // nor was it read
  hpasim::Past past;
  for (const MetricNeed& need : s.c.hpa.needs) {
    const Reading* history = history_of(s.c, need);
    if (history == nullptr || !history->read() || need.index >= s.spec->metrics.size()) return {};
    past.metrics.push_back(past_samples(history->value, s.spec->metrics[need.index].kind));
  }
  past.replicas = past_replicas(s.hpa, s.c.facts.items("rescales"));
  return hpasim::replay(*s.spec, s.c.controller.rules, s.c.controller.flags, past, s.state.current);
}

void stabilized(const HpaSide& s, const hpasim::Reason& reason) {
  bool down = reason.rule == "stabilized-down";
  const std::string field = down ? "spec.behavior.scaleDown.stabilizationWindowSeconds"
                                 : "spec.behavior.scaleUp.stabilizationWindowSeconds";
  bool own = !at(s.hpa, field).is_null() || !down;  // there is no flag for scaling up
  long long window = whole_seconds(reason.held->window);
  auto clock = [](hpasim::Time at) {
    return world::clock_time(world::WallTime(std::chrono::duration_cast<world::Duration>(at)));
  };
  std::string until;
  if (reason.held->strongest) {
    until =
        fmt::format(", until about {} ({} or {} replicas were last recommended at {})", clock(*reason.until),
                    s.state.current, down ? "more" : "fewer", clock(reason.held->last));
    if (reason.next) until += fmt::format("; then {}", *reason.next);
  } else if (!reason.at_latest) {
    until = "; no recommendation in it counts any more, so the next sync can scale";
    if (reason.next) until += fmt::format(" to {}", *reason.next);
  } else {
    until = fmt::format(", until {} at the latest", clock(*reason.until));
  }
  const Json& able = condition(s.hpa, "AbleToScale");
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

const Reading* history_of(const Context& c, const MetricNeed& need) {
  const Group& group = c.groups.at(need.api_group());
  std::vector<Candidate> found = candidates(group, need);
  if (found.empty() || !group.prometheus.address) return nullptr;
  Result<std::string> query = expression(c.hpa, need, found.back());
  return query ? c.facts.find(range_key(group.prometheus.address->key(), *query)) : nullptr;
}

void judge_limits(const HpaSide& s) {
  const Json& able = condition(s.hpa, "AbleToScale");
  if (text_at(able, "status") == "False" && text_at(able, "reason") == "FailedUpdateScale") refused(s, able);
  if (!s.spec) return;
  judge_total(s);
  for (const hpasim::Reason& reason :
       hpasim::why_unchanged(*s.spec, s.c.controller.rules, s.c.controller.flags, s.state, past(s),
                             s.c.facts.taken.time_since_epoch())) {
    if (reason.held) stabilized(s, reason);
    if (const Cause* limit = limit_by(reason.rule)) limited(s, reason, *limit);
  }
}

}  // namespace hpawalk::diagnose
