// What Kubernetes' Pod Security standard `restricted` asks of a container, for the one container whose
// securityContext can be configured: the workload's. Pure.
//
// Knows nothing about namespaces or images: whether an image runs as root is only seen when it starts.
#pragma once

#include <string>
#include <vector>

#include "base/yaml.hpp"

namespace hpawalk::config {

inline constexpr const char* enforce_label = "pod-security.kubernetes.io/enforce";

// What is missing in a container's securityContext for `restricted`, as one would write it
// ("runAsNonRoot: true"); nothing when it fits.
std::vector<std::string> missing_for_restricted(const yaml::Value& security_context);

}  // namespace hpawalk::config
