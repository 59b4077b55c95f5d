// A ScaledObject and its HPA: none, another's, and settings that do something else than they seem to.
//
// Source: KEDA 2.21, controllers/keda/hpa.go, pkg/scaling/executor/scale_scaledobjects.go (the cooldown),
// apis/keda/v1alpha1/scaledobject_types.go (IsPollingIntervalRelevant).
#include <algorithm>

#include "diagnose/collect.hpp"
#include "diagnose/rules_keda.hpp"

namespace hpawalk::diagnose {

const Cause cause::keda_no_hpa = {
    .id = "keda-no-hpa",
    .link = Link::adapter,
    .symptom = "A ScaledObject without conditions, and nothing scales",
    .reason =
        "KEDA has not looked at the ScaledObject: its operator watches another namespace, or does not run",
    .detection = "The ScaledObject has neither an HPA nor a condition",
    .fix = "The operator's log; its variable WATCH_NAMESPACE"};

const Cause cause::keda_one_trigger_fails = {
    .id = "keda-one-trigger-fails",
    .link = Link::adapter,
    .symptom = "Ready is Unknown: Some triggers defined in ScaledObject are not working correctly",
    .reason = "One of several triggers fails. The HPA still scales up by the others, and does not scale down",
    .detection = "The ScaledObject's condition, and what the metrics API serves for each trigger",
    .fix = "Repair the trigger that fails",
    .also_when_served = true};

const Cause cause::keda_intervals = {
    .id = "keda-intervals",
    .link = Link::adapter,
    .symptom = "pollingInterval or cooldownPeriod seems to have no effect",
    .reason =
        "cooldownPeriod counts only for the last step, to 0 or to idleReplicaCount; pollingInterval only "
        "while "
        "KEDA itself decides (at 0, idle) or with useCachedMetrics. Otherwise the HPA asks at each of its "
        "syncs, and its behavior decides how fast it scales down",
    .detection = "The ScaledObject's numbers",
    .fix = "behavior of the HPA (advanced.horizontalPodAutoscalerConfig.behavior)",
    .also_when_served = true};

const Cause cause::keda_hpa_not_taken_over = {
    .id = "keda-hpa-not-taken-over",
    .link = Link::hpa,
    .symptom = "AmbiguousSelector, or KEDA refuses the ScaledObject: already managed by the hpa",
    .reason = "An HPA that is not KEDA's scales the workload of a ScaledObject",
    .detection = "scaleTargetRef of the HPAs and ScaledObjects; which HPA's metric is a ScaledObject's",
    .fix =
        "Let KEDA take the HPA over: its name in advanced.horizontalPodAutoscalerConfig.name and the "
        "annotation "
        "scaledobject.keda.sh/transfer-hpa-ownership; or delete it"};

namespace {

bool made_by_keda(const Hpa& hpa) {
  return std::any_of(hpa.needs.begin(), hpa.needs.end(),
                     [](const MetricNeed& need) { return !scaled_object_name(need).empty(); });
}

bool scales(const Json& scaled_object, const Hpa& hpa) {
  return space_of(scaled_object) == hpa.space &&
         text_at(scaled_object, "spec.scaleTargetRef.kind", "Deployment") == hpa.target_kind &&
         text_at(scaled_object, "spec.scaleTargetRef.name") == hpa.target_name;
}

Fix take_over(const Json& scaled_object, const std::string& hpa) {
  return look_at_scaled_object(
      scaled_object,
      fmt::format("Let KEDA take over HPA {0}: set advanced.horizontalPodAutoscalerConfig.name: {0} and the "
                  "annotation scaledobject.keda.sh/transfer-hpa-ownership: \"true\"; or delete HPA {0}",
                  hpa));
}

std::string seconds_of(const Json& object, std::string_view field, long long without) {
  return fmt::format("{}s", int_at(object, field, without));
}

// A trigger whose values the HPA gets from KEDA's memory.
bool cached(const Json& scaled_object) {
  const Json& triggers = list_at(scaled_object, "spec.triggers");
  return std::any_of(triggers.begin(), triggers.end(),
                     [](const Json& trigger) { return at(trigger, "useCachedMetrics") == true; });
}

}  // namespace

bool judge_without_hpa(const Context& c, Report& report) {
  if (!without_hpa(*c.hpa.object)) return false;
  for (Link link : all_links) report.set(link, Mark::not_applicable, "KEDA has created no HPA");
  const Json* object = scaled_object_of(c.facts, c.hpa);
  if (object == nullptr) return true;
  report.set(Link::adapter, Mark::ok, scaled_object_title(*object));
  judge_operator(c, report);
  const Json& ready = condition(*object, "Ready");
  if (text_at(condition(*object, "Paused"), "status") == "True") {
    judge_conditions(c, *object, report);
    report.set(Link::hpa, Mark::note, "KEDA has removed the HPA, because the ScaledObject is paused");
    return true;
  }
  if (report.broken_before(Link::api_service)) return true;
  if (std::optional<Said> said = said_by_keda(c, *object)) {
    if (!judge_login(c, report, *object, said)) judge_said(report, *object, *said);
  }
  if (!report.broken_before(Link::api_service)) judge_conditions(c, *object, report);
  if (!report.broken_before(Link::api_service) && text_at(ready, "status") != "True") {
    report.broken(
        cause::keda_no_hpa,
        fmt::format("KEDA has created no HPA of ScaledObject {}, and says nothing about it",
                    name_of(*object)),
        {fmt::format("{}: status {}", scaled_object_title(*object),
                     ready.is_null() ? "has no condition Ready" : "of Ready is Unknown"),
         fmt::format("HPA {}/{} not found", c.hpa.space, c.hpa.name)},
        advice("See whether KEDA's operator watches this namespace (WATCH_NAMESPACE), and what its log "
               "says",
               look_for("pods", c.adapter.space)),
        Certainty::likely);
  }
  if (!report.broken_before(Link::api_service))
    report.set(Link::hpa, Mark::unknown, "KEDA accepts the ScaledObject; its HPA was not there yet");
  return true;
}

void judge_one_of_several(const Context& c, Report& report, const Json& scaled_object,
                          std::vector<std::string> evidence) {
  std::vector<std::string> failing;
  for (const MetricNeed& other : c.hpa.needs) {
    const Reading* probe = other.external()
                               ? c.facts.find(value_key(metric_path(c.hpa, other, version_of(c.adapter))))
                               : nullptr;
    if (probe == nullptr || probe->read() || says_nothing(*probe)) continue;
    failing.push_back(other.metric);
    evidence.push_back(seen(*probe, probe->error));
  }
  const std::string which = failing.empty() ? "Some triggers" : text::join(failing, " and ");
  report.broken(
      cause::keda_one_trigger_fails,
      fmt::format("{} of ScaledObject {} {}, and this one works: the HPA still scales up by it, and does "
                  "not scale down",
                  which, name_of(scaled_object), failing.size() == 1 ? "fails" : "fail"),
      std::move(evidence),
      look_at_scaled_object(scaled_object, "Repair the trigger that fails; its own check says why"));
}

void judge_intervals(Report& report, const Json& scaled_object) {
  const Json& spec = at(scaled_object, "spec");
  const long long least = int_at(spec, "minReplicaCount");
  const bool keda_decides = least == 0 || !at(spec, "idleReplicaCount").is_null();
  const std::string title = scaled_object_title(scaled_object);
  constexpr long long own_polling = 30, own_cooldown = 300, late = 60;
  if (!keda_decides && int_at(spec, "cooldownPeriod", own_cooldown) != own_cooldown) {
    const std::string period = seconds_of(spec, "cooldownPeriod", own_cooldown);
    report.note(cause::keda_intervals,
                fmt::format("cooldownPeriod {} has no effect: it counts only for the step to 0 or to "
                            "idleReplicaCount, and minReplicaCount is {}",
                            period, least),
                {fmt::format("{}: cooldownPeriod {}, minReplicaCount {}", title, period, least)},
                look_at_scaled_object(scaled_object,
                                      "To scale down more slowly, set advanced.horizontalPodAutoscalerConfig."
                                      "behavior.scaleDown.stabilizationWindowSeconds"));
  }
  const std::string polling = seconds_of(spec, "pollingInterval", own_polling);
  if (!keda_decides && !cached(scaled_object) &&
      int_at(spec, "pollingInterval", own_polling) != own_polling) {
    report.note(
        cause::keda_intervals,
        fmt::format("pollingInterval {} has no effect: minReplicaCount is {}, so the HPA alone decides, and "
                    "at each of its syncs KEDA asks the source anew",
                    polling, least),
        {fmt::format("{}: pollingInterval {}, minReplicaCount {}, no useCachedMetrics", title, polling,
                     least)},
        look_at_scaled_object(scaled_object,
                              "To ask the source less often, set useCachedMetrics in the trigger"));
  }
  if (cached(scaled_object) && int_at(spec, "pollingInterval", own_polling) >= late) {
    report.note(
        cause::keda_intervals,
        fmt::format("The HPA sees values that are up to {} old: useCachedMetrics, and pollingInterval {}",
                    polling, polling),
        {fmt::format("{}: useCachedMetrics true, pollingInterval {}", title, polling)},
        look_at_scaled_object(scaled_object, "A shorter pollingInterval, or no useCachedMetrics"));
  }
}

const Hpa* not_taken_over(const Context& c) {
  for (const Hpa& other : c.hpas) {
    bool same = other.space == c.hpa.space && other.name != c.hpa.name &&
                other.target_kind == c.hpa.target_kind && other.target_name == c.hpa.target_name;
    if (same && !without_hpa(*other.object) && made_by_keda(other) != made_by_keda(c.hpa)) return &other;
  }
  return nullptr;
}

void judge_not_taken_over(const Context& c, Report& report, const Hpa& other,
                          std::vector<std::string> evidence) {
  const Hpa &keda = made_by_keda(c.hpa) ? c.hpa : other, &own = made_by_keda(c.hpa) ? other : c.hpa;
  const Json* object = scaled_object_of(c.facts, keda);
  evidence.push_back(
      fmt::format("HPA {0}/{1}, of a ScaledObject, and HPA {0}/{2}: scaleTargetRef is the same {3}",
                  c.hpa.space, keda.name, own.name, c.hpa.target_text()));
  report.broken(cause::keda_hpa_not_taken_over,
                fmt::format("HPA {} scales the same {} as KEDA's HPA {}, so the controller scales neither",
                            own.name, c.hpa.target_text(), keda.name),
                std::move(evidence),
                object == nullptr ? advice("Delete one of the two HPAs", look_for("hpa", c.hpa.space))
                                  : take_over(*object, own.name));
}

void judge_beside_keda(const Context& c, Report& report) {
  if (made_by_keda(c.hpa) || without_hpa(*c.hpa.object) || not_taken_over(c) != nullptr) return;
  for (const Json* object : c.facts.items("scaledobjects", c.hpa.space)) {
    const Json& ready = condition(*object, "Ready");
    const bool its_own = hpa_name_of(*object) == c.hpa.name;
    const Json& triggers = list_at(*object, "spec.triggers");
    const bool by_pods = std::all_of(triggers.begin(), triggers.end(), [](const Json& trigger) {
      return text_at(trigger, "type") == "cpu" || text_at(trigger, "type") == "memory";
    });
    // Of these, the HPA names no ScaledObject.
    if (!scales(*object, c.hpa) || (its_own && by_pods)) continue;
    if (ready.is_null() || text_at(ready, "status") == "True") continue;
    report.broken(
        cause::keda_hpa_not_taken_over,
        fmt::format("ScaledObject {} is to scale the same {}, and KEDA has not taken over this HPA: {}",
                    name_of(*object), c.hpa.target_text(), text_at(ready, "message")),
        {fmt::format("{}: Ready is {}: {}: {}", scaled_object_title(*object), text_at(ready, "status"),
                     text_at(ready, "reason"), text_at(ready, "message"))},
        take_over(*object, c.hpa.name), Certainty::likely);
    return;
  }
}

}  // namespace hpawalk::diagnose
