// prom-fake's sources with their Dockerfile, carried inside the hpawalk binary, for who builds the image
// elsewhere.
#pragma once

#include "world/world.hpp"

namespace hpawalk::cluster {

// Where write_prom_fake_context() puts them.
fs::path prom_fake_context_folder(const world::Environment& environment);

// Exactly these files, nothing that an older hpawalk has left.
Status write_prom_fake_context(world::World& world);

}  // namespace hpawalk::cluster
