// What `up` would run, as commands that a person could paste. Nothing is executed, nobody is asked.
#pragma once

#include <string>
#include <vector>

#include "steps/stages.hpp"
#include "steps/up.hpp"

namespace hpawalk::steps {

struct PlannedStage {
  std::string name, why;
  std::vector<cluster::PlannedCommand> commands;
  std::vector<std::string> holds;  // what must hold afterwards
};

Result<std::vector<PlannedStage>> plan(const config::Config& config, const cluster::ClusterAccess& access,
                                       const UpOptions& options, const std::string& chart);

std::string to_text(const std::vector<PlannedStage>& stages);

// The commands of one operation, with their input as here-documents.
std::vector<cluster::PlannedCommand> planned(const Operation& operation, const config::Config& config,
                                             const cluster::ClusterAccess& access, const std::string& chart);

}  // namespace hpawalk::steps
