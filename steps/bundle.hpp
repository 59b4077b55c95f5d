// Upstream's bundle of prometheus-operator, from where the configuration says. It is applied with rights over
// the whole cluster, so what comes from elsewhere must be what hpawalk knows or the user expects, byte for
// byte.
#pragma once

#include <string>

#include "config/config.hpp"
#include "world/world.hpp"

namespace hpawalk::steps {

// Of the default version, as its Go module (whose checksum cluster/local/parts/kubernetes/go.sum has) carries
// it.
struct KnownBundle {
  static constexpr const char* version = "0.85.0";
  static constexpr const char* sha256 = "602f3a0c4f91952cfbbaedeed6542a8231134537191965275b9e2c2e05aeab72";
};

// `source`: a file or a URL (bundle_source). The error is `operator-bundle`.
Result<std::string> read_bundle(world::World& world, const config::Config& config, const std::string& source);

}  // namespace hpawalk::steps
