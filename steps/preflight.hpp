// What a run needs before it may change anything: tools, a cluster that answers and serves the APIs, and the
// right to make what the run makes. `up` looks at what its stages need; `doctor` shows all of it. Changes
// nothing.
#pragma once

#include <string>
#include <vector>

#include "cluster/precondition.hpp"
#include "steps/stages.hpp"

namespace hpawalk::steps {

// The oldest Kubernetes 1.x that hpawalk works with (docs/clusters.md).
inline constexpr int oldest_minor = 25;

// The programs that hpawalk starts for these stages: there, and new enough.
std::vector<cluster::Precondition> look_at_tools(world::World& world, const cluster::ClusterAccess& access,
                                                 const std::vector<std::string>& stages);

// The API server, its version, the login, the APIs that it serves, and this user's rights, as far as these
// stages need them. `when_unreachable`: what the cluster's owner says about who may reach it.
std::vector<cluster::Precondition> look_at_cluster(world::KubeApi& api, const config::Config& config,
                                                   const std::vector<std::string>& stages,
                                                   const std::string& when_unreachable = {});

// The first finding that is not fine, as the error `preflight-NAME`.
Status all_fine(const std::vector<cluster::Precondition>& findings);

}  // namespace hpawalk::steps
