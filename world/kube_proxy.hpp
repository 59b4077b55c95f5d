// Reaches a cluster through one `kubectl proxy` child that listens on a Unix socket in a folder that only
// this user can enter: every kind of kubeconfig login works, no TCP port opens, and a request costs a
// millisecond. The child and the folder go with the object; the child also when hpawalk is killed. Inside a
// pod and without a kubeconfig, it goes straight to the API server instead (pod_account.hpp).
#pragma once

#include <memory>

#include "world/kube_api.hpp"
#include "world/patience.hpp"
#include "world/world.hpp"

namespace hpawalk::world {

struct KubeTarget {
  std::string kubeconfig = {};  // empty: as kubectl finds it
  std::string context = {};     // empty: the kubeconfig's current one
  std::string kubectl = "kubectl";
};

// kubectl with the target's flags, followed by `arguments`.
std::vector<std::string> kubectl_line(const KubeTarget& target, std::vector<std::string> arguments);

// The namespace that the kubeconfig's context names, "default" where it names none; inside a pod, the pod's.
Result<std::string> current_namespace(World& world, const KubeTarget& target);

// `waiting` is told what the connection waits for, once it is longer than a second; by any thread.
Result<std::unique_ptr<KubeApi>> connect(World& world, const KubeTarget& target, Waiting waiting = {});

}  // namespace hpawalk::world
