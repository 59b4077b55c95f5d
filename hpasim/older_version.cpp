#include "hpasim/older_version.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace hpawalk::hpasim {

namespace {

constexpr const char* metrics_annotation = "autoscaling.alpha.kubernetes.io/metrics";
constexpr const char* behavior_annotation = "autoscaling.alpha.kubernetes.io/behavior";

bool same_letters(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// As Go's encoding/json finds a field: whatever its case.
const Document* field(const Document& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  for (const auto& [key, value] : object.items()) {
    if (same_letters(key, name) && !value.is_null()) return &value;
  }
  return nullptr;
}

// Moves a field to another name, if it is there.
void move(const Document& from, std::string_view name, Document& to, const char* new_name) {
  if (const Document* value = field(from, name)) to[new_name] = *value;
}

Document metric_with(const Document& source, const char* selector) {
  Document metric = Document::object();
  move(source, "metricName", metric, "name");
  move(source, selector, metric, "selector");
  return metric;
}

// What nobody set is 0 in the fields that the old form always has.
Document quantity_or_zero(const Document& source, std::string_view name) {
  const Document* value = field(source, name);
  return value == nullptr ? Document("0") : *value;
}

Document object_source(const Document& old) {
  Document source = Document::object(), target = Document::object();
  move(old, "target", source, "describedObject");
  source["metric"] = metric_with(old, "selector");
  const Document* average = field(old, "averageValue");
  target["type"] = average == nullptr ? "Value" : "AverageValue";
  if (average == nullptr) target["value"] = quantity_or_zero(old, "targetValue");
  move(old, "averageValue", target, "averageValue");
  source["target"] = target;
  return source;
}

Document pods_source(const Document& old) {
  return {
      {"metric", metric_with(old, "selector")},
      {"target", {{"type", "AverageValue"}, {"averageValue", quantity_or_zero(old, "targetAverageValue")}}}};
}

Document external_source(const Document& old) {
  Document target = Document::object();
  target["type"] = field(old, "targetValue") == nullptr ? "AverageValue" : "Value";
  move(old, "targetValue", target, "value");
  move(old, "targetAverageValue", target, "averageValue");
  return {{"metric", metric_with(old, "metricSelector")}, {"target", target}};
}

Document resource_source(const Document& old) {
  Document source = Document::object(), target = Document::object();
  move(old, "name", source, "name");
  move(old, "container", source, "container");
  target["type"] = field(old, "targetAverageUtilization") == nullptr ? "AverageValue" : "Utilization";
  move(old, "targetAverageUtilization", target, "averageUtilization");
  move(old, "targetAverageValue", target, "averageValue");
  source["target"] = target;
  return source;
}

Document metric_from(const Document& old) {
  Document metric = Document::object();
  move(old, "type", metric, "type");
  using Convert = Document (*)(const Document&);
  for (auto [name, convert] :
       std::initializer_list<std::pair<const char*, Convert>>{{"object", object_source},
                                                              {"pods", pods_source},
                                                              {"external", external_source},
                                                              {"resource", resource_source},
                                                              {"containerResource", resource_source}}) {
    if (const Document* source = field(old, name)) metric[name] = convert(*source);
  }
  return metric;
}

// A list of metrics in the form of v1 and v2beta1; a null if it is none.
Document metrics_from(const Document& old) {
  if (!old.is_array()) return nullptr;
  Document metrics = Document::array();
  for (const Document& one : old) {
    if (!one.is_object()) return nullptr;
    metrics.push_back(metric_from(one));
  }
  return metrics;
}

Document rules_from(const Document& old) {
  Document rules = Document::object();
  for (const char* name : {"stabilizationWindowSeconds", "selectPolicy", "tolerance"})
    move(old, name, rules, name);
  rules["policies"] = Document::array();  // the defaults of autoscaling/v2 do not fill these in
  const Document* policies = field(old, "policies");
  if (policies == nullptr || !policies->is_array()) return rules;
  for (const Document& one : *policies) {
    Document policy = Document::object();
    for (const char* name : {"type", "value", "periodSeconds"}) move(one, name, policy, name);
    rules["policies"].push_back(policy);
  }
  return rules;
}

Document behavior_from(const Document& old) {
  Document behavior = Document::object();
  for (const char* name : {"scaleUp", "scaleDown"}) {
    if (const Document* rules = field(old, name)) behavior[name] = rules_from(*rules);
  }
  return behavior.empty() ? Document(nullptr) : behavior;
}

// What an annotation holds as JSON; a null if that is none, which the API server passes over.
Document annotation(const Document& hpa, const char* name) {
  auto metadata = hpa.find("metadata");
  if (metadata == hpa.end() || !metadata->is_object()) return nullptr;
  auto annotations = metadata->find("annotations");
  if (annotations == metadata->end() || !annotations->is_object()) return nullptr;
  auto text = annotations->find(name);
  if (text == annotations->end() || !text->is_string()) return nullptr;
  Document value = Document::parse(text->get<std::string>(), nullptr, false);
  return value.is_discarded() ? Document(nullptr) : value;
}

std::optional<AsV2> from_v1(const Document& hpa) {
  Document metrics = metrics_from(annotation(hpa, metrics_annotation));
  Document behavior = behavior_from(annotation(hpa, behavior_annotation));
  if (metrics.is_null() && behavior.is_null()) return std::nullopt;
  AsV2 v2{hpa, {}};
  v2.hpa["apiVersion"] = "autoscaling/v2";
  if (!v2.hpa.contains("spec") || !v2.hpa["spec"].is_object()) return std::nullopt;
  Document& spec = v2.hpa["spec"];
  if (!metrics.is_null())
    v2.notes.push_back(fmt::format("The metrics are those of the annotation {}, as the API server reads it.",
                                   metrics_annotation));
  if (const Document* cpu = field(spec, "targetCPUUtilizationPercentage")) {
    if (metrics.is_null()) metrics = Document::array();
    metrics.push_back(
        {{"type", "Resource"},
         {"resource",
          {{"name", "cpu"}, {"target", {{"type", "Utilization"}, {"averageUtilization", *cpu}}}}}});
  }
  spec.erase("targetCPUUtilizationPercentage");
  if (!metrics.is_null()) spec["metrics"] = metrics;
  if (!behavior.is_null()) {
    spec["behavior"] = behavior;
    v2.notes.push_back(fmt::format("The behavior is that of the annotation {}, as the API server reads it.",
                                   behavior_annotation));
  }
  for (const char* name : {metrics_annotation, behavior_annotation})
    v2.hpa["metadata"]["annotations"].erase(name);
  if (v2.hpa["metadata"]["annotations"].empty()) v2.hpa["metadata"].erase("annotations");
  return v2;
}

}  // namespace

std::optional<int> gone_since(std::string_view api_version) {
  if (api_version == "autoscaling/v2beta1") return 25;
  if (api_version == "autoscaling/v2beta2") return 26;
  return std::nullopt;
}

std::optional<AsV2> as_v2(const Document& hpa) {
  if (!hpa.is_object()) return std::nullopt;
  auto version = hpa.find("apiVersion");
  if (version == hpa.end() || !version->is_string()) return std::nullopt;
  const std::string name = *version;
  if (name == "autoscaling/v1") return from_v1(hpa);
  std::optional<int> gone = gone_since(name);
  if (!gone) return std::nullopt;
  AsV2 v2{hpa,
          {fmt::format("{} is not served since Kubernetes 1.{}; the HPA was read as autoscaling/v2.", name,
                       *gone)}};
  v2.hpa["apiVersion"] = "autoscaling/v2";
  if (name == "autoscaling/v2beta2" || !hpa.contains("spec")) return v2;
  Document& spec = v2.hpa["spec"];
  if (const Document* old = field(spec, "metrics")) {
    Document metrics = metrics_from(*old);
    if (!metrics.is_null()) spec["metrics"] = metrics;
  }
  return v2;
}

}  // namespace hpawalk::hpasim
