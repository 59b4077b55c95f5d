// Upstream's bundle of prometheus-operator, from where the configuration says. It is applied with rights over
// the whole cluster, so what comes from elsewhere must be what hpawalk knows or the user expects, byte for
// byte.
#pragma once

#include <string>

#include "config/config.hpp"
#include "world/world.hpp"

namespace hpawalk::steps {

// Of the default version, as its Go module (whose checksum cluster/local/parts/current/go.sum has) carries
// it.
struct KnownBundle {
  static constexpr const char* version = "0.92.1";
  static constexpr const char* sha256 = "153c7189c21481eaed2327e3c651ba5ba102d5b3f8aee114fd4f81a240e2aeed";
};

// `source`: a file or a URL (bundle_source). The error is `operator-bundle`.
Result<std::string> read_bundle(world::World& world, const config::Config& config, const std::string& source);

}  // namespace hpawalk::steps
