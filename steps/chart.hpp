// The adapter's bundled chart as a folder for Helm.
#pragma once

#include <string>

#include "world/world.hpp"

namespace hpawalk {

// Exactly the bundled files: Helm deploys whatever else is in the folder too. The folder (chart_folder) is the answer.
Result<std::string> write_chart(World& world);

}  // namespace hpawalk
