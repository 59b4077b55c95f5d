// The HPA's own view: what its conditions say, where everything before it is whole.
#include "diagnose/rules_hpa.hpp"

#include <algorithm>

#include "base/printable.hpp"
#include "diagnose/collect.hpp"
#include "diagnose/rules_keda.hpp"

namespace hpawalk::diagnose {

const Cause cause::hpa_missing = {
    .id = "hpa-missing",
    .link = Link::hpa,
    .symptom = "Nothing scales, although the metric is there",
    .reason = "The HPA does not exist",
    .detection = "The list of HPAs of its namespace; seen by verify, which knows its name",
    .fix = "Create it"};

const Cause cause::hpa_forbidden = {.id = "hpa-forbidden",
                                    .link = Link::hpa,
                                    .symptom = "forbidden ... custom.metrics.k8s.io",
                                    .reason = "The HPA controller may not read the metrics API",
                                    .detection = "The condition, and a SubjectAccessReview as the controller",
                                    .fix = "Bind a reader role"};

const Cause cause::scaling_disabled = {.id = "scaling-disabled",
                                       .link = Link::hpa,
                                       .symptom = "ScalingDisabled",
                                       .reason = "The workload was scaled to 0 by hand, and not by the HPA",
                                       .detection = "The conditions ScalingActive and ScaledToZero",
                                       .fix = "Scale it to 1"};

const Cause cause::ambiguous_selector = {.id = "ambiguous-selector",
                                         .link = Link::hpa,
                                         .symptom = "AmbiguousSelector",
                                         .reason = "Two HPAs select the same pods",
                                         .detection = "Scale targets and selectors of all HPAs",
                                         .fix = "Merge them"};

const Cause cause::one_metric_blocks_scale_down = {
    .id = "one-metric-blocks-scale-down",
    .link = Link::hpa,
    .symptom = "It scales up, but never down",
    .reason = "One of several metrics fails, and then the HPA does not go down",
    .detection = "Every metric's chain by itself",
    .fix = "Repair or drop it"};

const Cause cause::waiting_for_sync = {
    .id = "waiting-for-sync",
    .link = Link::hpa,
    .symptom = "Everything is repaired, but the HPA still reports an error",
    .reason = "The controller syncs every 15s",
    .detection = "Its condition against the current chain",
    .fix = "Wait"};

const Cause cause::namespace_name_ignored = {
    .id = "namespace-name-ignored",
    .link = Link::hpa,
    .symptom = "The value is that of another namespace than the one in describedObject",
    .reason = "The HPA controller always asks for the HPA's own namespace",
    .detection = "describedObject.name against the HPA's namespace",
    .fix = "Name the HPA's namespace, or use type External"};

const Cause cause::target_selector = {.id = "target-selector",
                                      .link = Link::target,
                                      .symptom = "InvalidSelector",
                                      .reason = "The scale target has no usable pod selector",
                                      .detection = "The condition",
                                      .fix = "Correct the workload"};

long long whole_seconds(hpasim::Time time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time).count();
}

std::optional<hpasim::Proposal> HpaSide::proposal_of(const hpasim::MetricState& seen) const {
  if (!spec || c.need.index >= spec->metrics.size()) return std::nullopt;
  return hpasim::proposal_of(*spec, c.need.index, seen, state.current,
                             state.ready_pods.value_or(state.current), c.controller.rules,
                             c.controller.flags);
}

// What follows a value of the controller that could only be assumed.
std::string if_assumed(const Context& c) {
  return c.controller.seen ? ""
                           : " (assumed from Kubernetes' default: the controller's flags are not visible)";
}

// Where a flag's value is known from.
std::string flag_evidence(const Context& c, const std::string& flag, const std::string& value) {
  std::string name = "--horizontal-pod-autoscaler-" + flag;
  if (c.controller.seen) return fmt::format("kube-controller-manager's pod: {} is {}", name, value);
  const Reading* pods = c.facts.find(controller_key);
  return fmt::format("{} is assumed to be {}: {}", name, value,
                     pods != nullptr && pods->read()
                         ? "no pod of kube-controller-manager is visible in kube-system"
                         : why_unread(pods));
}

