// What is in a namespace that `down` would delete: everything of every kind that the API server has, its own
// and other people's. Reads only.
//
// Whatever is not known to be going counts as somebody's, and so does a kind that cannot be read.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "steps/removal.hpp"
#include "world/kube_discovery.hpp"

namespace hpawalk::steps {

struct NamespaceLook {
  std::vector<std::string> others;  // "ServiceMonitor checkout": neither going nor Kubernetes' own
  std::vector<std::string> unread;  // "roles.rbac.authorization.k8s.io: Not allowed to list ..."
  std::vector<Object>
      along;  // goes with the namespace: what controllers made of what is going, and Kubernetes' own

  bool free() const { return others.empty() && unread.empty(); }
  std::string why_kept() const;  // "ServiceMonitor checkout and Role reader are in it"
};

// `going`: what will be deleted, in this namespace and outside of it. An object that is owned
// (ownerReferences) is going when all of its owners are going or gone.
NamespaceLook look_into(world::KubeApi& api, world::Clock& clock, const world::KubeKinds& kinds,
                        const std::string& space, const std::vector<Object>& going);

}  // namespace hpawalk::steps
