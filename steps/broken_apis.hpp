// API services that are registered and do not answer: they keep clients from learning what the cluster
// serves, and namespaces from ending. Whoever made them.
#pragma once

#include <string>
#include <vector>

#include "cluster/precondition.hpp"
#include "world/kube_api.hpp"

namespace hpawalk::steps {

struct BrokenApi {
  std::string name;  // "v1beta1.metrics.k8s.io"
  std::string why;   // "ServiceNotFound: service/metrics-server in ... is not present"
};
Result<std::vector<BrokenApi>> broken_apis(world::KubeApi& api);

// A note for each: nothing of hpawalk's needs them.
std::vector<cluster::Precondition> look_at_broken_apis(world::KubeApi& api);

}  // namespace hpawalk::steps
