// Makes the way free for `helm upgrade --install` when an earlier install of the release did not end: it is
// waited for while somebody is at it, and taken away once nobody is.
#pragma once

#include <functional>

#include "steps/release.hpp"

namespace hpawalk::steps {

// `keep_on` is asked with what is waited for; false ends it with the error `stopped`. Errors: `release-busy`,
// `not-ours`.
Status recover_release(world::World& world, const config::Config& config,
                       const cluster::ClusterAccess& access, world::KubeApi& api,
                       const std::function<bool(const std::string& waiting_for)>& keep_on);

}  // namespace hpawalk::steps
