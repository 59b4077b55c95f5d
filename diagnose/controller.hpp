// How the cluster's HPA controller is set: its version, and its flags and feature gates where they can be
// seen. Two readings say it.
#pragma once

#include <string>
#include <vector>

#include "base/json.hpp"
#include "diagnose/facts.hpp"
#include "hpasim/version.hpp"
#include "world/kube_api.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::diagnose {

inline constexpr const char* version_path = "/version";
inline const std::string controller_pods_path =
    world::kube_kind("Pod").collection("kube-system") + "?labelSelector=component%3Dkube-controller-manager";

struct ControllerSettings {
  std::string version;  // "v1.34.4"; empty: it could not be read, and `rules` are the defaults
  hpasim::Rules rules;
  hpasim::Flags flags;             // Kubernetes' defaults, where `seen` is false
  bool seen = false;               // the flags were read off the controller manager's own command line
  std::vector<std::string> gates;  // of that command line: "HPAScaleToZero=true"; `rules` count them in
};

// kubeadm, kind and minikube show the controller manager as a pod; managed clusters and k3s hide it, and then
// the defaults are assumed.
ControllerSettings read_controller(world::KubeApi& api);
// Out of what was answered to the two paths; a null: it could not be read.
ControllerSettings controller_from(const Json& version, const Json& pods);
ControllerSettings controller_of(const Facts& facts);

}  // namespace hpawalk::diagnose
