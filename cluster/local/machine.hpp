// What belongs to the machine, and so to all of its clusters together: link numbers, forwarding, mount
// points, the control groups' root. Who changes any of it holds the machine's lock, and asks again what there
// is.
//
// The list of clusters is kept in /run, whoever made them and wherever their state is: like their processes
// and interfaces it does not outlive a restart of the machine.
#pragma once

#include <map>
#include <string>

#include "cluster/local/description.hpp"
#include "world/daemon.hpp"

namespace hpawalk::local {

// Held for moments only; waits for another command, in whatever state folder that works.
Result<world::FileLock> lock_machine(world::World& world);

struct Registered {
  int link = 0;
  fs::path root;  // the cluster's folder
};

std::map<std::string, Registered> registered(world::World& world);  // by name

// The cluster's folder: this user's, or (for root) wherever the list says that it is.
ClusterFiles locate(world::World& world, const std::string& name);

// Under the lock. Refused when another cluster has that name or link.
Status enter(world::World& world, const std::string& name, const Registered& cluster);

// Under the lock. The last one takes list and lock file away.
Status leave(world::World& world, const std::string& name);

}  // namespace hpawalk::local
