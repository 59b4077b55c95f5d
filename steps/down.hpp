// `hpawalk down`: takes away what `up` made, and nothing else.
//
// What is this chain's is read from the cluster, by labels (ownership.hpp), not from the configuration:
// whatever the settings were when it was built, it goes. What another chain of hpawalk's or somebody else
// made is left alone and named, and so is what those need: a namespace with anything of theirs in it, the
// operator and its custom resources. Each object is deleted by its UID. Returns when all of it is gone.
#pragma once

#include <string>
#include <vector>

#include "steps/stages.hpp"

namespace hpawalk::steps {

struct DownReport {
  std::vector<std::string> removed;
  std::vector<std::string> left;  // with the reason
  bool others = false;            // another chain of hpawalk's is on this cluster
  world::Duration took{0};
};

Status down(world::World& world, const config::Config& config, const cluster::ClusterAccess& access,
            world::KubeApi& api, world::Progress& progress, DownReport& report);

}  // namespace hpawalk::steps
