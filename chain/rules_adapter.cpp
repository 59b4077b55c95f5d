// The adapter: does it run, and which one is it? What it asks and what its rules do have files of their own.
#include <algorithm>

#include "chain/rules_adapter.hpp"

namespace hpawalk {
std::string where(const Context& c) {
  return "prometheus-adapter " + c.adapter.space + "/" + c.adapter.service_name;
}

std::string deployment(const Context& c) {
  for (const Json* pod : c.adapter.pods) {
    for (const Json& owner : list_at(*pod, "metadata.ownerReferences")) {
      std::string name = text_at(owner, "name");
      size_t dash = name.rfind('-');
      if (text_at(owner, "kind") == "ReplicaSet" && dash != std::string::npos) return name.substr(0, dash);
    }
  }
  return c.adapter.service_name;
}

std::string restart(const Context& c) {
  return fmt::format("kubectl rollout restart deployment -n {} {}", c.adapter.space, deployment(c));
}

std::string edit_rules(const Context& c) {
  return fmt::format("kubectl edit configmap {} -n {}\n{}", c.adapter.config_map, c.adapter.space,
                     restart(c));
}

std::string rule_place(const Context& c, const AdapterRule& rule) {
  return fmt::format("ConfigMap {}/{}, {}", c.adapter.space, c.adapter.config_map, rule.title());
}

namespace {

// KEDA names the ScaledObject in the metric's selector, and serves no other metrics.
bool asks_keda(const MetricNeed& need) {
  return !at(need.selector, std::vector<std::string>{"matchLabels", "scaledobject.keda.sh/name"}).is_null();
}

void keda(const Context& c, Report& report) {
  if (!asks_keda(c.need) && !c.hpa.name.starts_with("keda-hpa-")) {
    std::string who = c.adapter.space + "/" + c.adapter.service_name;
    std::vector<std::string> evidence = {
        fmt::format("{} is registered for Service {}", c.need.api_group(), who),
        fmt::format("HPA {}/{}: the metric's selector names no ScaledObject", c.hpa.space, c.hpa.name)};
    for (const std::string& pod : c.other_adapters()) evidence.push_back("another adapter runs: pod " + pod);
    report.broken(
        "two-adapters", Link::adapter,
        "The API group belongs to KEDA, which serves only the metrics of its ScaledObjects, and this HPA is "
        "none of theirs",
        evidence,
        "Let KEDA scale it (a ScaledObject with a prometheus trigger), or give the API group to the other "
        "adapter: only one can have it",
        c.works() ? Certainty::possible : Certainty::certain);
    return;
  }
  report.set(Link::adapter, Mark::note,
             "KEDA serves this metric; hpawalk looks no further than its ScaledObject");
  for (const Json* object : c.facts.items("scaledobjects", c.hpa.space)) {
    const Json& ready = condition(*object, "Ready");
    bool ours =
        "keda-hpa-" + name_of(*object) == c.hpa.name || text_at(*object, "status.hpaName") == c.hpa.name;
    if (!ours || text_at(ready, "status") != "False") continue;
    report.broken(
        "keda-scaledobject", Link::adapter,
        fmt::format("KEDA's ScaledObject {} is not Ready: {}", name_of(*object), text_at(ready, "message")),
        {fmt::format("ScaledObject {}: Ready is False: {}", full_name(*object), text_at(ready, "reason"))},
        fmt::format("kubectl describe scaledobject {} -n {}", name_of(*object), c.hpa.space));
  }
}

void config_invalid(const Context& c, Report& report, std::vector<std::string> evidence) {
  evidence.insert(evidence.begin(), fmt::format("ConfigMap {}/{}, {}", c.adapter.space, c.adapter.config_map,
                                                c.adapter.config_key));
  report.broken("adapter-config-invalid", Link::adapter, c.adapter.config_error, std::move(evidence),
                edit_rules(c));
}

bool pods_ready(const Context& c, Report& report) {
  const Reading* pods = c.facts.listing("pods", c.adapter.space);
  if (pods == nullptr || pods->refused()) {
    report.set(Link::adapter, Mark::unknown, why_unread(pods));
    return c.adapter.service != nullptr && !c.adapter.pods.empty();
  }
  const Reading* services = c.facts.listing("services", c.adapter.space);
  if (c.adapter.service == nullptr && (services == nullptr || services->refused())) {
    report.set(Link::adapter, Mark::unknown, why_unread(services));
    return false;
  }
  if (c.adapter.service == nullptr) {  // judge_api says so
    report.set(Link::adapter, Mark::broken,
               fmt::format("there is no Service {}/{}", c.adapter.space, c.adapter.service_name));
    return false;
  }
  if (std::any_of(c.adapter.pods.begin(), c.adapter.pods.end(), [](const Json* p) { return pod_ready(*p); }))
    return true;
  std::vector<std::string> evidence = {fmt::format("Service {}/{}: {}, none ready", c.adapter.space,
                                                   c.adapter.service_name,
                                                   plural_count(c.adapter.pods.size(), "pod"))};
  std::string why = c.adapter.pods.empty() ? "has no pods" : "has no ready pod";
  if (!c.adapter.pods.empty()) {
    for (const Json& s : list_at(*c.adapter.pods.front(), "status.containerStatuses")) {
      for (const char* state : {"state.waiting", "state.terminated", "lastState.terminated"}) {
        std::string reason = text_at(at(s, state), "reason");
        if (!reason.empty())
          evidence.push_back(fmt::format("pod {}: {} {}", name_of(*c.adapter.pods.front()), reason,
                                         text_at(at(s, state), "message")));
      }
    }
  }
  for (const std::string& line : c.log()) {
    if (line.starts_with('F') || has(line, "unable to") || has(line, "panic") || has(line, "is forbidden"))
      evidence.push_back("log: " + line);
  }
  if (evidence.size() > 6) evidence.erase(evidence.begin() + 2, evidence.end() - 4);
  if (!c.adapter.config_error.empty()) {
    config_invalid(c, report, std::move(evidence));
    return false;
  }
  std::string cause = "adapter-not-ready";
  for (const std::string& line : evidence) {
    if (has(line, "max age must not be less than relist interval")) {
      cause = "adapter-max-age";
      why = fmt::format("does not start: --metrics-max-age ({}) is below --metrics-relist-interval ({})",
                        text::duration(c.adapter.max_age.value_or(Duration(0))),
                        text::duration(c.adapter.relist.value_or(Duration(0))));
    }
  }
  std::string fix =
      c.adapter.pods.empty()
          ? fmt::format("kubectl get deployments -n {}; does the Service's selector {} match its pods?",
                        c.adapter.space, labels_text(at(*c.adapter.service, "spec.selector")))
          : fmt::format("kubectl logs -n {} {} --previous --tail 20", c.adapter.space,
                        name_of(*c.adapter.pods.front()));
  report.broken(cause, Link::adapter,
                fmt::format("The adapter behind {}/{} {}", c.adapter.space, c.adapter.service_name, why),
                evidence, fix);
  return cause == "adapter-not-ready" && !c.adapter.pods.empty();
}

void no_config(const Context& c, Report& report) {
  if (!c.adapter.config_error.empty()) return config_invalid(c, report, {});
  report.set(Link::adapter, Mark::unknown,
             c.adapter.config_map.empty()
                 ? "its rules are in no ConfigMap that hpawalk can find"
                 : "its rules could not be read: " + why_unread(c.adapter.config_reading));
}

}  // namespace

void judge_adapter(const Context& c, Report& report) {
  if (c.adapter.kind == AdapterKind::keda) return keda(c, report);
  if (c.adapter.service_name.empty()) {
    const Reading* registered = c.facts.find("apiservices");
    bool unseen = registered == nullptr || registered->refused();
    report.set(Link::adapter, Mark::unknown, unseen ? why_unread(registered) : "no adapter is registered");
    return;
  }
  if (!pods_ready(c, report)) return;
  if (c.adapter.kind == AdapterKind::other) {
    report.set(Link::adapter, Mark::note,
               "Service " + c.adapter.space + "/" + c.adapter.service_name +
                   ": an adapter that hpawalk does not know");
    return;
  }
  report.set(Link::adapter, Mark::ok, where(c));
  if (!judge_way_to_prometheus(c, report)) return;
  if (!c.adapter.config) return no_config(c, report);
  judge_listing(c, report);
  judge_naming(c, report);
  judge_ages(c, report);
  std::optional<Reading> probe = c.probe();
  bool served = probe && probe->read();  // some adapters list nothing and serve all the same
  bool whole = report.mark(Link::adapter) == Mark::ok && report.mark(Link::series) == Mark::ok;
  if (whole && c.registered() == false && !served) not_listed(c, report);
}

}  // namespace hpawalk
