// The control plane's configuration, as kubeadm takes it. Pure.
#pragma once

#include <string>

#include "cluster/local/description.hpp"

namespace hpawalk::local {

// InitConfiguration and ClusterConfiguration (kubeadm.k8s.io/v1beta4) and KubeletConfiguration.
std::string kubeadm_config(const Description& description, const fs::path& patches,
                           const fs::path& resolv_conf);

// A patch of kubeadm's CoreDNS Deployment, for its patches folder: one replica, and a readiness probe every
// second. A freshly started kubelet waits a random part of the period before its first probe, 10 s upstream.
inline constexpr const char* coredns_patch_file = "corednsdeployment+strategic.yaml";
std::string coredns_patch();

}  // namespace hpawalk::local