namespace {

std::string sync_period(const Context& c) {
  return fmt::format("{}s{}", whole_seconds(c.controller.flags.sync_period), if_assumed(c));
}

void ambiguous(const HpaSide& s, std::vector<std::string> evidence) {
  if (const Hpa* other = not_taken_over(s.c))
    return judge_not_taken_over(s.c, s.report, *other, std::move(evidence));
  std::vector<std::string> others;
  for (const Hpa& other : s.c.hpas) {
    if (other.space == s.c.hpa.space && other.name != s.c.hpa.name &&
        other.target_kind == s.c.hpa.target_kind && other.target_name == s.c.hpa.target_name)
      others.push_back(other.name);
  }
  std::string which = others.empty() ? "another HPA" : "HPA " + text::join(others, " and ");
  for (const std::string& other : others)
    evidence.push_back(fmt::format("HPA {}/{}: scaleTargetRef is the same {} {}", s.c.hpa.space, other,
                                   s.c.hpa.target_kind, s.c.hpa.target_name));
  s.report.broken(cause::ambiguous_selector,
                  fmt::format("{} scales the same pods, so the controller scales neither", which), evidence,
                  advice("Merge the metrics into one HPA (spec.metrics is a list) and delete the other",
                         look_for("hpa", s.c.hpa.space)));
}

// To as many as the HPA would have at least: with one replica it takes over.
Fix wake_target(const HpaSide& s) {
  std::string says = fmt::format("Scale {} up; the HPA then takes over", s.c.hpa.target_text());
  long long now = s.c.hpa.target == nullptr ? -1 : int_at(*s.c.hpa.target, "spec.replicas", -1);
  std::optional<Fix> up;
  if (now == 0) up = scale(target_ref(s.c), now, std::max(1LL, int_at(s.hpa, "spec.minReplicas", 1)), says);
  return up.value_or(advice(says, look_at("get", target_ref(s.c))));
}

Fix let_read(const std::string& group) {
  Json rule = rule_for(group, {"*"});
  rule["verbs"] = Json::array({"get", "list"});
  return let_hpa_controller("hpa-reads-" + group, rule, "Allow the HPA controller to read " + group);
}

// The controller itself was forbidden to read the metrics API: not the adapter, to do what an answer takes.
bool controller_forbidden(const std::string& message) {
  std::string user = forbidden_user(message);
  bool other = user.starts_with("system:serviceaccount:") && user != hpa_controller_user;
  return has(message, "forbidden") && !other;
}

void forbidden(const HpaSide& s, std::vector<std::string> evidence) {
  const Reading* answer = s.c.facts.find(may_key(hpa_question(s.c.need.api_group(), s.c.hpa.space)));
  if (answer != nullptr && answer->read() && answer->value == false)
    evidence.push_back("SubjectAccessReview: the HPA controller is forbidden to read " +
                       s.c.need.api_group());
  std::string group = s.c.need.api_group();
  s.report.broken(cause::hpa_forbidden, fmt::format("The HPA controller is forbidden to read {}", group),
                  evidence, let_read(group));
}

// Does what was read since refute what the condition says? A value refutes only that there was none.
bool refuted(const HpaSide& s, const std::string& message) {
  if (s.report.mark(Link::value) != Mark::ok) return false;
  if (has(message, "subjectaccessreviews")) return adapter_may_delegate(s.c) == true;
  if (has(message, "did not receive metrics for targeted pods")) return s.state.ready_pods.value_or(0) > 0;
  return quotes_metrics_api(message);
}

// The HPA complains, but everything before it is whole.
void nothing_before(const HpaSide& s, const std::string& reason, const std::string& message,
                    std::vector<std::string> evidence) {
  const Reading* answer = s.c.facts.find(may_key(hpa_question(s.c.need.api_group(), s.c.hpa.space)));
  if (answer != nullptr && answer->read() && answer->value == false && !s.c.need.resource_metric())
    return forbidden(s, std::move(evidence));
  // With several metrics the condition speaks of one: the others are judged by themselves.
  if (s.c.hpa.needs.size() > 1 && !has(message, s.c.need.metric)) {
    s.report.set(Link::hpa, Mark::ok, "the condition is about another metric");
    return;
  }
  if (reason.starts_with("FailedGet") && refuted(s, message)) {
    s.report.set(
        Link::hpa, Mark::note,
        fmt::format(
            "the last sync failed, but the metric is available now; the next sync, within {}, should succeed",
            sync_period(s.c)));
    s.report.note(cause::waiting_for_sync, "The metric is available again; the HPA has not synced since",
                  evidence, advice("Wait for the next sync", look_at("describe", ref_of("hpa", s.hpa))));
    return;
  }
  if (reason == "InvalidSelector") {
    s.report.broken(cause::target_selector, "The scale target has no usable pod selector", evidence,
                    advice("Make the workload's scale subresource report its pod selector (of a custom "
                           "resource: labelSelectorPath)",
                           look_at("get", target_ref(s.c))));
  }
}

// Of an HPA whose name is known, and that the list does not have.
void missing(const HpaSide& s) {
  const Reading* list = s.c.facts.listing("hpas", s.c.hpa.space);
  std::string evidence = "not in the list";
  s.report.broken(cause::hpa_missing,
                  fmt::format("HPA {} not found in namespace {}", s.c.hpa.name, s.c.hpa.space),
                  {list == nullptr ? evidence : seen(*list, evidence)},
                  advice("Create it; hpawalk up --only hpa creates the walkthrough's"));
  s.report.set(Link::hpa, Mark::broken, "the HPA does not exist");
}

void other_namespace(const HpaSide& s) {
  if (s.c.need.object_kind != "Namespace") return;
  std::string field = fmt::format("spec.metrics[{}].object.describedObject.name", s.c.need.index);
  const Json& metrics = list_at(s.hpa, "spec.metrics");
  std::string named =
      s.c.need.index < metrics.size() ? text_at(metrics[s.c.need.index], "object.describedObject.name") : "";
  if (named.empty() || named == s.c.need.object_name) return;
  s.report.note(
      cause::namespace_name_ignored,
      fmt::format("The HPA controller ignores the name {} and reads {}: a metric of a Namespace is "
                  "always that of the HPA's own",
                  named, s.c.need.title()),
      {fmt::format("HPA {}: {} is {}", s.ref, field, named)},
      advice("For a metric of another namespace, use type External", look_at("get", ref_of("hpa", s.hpa))));
}

// Since Kubernetes 1.36, an HPA with minReplicas 0 scales up only what it has itself scaled to 0.
void scaling_disabled(const HpaSide& s, std::vector<std::string> evidence) {
  std::string sentence =
      fmt::format("{} was manually scaled to 0, which disables the HPA", s.c.hpa.target_text());
  if (may_scale_to_zero(s.c)) {
    const Json& own = condition(s.hpa, "ScaledToZero");
    sentence = fmt::format(
        "{} has 0 replicas, but not by the HPA, which scales up from 0 only what it has itself scaled to 0",
        s.c.hpa.target_text());
    evidence.push_back(fmt::format("HPA {}: spec.minReplicas is 0, and the condition ScaledToZero is {}",
                                   s.ref, text_at(own, "status", "not set")));
  }
  s.report.broken(cause::scaling_disabled, sentence, evidence, wake_target(s));
}

void not_active(const HpaSide& s, const Json& active) {
  std::string reason = text_at(active, "reason"), message = text_at(active, "message");
  if (reason == "ScalingDisabled" && idle_by_keda(s.c)) {
    s.report.set(Link::hpa, Mark::note,
                 "0 replicas: no trigger of the ScaledObject is active, so KEDA scaled to 0");
    return;
  }
  if (reason == "ScalingDisabled" && scaled_object_unread(s.c)) {
    s.report.set(Link::hpa, Mark::unknown, "0 replicas: whether KEDA scaled to 0 is unknown");
    return;
  }
  s.report.set(Link::hpa, Mark::broken, reason + ": " + std::string(shortened(message, 300)));
  std::vector<std::string> evidence = {
      fmt::format("HPA {}: ScalingActive is False: {}: {}", s.ref, reason, message)};
  if (reason == "ScalingDisabled") {
    scaling_disabled(s, std::move(evidence));
  } else if (reason == "AmbiguousSelector") {
    ambiguous(s, evidence);
  } else if (controller_forbidden(message)) {
    forbidden(s, evidence);
  } else if (!s.report.broken_before(Link::hpa)) {
    nothing_before(s, reason, message, evidence);
  }
}

}  // namespace

