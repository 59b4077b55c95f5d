// What is left to do for a stage: its operations compared with the cluster. Reads only, so that everything
// that could stop a run (another's object of the same name, a bundle or a chart that is not there) is known
// before it begins.
#pragma once

#include <string>
#include <vector>

#include "steps/stages.hpp"

namespace hpawalk::steps {

struct Work {
  std::vector<Operation> todo = {};
  std::vector<Milestone> reached = {};  // of what is there already
  bool used = false;                    // somebody else's, and fine
  std::string evidence = {};            // where no rule will say more
};

// Errors: `not-ours`, `operator-bundle`, `adapter-chart`, `keda-unusable`, `keda-elsewhere`,
// `autoscaler-exists`, or those of the API.
Result<Work> find_work(world::World& world, const config::Config& config,
                       const cluster::ClusterAccess& access, world::KubeApi& api, const Stage& stage);

}  // namespace hpawalk::steps
