// The workload that the HPA scales: is it there, are its pods its own and ready, does somebody else set its
// size?
#include <algorithm>
#include <map>
#include <set>

#include "diagnose/rules.hpp"

namespace hpawalk::diagnose {
namespace {

class TargetRules {
 public:
  TargetRules(const Context& c, Report& report)
      : c_(c), report_(report), ref_(c.hpa.target_kind + " " + c.hpa.target_name) {}

  void judge() {
    if (c_.hpa.target == nullptr) return no_target();
    size_t ready = static_cast<size_t>(
        std::count_if(c_.hpa.pods.begin(), c_.hpa.pods.end(), [](const Json* p) { return pod_ready(*p); }));
    report_.set(Link::target, Mark::ok,
                fmt::format("{}: {} of {} ready", ref_, ready, plural_count(c_.hpa.pods.size(), "pod")));
    const Reading* pods = c_.facts.listing("pods", c_.hpa.space);
    if (pods == nullptr || pods->refused()) {
      report_.set(Link::target, Mark::unknown, ref_ + "; " + why_unread(pods));
      return;
    }
    same_target();
    if (!c_.hpa.pod_selector.is_object()) {
      report_.set(Link::target, Mark::unknown, ref_ + ": unknown which pods belong to it");
      return;
    }
    other_pods();
    rollout();
    if (ready == 0 && int_at(*c_.hpa.target, "spec.replicas", 1) > 0) no_ready_pod();
    reset();
  }

 private:
  void no_target() {
    const Reading* reading = c_.hpa.target_reading;
    const Json& able = condition(*c_.hpa.object, "AbleToScale");
    std::string said = text_at(able, "status") == "False" ? text_at(able, "message") : "";
    bool unread = reading == nullptr || reading->refused();
    if (unread && !has(said, "not found")) {
      report_.set(Link::target, Mark::unknown, ref_ + ": " + why_unread(reading));
      return;
    }
    std::vector<std::string> names;
    for (const Json* object : c_.facts.items(plural(c_.hpa.target_kind), c_.hpa.space))
      names.push_back(name_of(*object));
    std::optional<std::string> near = text::nearest(c_.hpa.target_name, names);
    std::vector<std::string> evidence;
    if (!said.empty())
      evidence.push_back(fmt::format("HPA {}/{}: AbleToScale is False: {}", c_.hpa.space, c_.hpa.name, said));
    if (reading != nullptr && !reading->path.empty())
      evidence.push_back(seen(*reading, "no " + c_.hpa.target_name));
    report_.broken(
        "target-missing", Link::target,
        fmt::format("{} not found in namespace {}{}", ref_, c_.hpa.space, near ? "; there is " + *near : ""),
        evidence, other_target(near));
  }

  Fix other_target(const std::optional<std::string>& near) const {
    std::optional<Fix> fix;
    if (near)
      fix = merge_patch(ref_of("hpa", *c_.hpa.object), *c_.hpa.object,
                        {{"spec", {{"scaleTargetRef", {{"name", *near}}}}}},
                        fmt::format("Make the HPA scale {} {}", c_.hpa.target_kind, *near));
    return fix.value_or(advice("Create it, or correct its name in spec.scaleTargetRef",
                               look_for(target_ref().resource, c_.hpa.space)));
  }

  ObjectRef target_ref() const {
    return {resource_of(c_.hpa.target_kind, c_.hpa.target_api), c_.hpa.space, c_.hpa.target_name};
  }

  void same_target() {
    if (report_.has("ambiguous-selector")) return;
    for (const Hpa& other : c_.hpas) {
      if (other.space != c_.hpa.space || other.name == c_.hpa.name ||
          other.target_kind != c_.hpa.target_kind || other.target_name != c_.hpa.target_name)
        continue;
      report_.broken(
          "ambiguous-selector", Link::hpa,
          fmt::format("HPA {} scales the same {}; the controller scales neither", other.name, ref_),
          {fmt::format("HPA {}/{} and HPA {}/{}: scaleTargetRef {}", c_.hpa.space, c_.hpa.name, other.space,
                       other.name, ref_)},
          advice("Merge the metrics into one HPA (spec.metrics is a list) and delete the other",
                 look_for("hpa", c_.hpa.space)));
      return;
    }
    // Different workloads whose selectors catch the same pods.
    for (const Hpa& other : c_.hpas) {
      if (other.space != c_.hpa.space || other.name == c_.hpa.name) continue;
      for (const Json* pod : other.pods) {
        if (std::find(c_.hpa.pods.begin(), c_.hpa.pods.end(), pod) == c_.hpa.pods.end()) continue;
        report_.broken("ambiguous-selector", Link::hpa,
                       fmt::format("HPA {} (of {} {}) and this HPA select the same pod {} "
                                   "(AmbiguousSelector); the controller scales neither",
                                   other.name, other.target_kind, other.target_name, name_of(*pod)),
                       {fmt::format("{}: selector {}", ref_, selector_text(c_.hpa.pod_selector)),
                        fmt::format("{} {}: selector {}", other.target_kind, other.target_name,
                                    selector_text(other.pod_selector))},
                       advice("Give each workload its own labels (a selector is immutable: create the "
                              "Deployment again)"));
        return;
      }
    }
  }

