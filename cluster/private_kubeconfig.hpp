// Kubeconfigs of hpawalk's own, for clusters that another tool hands out: a file that only this user can
// read, in the state folder. The user's own kubeconfig and its current context are never changed.
#pragma once

#include "world/world.hpp"

namespace hpawalk::cluster {

// XDG_STATE_HOME/hpawalk/access/NAME.kubeconfig
fs::path private_kubeconfig(const world::Environment& environment, const std::string& name);

Status make_private_folder(world::World& world);

}  // namespace hpawalk::cluster
