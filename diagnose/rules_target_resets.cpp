// Somebody else who sets spec.replicas of the workload that the HPA scales.
#include <algorithm>
#include <map>

#include "diagnose/past.hpp"
#include "diagnose/rules_target.hpp"

namespace hpawalk::diagnose {

const Cause cause::replicas_reset = {.id = "replicas-reset",
                                     .link = Link::target,
                                     .symptom = "The number of replicas is repeatedly reset",
                                     .reason = "Another client (kubectl apply, GitOps) sets spec.replicas",
                                     .detection =
                                         "Repeated rescale events to the same size; managedFields of "
                                         "spec.replicas after the HPA's last change",
                                     .fix = "Remove the field from the manifest"};

namespace {

constexpr const char* leave_out =
    "Remove spec.replicas from the applied manifest (Argo CD: ignoreDifferences on /spec/replicas; Flux and "
    "server-side apply: drop the field)";

// An API server keeps Events for an hour: of what happened before that, a scale-down may be forgotten.
bool of_the_last_hour(const Context& c, const Json& event) {
  std::string first = text_at(event, "firstTimestamp");
  std::optional<world::WallTime> time =
      world::parse_time(first.empty() ? text_at(event, "eventTime") : first);
  return time && c.facts.taken - *time < std::chrono::hours(1);
}

// How often the HPA scaled up, by the event's message; nothing if it scaled down in between.
std::map<std::string, long long> scale_ups(const Context& c) {
  std::map<std::string, long long> ups;
  for (const Json* event : c.facts.items("rescales")) {
    if (!event_of(*event, *c.hpa.object)) continue;
    // "New size: 2; reason: Service metric lab_value above target"
    std::string message = text_at(*event, "message");
    if (!has(message, "above target") || !of_the_last_hour(c, *event)) return {};
    ups[message] += std::max(int_at(*event, "count", 1), int_at(*event, "series.count", 1));
  }
  return ups;
}

// Twice scaled up to the same size, and never down by the HPA in between: somebody else took it down.
bool scaled_up_again(const TargetSide& s) {
  for (const auto& [message, count] : scale_ups(s.c)) {
    if (count < 2) continue;
    std::vector<std::string> evidence = {
        fmt::format("{} SuccessfulRescale events of HPA {}/{}: {}; no scale-down in between", count,
                    s.c.hpa.space, s.c.hpa.name, message)};
    long long applied = int_at(*s.c.hpa.target, "metadata.hpawalkAppliedReplicas", -1);
    if (applied >= 0)
      evidence.push_back(
          fmt::format("{}: the manifest that kubectl last applied says replicas: {}", s.ref, applied));
    s.report.broken(cause::replicas_reset,
                    fmt::format("The HPA scaled {} up to the same size {} times, so another client keeps "
                                "setting spec.replicas back",
                                s.ref, count),
                    evidence, advice(leave_out), applied >= 0 ? Certainty::certain : Certainty::likely);
    return true;
  }
  return false;
}

}  // namespace

// Somebody else sets spec.replicas after the HPA did.
void judge_resets(const TargetSide& s) {
  if (scaled_up_again(s)) return;
  const Json& target = *s.c.hpa.target;
  std::string last_scale = text_at(*s.c.hpa.object, "status.lastScaleTime");
  if (last_scale.empty()) return;
  for (const Json& manager : list_at(target, "metadata.hpawalkReplicaManagers")) {
    std::string name = text_at(manager, "manager"), time = text_at(manager, "time");
    if (text_at(manager, "subresource") == "scale" || name == "kube-controller-manager") continue;
    std::optional<world::WallTime> set = world::parse_time(time), scaled = world::parse_time(last_scale);
    if (!set || !scaled || *set <= *scaled) continue;
    s.report.broken(cause::replicas_reset,
                    fmt::format("{} sets spec.replicas after the HPA did: they conflict", name),
                    {fmt::format("{}: spec.replicas was last set by {} ({}) at {}, by the HPA at {}", s.ref,
                                 name, text_at(manager, "operation"), time, last_scale)},
                    advice(leave_out));
    return;
  }
}

}  // namespace hpawalk::diagnose
