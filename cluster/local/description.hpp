// What a cluster is: the answers that were given when it was made. Kept as cluster.json in its folder, read
// by its keepers, its node and every later command.
#pragma once

#include <map>
#include <string>

#include "cluster/local/layout.hpp"
#include "world/world.hpp"

namespace hpawalk::local {

struct Description {
  std::string name;
  int link = 0;                                   // see network.hpp
  std::string hpa_sync_period;                    // "15s"; empty: Kubernetes' default
  std::string hpa_downscale_stabilization;        // "5m0s"; empty: Kubernetes' default
  std::map<std::string, std::string> parts = {};  // set -> folder
  long user = 0;                // who may use it besides root: the caller of sudo, 0 without sudo
  std::string kubernetes = {};  // "v1.37.2"

  fs::path kubernetes_programs() const { return parts.at("kubernetes"); }
  // helm and the operator's bundle. Clusters made by hpawalk 0.1.0 have them beside Kubernetes' programs.
  fs::path chain_programs() const { return parts.at(parts.contains("chain") ? "chain" : "kubernetes"); }
};

Result<Description> read_description(world::World& world, const ClusterFiles& files);
Status write_description(world::World& world, const ClusterFiles& files, const Description& description);

}  // namespace hpawalk::local
