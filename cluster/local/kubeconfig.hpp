// The cluster's kubeconfig file, and its entries in the user's own one.
#pragma once

#include "cluster/local/description.hpp"

namespace hpawalk::local {

// kubeadm's admin.conf with names of our own, so that it can stand beside others in one file. Mode 0600.
Status write_kubeconfig(World& world, const ClusterFiles& files, const Description& description);

// Takes the entries out of the file that merge_kubeconfig put them into, if it did.
Status unmerge_kubeconfig(World& world, const ClusterFiles& files, const Description& description);

}  // namespace hpawalk::local
