// The keepers: two processes on the host that keep a node alive, and each other.
//
// The one on duty holds a lock; it starts the node and starts it again when its first process dies. The other
// waits for that lock and so takes over the moment the first one dies. Whichever of the three is killed, the
// other two bring it back. They end by themselves when the file `stopping` appears.
#pragma once

#include "cluster/local/description.hpp"
#include "world/daemon.hpp"

namespace hpawalk::local {

// The keeper's work. Returns when the cluster is being stopped.
Status keep(world::World& world, const fs::path& cluster_root);

// The node's first process, if it runs.
std::optional<world::ProcessIdentity> running_node(world::World& world, const ClusterFiles& files);

// Whether a keeper is on duty.
bool kept(const ClusterFiles& files);

}  // namespace hpawalk::local
