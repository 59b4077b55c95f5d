// May what lies in a folder be executed, or applied to a cluster, with the caller's rights? Only where nobody
// else can have put it there.
#pragma once

#include <vector>

#include "world/world.hpp"

namespace hpawalk::world {

// Root, who runs this, and behind sudo the one who called it.
std::vector<unsigned> trusted_users(const Environment& environment);

// One of ours, and each folder above it: of a trusted user, and not writable by others. Above ours, a folder
// like /tmp is fine, in which nobody can replace what is not his. Not there: fine. The error is
// `folder-not-trusted`.
Status check_trusted(World& world, const fs::path& folder);

}  // namespace hpawalk::world
