// KEDA serves the metrics of its ScaledObjects, and no others.
#include "diagnose/rules_adapter.hpp"

namespace hpawalk::diagnose {

const Cause cause::keda_scaledobject = {.id = "keda-scaledobject",
                                        .link = Link::adapter,
                                        .symptom = "A KEDA external metric fails",
                                        .reason = "Its ScaledObject is not Ready",
                                        .detection = "The ScaledObject's condition",
                                        .fix = "kubectl describe scaledobject"};

namespace {

// KEDA names the ScaledObject in the metric's selector.
bool asks_keda(const MetricNeed& need) {
  return !at(need.selector, std::vector<std::string>{"matchLabels", "scaledobject.keda.sh/name"}).is_null();
}

void not_for_keda(const Context& c, Report& report) {
  std::vector<std::string> evidence = {
      fmt::format("{} is registered for Service {}/{}", c.need.api_group(), c.adapter.space,
                  c.adapter.service_name),
      fmt::format("HPA {}/{}: the metric's selector names no ScaledObject", c.hpa.space, c.hpa.name)};
  for (const std::string& pod : c.other_adapters())
    evidence.push_back("another adapter is running: pod " + pod);
  report.broken(cause::two_adapters, Link::adapter,
                "The API group belongs to KEDA, which serves only the metrics of its ScaledObjects, and this "
                "HPA was not created by a ScaledObject",
                evidence,
                advice("Use KEDA to scale it (a ScaledObject with a prometheus trigger), or register the API "
                       "group for the other adapter: only one adapter can serve it"),
                c.works() ? Certainty::possible : Certainty::certain);
}

}  // namespace

void judge_keda(const Context& c, Report& report) {
  if (!asks_keda(c.need) && !c.hpa.name.starts_with("keda-hpa-")) return not_for_keda(c, report);
  report.set(Link::adapter, Mark::note, "KEDA serves this metric; hpawalk checks only its ScaledObject");
  for (const Json* object : c.facts.items("scaledobjects", c.hpa.space)) {
    const Json& ready = condition(*object, "Ready");
    bool ours =
        "keda-hpa-" + name_of(*object) == c.hpa.name || text_at(*object, "status.hpaName") == c.hpa.name;
    if (!ours || text_at(ready, "status") != "False") continue;
    report.broken(
        cause::keda_scaledobject,
        fmt::format("KEDA's ScaledObject {} is not Ready: {}", name_of(*object), text_at(ready, "message")),
        {fmt::format("ScaledObject {}: Ready is False: {}", full_name(*object), text_at(ready, "reason"))},
        advice("Fix its trigger, as the condition says",
               look_at("describe", ref_of("scaledobjects.keda.sh", *object))));
  }
}

}  // namespace hpawalk::diagnose
