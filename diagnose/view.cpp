#include "diagnose/view.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/text.hpp"
#include "diagnose/selector.hpp"

namespace hpawalk::diagnose {

std::string name_of(const Json& object) {
  return text_at(object, "metadata.name");
}
std::string space_of(const Json& object) {
  return text_at(object, "metadata.namespace");
}
std::string full_name(const Json& object) {
  return space_of(object) + "/" + name_of(object);
}

std::vector<std::string> text_list(const Json& list) {
  std::vector<std::string> texts;
  if (!list.is_array()) return texts;
  for (const Json& item : list) {
    if (item.is_string()) texts.push_back(item);
  }
  return texts;
}

std::string MetricNeed::api_group() const {
  if (custom()) return "custom.metrics.k8s.io";
  return external() ? "external.metrics.k8s.io" : "metrics.k8s.io";
}

bool asks_for_value(const MetricNeed& need) {
  return (need.type == "Object" || need.external()) && need.target_type == "Value";
}

std::string MetricNeed::title() const {
  if (type == "Object") return fmt::format("{} of {} {}", metric, object_kind, object_name);
  if (type == "Pods") return metric + " of its pods";
  if (type == "External") return metric + " (external)";
  if (type == "ContainerResource") return fmt::format("{} of container {}", metric, container);
  return metric + " of its pods (resource)";
}

namespace {

MetricNeed need_from(const Facts& facts, const Json& metric, size_t index, const Json& hpa) {
  MetricNeed need;
  need.index = index;
  need.type = text_at(metric, "type");
  std::string field = need.type;
  if (!field.empty()) field[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(field[0])));
  const Json& source = at(metric, field);
  need.metric = need.resource_metric() ? text_at(source, "name") : text_at(source, "metric.name");
  need.selector = at(source, "metric.selector");
  need.container = text_at(source, "container");
  need.target_type = text_at(source, "target.type");
  need.target = need.target_type == "Utilization"    ? text_at(source, "target.averageUtilization")
                : need.target_type == "AverageValue" ? text_at(source, "target.averageValue")
                                                     : text_at(source, "target.value");
  need.resource = {"", "pods"};
  if (need.type == "Object") {
    need.object_kind = text_at(source, "describedObject.kind");
    need.object_name = text_at(source, "describedObject.name");
    need.described = kind_ref(facts, need.object_kind, text_at(source, "describedObject.apiVersion"),
                              text_at(condition(hpa, "ScalingActive"), "message"));
    need.resource = {need.described.place.group, need.described.place.resource};
  }
  for (const Json& current : list_at(hpa, "status.currentMetrics")) {
    const Json& shown = at(current, field);
    std::string name = need.resource_metric() ? text_at(shown, "name") : text_at(shown, "metric.name");
    if (text_at(current, "type") != need.type || name != need.metric) continue;
    if (need.type == "Object" && text_at(shown, "describedObject.name") != need.object_name) continue;
    if (text_at(shown, "container") != need.container) continue;
    need.current = &shown;
  }
  // The controller asks for the HPA's own namespace, whatever the name (metrics/client.go).
  bool name_ignored = need.object_kind == "Namespace" && need.resource.group.empty();
  if (name_ignored && need.described.served != false) need.object_name = space_of(hpa);
  return need;
}

// Workloads are listed; of other kinds, the scale of each is read.
bool listed(const KindRef& kind) {
  return kind.place.group == "apps" || !kind.served;
}

void find_target(const Facts& facts, Hpa& hpa) {
  const std::string& resource = hpa.scaled.place.resource;
  if (listed(hpa.scaled)) {
    hpa.target_reading = facts.listing(resource, hpa.space);
    hpa.target = facts.object(resource, hpa.space, hpa.target_name);
  }
  if (hpa.target == nullptr) {
    const Reading* scale = facts.find(scale_key(hpa.space, resource, hpa.target_name));
    if (scale != nullptr) {
      hpa.target_reading = scale;
      if (scale->read()) hpa.target = &scale->value;
    }
  }
  if (hpa.target == nullptr) return;
  hpa.pod_selector = at(*hpa.target, "spec.selector");
  std::string plain = text_at(*hpa.target, "status.selector");  // a Scale's
  if (hpa.pod_selector.is_null() && !plain.empty()) {
    Json map = Json::object();
    for (const std::string& part : text::split(plain, ',')) {
      size_t equals = part.find('=');
      if (equals != std::string::npos) map[part.substr(0, equals)] = part.substr(equals + 1);
    }
    hpa.pod_selector = from_map(map);
  }
  for (const Json* pod : facts.labelled("pods", hpa.space, at(hpa.pod_selector, "matchLabels"))) {
    if (hpa.pod_selector.is_object() && matches(hpa.pod_selector, at(*pod, "metadata.labels")))
      hpa.pods.push_back(pod);
  }
}

}  // namespace

std::vector<Hpa> hpas_of(const Facts& facts) {
  StillFacts still(facts);
  std::vector<Hpa> all;
  for (const Json* object : facts.items("hpas")) {
    Hpa hpa;
    hpa.object = object;
    hpa.space = space_of(*object);
    hpa.name = name_of(*object);
    hpa.target_kind = text_at(*object, "spec.scaleTargetRef.kind");
    hpa.target_name = text_at(*object, "spec.scaleTargetRef.name");
    hpa.scaled = kind_ref(facts, hpa.target_kind, text_at(*object, "spec.scaleTargetRef.apiVersion"),
                          text_at(condition(*object, "AbleToScale"), "message"));
    size_t index = 0;
    for (const Json& metric : list_at(*object, "spec.metrics"))
      hpa.needs.push_back(need_from(facts, metric, index++, *object));
    find_target(facts, hpa);
    all.push_back(std::move(hpa));
  }
  return all;
}

std::vector<std::string> spaces_of_interest(const Facts& facts) {
  std::set<std::string> spaces;
  for (const Json* hpa : facts.items("hpas")) spaces.insert(space_of(*hpa));
  for (const char* group : {"custom.metrics.k8s.io", "external.metrics.k8s.io", "metrics.k8s.io"}) {
    Adapter adapter = adapter_of(facts, group);
    if (!adapter.space.empty()) spaces.insert(adapter.space);
  }
  for (const Json* prometheus : facts.items("prometheuses")) spaces.insert(space_of(*prometheus));
  return {spaces.begin(), spaces.end()};
}

}  // namespace hpawalk::diagnose
