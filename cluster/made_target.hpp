// A cluster that one of the local-cluster tools makes: what kind, minikube and k3d have in common.
//
// Each describes itself with a ClusterMaker; the target here makes the cluster or uses the one that is there,
// keeps a kubeconfig of hpawalk's own for it, loads the image as an archive, and deletes only what hpawalk
// made.
#pragma once

#include "cluster/target.hpp"

namespace hpawalk::cluster {

enum class Presence { absent, stopped, running };

struct ClusterMaker {
  using Words = std::vector<std::string>;
  std::string tool;     // "kind": also the setting's name in tools.*
  std::string program;  // its value
  std::string cluster;  // the cluster's name
  std::string context;  // what the tool calls its context: "kind-NAME"
  std::string install;  // where the tool comes from, for who does not have it
  Words version, list, create, start, kubeconfig, remove;
  std::function<Words(const std::string& archive)> load;
  Result<Presence> (*presence)(const std::string& listed, const std::string& cluster);
  bool writes_kubeconfig = false;  // into $KUBECONFIG; otherwise `kubeconfig` prints it
};

// One file each.
ClusterMaker kind_maker(const config::Config& config);
ClusterMaker minikube_maker(const config::Config& config);
ClusterMaker k3d_maker(const config::Config& config);

std::unique_ptr<ClusterTarget> make_made_target(world::World& world, const config::Config& config,
                                                ClusterMaker maker);

}  // namespace hpawalk::cluster
