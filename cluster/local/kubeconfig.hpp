// The cluster's kubeconfig file, and its entries in the user's own one.
#pragma once

#include "cluster/local/description.hpp"

namespace hpawalk::local {

// kubeadm's admin.conf with names of our own, so that it can stand beside others in one file. Mode 0600;
// shared.
Status write_kubeconfig(world::World& world, const ClusterFiles& files, const Description& description);

// The caller of sudo cannot open root's state folder: he gets a copy of his own in /run (again after a
// restart of the machine). hpawalk itself never reads it: what is in it is up to that user.
Status share_kubeconfig(world::World& world, const ClusterFiles& files, const Description& description);
Status withdraw_kubeconfig(world::World& world, const std::string& name);
fs::path kubeconfig_for_caller(world::World& world, const ClusterFiles& files,
                               const Description& description);

// Takes the entries out of the file that merge_kubeconfig put them into, if it did.
Status unmerge_kubeconfig(world::World& world, const ClusterFiles& files, const Description& description);

}  // namespace hpawalk::local
