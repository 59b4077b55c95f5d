// Progress on stderr: lines that redraw themselves on a terminal, plain lines elsewhere.
#pragma once

#include <memory>

#include "world/progress.hpp"
#include "world/world.hpp"

namespace hpawalk::cli {

std::unique_ptr<world::Progress> make_progress(world::World& world, bool may_redraw = true);

}  // namespace hpawalk::cli
