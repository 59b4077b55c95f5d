// Taking the sets of parts from upstream's release instead of compiling them, by the program `curl`.
//
// A file is used only when its SHA-256 is the published one. A set that is whole has its final name: it is
// put together beside it, where an interrupted download goes on.
#pragma once

#include <vector>

#include "cluster/local/published.hpp"
#include "world/progress.hpp"
#include "world/world.hpp"

namespace hpawalk::local {

// A short look, at most some seconds: do all hosts answer that are needed for these sets? Says what it found.
Result<bool> upstream_answers(world::World& world, const std::vector<const PartSet*>& sets,
                              const KubernetesRelease& release, world::Progress& progress);

// The files of the set into `folder`. The error is `release-unavailable` where a host does not answer or does
// not have a file, `release-checksum` where a file is another one than the published, else
// `release-download`.
Status fetch_set(world::World& world, const PartSet& set, const KubernetesRelease& release,
                 const fs::path& folder, world::Progress& progress);

}  // namespace hpawalk::local
