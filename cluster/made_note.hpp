// What hpawalk made outside of a cluster for it, or that it made the cluster itself: written down in the
// cluster.
//
// The ConfigMap kube-system/hpawalk-made. So `down` takes away what hpawalk made and nothing else, from any
// machine, without a state file that could go stale: the note goes with the cluster. Why:
// docs/decisions/clusters.md.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "world/kube_proxy.hpp"
#include "world/world.hpp"

namespace hpawalk::cluster {

// What was made for this cluster in one registry.
struct RegistryNote {
  std::string name, id, subscription;
  std::string group, cluster;            // of the AKS cluster that got the right
  std::vector<std::string> images = {};  // "prom-fake:0.1.0"
  std::string right = {};     // "attached", "assigned", "reader" (abac_reader), or empty: it was there before
  std::string assignee = {};  // who it was assigned to
};

struct MadeNote {
  std::string cluster = {};  // "kind cluster hpawalk": hpawalk made it
  std::map<std::string, RegistryNote> registries = {};

  bool empty() const { return cluster.empty() && registries.empty(); }
};

Result<MadeNote> read_note(world::KubeApi& api);  // no note: an empty one

// Written with kubectl; an empty note removes it.
Status write_note(world::World& world, const world::KubeTarget& kube, const MadeNote& note);

// "image prom-fake:0.1.0 in registry mine", one for each thing.
std::vector<std::string> titles(const RegistryNote& note);

}  // namespace hpawalk::cluster
