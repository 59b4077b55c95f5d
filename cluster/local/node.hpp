// A node from the inside: what its first process does in its new namespaces.
//
// Mounts and network first (nothing of them shows on the host), then the services that make a machine a node:
// containerd, the kubelet, kube-proxy. Each starts once the files that kubeadm writes for it are there, so a
// first start waits for kubeadm, and every later one (after a crash, or a restart of the machine) goes right
// on.
#pragma once

#include "cluster/local/description.hpp"

namespace hpawalk::local {

// Runs in the node's namespaces as process 1. Returns only on failure.
Status run_node(world::World& world, const fs::path& cluster_root);

}  // namespace hpawalk::local
