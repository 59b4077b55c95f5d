// The workload that the HPA scales: is it there, are its pods its own, and is one ready?
#include "diagnose/rules_target.hpp"

#include <algorithm>
#include <iterator>

#include "diagnose/collect.hpp"
#include "diagnose/rules_keda.hpp"

namespace hpawalk::diagnose {

const Cause cause::target_missing = {
    .id = "target-missing",
    .link = Link::target,
    .symptom = "FailedGetScale",
    .reason = "The scale target does not exist",
    .detection = "scaleTargetRef against the workloads; the closest name is suggested",
    .fix = "Correct the name"};

const Cause cause::no_scale_subresource = {
    .id = "no-scale-subresource",
    .link = Link::target,
    .symptom = "FailedGetScale: the server could not find the requested resource",
    .reason = "The scale target is of a kind whose CustomResourceDefinition has no scale subresource",
    .detection = "The object is found, its scale is not",
    .fix = "Add subresources.scale to the definition"};

const Cause cause::scale_unreadable = {
    .id = "scale-unreadable",
    .link = Link::target,
    .symptom = "FailedGetScale, although the workload exists",
    .reason = "The controller is forbidden to read the scale of the workload, or receives an error",
    .detection = "The condition AbleToScale, where no reading contradicts it",
    .fix = "Bind a role, or as the message says"};

const Cause cause::no_ready_pod = {.id = "no-ready-pod",
                                   .link = Link::target,
                                   .symptom = "The recommendation is 0",
                                   .reason = "No pod of the workload is ready",
                                   .detection = "Ready conditions",
                                   .fix = "Use AverageValue, or fix the readiness probe"};

namespace {

Fix other_target(const TargetSide& s, const std::optional<std::string>& near) {
  std::optional<Fix> fix;
  if (near)
    fix = merge_patch(ref_of("hpa", *s.c.hpa.object), *s.c.hpa.object,
                      {{"spec", {{"scaleTargetRef", {{"name", *near}}}}}},
                      fmt::format("Make the HPA scale {} {}", s.c.hpa.target_kind, *near));
  return fix.value_or(advice("Create it, or correct its name in spec.scaleTargetRef",
                             look_for(target_ref(s.c).resource, s.c.hpa.space)));
}

Fix let_scale(const TargetSide& s, const std::string& user) {
  const ServedKind& place = s.c.hpa.scaled.place;
  std::string says = "Allow the HPA controller to scale " + place.resource;
  if (!user.empty() && user != hpa_controller_user) return advice(says + ": it is " + user + " here");
  std::string name = "hpa-scales-" + place.resource;
  Json rule = {{"apiGroups", Json::array({place.group})},
               {"resources", Json::array({place.resource + "/scale"})},
               {"verbs", Json::array({"get", "update"})}};
  return let_hpa_controller(name, rule, says);
}

// The object itself, where its scale is not found.
const Reading* without_its_scale(const TargetSide& s) {
  return s.c.facts.find(scaled_key(s.c.hpa.space, s.c.hpa.scaled.place.resource, s.c.hpa.target_name));
}

// The object is there all the same: it is its kind that has no scale.
bool without_scale(const TargetSide& s) {
  const ServedKind& place = s.c.hpa.scaled.place;
  const Reading* itself = without_its_scale(s);
  if (itself == nullptr || !itself->read()) return false;
  std::string definition = place.resource + "." + place.group;
  s.report.broken(
      cause::no_scale_subresource,
      fmt::format("{} exists, but its kind has no scale subresource, so no HPA can scale it", s.ref),
      {seen(*itself, "found"), seen(*s.c.hpa.target_reading, "not found")},
      advice_with(
          fmt::format("Add the subresource to each served version of CustomResourceDefinition {}, or scale "
                      "the workload behind {}. With the paths of its own fields, for example",
                      definition, s.ref),
          {{"scale",
            {{"specReplicasPath", ".spec.replicas"},
             {"statusReplicasPath", ".status.replicas"},
             {"labelSelectorPath", ".status.selector"}}}},
          look_at("get", {"crd", "", definition})));
  return true;
}

void no_target(const TargetSide& s) {
  if (without_scale(s)) return;
  const Reading* reading = s.c.hpa.target_reading;
  const Json& able = condition(*s.c.hpa.object, "AbleToScale");
  std::string said = text_at(able, "status") == "False" ? text_at(able, "message") : "";
  bool unread = reading == nullptr || reading->refused();
  if (unread && !has(said, "not found")) {
    s.report.set(Link::target, Mark::unknown, s.ref + ": " + why_unread(reading));
    return;
  }
  std::vector<std::string> names;
  for (const Json* object : s.c.facts.items(s.c.hpa.scaled.place.resource, s.c.hpa.space))
    names.push_back(name_of(*object));
  std::optional<std::string> near = text::nearest(s.c.hpa.target_name, names);
  std::vector<std::string> evidence;
  if (!said.empty())
    evidence.push_back(fmt::format("HPA {}/{}: AbleToScale is False: {}", s.c.hpa.space, s.c.hpa.name, said));
  if (reading != nullptr && !reading->path.empty())
    evidence.push_back(seen(*reading, "no " + s.c.hpa.target_name));
  const Reading* itself = without_its_scale(s);
  s.report.broken(
      cause::target_missing,
      fmt::format("{} not found in namespace {}{}", s.ref, s.c.hpa.space, near ? "; there is " + *near : ""),
      evidence, other_target(s, near),
      itself != nullptr && itself->refused() ? Certainty::likely : Certainty::certain);
}

// The controller reads the scale first: without it, it does nothing else.
void scale_unread(const TargetSide& s) {
  const Json& able = condition(*s.c.hpa.object, "AbleToScale");
  std::string said = text_at(able, "message");
  std::string sentence = fmt::format("The controller cannot read the scale of {}", s.ref);
  std::vector<std::string> evidence = {
      fmt::format("HPA {}: AbleToScale is False: FailedGetScale: {}", full_name(*s.c.hpa.object), said)};
  if (has(said, "not found") || has(said, "no matches for kind")) {  // it is there now
    s.report.set(Link::hpa, Mark::note,
                 "the last sync could not read the scale; the scale target is there now");
    s.report.note(cause::waiting_for_sync, s.ref + " is available now; the HPA has not synced since",
                  evidence,
                  advice("Wait for the next sync", look_at("describe", ref_of("hpa", *s.c.hpa.object))));
    return;
  }
  bool forbidden = has(said, "forbidden");
  s.report.broken(
      cause::scale_unreadable, forbidden ? sentence + ": forbidden" : sentence + ": " + said, evidence,
      forbidden ? let_scale(s, forbidden_user(said))
                : advice("Fix the problem that the message names", look_at("get", target_ref(s.c))),
      forbidden ? Certainty::certain : Certainty::likely);
}

bool same_target(const Hpa& one, const Hpa& other) {
  return one.target_kind == other.target_kind && one.target_name == other.target_name;
}

// Another HPA scales the same workload.
bool shared_target(const TargetSide& s) {
  if (s.report.has(cause::keda_hpa_not_taken_over)) return true;
  if (const Hpa* other = not_taken_over(s.c)) {
    judge_not_taken_over(s.c, s.report, *other, {});
    return true;
  }
  for (const Hpa& other : s.c.hpas) {
    if (without_hpa(*other.object)) continue;
    if (other.space != s.c.hpa.space || other.name == s.c.hpa.name || !same_target(other, s.c.hpa)) continue;
    s.report.broken(
        cause::ambiguous_selector,
        fmt::format("HPA {} scales the same {}; the controller scales neither", other.name, s.ref),
        {fmt::format("HPA {}/{} and HPA {}/{}: scaleTargetRef {}", s.c.hpa.space, s.c.hpa.name, other.space,
                     other.name, s.ref)},
        advice("Merge the metrics into one HPA (spec.metrics is a list) and delete the other",
               look_for("hpa", s.c.hpa.space)));
    return true;
  }
  return false;
}

// A pod of this workload that the other HPA's workload has too.
const Json* shared_pod(const Hpa& one, const Hpa& other) {
  for (const Json* pod : other.pods) {
    if (std::find(one.pods.begin(), one.pods.end(), pod) != one.pods.end()) return pod;
  }
  return nullptr;
}

// Different workloads whose selectors catch the same pods.
void shared_pods(const TargetSide& s) {
  for (const Hpa& other : s.c.hpas) {
    if (other.space != s.c.hpa.space || other.name == s.c.hpa.name) continue;
    const Json* pod = shared_pod(s.c.hpa, other);
    if (pod == nullptr) continue;
    s.report.broken(
        cause::ambiguous_selector,
        fmt::format("HPA {} (of {} {}) and this HPA select the same pod {} (AmbiguousSelector); the "
                    "controller scales neither",
                    other.name, other.target_kind, other.target_name, name_of(*pod)),
        {fmt::format("{}: selector {}", s.ref, selector_text(s.c.hpa.pod_selector)),
         fmt::format("{} {}: selector {}", other.target_kind, other.target_name,
                     selector_text(other.pod_selector))},
        advice("Give each workload its own labels (a selector is immutable: create the Deployment again)"));
    return;
  }
}

// What is to be done about these, of which none is ready.
Fix make_ready(const TargetSide& s, const std::vector<const Json*>& pods) {
  bool ran = std::any_of(pods.begin(), pods.end(),
                         [](const Json* pod) { return text_at(*pod, "status.phase") == "Running"; });
  std::string says = ran && start_trouble(s.c).empty() ? "Make its pods ready (see the readiness probe)"
                                                       : "Fix the problem that keeps its pods from starting";
  if (s.c.need.target_type == "Value") says += ", or use AverageValue, which does not need ready pods";
  return advice(says, pods.empty() ? look_at("describe", target_ref(s.c))
                                   : look_at("describe", ref_of("pod", *pods.front())));
}

void no_ready_pod(const TargetSide& s) {
  std::vector<const Json*> startable;
  std::copy_if(s.c.hpa.pods.begin(), s.c.hpa.pods.end(), std::back_inserter(startable),
               [](const Json* pod) { return !has_ended(*pod) && why_no_node(*pod).empty(); });
  bool explained = s.report.has(cause::pods_not_created) || s.report.has(cause::pods_not_scheduled);
  if (s.report.has(cause::rollout_failed) || (startable.empty() && explained)) return;
  std::vector<std::string> evidence = {
      fmt::format("{}, none ready", text::count(s.c.hpa.pods.size(), "pod"))};
  if (std::string trouble = start_trouble(s.c); !trouble.empty()) evidence.push_back(trouble);
  const std::string what = s.ref + " has no ready pod: ";
  Fix fix = make_ready(s, startable);
  if (s.c.need.target_type == "Value")
    s.report.broken(cause::no_ready_pod,
                    what + "with a Value target, the recommendation is ratio x ready pods, which is 0",
                    evidence, fix);
  else if (averaged_over_pods(s.c.need))
    s.report.broken(cause::no_ready_pod, what + "so there is no average", evidence, fix);
  else
    s.report.note(cause::no_ready_pod, what + "the recommendation for an AverageValue does not need one",
                  evidence, fix);
}

}  // namespace

void judge_target(const Context& c, Report& report) {
  const TargetSide s{c, report, c.hpa.target_text()};
  if (target_kind_unserved(c, report)) return;
  if (c.hpa.target == nullptr) return no_target(s);
  size_t ready = static_cast<size_t>(
      std::count_if(c.hpa.pods.begin(), c.hpa.pods.end(), [](const Json* p) { return pod_ready(*p); }));
  report.set(Link::target, Mark::ok,
             fmt::format("{}: {} of {} ready", s.ref, ready, text::count(c.hpa.pods.size(), "pod")));
  if (scale_failed(*c.hpa.object)) scale_unread(s);
  const Reading* pods = c.facts.listing("pods", c.hpa.space);
  if (pods == nullptr || pods->refused()) {
    report.set(Link::target, Mark::unknown, s.ref + "; " + why_unread(pods));
    return;
  }
  if (!report.has(cause::ambiguous_selector) && !shared_target(s)) shared_pods(s);
  if (!c.hpa.pod_selector.is_object()) {
    report.set(Link::target, Mark::unknown, s.ref + ": unknown which pods belong to it");
    return;
  }
  judge_pods(s);
  judge_rollout(s);
  if (ready == 0 && int_at(*c.hpa.target, "spec.replicas", 1) > 0) no_ready_pod(s);
  judge_resets(s);
}

}  // namespace hpawalk::diagnose
