// The adapter's bundled chart as a folder for Helm.
#pragma once

#include <string>

#include "world/world.hpp"

namespace hpawalk::steps {

// Where the bundled chart's files are put for helm to read.
std::filesystem::path chart_folder(const world::Environment& environment);

// Exactly the bundled files: Helm deploys whatever else is in the folder too. The folder (chart_folder) is
// the answer.
Result<std::string> write_chart(world::World& world);

}  // namespace hpawalk::steps
