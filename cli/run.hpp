// The whole command line as a function: arguments in, exit code out, every side effect through the World.
#pragma once

#include <string>
#include <vector>

#include "world/world.hpp"

namespace hpawalk::cli {

int run(const std::vector<std::string>& args, world::World& world);

}  // namespace hpawalk::cli
