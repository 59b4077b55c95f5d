// The empty folders on the host over which a node mounts its own. Those that were not there before are noted
// (in one file for the whole machine, as the folders are), and removed with the last cluster.
#pragma once

#include "world/world.hpp"

namespace hpawalk::local {

// Folders that a node's programs want at fixed places, and where the cluster really keeps them.
struct Bind {
  const char* inside;
  const char* kept;  // below the cluster's root
};
inline constexpr Bind binds[] = {{"/var/lib/kubelet", "var/lib/kubelet"},
                                 {"/var/lib/etcd", "var/lib/etcd"},
                                 {"/var/lib/cni", "var/lib/cni"},
                                 {"/var/log/pods", "var/log/pods"},
                                 {"/var/log/containers", "var/log/containers"},
                                 {"/etc/kubernetes", "etc/kubernetes"},
                                 {"/etc/cni/net.d", "etc/cni/net.d"}};

Status make_mount_points(world::World& world);
Status remove_mount_points(world::World& world);

}  // namespace hpawalk::local
