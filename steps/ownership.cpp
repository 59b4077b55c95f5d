#include "steps/ownership.hpp"

#include <fmt/format.h>

#include "base/json.hpp"
#include "manifests/manifests.hpp"

namespace hpawalk::steps {

namespace {

const Json& label(const Json& object, std::string_view name) {
  return at(object, std::vector<std::string>{"metadata", "labels", std::string(name)});
}

}  // namespace

std::string instance_of(const Json& object) {
  const Json& value = label(object, manifests::instance_label);
  return value.is_string() ? value.get<std::string>() : std::string();
}

Owner owner_of(const Json& object, const std::string& instance) {
  for (std::string_view name : {manifests::managed_by_label, manifests::part_of_label}) {
    if (label(object, name) != manifests::label_value) return Owner::stranger;
  }
  std::string its = instance_of(object);
  if (its.empty()) return Owner::earlier;
  return its == instance ? Owner::mine : Owner::another;
}

bool is_ours(const Json& object, const config::Config& config) {
  Owner owner = owner_of(object, config.text("instance"));
  return owner == Owner::mine || owner == Owner::earlier;
}

std::string configured_name(std::string_view kind, const std::string& space, const std::string& name) {
  return fmt::format("{}/{}/{}", kind, space, name);
}

Result<std::vector<yaml::Value>> configured_objects(const config::Config& config) {
  std::vector<yaml::Value> all;
  for (const std::string& stage : manifests::template_stages(config)) {
    Result<std::string> text = manifests::render_stage(stage, config);
    if (!text) return failure(text.error());
    Result<std::vector<yaml::Value>> objects = yaml::parse_all(*text);
    if (!objects) return objects;
    all.insert(all.end(), objects->begin(), objects->end());
  }
  return all;
}

Result<std::set<std::string>> configured_names(const config::Config& config) {
  std::set<std::string> names;
  for (const char* setting :
       {"namespace", "prometheus.namespace", "adapter.namespace", "operator.namespace"}) {
    names.insert(configured_name("Namespace", {}, config.text(setting)));
  }
  for (const char* kind : {"Deployment", "Service", "ServiceAccount"}) {
    names.insert(configured_name(kind, config.text("operator.namespace"), "prometheus-operator"));
  }
  for (const char* kind : {"ClusterRole", "ClusterRoleBinding"})
    names.insert(configured_name(kind, {}, "prometheus-operator"));
  Result<std::vector<yaml::Value>> objects = configured_objects(config);
  if (!objects) return failure(objects.error());
  for (const yaml::Value& value : *objects) {
    Json object(value);
    names.insert(configured_name(text_at(object, "kind"), text_at(object, "metadata.namespace"),
                                 text_at(object, "metadata.name")));
  }
  return names;
}

}  // namespace hpawalk::steps
