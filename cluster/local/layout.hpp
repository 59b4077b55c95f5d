// Where a local cluster keeps its things. Pure: only names of files and folders.
//
// The cache (XDG_CACHE_HOME/hpawalk) can be made again at any time: compiled parts and the image store.
// The state (XDG_STATE_HOME/hpawalk/clusters/NAME) is one cluster: its etcd, certificates, logs, containers.
#pragma once

#include <filesystem>
#include <string>

#include "world/process.hpp"

namespace hpawalk::local {

namespace fs = std::filesystem;

struct Layout {
  fs::path cache;
  fs::path clusters;

  fs::path parts() const { return cache / "parts"; }
  fs::path image_stores() const { return cache / "images"; }
  fs::path cache_lock() const { return cache / "lock"; }      // held while something of it is made or removed
  fs::path keda_lock() const { return cache / "keda-lock"; }  // the same for KEDA, which no cluster waits for
};

Layout make_layout(const world::Environment& environment);

// The files of one cluster.
struct ClusterFiles {
  fs::path root;

  fs::path description() const { return root / "cluster.json"; }  // what was asked for
  fs::path kubeconfig() const { return root / "kubeconfig"; }
  fs::path complete() const { return root / "complete"; }    // made once the control plane had been set up
  fs::path stopping() const { return root / "stopping"; }    // tells the keepers to end
  fs::path program() const { return root / "bin/hpawalk"; }  // the keepers' own copy
  fs::path keeper_lock() const { return root / "keeper.lock"; }    // held by the keeper on duty
  fs::path command_lock() const { return root / "command.lock"; }  // held by an up or down of this cluster
  fs::path node() const { return root / "node.pid"; }              // the node's first process
  fs::path node_ready() const { return root / "run/ready"; }       // its mounts and network are there
  fs::path run() const { return root / "run"; }                    // emptied at each start of the node
  fs::path containerd() const { return root / "containerd"; }
  fs::path logs() const { return root / "log"; }
  fs::path etc_kubernetes() const { return root / "etc/kubernetes"; }
  fs::path kubelet() const { return root / "var/lib/kubelet"; }
  fs::path pod_logs() const { return root / "var/log/pods"; }
};

inline ClusterFiles cluster_files(const Layout& layout, const std::string& name) {
  return {layout.clusters / name};
}

// The context, cluster and user name in its kubeconfig.
inline std::string context_name(const std::string& name) {
  return "hpawalk-" + name;
}

// Its folder below each cgroup hierarchy.
inline std::string cgroup_name(const std::string& name) {
  return "hpawalk-" + name;
}

}  // namespace hpawalk::local
