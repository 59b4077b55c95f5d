// Takes objects away, each by its UID, and waits until they are gone. Decides nothing: the caller says which.
#pragma once

#include <string>
#include <vector>

#include "cluster/target.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::steps {

struct Object {
  std::string api_version, kind, space, name, resource, uid;

  std::string title() const;  // "Deployment nginx in namespace default"
  std::string path() const;
};

// `item`: an object's metadata, as it was listed or read.
Object object_from(const Json& item, std::string api_version, std::string kind, std::string resource);
Object object_from(const Json& item, const world::KubeResource& kind);

struct Removed {
  std::vector<std::string> gone;  // titles
  std::vector<std::string> anew;  // titles of what somebody made anew meanwhile: left alone
};

// Deletes them in this order. `step`: what the user reads while it lasts.
Result<Removed> remove_objects(world::World& world, world::KubeApi& api, world::Progress& progress,
                               const std::string& step, const std::vector<Object>& objects);

// Until none of them is there any more. On hpawalk's own cluster their namespaces end without Kubernetes' own
// delay.
Status wait_gone(world::World& world, const config::Config& config, const cluster::ClusterAccess& access,
                 world::KubeApi& api, world::Progress& progress, const std::string& step,
                 const std::vector<Object>& objects);

// Pods, replica sets and endpoint slices that are there because of `objects`: controllers take them away
// behind those.
Result<std::vector<Object>> dependents_of(world::KubeApi& api, world::Clock& clock,
                                          const std::vector<Object>& objects);

}  // namespace hpawalk::steps
