// The adapter's bundled chart as a folder for Helm.
#pragma once

#include <string>

#include "world/world.hpp"

namespace hpawalk::steps {

// Exactly the bundled files: Helm deploys whatever else is in the folder too. The folder (chart_folder) is
// the answer.
Result<std::string> write_chart(world::World& world);

}  // namespace hpawalk::steps
