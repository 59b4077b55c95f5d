// Stage `operator`: prometheus-operator, from upstream's bundle.
#pragma once

#include "steps/stage.hpp"

namespace hpawalk::steps {

// The custom resource definitions of the bundle.
inline constexpr size_t bundle_crds = 10;

// Where the operator's bundle comes from: a file or a URL.
std::string bundle_source(const config::Config& config, const cluster::ClusterAccess& access);

// The bundle's objects as operations: the custom resources one by one and so in parallel, those that the
// operator cannot do without first. It looks only at its start which of them there are: so it comes behind
// the first ones, and is restarted behind the others, which come when Prometheus runs and the processors have
// little to do.
Operations bundle_operations(std::string_view bundle, const config::Config& config);

// The custom resources without which the operator does not start, as milestones.
std::vector<Milestone> needed_custom_resources();

}  // namespace hpawalk::steps
