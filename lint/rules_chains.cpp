// What diagnose's rules find in the facts. Of what is missing they speak for a whole cluster: here it counts
// only where the files show what was meant.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/text.hpp"
#include "diagnose/selector.hpp"
#include "lint/rules.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::lint {

using diagnose::Certainty;

namespace {

// Causes that say something about what runs, or about what the files need not hold.
const std::set<std::string_view>& of_clusters() {
  static const std::set<std::string_view> ids = {
      diagnose::cause::apiservice_missing.id,
      diagnose::cause::waiting_for_sync.id,
      diagnose::cause::operator_not_running.id,
      diagnose::cause::prometheus_not_ready.id,
      diagnose::cause::source_pods_not_ready.id,
      diagnose::cause::resource_metrics_empty.id,
      diagnose::cause::adapter_not_ready.id,
      diagnose::cause::no_ready_pod.id,
      diagnose::cause::target_not_discovered.id,
      diagnose::cause::dangling_apiservice.id,
      diagnose::cause::one_metric_blocks_scale_down.id,
      diagnose::cause::adapter_config_invalid.id,  // judge_adapter_rules says it with its line
      diagnose::cause::keda_server_address.id};    // judge_keda says it of every trigger
  return ids;
}

bool near_one(const Chains& chains, const std::string& list, const std::string& space,
              const std::string& name) {
  std::vector<std::string> names;
  for (const Json* object : chains.facts.items(list, space)) names.push_back(diagnose::name_of(*object));
  return text::nearest(name, names).has_value();
}

// Has a pod of the namespace all labels that the Service selects by, with other values?
bool pods_alike(const Chains& chains, const Json& service) {
  const Json& selector = at(service, "spec.selector");
  if (!selector.is_object() || selector.empty()) return false;
  for (const Json* pod : chains.facts.items("pods", diagnose::space_of(service))) {
    const Json& labels = at(*pod, "metadata.labels");
    bool all = std::all_of(selector.items().begin(), selector.items().end(), [&](const auto& entry) {
      return labels.is_object() && labels.contains(entry.key());
    });
    if (all) return true;
  }
  return false;
}

bool selects_something(const Chains& chains, const diagnose::Monitor& monitor) {
  const char* list = monitor.pods() ? "pods" : "services";
  const std::vector<const Json*> objects = chains.facts.items(list);
  return std::any_of(objects.begin(), objects.end(), [&](const Json* object) {
    return monitor.covers(diagnose::space_of(*object)) &&
           diagnose::matches(at(*monitor.object, "spec.selector"), at(*object, "metadata.labels"));
  });
}

// Do a monitor's labels, or all but its namespaces, speak for this object?
bool means(const diagnose::Monitor& monitor, const Json& object) {
  const Json &selector = at(*monitor.object, "spec.selector"), &labels = at(object, "metadata.labels");
  if (diagnose::matches(selector, labels)) return true;
  const Json& wanted = at(selector, "matchLabels");
  if (!monitor.covers(diagnose::space_of(object)) || !wanted.is_object() || !labels.is_object()) return false;
  return std::any_of(wanted.items().begin(), wanted.items().end(),
                     [&](const auto& entry) { return labels.contains(entry.key()); });
}

// A monitor that selects nothing in the files was meant for one of them.
bool monitor_astray(const Chains& chains, const diagnose::Hpa& hpa, const diagnose::MetricNeed& need) {
  std::vector<const Json*> objects;
  if (const Json* service = chains.facts.object("services", hpa.space, need.object_name))
    objects.push_back(service);
  if (need.type == "Pods") objects.insert(objects.end(), hpa.pods.begin(), hpa.pods.end());
  const diagnose::Group& group = chains.parts.groups.at(need.api_group());
  for (const diagnose::Monitor& monitor : diagnose::monitors_of(chains.facts, group.prometheus)) {
    if (!monitor.of->by_selector || selects_something(chains, monitor)) continue;
    for (const Json* object : objects) {
      if (means(monitor, *object)) return true;
    }
  }
  return false;
}

// How sure files make of what is missing; nothing: they need not hold it.
std::optional<Certainty> certainty_of(const Chains& chains, const diagnose::Hpa& hpa,
                                      const diagnose::MetricNeed& need, const diagnose::Finding& found) {
  namespace cause = diagnose::cause;
  if (of_clusters().contains(found.cause)) return std::nullopt;
  auto likely_if = [](bool meant) { return meant ? std::optional(Certainty::likely) : std::nullopt; };
  if (found.cause == cause::target_missing.id)
    return likely_if(near_one(chains, hpa.scaled.place.resource, hpa.space, hpa.target_name));
  if (found.cause == cause::object_missing.id)
    return likely_if(near_one(chains, need.resource.resource, hpa.space, need.object_name));
  if (found.cause == cause::service_selects_no_pod.id) {
    const Json* service = chains.facts.object("services", hpa.space, need.object_name);
    return likely_if(service != nullptr && pods_alike(chains, *service));
  }
  if (found.cause == cause::monitor_selects_no_service.id)
    return likely_if(monitor_astray(chains, hpa, need));
  if (found.cause == cause::adapter_prometheus_url.id) {
    const diagnose::Group& group = chains.parts.groups.at(need.api_group());
    bool known = group.prometheus.service != nullptr || !group.adapter.url_in_cluster;
    return known ? std::optional(found.certainty) : likely_if(!chains.facts.items("prometheuses").empty());
  }
  return found.certainty;
}

// "servicemonitor", "deployments.apps" as kubectl takes it: "ServiceMonitor".
std::string kind_of(std::string resource) {
  resource = resource.substr(0, resource.find('.'));
  if (resource == "hpa") return "HorizontalPodAutoscaler";
  for (const world::KubeResource& known : world::kube_resources) {
    std::string kind(known.kind);
    std::transform(kind.begin(), kind.end(), kind.begin(), [](unsigned char c) { return std::tolower(c); });
    if (resource == kind || resource == known.plural) return std::string(known.kind);
  }
  return {};
}

// The object that is to be repaired: that of the fix, else the one that it says to look at, else the HPA.
const Object* repaired(const Chains& chains, const diagnose::Hpa& hpa, const diagnose::Fix& fix) {
  if (!fix.object.name.empty()) {
    if (const Object* found = chains.find(kind_of(fix.object.resource), fix.object.space, fix.object.name))
      return found;
  }
  const std::vector<std::string>& look = fix.look;  // kubectl VERB RESOURCE NAME -n NAMESPACE
  if (look.size() == 6) {
    if (const Object* found = chains.find(kind_of(look[2]), look[5], look[3])) return found;
  }
  return chains.autoscaler(hpa);
}

// The field that a patch changes: "spec.ports[0].targetPort".
std::string patched_field(const diagnose::Fix& fix) {
  std::string path;
  if (fix.patch_type == "json") {
    for (const Json& operation : fix.body) {
      if (text_at(operation, "op") == "test") continue;
      for (const std::string& step : text::split(text_at(operation, "path").substr(1), '/')) {
        bool index = !step.empty() && step.find_first_not_of("0123456789") == std::string::npos;
        path += index ? "[" + step + "]" : (path.empty() ? "" : ".") + step;
      }
      return path;
    }
  }
  const Json* body = &fix.body;
  while (fix.patch_type == "merge" && body->is_object() && body->size() == 1) {
    path += (path.empty() ? "" : ".") + body->begin().key();
    body = &body->begin().value();
  }
  return path;
}

std::string field_of(const Object& object, const diagnose::MetricNeed& need, const diagnose::Finding& found) {
  if (std::string patched = patched_field(found.fix); !patched.empty()) return patched;
  const std::string kind = object.kind();
  if (kind == "HorizontalPodAutoscaler") {
    bool of_target = found.link == diagnose::Link::target;
    return of_target ? "spec.scaleTargetRef" : fmt::format("spec.metrics[{}]", need.index);
  }
  if (kind == "ScaledObject") {
    const size_t digits = need.metric.find_first_not_of("0123456789", 1);
    bool of_trigger = need.metric.starts_with('s') && digits != std::string::npos && digits > 1;
    return found.link == diagnose::Link::target ? "spec.scaleTargetRef"
           : of_trigger ? fmt::format("spec.triggers[{}]", need.metric.substr(1, digits - 1))
                        : "spec.triggers";
  }
  if (kind == "ServiceMonitor" || kind == "PodMonitor") {
    bool port = found.cause == diagnose::cause::monitor_port_name.id;
    std::string list = kind == "PodMonitor" ? "spec.podMetricsEndpoints" : "spec.endpoints";
    return port ? list : "spec.selector";
  }
  return "metadata.name";
}

// The fix as somebody who edits the file needs it.
std::string fix_text(const diagnose::Fix& fix) {
  std::string text = fix.says;
  if (!fix.beyond.empty()) text += " (" + fix.beyond + ")";
  bool patch = fix.kind == diagnose::Fix::Kind::patch && fix.patch_type == "merge";
  if (patch || (fix.kind == diagnose::Fix::Kind::advice && !fix.body.is_null()))
    text += ": " + fix.body.dump();
  if (fix.kind == diagnose::Fix::Kind::patch && fix.patch_type == "json") {
    for (const Json& operation : fix.body) {
      if (text_at(operation, "op") != "test")
        text += fmt::format("; {} {}", patched_field(fix), at(operation, "value").dump());
    }
  }
  return text;
}

}  // namespace

