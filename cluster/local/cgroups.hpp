// A cluster's place in the control group hierarchies, cgroup v1 and v2: a folder of its own in each, with a
// leaf `node` for the node's processes beside the kubelet's `kubepods`. It also tells which processes are the
// cluster's, whatever they are called and whoever started them.
#pragma once

#include <string>
#include <vector>

#include "world/world.hpp"

namespace hpawalk::local {

// Makes the folders. Idempotent. On cgroup v2 in a container it first moves the container's processes out of
// the hierarchy's root: a group with processes of its own may not hand controllers to its children.
Status make_cgroups(world::World& world, const std::string& name);

// Undoes that move, with the last cluster.
Status return_to_root(world::World& world);

// The clusters' folders on this machine, whoever made them: "hpawalk-NAME".
std::vector<std::string> cluster_cgroups(world::World& world);

// Moves a process, and so all that it starts later, into NAME/node (`keepers`: NAME/keepers).
Status join_cgroup(world::World& world, const std::string& name, const std::string& leaf, pid_t pid);

// Kills everything inside (`name` may be a folder below a cluster's) and removes the folders; returns when
// all of it is gone.
Status destroy_cgroups(world::World& world, const std::string& name);

// Ids of all processes inside.
std::vector<pid_t> cgroup_processes(world::World& world, const std::string& name);

}  // namespace hpawalk::local
