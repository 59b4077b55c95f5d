// Whether the workload's pods will be let into their namespace, and into their image's user, by Pod Security.
//
// Everything else that hpawalk makes fits the level `restricted` as it is. Reads only.
#pragma once

#include "cluster/precondition.hpp"
#include "config/config.hpp"
#include "world/kube_api.hpp"

namespace hpawalk {

Precondition look_at_pod_security(KubeApi& api, const Config& config);

}  // namespace hpawalk