  // The name of the workload that owns the pod, through its ReplicaSet.
  std::string owner_of(const Json& pod) const {
    for (const Json& owner : list_at(pod, "metadata.ownerReferences")) {
      std::string kind = text_at(owner, "kind"), name = text_at(owner, "name");
      if (kind != "ReplicaSet") return kind + " " + name;
      const Json* set = c_.facts.object("replicasets", c_.hpa.space, name);
      if (set == nullptr) return {};  // it was not read
      for (const Json& above : list_at(*set, "metadata.ownerReferences"))
        return text_at(above, "kind") + " " + text_at(above, "name");
      return kind + " " + name;
    }
    return "nobody";
  }

  void other_pods() {
    static const std::set<std::string> known = {"Deployment", "StatefulSet", "ReplicaSet"};
    if (!known.contains(c_.hpa.target_kind)) return;
    std::vector<std::string> others;
    std::set<std::string> owners;
    for (const Json* pod : c_.hpa.pods) {
      std::string phase = text_at(*pod, "status.phase");
      if (phase == "Succeeded" || phase == "Failed") continue;
      std::string owner = owner_of(*pod);
      if (owner.empty() || owner == ref_) continue;
      others.push_back(name_of(*pod));
      owners.insert(owner);
    }
    if (others.empty()) return;
    std::string whose = text::join({owners.begin(), owners.end()}, ", ");
    report_.broken("selector-catches-others", Link::target,
                   fmt::format("The selector of {} also matches {} of {}, and the HPA counts them too", ref_,
                               plural_count(others.size(), "pod"), whose),
                   {fmt::format("{}: spec.selector {}", ref_, selector_text(c_.hpa.pod_selector)),
                    "pods of other owners: " + text::join(others, ", ").substr(0, 300)},
                   advice("Give each workload its own labels (a Deployment's selector is immutable: "
                          "delete it and create it again)"));
  }

  void rollout() {
    if (c_.hpa.target_kind != "Deployment") return;
    const Json& target = *c_.hpa.target;
    const Json& progressing = condition(target, "Progressing");
    long long replicas = int_at(target, "status.replicas"),
              updated = int_at(target, "status.updatedReplicas"),
              unavailable = int_at(target, "status.unavailableReplicas");
    std::string trouble;
    for (const Json* pod : c_.hpa.pods) {
      for (const Json& s : list_at(*pod, "status.containerStatuses")) {
        std::string reason = text_at(s, "state.waiting.reason");
        if (reason == "CrashLoopBackOff" || reason == "ErrImagePull" || reason == "ImagePullBackOff" ||
            reason == "CreateContainerConfigError" || reason == "InvalidImageName" ||
            reason == "ErrImageNeverPull") {
          trouble = fmt::format("pod {}: {}", name_of(*pod), reason);
        }
      }
    }
    bool deadline = text_at(progressing, "reason") == "ProgressDeadlineExceeded";
    bool stuck = !trouble.empty() && unavailable > 0 && updated < replicas;  // old and new side by side
    if (!deadline && !stuck) return;
    std::vector<std::string> evidence = {fmt::format("{}: {} replicas, {} of the new version, {} unavailable",
                                                     ref_, replicas, updated, unavailable)};
    if (!trouble.empty()) evidence.push_back(trouble);
    if (deadline) evidence.push_back("Progressing is False: " + text_at(progressing, "message"));
    report_.broken(
        "rollout-failed", Link::target,
        fmt::format("The rollout of {} is stuck, and its pods without samples distort the average{}", ref_,
                    c_.need.type == "Pods" ? ", which can drive it to maxReplicas" : ""),
        evidence,
        rollback(target_ref(), "Roll back to the previous pod template",
                 "reverts everything in the last change of its pod template")
            .value_or(advice("Roll back to the previous pod template")));
  }

