// A one-node Kubernetes from real parts on this machine: etcd, API server, controller manager, scheduler,
// kubelet, kube-proxy, CoreDNS, containerd and runc, set up by kubeadm in namespaces of their own.
//
// The cluster outlives the command that started it; several can run side by side. Serves the walkthrough's
// stages wherever no other cluster is named.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cluster/local/description.hpp"
#include "cluster/local/parts.hpp"
#include "world/progress.hpp"

namespace hpawalk::local {

struct UpOptions {
  std::string name = "local";
  std::string kubernetes = {};       // "1.36" or "v1.36.3"; empty: the newest that can be compiled
  std::string hpa_sync_period = {};  // a Go duration; empty: Kubernetes' default, 15 s
  std::string hpa_downscale_stabilization = {};  // likewise, 5 min
  Source source = Source::automatic;             // of parts that are missing
};

enum class Phase {
  absent,  // nothing is there
  lost,  // its processes, or what else it made on the machine, without its state folder: `down` removes them
  incomplete,  // a start was interrupted: `up` starts it afresh
  stopped,     // complete, but its processes do not run (the machine was restarted): `up` starts them
  running
};

struct ClusterStatus {
  std::string name;
  Phase phase = Phase::absent;
  bool api_ready = false;         // the API server's /readyz says ok
  std::string node_address = {};  // the API server is at https://ADDRESS:6443
  std::string context = {};
  std::filesystem::path kubeconfig = {};             // that the caller can open
  std::string kubernetes = {};                       // "v1.37.2"
  std::filesystem::path kubectl = {};                // of the cluster's own version
  std::map<std::string, std::string> programs = {};  // the folders of its programs, by the set (parts.hpp)
  long user = 0;                                     // who may use it besides root (see description.hpp)
  size_t processes = 0;                              // all of them: keepers, services and containers
};

// RFC 1123 label, at most 40 characters: it becomes a host, context and cgroup name.
Status check_name(const std::string& name);

// Compiles or downloads the parts and fills the image store; cheap when both are there. The version is as in
// UpOptions.
Status prepare(world::World& world, world::Progress& progress, const std::string& kubernetes, Source source);

// Starts the cluster, or what is missing of it. Done when the node is Ready and CoreDNS answers.
Result<ClusterStatus> up(world::World& world, world::Progress& progress, const UpOptions& options);

// Removes the cluster with every process, mount, interface, netfilter rule, cgroup and file, also where its
// state folder is gone or another user's. Not there: fine. False: there was none.
Result<bool> down(world::World& world, world::Progress& progress, const std::string& name);

// Removes compiled parts and images as well. Refused while another cluster exists.
Status purge(world::World& world, world::Progress& progress);

Result<ClusterStatus> status(world::World& world, const std::string& name);
Result<std::vector<std::string>> cluster_names(world::World& world);  // for root: all of the machine

// Adds the cluster to (or takes it out of) the user's own kubeconfig; its current context stays what it was.
Result<std::filesystem::path> merge_kubeconfig(world::World& world, const std::string& name);

// The log files by component: keeper, node, containerd, kubelet, kube-proxy, etcd, kube-apiserver, ...
Result<std::vector<std::pair<std::string, std::filesystem::path>>> logs(world::World& world,
                                                                        const std::string& name);

// A program that was compiled for the cluster (kubectl, helm, ...), whether it is there or not.
Result<std::filesystem::path> own_program(world::World& world, const std::string& name,
                                          const std::string& program);

// Imports an archive (docker-archive) into the running node.
Status load_image(world::World& world, const std::string& name, const std::filesystem::path& archive);

// Makes KEDA's images available to the cluster's pods: compiled and imported, unless the node has them or can
// pull them.
Status bring_keda(world::World& world, world::Progress& progress, const std::string& name);

}  // namespace hpawalk::local