void judge_chains(const Chains& chains, Findings& findings) {
  const std::vector<diagnose::HpaDiagnosis> all = diagnose::diagnose_hpas(chains.facts);
  for (size_t i = 0; i < all.size() && i < chains.parts.hpas.size(); ++i) {
    const diagnose::Hpa& hpa = chains.parts.hpas[i];
    for (size_t k = 0; k < all[i].chains.size() && k < hpa.needs.size(); ++k) {
      for (const diagnose::Finding& found : all[i].chains[k].findings) {
        auto certainty = certainty_of(chains, hpa, hpa.needs[k], found);
        if (!certainty) continue;
        const Object* object = repaired(chains, hpa, found.fix);
        Finding finding =
            finding_at(found.cause, object, object == nullptr ? "" : field_of(*object, hpa.needs[k], found),
                       found.sentence);
        finding.certainty = *certainty;
        finding.level = found.severity != Mark::broken      ? Level::note
                        : *certainty == Certainty::possible ? Level::warning
                                                            : Level::error;
        finding.evidence = found.evidence;
        finding.fix = fix_text(found.fix);
        finding.hpas = {title(hpa)};
        finding.metric = k;
        findings.push_back(std::move(finding));
      }
    }
  }
}

void judge_together(const Chains& chains, Findings& findings) {
  Findings held;
  for (const diagnose::Hpa& hpa : chains.parts.hpas) {
    if (hpa.needs.size() < 2) continue;
    const Object* object = chains.autoscaler(hpa);
    std::vector<std::string> broken;
    for (const diagnose::MetricNeed& need : hpa.needs) {
      bool fails = std::any_of(findings.begin(), findings.end(), [&](const Finding& f) {
        bool own = std::find(f.hpas.begin(), f.hpas.end(), title(hpa)) != f.hpas.end();
        return own && f.level == Level::error && f.metric == need.index;
      });
      if (fails) broken.push_back(need.metric);
    }
    if (broken.empty() || broken.size() == hpa.needs.size()) continue;
    Finding finding = finding_at(diagnose::cause::one_metric_blocks_scale_down.id, object, "spec.metrics",
                                 fmt::format("The HPA does not scale down while one of its metrics fails: {}",
                                             text::join(broken, ", ")));
    finding.certainty = Certainty::likely;
    finding.fix = "Repair that metric, or remove it from spec.metrics";
    finding.hpas = {title(hpa)};
    held.push_back(std::move(finding));
  }
  findings.insert(findings.end(), held.begin(), held.end());
}

}  // namespace hpawalk::lint
