// What a local cluster needs of the machine, looked at before anything is changed.
#pragma once

#include "cluster/local/layout.hpp"
#include "world/world.hpp"

namespace hpawalk::local {

Status check_machine(world::World& world, const Layout& layout);

}  // namespace hpawalk::local
