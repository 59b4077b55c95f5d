// prom-fake's sources with their Dockerfile, carried inside the hpawalk binary, for who builds the image
// elsewhere.
#pragma once

#include "world/world.hpp"

namespace hpawalk {

// Where write_prom_fake_context() puts them.
fs::path prom_fake_context_folder(const Environment& environment);

// Exactly these files, nothing that an older hpawalk has left.
Status write_prom_fake_context(World& world);

}  // namespace hpawalk
