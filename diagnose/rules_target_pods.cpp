// The pods that the scale target's selector matches: are they its own, have they ended, and are there as many
// as it wants?
#include <algorithm>
#include <iterator>
#include <set>

#include "base/printable.hpp"
#include "diagnose/rules_target.hpp"

namespace hpawalk::diagnose {

const Cause cause::selector_catches_others = {
    .id = "selector-catches-others",
    .link = Link::target,
    .symptom = "The average is wrong",
    .reason = "The workload's selector also matches pods of other owners",
    .detection = "Owners of all pods that the selector matches",
    .fix = "Give each workload its own labels"};

const Cause cause::finished_pods = {
    .id = "finished-pods",
    .link = Link::target,
    .symptom = "The replicas stay at one number, or missing request for cpu",
    .reason = "The workload's selector also matches pods that have ended, such as those of a Job",
    .detection = "The phase and the owners of all pods that the selector matches",
    .fix = "Delete them, and give the Job ttlSecondsAfterFinished or its own labels"};

const Cause cause::pods_not_created = {
    .id = "pods-not-created",
    .link = Link::target,
    .symptom = "More replicas are desired than pods exist",
    .reason = "A quota, an admission webhook or a policy refuses the workload's new pods",
    .detection = "The condition ReplicaFailure of the workload or its ReplicaSets",
    .fix = "Raise the quota, or lower maxReplicas"};

const Cause cause::pods_not_scheduled = {.id = "pods-not-scheduled",
                                         .link = Link::target,
                                         .symptom = "The replicas rise, and the load stays high",
                                         .reason = "The scheduler finds no node for the workload's pods",
                                         .detection = "The pods' condition PodScheduled",
                                         .fix = "Add a node, or lower the pods' requests"};

bool averaged_over_pods(const MetricNeed& need) {
  return need.type == "Pods" || need.resource_metric();
}

std::string other_owner(const Context& c, const Json& pod) {
  static const std::set<std::string> known = {"Deployment", "StatefulSet", "ReplicaSet"};
  std::string owner = owner_of(c.facts, pod);
  bool own = owner == c.hpa.target_text();
  // Pods of another kind can have an owner in between, but no Job.
  bool telling = known.contains(c.hpa.target_kind) || owner.starts_with("Job ");
  return own || !telling ? "" : owner;
}

namespace {

using Pods = std::vector<const Json*>;

template <class Is>
Pods those(const Pods& pods, Is is) {
  Pods some;
  std::copy_if(pods.begin(), pods.end(), std::back_inserter(some), [&](const Json* pod) { return is(*pod); });
  return some;
}

bool deleted(const Json& pod) {
  return !at(pod, "metadata.deletionTimestamp").is_null();
}

std::string names_of(const Pods& pods) {
  std::vector<std::string> names;
  for (const Json* pod : pods) names.push_back(name_of(*pod));
  return std::string(shortened(text::join(names, ", "), 300));
}

// "Job migrate", "Deployment web, StatefulSet cache"
std::string whose(const Context& c, const Pods& pods) {
  std::set<std::string> owners;
  for (const Json* pod : pods) {
    std::string owner = owner_of(c.facts, *pod);
    owners.insert(owner.empty() ? "an unknown owner" : owner);
  }
  return text::join({owners.begin(), owners.end()}, ", ");
}

std::string selector_of(const TargetSide& s) {
  return fmt::format("{}: spec.selector {}", s.ref, selector_text(s.c.hpa.pod_selector));
}

Fix delete_finished(const TargetSide& s, const Pods& pods) {
  constexpr size_t most = 20;  // more are not for a command line
  std::string says = "Delete the pods that have ended";
  if (has(whose(s.c, pods), "Job "))
    says +=
        ". To keep the next ones out, give the Job ttlSecondsAfterFinished, or its pods labels that the "
        "selector does not match";
  std::vector<std::string> names;
  for (const Json* pod : pods) names.push_back(name_of(*pod));
  std::optional<Fix> fix;
  if (pods.size() <= most)
    fix = remove({"pod", s.c.hpa.space, names.front()}, says, "their logs are lost",
                 {names.begin() + 1, names.end()});
  return fix.value_or(advice(says, look_for("pods", s.c.hpa.space)));
}

void other_pods(const TargetSide& s) {
  Pods others =
      those(s.c.hpa.pods, [&](const Json& pod) { return !has_ended(pod) && !other_owner(s.c, pod).empty(); });
  if (!others.empty()) report_other_pods(s, others, "and the HPA counts them too");
}

// The controller leaves out pods that failed or are being deleted, and misses the metric of those that
// succeeded.
void succeeded_pods(const TargetSide& s) {
  if (!averaged_over_pods(s.c.need)) return;
  Pods pods = those(s.c.hpa.pods, [](const Json& pod) {
    return text_at(pod, "status.phase") == "Succeeded" && !deleted(pod);
  });
  if (pods.empty()) return;
  s.report.broken(
      cause::finished_pods,
      fmt::format("The selector of {} also matches {} of {}, and the HPA counts each as a pod without a "
                  "metric: as {} "
                  "when it scales down, as 0 when it scales up",
                  s.ref, text::count(pods.size(), "Succeeded pod"), whose(s.c, pods),
                  s.c.need.target_type == "Utilization" ? "all of its request" : "exactly the target"),
      {selector_of(s), "phase Succeeded: " + names_of(pods)}, delete_finished(s, pods));
}

struct Refusal {
  std::string why, source;  // empty: none is known
};

// By a condition of the target or of a ReplicaSet that it owns.
Refusal refused_by_condition(const TargetSide& s) {
  const std::string source = "condition ReplicaFailure";
  if (std::string why = why_refused(*s.c.hpa.target); !why.empty()) return {why, source};
  for (const Json* set : s.c.facts.items("replicasets", s.c.hpa.space)) {
    for (const Json& owner : list_at(*set, "metadata.ownerReferences")) {
      bool own =
          text_at(owner, "kind") == s.c.hpa.target_kind && text_at(owner, "name") == s.c.hpa.target_name;
      if (own && !why_refused(*set).empty())
        return {why_refused(*set), fmt::format("ReplicaSet {}: {}", name_of(*set), source)};
    }
  }
  return {};
}

// A StatefulSet has no such condition. It creates the next pod only if those before are ready.
Refusal refused_by_event(const TargetSide& s, const Pods& pods) {
  if (!std::all_of(pods.begin(), pods.end(), [](const Json* pod) { return pod_ready(*pod); })) return {};
  const Json* last = nullptr;
  for (const Json* event : s.c.facts.items(failed_creates, s.c.hpa.space)) {
    bool own = text_at(*event, "involvedObject.kind") == s.c.hpa.target_kind &&
               text_at(*event, "involvedObject.name") == s.c.hpa.target_name;
    if (own && (last == nullptr || text_at(*event, "lastTimestamp") >= text_at(*last, "lastTimestamp")))
      last = event;
  }
  if (last == nullptr) return {};
  return {text_at(*last, "message"),
          "Event FailedCreate at " + text_at(*last, "lastTimestamp", "an unknown time")};
}

void not_created(const TargetSide& s, const Pods& pods) {
  auto desired = static_cast<size_t>(std::max(0LL, int_at(*s.c.hpa.target, "spec.replicas", 1)));
  if (pods.size() >= desired) return;
  Refusal refusal = refused_by_condition(s);
  Certainty certainty = refusal.why.empty() ? Certainty::likely : Certainty::certain;
  if (refusal.why.empty()) refusal = refused_by_event(s, pods);
  if (refusal.why.empty()) return;
  std::string exist =
      pods.empty() ? "none exists" : fmt::format("only {} exist{}", pods.size(), pods.size() == 1 ? "s" : "");
  bool quota = has(refusal.why, "exceeded quota");
  s.report.broken(
      cause::pods_not_created,
      fmt::format("{} desires {}, and {}: {}", s.ref, text::count(desired, "pod"), exist, refusal.why),
      {fmt::format("{}: spec.replicas {}; {}: {}", s.ref, desired, refusal.source, refusal.why)},
      advice(fmt::format("{}. Its controller tries again after a pause, which grows to minutes",
                         quota ? "Raise the quota, or lower spec.maxReplicas to what the quota allows"
                               : "Change what refuses the pods: see the message"),
             quota ? look_for("resourcequota", s.c.hpa.space) : look_at("describe", target_ref(s.c))),
      certainty);
}

void not_scheduled(const TargetSide& s, const Pods& pods) {
  Pods waiting = those(pods, [](const Json& pod) { return !why_no_node(pod).empty(); });
  if (waiting.empty()) return;
  std::vector<std::string> evidence = without_node(waiting);
  constexpr size_t most = 3;
  if (evidence.size() > most) evidence.resize(most);
  s.report.broken(
      cause::pods_not_scheduled,
      fmt::format("{} of {} of {} {} no node: {}", waiting.size(), text::count(pods.size(), "pod"), s.ref,
                  waiting.size() == 1 ? "has" : "have", shortened(why_no_node(*waiting.front()), 300)),
      evidence, give_node(*waiting.front()));
}

}  // namespace

void report_other_pods(const TargetSide& s, const Pods& pods, const std::string& effect) {
  bool ended = std::all_of(pods.begin(), pods.end(), [](const Json* pod) { return has_ended(*pod); });
  s.report.broken(
      ended ? cause::finished_pods : cause::selector_catches_others,
      fmt::format("The selector of {} also matches {} of {}, {}", s.ref,
                  text::count(pods.size(), ended ? "finished pod" : "pod"), whose(s.c, pods), effect),
      {selector_of(s), "pods of other owners: " + names_of(pods)},
      ended ? delete_finished(s, pods)
            : advice("Give each workload its own labels (a Deployment's selector is immutable: delete it and "
                     "create it again)"));
}

void judge_pods(const TargetSide& s) {
  if (!s.report.has(cause::selector_catches_others)) other_pods(s);
  if (!s.report.has(cause::finished_pods)) succeeded_pods(s);
  Pods living = those(s.c.hpa.pods, [](const Json& pod) { return !has_ended(pod) && !deleted(pod); });
  not_created(s, living);
  not_scheduled(s, living);
}

}  // namespace hpawalk::diagnose
