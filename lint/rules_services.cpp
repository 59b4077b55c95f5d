// Between the pods and Prometheus: the ports of Services, and the relabelings of monitors.
#include <algorithm>

#include <fmt/format.h>

#include "base/pattern.hpp"
#include "base/text.hpp"
#include "diagnose/selector.hpp"
#include "lint/rules.hpp"

namespace hpawalk::lint {

namespace {

// The HPAs with a metric of a Service, or of pods, that the monitor selects.
std::vector<std::string> hpas_of(const Chains& chains, const Object& monitor) {
  std::vector<std::string> hpas;
  for (const diagnose::Hpa& hpa : chains.parts.hpas) {
    bool meant = std::any_of(hpa.needs.begin(), hpa.needs.end(), [&](const diagnose::MetricNeed& need) {
      const Json* service = chains.facts.object("services", hpa.space, need.object_name);
      const Json* object = need.type == "Pods" && !hpa.pods.empty() ? hpa.pods.front() : service;
      return object != nullptr &&
             diagnose::matches(at(monitor.value, "spec.selector"), at(*object, "metadata.labels"));
    });
    if (meant) hpas.push_back(title(hpa));
  }
  return hpas;
}

// Regular expressions that prometheus-operator does not accept: it leaves the monitor out.
void judge_relabelings(const Chains& chains, const Object& object, const char* list, Findings& findings) {
  const Json& endpoints = list_at(object.value, std::string("spec.") + list);
  for (size_t i = 0; i < endpoints.size(); ++i) {
    for (const char* field : {"relabelings", "metricRelabelings"}) {
      const Json& relabelings = list_at(endpoints[i], field);
      for (size_t k = 0; k < relabelings.size(); ++k) {
        std::string regex = text_at(relabelings[k], "regex");
        Result<Pattern> compiled = Pattern::compile(regex);
        if (compiled) continue;
        std::string path = fmt::format("spec.{}[{}].{}[{}].regex", list, i, field, k);
        Finding finding =
            finding_at(diagnose::cause::monitor_rejected.id, &object, path,
                       fmt::format("prometheus-operator rejects {}: its regex {:?} is invalid: {}",
                                   object.ref(), regex, compiled.error().because));
        finding.fix = "Correct the regular expression";
        finding.hpas = hpas_of(chains, object);
        findings.push_back(std::move(finding));
      }
    }
  }
}

// The ports that the containers of these pods declare, by name and by number.
struct Declared {
  std::vector<std::string> names, numbers;
};

Declared declared_by(const std::vector<const Json*>& pods) {
  Declared declared;
  for (const Json* pod : pods) {
    for (const char* list : {"spec.containers", "spec.initContainers"}) {
      for (const Json& container : list_at(*pod, list)) {
        for (const Json& port : list_at(container, "ports")) {
          declared.names.push_back(text_at(port, "name"));
          declared.numbers.push_back(text_at(port, "containerPort"));
        }
      }
    }
  }
  return declared;
}

bool has(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// A port that no container of the Service's pods declares. A name leads nowhere then; a number may.
void judge_target_ports(const Chains& chains, const diagnose::Hpa& hpa, const diagnose::MetricNeed& need,
                        Findings& findings) {
  const Object* object = chains.find("Service", hpa.space, need.object_name);
  if (need.type != "Object" || need.resource.resource != "services" || object == nullptr) return;
  Declared declared = declared_by(diagnose::pods_of_service(chains.facts, object->value));
  if (declared.numbers.empty()) return;
  const Json& ports = list_at(object->value, "spec.ports");
  for (size_t i = 0; i < ports.size(); ++i) {
    std::string target = text_at(ports[i], "targetPort", text_at(ports[i], "port"));
    if (has(declared.names, target) || has(declared.numbers, target)) continue;
    bool number = target.find_first_not_of("0123456789") == std::string::npos;
    Finding finding = finding_at(
        diagnose::cause::service_target_port.id, object, fmt::format("spec.ports[{}].targetPort", i),
        fmt::format("{} sends port {} to {}, which no container of its pods declares; they declare {}",
                    object->ref(), text_at(ports[i], "port"), target, text::join(declared.numbers, ", ")));
    finding.level = number ? Level::warning : Level::error;
    finding.certainty = number ? diagnose::Certainty::possible : diagnose::Certainty::certain;
    finding.fix = "Use a port that a container declares, or declare this one";
    finding.hpas = {title(hpa)};
    finding.metric = need.index;
    findings.push_back(std::move(finding));
  }
}

}  // namespace

void judge_services(const Chains& chains, Findings& findings) {
  for (const Object& object : chains.contents.objects) {
    if (object.kind() == "ServiceMonitor") judge_relabelings(chains, object, "endpoints", findings);
    if (object.kind() == "PodMonitor") judge_relabelings(chains, object, "podMetricsEndpoints", findings);
  }
  for (const diagnose::Hpa& hpa : chains.parts.hpas) {
    for (const diagnose::MetricNeed& need : hpa.needs) judge_target_ports(chains, hpa, need, findings);
  }
}

}  // namespace hpawalk::lint