void judge_hpa(const Context& c, Report& report) {
  const Json& hpa = *c.hpa.object;
  HpaSide s{c,
            hpa,
            report,
            int_at(hpa, "status.currentReplicas"),
            c.hpa.space + "/" + c.hpa.name,
            hpasim::spec_of(hpa),
            hpasim::state_of(hpa)};
  if (!c.hpa.pods.empty()) {
    s.state.ready_pods = static_cast<int>(
        std::count_if(c.hpa.pods.begin(), c.hpa.pods.end(), [](const Json* pod) { return pod_ready(*pod); }));
  }
  if (assumed(hpa)) return missing(s);
  if (object_kind_unserved(c, report)) return;
  other_namespace(s);
  judge_beside_keda(c, report);
  const Json& active = condition(hpa, "ScalingActive");
  const Json& able = condition(hpa, "AbleToScale");
  if (able.is_null()) {
    report.set(Link::hpa, Mark::unknown,
               fmt::format("the controller has not synced it yet (it syncs every {})", sync_period(c)));
    return;
  }
  if (scale_failed(hpa)) {
    report.set(Link::hpa, Mark::unknown,
               "the controller cannot read the scale, so it does not read the metric");
    return;
  }
  std::string replicas =
      fmt::format("{} replicas, {} desired", s.replicas, int_at(hpa, "status.desiredReplicas"));
  if (text_at(active, "status") == "True") {
    Readiness seen = hpa_active(hpa);  // what keeps it from scaling is the target's link
    bool asleep = s.replicas == 0 && may_scale_to_zero(c);
    report.set(Link::hpa, Mark::ok, asleep ? asleep_text(c) : seen.ready ? seen.text : replicas);
    judge_numbers(s);
    judge_limits(s);
  } else if (active.is_null()) {  // above max or below min, or no scale: the metrics are not even looked at
    report.set(Link::hpa, text_at(able, "status") == "True" ? Mark::ok : Mark::broken, replicas);
    judge_limits(s);
  } else {
    not_active(s, active);
  }
}

