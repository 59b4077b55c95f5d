#include "lint/scaled_object.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "diagnose/view.hpp"

namespace hpawalk::lint {

using diagnose::name_of;
using diagnose::space_of;

namespace {

std::string hpa_name(const Json& scaled_object) {
  const std::string own = text_at(scaled_object, "spec.advanced.horizontalPodAutoscalerConfig.name");
  return own.empty() ? "keda-hpa-" + name_of(scaled_object) : own;
}

Json metric_of(const Json& trigger, size_t index, const std::string& scaled_object) {
  const std::string type = text_at(trigger, "type");
  if (type == "cpu" || type == "memory") {
    Json source = {{"name", type}, {"target", {{"type", text_at(trigger, "metricType", "Utilization")}}}};
    const std::string container = text_at(trigger, "metadata.containerName");
    if (container.empty()) return {{"type", "Resource"}, {"resource", source}};
    source["container"] = container;
    return {{"type", "ContainerResource"}, {"containerResource", source}};
  }
  return {{"type", "External"},
          {"external",
           {{"metric",
             {{"name", fmt::format("s{}-{}", index, type)},
              {"selector", {{"matchLabels", {{"scaledobject.keda.sh/name", scaled_object}}}}}}},
            {"target", {{"type", text_at(trigger, "metricType", "AverageValue")}}}}}};
}

}  // namespace

Json hpa_made_of(const Json& scaled_object) {
  const std::string name = name_of(scaled_object);
  const Json& target = at(scaled_object, "spec.scaleTargetRef");
  Json metrics = Json::array();
  for (const Json& trigger : list_at(scaled_object, "spec.triggers"))
    metrics.push_back(metric_of(trigger, metrics.size(), name));
  return {
      {"apiVersion", "autoscaling/v2"},
      {"kind", "HorizontalPodAutoscaler"},
      {"metadata",
       {{"name", hpa_name(scaled_object)},
        {"namespace", space_of(scaled_object)},
        {"ownerReferences",
         Json::array({{{"apiVersion", "keda.sh/v1alpha1"}, {"kind", "ScaledObject"}, {"name", name}}})}}},
      {"spec",
       {{"scaleTargetRef",
         {{"apiVersion", text_at(target, "apiVersion", "apps/v1")},
          {"kind", text_at(target, "kind", "Deployment")},
          {"name", text_at(target, "name")}}},
        {"minReplicas", std::max(1LL, static_cast<long long>(int_at(scaled_object, "spec.minReplicaCount")))},
        {"maxReplicas", int_at(scaled_object, "spec.maxReplicaCount", 100)},
        {"metrics", metrics}}}};
}

std::string scaled_object_of(const Json& hpa) {
  for (const Json& owner : list_at(hpa, "metadata.ownerReferences")) {
    if (text_at(owner, "kind") == "ScaledObject") return text_at(owner, "name");
  }
  return {};
}

std::string hpa_title(const Object& object) {
  if (object.kind() == "HorizontalPodAutoscaler") return diagnose::full_name(object.value);
  if (object.kind() != "ScaledObject") return {};
  return space_of(object.value) + "/" + hpa_name(object.value);
}

}  // namespace hpawalk::lint
