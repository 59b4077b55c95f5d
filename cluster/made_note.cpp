#include "cluster/made_note.hpp"

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/json_text.hpp"
#include "base/yaml.hpp"
#include "cluster/azure.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::cluster {

namespace {

const std::string path = world::kube_kind("ConfigMap").object("kube-system", "hpawalk-made");
const std::string registry_key = "registry.";

Json to_json(const RegistryNote& note) {
  return {{"name", note.name},
          {"id", note.id},
          {"subscription", note.subscription},
          {"group", note.group},
          {"cluster", note.cluster},
          {"images", note.images},
          {"right", note.right},
          {"assignee", note.assignee}};
}

RegistryNote from_json(const Json& json) {
  std::vector<std::string> images;
  for (const Json& image : list_at(json, "images")) images.push_back(text_at(image, ""));
  return {text_at(json, "name"),  text_at(json, "id"),      text_at(json, "subscription"),
          text_at(json, "group"), text_at(json, "cluster"), std::move(images),
          text_at(json, "right"), text_at(json, "assignee")};
}

}  // namespace

Result<MadeNote> read_note(world::KubeApi& api) {
  Result<Json> live = world::kube_get(api, path);
  if (!live && live.error().is("kube-not-found")) return MadeNote{};
  if (!live) return failure(live.error());
  MadeNote note;
  const Json& data = at(*live, "data");
  if (data.is_null()) return note;
  for (const auto& [key, value] : data.items()) {
    if (key == "cluster") note.cluster = text_at(value, "");
    if (!key.starts_with(registry_key)) continue;
    Result<Json> json = parse_json(text_at(value, ""), "`" + key + "`");
    RegistryNote registry = json ? from_json(*json) : RegistryNote{};
    if (registry.name.empty()) {
      return failure(
          ErrorClass::check_failed, "made-note",
          "The ConfigMap hpawalk-made in namespace kube-system is not a valid record",
          json ? "`" + key + "` names no registry" : json.error().what + ": " + json.error().because,
          "It was changed: correct it, or delete it and remove manually what it names");
    }
    note.registries[registry.name] = registry;
  }
  return note;
}

Status write_note(world::World& world, const world::KubeTarget& kube, const MadeNote& note) {
  world::Command command{
      .argv = world::kubectl_line(
          kube, {"delete", "configmap", "hpawalk-made", "--namespace=kube-system", "--ignore-not-found"})};
  if (!note.empty()) {
    yaml::Value data = yaml::Value::object();
    if (!note.cluster.empty()) data["cluster"] = note.cluster;
    for (const auto& [name, registry] : note.registries)
      data[registry_key + name] = json_text(to_json(registry));
    yaml::Value labels = {{"app.kubernetes.io/managed-by", "hpawalk"},
                          {"app.kubernetes.io/part-of", "hpawalk"}};
    yaml::Value object = {
        {"apiVersion", "v1"},
        {"kind", "ConfigMap"},
        {"metadata", {{"name", "hpawalk-made"}, {"namespace", "kube-system"}, {"labels", labels}}},
        {"data", data}};
    command.argv = world::kubectl_line(
        kube, {"apply", "--server-side", "--field-manager=hpawalk", "--force-conflicts", "-f", "-"});
    command.input = yaml::block(object);
  }
  Result<std::string> done = world::run_checked(world.processes, command, "made-note",
                                                "Cannot record in the cluster what hpawalk creates for it");
  if (!done) return failure(done.error());
  return {};
}

std::vector<std::string> titles(const RegistryNote& note) {
  std::vector<std::string> all;
  for (const std::string& image : note.images)
    all.push_back(fmt::format("image {} in registry {}", image, note.name));
  if (note.right == "attached")
    all.push_back(
        fmt::format("permission of AKS cluster {} to pull from registry {}", note.cluster, note.name));
  if (note.right == "assigned")
    all.push_back(fmt::format("role assignment acrpull of {} on registry {}", note.assignee, note.name));
  if (note.right == "reader")
    all.push_back(
        fmt::format("role assignment {} of {} on registry {}", abac_reader, note.assignee, note.name));
  return all;
}

}  // namespace hpawalk::cluster