void judge_together(const Hpa& hpa, std::vector<ChainDiagnosis>& chains) {
  if (chains.size() < 2) return;
  std::vector<std::string> broken;
  Certainty certainty = Certainty::certain;  // as certain as that the others are broken
  for (const ChainDiagnosis& chain : chains) {
    const Finding* first = chain.first_broken();
    if (first == nullptr || first->link >= Link::hpa) continue;
    broken.push_back(chain.metric);
    certainty = std::max(certainty, first->certainty);
  }
  if (broken.empty() || broken.size() == chains.size()) return;
  for (ChainDiagnosis& chain : chains) {
    if (std::find(broken.begin(), broken.end(), chain.metric) != broken.end()) continue;
    Report(chain).broken(
        cause::one_metric_blocks_scale_down,
        fmt::format("This metric works, but {} does not; the HPA does not scale down while one metric fails",
                    text::join(broken, " and ")),
        {fmt::format("HPA {}/{}: spec.metrics has {} entries; {} of them cannot be read", hpa.space, hpa.name,
                     chains.size(), broken.size())},
        advice("Repair the other metric (see its chain), or remove it from spec.metrics",
               look_at("get", ref_of("hpa", *hpa.object))),
        certainty);
  }
}

}  // namespace hpawalk::diagnose
