// Upstream's bundle of prometheus-operator, from where the configuration says. It is applied with rights over
// the whole cluster, so what comes from elsewhere must be what hpawalk knows or the user expects, byte for
// byte.
#pragma once

#include <string>

#include "cluster/local/published.hpp"
#include "config/config.hpp"
#include "world/world.hpp"

namespace hpawalk::steps {

using local::KnownBundle;  // of the default version

// `source`: a file or a URL (bundle_source). The error is `operator-bundle`.
Result<std::string> read_bundle(world::World& world, const config::Config& config, const std::string& source);

}  // namespace hpawalk::steps
