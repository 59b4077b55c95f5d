// What every command that works on the walkthrough's chain begins with: the configuration, the cluster that
// it names, and a connection to its API.
#pragma once

#include <memory>

#include "cli/settings_options.hpp"
#include "cluster/target.hpp"

namespace hpawalk::cli {

struct OpenChain {
  std::unique_ptr<config::Config> config;  // the target keeps a reference to it
  std::unique_ptr<cluster::ClusterTarget> target;
  cluster::ClusterAccess access;
  std::unique_ptr<world::KubeApi> api;
};

// Connects to a cluster that is there; never makes one. The error `no-cluster` when the local one is not.
Result<OpenChain> open_chain(Session& session, const SettingFlags& flags);

// For commands that read any HPA: the cluster that was chosen, else kubectl's own; on a machine without a
// kubeconfig the configured one.
Result<world::KubeTarget> any_cluster(world::World& world, const world::KubeTarget& chosen);

// The same as open_chain, but makes the local cluster when it is not there.
Result<OpenChain> ensure_chain(Session& session, const SettingFlags& flags);

}  // namespace hpawalk::cli
