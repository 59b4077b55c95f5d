// Whether the workload's pods will be let into their namespace, and into their image's user, by Pod Security.
//
// Everything else that hpawalk makes fits the level `restricted` as it is. Reads only.
#pragma once

#include "cluster/precondition.hpp"
#include "config/config.hpp"
#include "world/kube_api.hpp"

namespace hpawalk::steps {

cluster::Precondition look_at_pod_security(world::KubeApi& api, const config::Config& config);

}  // namespace hpawalk::steps
