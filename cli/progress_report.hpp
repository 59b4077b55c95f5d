// Progress on stderr: lines that redraw themselves on a terminal, plain lines elsewhere.
#pragma once

#include <memory>

#include "world/progress.hpp"
#include "world/world.hpp"

namespace hpawalk {

std::unique_ptr<Progress> make_progress(World& world, bool may_redraw = true);

}  // namespace hpawalk
