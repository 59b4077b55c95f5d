// How the cluster's HPA controller is set: its version, and its flags and feature gates where they can be seen. Reads
// two things at most.
#pragma once

#include <string>

#include "hpasim/version.hpp"
#include "world/kube_api.hpp"

namespace hpawalk {

struct ControllerSettings {
  std::string version;    // "v1.34.4"; empty: it could not be read, and `rules` are the defaults
  hpasim::Rules rules;
  hpasim::Flags flags;    // Kubernetes' defaults, where `seen` is false
  bool seen = false;      // the flags were read off the controller manager's own command line
};

// kubeadm, kind and minikube show the controller manager as a pod; managed clusters and k3s hide it, and then the
// defaults are assumed.
ControllerSettings read_controller(KubeApi& api);

}  // namespace hpawalk