  void no_ready_pod() {
    if (report_.has("rollout-failed")) return;
    std::string why = c_.need.target_type == "Value"
                          ? "with a Value target, the recommendation is ratio x ready pods, which is 0"
                          : "so there is no average";
    report_.broken(
        "no-ready-pod", Link::target, fmt::format("{} has no ready pod: {}", ref_, why),
        {fmt::format("{}, none ready", plural_count(c_.hpa.pods.size(), "pod"))},
        advice("Make its pods ready (see the readiness probe), or use AverageValue, which does not need "
               "ready pods",
               c_.hpa.pods.empty() ? look_at("describe", target_ref())
                                   : look_at("describe", ref_of("pod", *c_.hpa.pods.front()))));
  }

  // Twice scaled up to the same size, and never down by the HPA in between: somebody else took it down.
  bool scaled_up_again() {
    std::map<std::string, long long> ups;
    std::string last;
    for (const Json* event : c_.facts.items("rescales", c_.hpa.space)) {  // an event is where its object is
      const Json& about = at(*event, "involvedObject");
      if (text_at(about, "name") != c_.hpa.name) continue;
      std::string uid = text_at(*c_.hpa.object, "metadata.uid");  // events outlive an HPA of the same name
      if (!uid.empty() && text_at(about, "uid", uid) != uid) continue;
      std::string message =
          text_at(*event, "message");  // "New size: 2; reason: Service metric lab_value above target"
      if (!has(message, "above target")) return false;
      ups[message] += std::max(int_at(*event, "count", 1), int_at(*event, "series.count", 1));
      last = std::max(last, text_at(*event, "lastTimestamp"));
    }
    for (const auto& [message, count] : ups) {
      if (count < 2) continue;
      std::vector<std::string> evidence = {
          fmt::format("{} SuccessfulRescale events of HPA {}/{}: {}; no scale-down in between", count,
                      c_.hpa.space, c_.hpa.name, message)};
      long long applied = int_at(*c_.hpa.target, "metadata.hpawalkAppliedReplicas", -1);
      if (applied >= 0)
        evidence.push_back(
            fmt::format("{}: the manifest that kubectl last applied says replicas: {}", ref_, applied));
      report_.broken("replicas-reset", Link::target,
                     fmt::format("The HPA scaled {} up to the same size {} times, so another client keeps "
                                 "setting spec.replicas back",
                                 ref_, count),
                     evidence, advice(leave_out), applied >= 0 ? Certainty::certain : Certainty::likely);
      return true;
    }
    return false;
  }

  // Somebody else sets spec.replicas after the HPA did.
  void reset() {
    if (scaled_up_again()) return;
    const Json& target = *c_.hpa.target;
    std::string last_scale = text_at(*c_.hpa.object, "status.lastScaleTime");
    if (last_scale.empty()) return;
    for (const Json& manager : list_at(target, "metadata.hpawalkReplicaManagers")) {
      std::string name = text_at(manager, "manager"), time = text_at(manager, "time");
      if (text_at(manager, "subresource") == "scale" || name == "kube-controller-manager") continue;
      std::optional<world::WallTime> set = world::parse_time(time), scaled = world::parse_time(last_scale);
      if (!set || !scaled || *set <= *scaled) continue;
      report_.broken("replicas-reset", Link::target,
                     fmt::format("{} sets spec.replicas after the HPA did: they conflict", name),
                     {fmt::format("{}: spec.replicas was last set by {} ({}) at {}, by the HPA at {}", ref_,
                                  name, text_at(manager, "operation"), time, last_scale)},
                     advice(leave_out));
      return;
    }
  }

  static constexpr const char* leave_out =
      "Remove spec.replicas from the applied manifest (Argo CD: ignoreDifferences on "
      "/spec/replicas; Flux and server-side apply: drop the field)";
  const Context& c_;
  Report& report_;
  std::string ref_;
};

}  // namespace

void judge_target(const Context& c, Report& report) {
  TargetRules(c, report).judge();
}

}  // namespace hpawalk::diagnose
