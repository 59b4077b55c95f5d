// Ends the deletion of a namespace without the 5 s that Kubernetes waits before it begins to tidy one up.
//
// Those 5 s are for clusters with several API servers, which may not all have heard of the deletion yet. On
// hpawalk's own cluster there is one: as soon as nothing of any kind is left in the namespace, its finalizer
// can go.
#pragma once

#include <string>
#include <vector>

#include "cluster/target.hpp"

namespace hpawalk::steps {

class NamespaceEnd {
 public:
  NamespaceEnd(world::World& world, const cluster::ClusterAccess& access, world::KubeApi& api,
               std::string space, std::string uid)
      : world_(world), access_(access), api_(api), space_(std::move(space)), uid_(std::move(uid)) {}

  // Looks whether the namespace, which is being deleted, is empty by now, and if so takes its finalizer away.
  // What could not be read counts as not empty: then Kubernetes ends it in its own time.
  void look();

 private:
  bool find_collections();

  world::World& world_;
  const cluster::ClusterAccess& access_;
  world::KubeApi& api_;
  std::string space_;
  std::string uid_;  // of the namespace that was deleted: one that was made anew is not meant
  std::vector<std::string> collections_ =
      {};  // not seen empty yet; nothing can be made in a namespace that is going
  bool known_ = false;
  bool ended_ = false;
};

}  // namespace hpawalk::steps
