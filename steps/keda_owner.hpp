// Whose KEDA is on a cluster. There can be one only: it is the only one that can serve the external metrics
// API.
#pragma once

#include <string>

#include "config/config.hpp"
#include "world/kube_api.hpp"

namespace hpawalk::steps {

inline constexpr const char* external_metrics_service = "v1beta1.external.metrics.k8s.io";

struct KedaOwner {
  bool foreign = false;  // its definitions exist, and are not this chain's
  bool usable = false;   // foreign, and KEDA serves the external metrics API
  // Of a usable one: "KEDA 2.18.1 in namespace kube-system", as far as its operator's Deployment was read.
  std::string title = {};
};

Result<KedaOwner> keda_owner(world::KubeApi& api, const config::Config& config);

// Whether this chain's KEDA may be installed; or, true, another one is to be used as it is. Errors:
// `not-ours` (another adapter serves the external metrics API), `keda-unusable`, `keda-elsewhere`; nothing
// was changed. `addon`: the cluster's provider installs KEDA (ClusterAccess::keda_addon): then hpawalk never
// does, not even before the provider has.
Result<bool> use_other_keda(world::KubeApi& api, const config::Config& config, bool addon = false);

// The name of the ScaledObject that an HPA was created for; empty: none.
std::string scaled_object_of(const Json& hpa);

// The error `autoscaler-exists`, where another autoscaler than the stage's already scales the workload:
// `stage` is "hpa" or "scaledobject".
Status only_autoscaler(world::KubeApi& api, const config::Config& config, std::string_view stage);

}  // namespace hpawalk::steps
