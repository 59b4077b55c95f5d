// What differs between versions of the controller, as data. Each fact was read off the sources of the patch
// releases 1.30.14, 1.32.13, 1.33.13, 1.34.4, 1.35.4, 1.36.3 and 1.37.2 (pkg/controller/podautoscaler and
// pkg/features/kube_features.go).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.hpp"

namespace hpawalk::hpasim {

using Time = std::chrono::microseconds;  // since the simulation began

inline double in_seconds(Time t) {
  return static_cast<double>(t.count()) / 1e6;
}

// The newest Kubernetes 1.x whose controller was read: assumed where nobody says a version, and the local
// cluster's (cluster/local/parts.hpp).
inline constexpr int newest_minor = 37;
inline constexpr std::string_view newest_version = "1.37";
inline constexpr int oldest_minor = 23;  // autoscaling/v2 came with it

struct Rules {
  int minor = newest_minor;            // of Kubernetes 1.x
  bool tolerance_is_absolute = false;  // <= 1.32: |1 - r| <= t; since 1.33: 1 - down <= r <= 1 + up
  bool tolerance_from_spec = true;     // behavior.scaleUp/Down.tolerance counts: on by default since 1.35
  bool external_saturates = true;      // since 1.34: External AverageValue stops at the largest int32
  bool ratio_saturates =
      true;  // since 1.35: Value metrics too; before, the cast wrapped to a negative number
  bool pod_level_requests = true;     // a pod's own requests count, instead of its containers': since 1.34
  bool zero_by_condition = true;      // since 1.36: only an HPA that itself went to zero comes back
  bool zero_allowed = true;           // the HPAScaleToZero gate: on by default since 1.37
  bool first_sync_at_once = true;     // since 1.37: a new or changed HPA does not wait one sync period first
  bool tolerance_gate_locked = true;  // since 1.37: HPAConfigurableTolerance cannot be disabled
};

// The minor version of "1.34", "v1.34.4-eks-1", "34".
std::optional<int> minor_of(std::string_view kubernetes_version);
// A version newer than the newest has the newest one's rules.
Rules rules_of_minor(int minor);
// Of the version that a cluster says it has; none if it is unreadable, or older than autoscaling/v2.
std::optional<Rules> rules_of_cluster(std::string_view kubernetes_version);
// Of a version that somebody typed: one that is not known is an error.
Result<Rules> rules_for(std::string_view kubernetes_version);

// The feature gates as they are set, "HPAScaleToZero=true" each. Others than the HPA's are passed over.
void take_gate(Rules& rules, std::string_view gate);

// The controller-manager's flags.
struct Flags {
  Time sync_period = std::chrono::seconds(15);               // --horizontal-pod-autoscaler-sync-period
  Time downscale_stabilization = std::chrono::minutes(5);    // ...-downscale-stabilization
  double tolerance = 0.1;                                    // ...-tolerance
  Time cpu_initialization_period = std::chrono::minutes(5);  // ...-cpu-initialization-period
  Time initial_readiness_delay = std::chrono::seconds(30);   // ...-initial-readiness-delay
};

}  // namespace hpawalk::hpasim
