// `hpawalk up`: runs the stages' operations as soon as what they need is there, in parallel, and watches each
// stage's rules until they hold.
//
// First everything is compared with the cluster and nothing is changed: what is there already is not applied
// again, and another's object of the same name stops the run before it began. An interrupted run is simply
// run again.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "steps/stages.hpp"

namespace hpawalk::steps {

struct UpOptions {
  std::vector<std::string> only = {};  // stages; empty: all
  std::string from = {};               // this stage and all behind it
  bool one_by_one = false;             // in the table's order, each to its end
  // Asked before each stage when one_by_one: run it, or leave it out? An error ends the run.
  std::function<Result<bool>(const Stage&, const std::vector<Operation>&)> before = {};
};

struct StageReport {
  std::string name;
  enum class Outcome { built, unchanged, used, left_out, failed, stopped } outcome = Outcome::stopped;
  std::string evidence = {};
  world::Duration took{0};
};
std::string_view outcome_name(StageReport::Outcome outcome);

struct UpReport {
  std::vector<StageReport> stages;
  world::Duration took{0};
};

// The names of the stages that `options` select. The error `no-stage` when a name is wrong.
Result<std::vector<std::string>> selected_stages(const UpOptions& options, const config::Config& config);

// The error is that of the first stage, in the table's order, that did not come to stand (`stage-NAME` when
// one of its rules does not hold); `report` says how far all of them came. `needs-stage`: a stage that was
// left out does not stand, and one that was selected cannot do without it; then nothing was changed.
Status up(world::World& world, const config::Config& config, cluster::ClusterTarget& target,
          const cluster::ClusterAccess& access, world::KubeApi& api, const UpOptions& options,
          world::Progress& progress, UpReport& report);

}  // namespace hpawalk::steps
