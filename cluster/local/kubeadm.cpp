#include "cluster/local/kubeadm.hpp"

#include <fmt/format.h>

#include "cluster/local/network.hpp"
#include "cluster/local/parts.hpp"

namespace hpawalk::local {

static std::string extra_args(const std::map<std::string, std::string>& args) {
  std::string list;
  for (const auto& [name, value] : args) {
    if (!value.empty()) list += fmt::format("  - {{name: {}, value: \"{}\"}}\n", name, value);
  }
  return list;
}

std::string kubeadm_config(const Description& d, const fs::path& patches, const fs::path& resolv_conf) {
  // No leader election: there is nobody to elect against, and the first lease costs seconds. The controller
  // manager's default plug-in folder, below /usr/libexec, would be made on the host.
  // It starts some forty controllers, one after the other, with three requests each: its own limit of 20
  // requests a second makes that 5 seconds.
  const std::map<std::string, std::string> controller_manager = {
      {"leader-elect", "false"},
      {"kube-api-qps", "1000"},
      {"kube-api-burst", "1000"},
      {"flex-volume-plugin-dir", "/var/lib/kubelet/volumeplugins"},
      {"horizontal-pod-autoscaler-sync-period", d.hpa_sync_period},
      {"horizontal-pod-autoscaler-downscale-stabilization", d.hpa_downscale_stabilization}};
  // etcd without fsync: the cluster is a throw-away one, and its disk is somebody's laptop. ECDSA: making the
  // nine keys takes milliseconds instead of a second. No taints: the one node runs the pods. No eviction and
  // no image garbage collection: a full disk is the host's to judge.
  return fmt::format(R"(apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint:
  advertiseAddress: {address}
  bindPort: 6443
nodeRegistration:
  name: {name}
  criSocket: unix:///run/containerd/containerd.sock
  taints: []
  kubeletExtraArgs:
  - {{name: node-ip, value: {address}}}
patches:
  directory: {patches}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
clusterName: {context}
kubernetesVersion: {kubernetes}
encryptionAlgorithm: ECDSA-P256
imageRepository: registry.k8s.io
networking:
  podSubnet: {pods}
  serviceSubnet: {services}
dns:
  imageTag: {coredns}
etcd:
  local:
    imageTag: {etcd}
    extraArgs:
    - {{name: unsafe-no-fsync, value: "true"}}
controllerManager:
  extraArgs:
{controller_manager}scheduler:
  extraArgs:
{scheduler}---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: cgroupfs
maxPods: 200
cgroupRoot: /{cgroup}
failSwapOn: false
failCgroupV1: false
volumePluginDir: /var/lib/kubelet/volumeplugins
resolvConf: {resolv_conf}
imageGCHighThresholdPercent: 100
evictionHard:
  memory.available: "0%"
  nodefs.available: "0%"
  nodefs.inodesFree: "0%"
  imagefs.available: "0%"
)",
                     fmt::arg("address", Link{d.link}.node_address()), fmt::arg("name", d.name),
                     fmt::arg("patches", patches.string()), fmt::arg("context", context_name(d.name)),
                     fmt::arg("kubernetes", d.kubernetes), fmt::arg("pods", pod_subnet),
                     fmt::arg("services", service_subnet), fmt::arg("coredns", version::coredns),
                     fmt::arg("etcd", version::etcd),
                     fmt::arg("controller_manager", extra_args(controller_manager)),
                     fmt::arg("scheduler", extra_args({{"leader-elect", "false"}})),
                     fmt::arg("cgroup", cgroup_name(d.name)), fmt::arg("resolv_conf", resolv_conf.string()));
}

std::string coredns_patch() {
  return R"(spec:
  replicas: 1
  template:
    spec:
      containers:
      - name: coredns
        readinessProbe:
          periodSeconds: 1
)";
}

}  // namespace hpawalk::local
