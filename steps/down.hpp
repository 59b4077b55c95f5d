// `hpawalk down`: takes away what `up` made, and nothing else.
//
// What is hpawalk's is read from the cluster, by labels, not from the configuration: whatever the settings were
// when it was built, it goes. Objects of the configured names that are not hpawalk's are left alone and reported.
// In the safe order: the HPA, what the operator serves, then the operator and its custom resources; beside them the
// adapter with its API services, so that they are gone before a namespace is. Returns when all of it is gone.
#pragma once

#include <string>
#include <vector>

#include "steps/stages.hpp"

namespace hpawalk {

struct DownReport {
  std::vector<std::string> removed;
  std::vector<std::string> left;  // with the reason
  Duration took{0};
};

Status down(World& world, const Config& config, const ClusterAccess& access, KubeApi& api, Progress& progress,
            DownReport& report);

}  // namespace hpawalk
