// A Deployment whose rollout is stuck: its pods without samples distort the average.
#include <set>

#include "diagnose/rules_target.hpp"

namespace hpawalk::diagnose {

const Cause cause::rollout_failed = {
    .id = "rollout-failed",
    .link = Link::target,
    .symptom = "The HPA scales to the maximum during a failed rollout",
    .reason = "Pods of a failed rollout have no samples and distort the average",
    .detection = "The Deployment's status and its pods' states",
    .fix = "Roll back"};

std::string start_trouble(const Context& c) {
  static const std::set<std::string> reasons = {"CrashLoopBackOff", "ErrImagePull",
                                                "ImagePullBackOff", "CreateContainerConfigError",
                                                "InvalidImageName", "ErrImageNeverPull"};
  std::string trouble;
  for (const Json* pod : c.hpa.pods) {
    for (const Json& status : list_at(*pod, "status.containerStatuses")) {
      std::string reason = text_at(status, "state.waiting.reason");
      if (reasons.contains(reason)) trouble = fmt::format("pod {}: {}", name_of(*pod), reason);
    }
  }
  return trouble;
}

void judge_rollout(const TargetSide& s) {
  if (s.c.hpa.target_kind != "Deployment") return;
  const Json& target = *s.c.hpa.target;
  const Json& progressing = condition(target, "Progressing");
  long long replicas = int_at(target, "status.replicas"), updated = int_at(target, "status.updatedReplicas"),
            unavailable = int_at(target, "status.unavailableReplicas");
  std::string trouble = start_trouble(s.c);
  bool deadline = text_at(progressing, "reason") == "ProgressDeadlineExceeded";
  bool stuck = !trouble.empty() && unavailable > 0 && updated < replicas;  // old and new side by side
  if (!deadline && !stuck) return;
  std::vector<std::string> evidence = {fmt::format("{}: {} replicas, {} of the new version, {} unavailable",
                                                   s.ref, replicas, updated, unavailable)};
  if (!trouble.empty()) evidence.push_back(trouble);
  if (deadline) evidence.push_back("Progressing is False: " + text_at(progressing, "message"));
  s.report.broken(
      cause::rollout_failed,
      fmt::format("The rollout of {} is stuck, and its pods without samples distort the average{}", s.ref,
                  s.c.need.type == "Pods" ? ", which can drive it to maxReplicas" : ""),
      evidence,
      rollback(target_ref(s.c), "Roll back to the previous pod template",
               "reverts everything in the last change of its pod template")
          .value_or(advice("Roll back to the previous pod template")));
}

}  // namespace hpawalk::diagnose
