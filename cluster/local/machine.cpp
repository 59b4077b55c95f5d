#include "cluster/local/machine.hpp"

#include <unistd.h>

#include "base/json.hpp"

namespace hpawalk::local {

static const fs::path list_file = "/run/hpawalk-clusters";
static const fs::path lock_file = "/run/hpawalk-lock";

Result<world::FileLock> lock_machine(world::World& world) {
  std::optional<world::FileLock> lock;
  Status free =
      world::wait_until(world.clock, {std::chrono::minutes(2), std::chrono::milliseconds(20)},
                        "waiting for another hpawalk command", [&]() -> Result<world::StillWaiting> {
                          lock = world::FileLock::take(lock_file, false);
                          if (lock) return world::StillWaiting{};
                          return world::StillWaiting{"it holds " + lock_file.string()};
                        });
  if (!free) return failure(free.error());
  return std::move(*lock);
}

std::map<std::string, Registered> registered(world::World& world) {
  std::map<std::string, Registered> clusters;
  Result<Json> json = parse_json(world.files.read(list_file).value_or("{}"), "The list of clusters");
  if (!json || !json->is_object()) return clusters;
  for (const auto& [name, cluster] : json->items()) {
    if (!cluster.is_object() || !cluster.contains("link") || !cluster["link"].is_number_integer()) continue;
    if (!cluster.contains("root") || !cluster["root"].is_string()) continue;
    clusters[name] = {cluster["link"].get<int>(), cluster["root"].get<std::string>()};
  }
  return clusters;
}

static Status write_list(world::World& world, const std::map<std::string, Registered>& clusters) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [name, cluster] : clusters)
    json[name] = {{"link", cluster.link}, {"root", cluster.root.string()}};
  return world.files.write(list_file, json.dump(2) + "\n");
}

Status enter(world::World& world, const std::string& name, const Registered& cluster) {
  std::map<std::string, Registered> clusters = registered(world);
  for (const auto& [other, theirs] : clusters) {
    if (other == name ? theirs.root == cluster.root : theirs.link != cluster.link) continue;
    return failure(ErrorClass::environment,
                   other == name ? ErrorId("cluster-elsewhere") : ErrorId("subnet-in-use"),
                   other == name ? "A cluster named \"" + name + "\" already exists in another state folder"
                                 : "Another cluster has the subnet of \"" + name + "\" now",
                   "\"" + other + "\" in " + theirs.root.string(),
                   "hpawalk cluster down --name " + other + " removes that one");
  }
  clusters[name] = cluster;
  return write_list(world, clusters);
}

Status leave(world::World& world, const std::string& name) {
  std::map<std::string, Registered> clusters = registered(world);
  clusters.erase(name);
  if (!clusters.empty()) return write_list(world, clusters);
  if (Status removed = world.files.remove_all(list_file); !removed) return removed;
  return world.files.remove_all(lock_file);
}

ClusterFiles locate(world::World& world, const std::string& name) {
  ClusterFiles own = cluster_files(make_layout(world.environment), name);
  if (world.files.exists(own.root) || geteuid() != 0) return own;
  std::map<std::string, Registered> known = registered(world);
  auto entry = known.find(name);
  return entry == known.end() ? own : ClusterFiles{entry->second.root};
}

}  // namespace hpawalk::local
