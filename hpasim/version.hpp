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

struct Rules {
  int minor = 34;                      // of Kubernetes 1.x
  bool tolerance_is_absolute = false;  // <= 1.32: |1 - r| <= t; since 1.33: 1 - down <= r <= 1 + up
  bool tolerance_from_spec = false;    // behavior.scaleUp/Down.tolerance counts: on by default since 1.35
  bool external_saturates = true;      // since 1.34: External AverageValue stops at the largest int32
  bool ratio_saturates =
      false;  // since 1.35: Value metrics too; before, the cast wrapped to a negative number
  bool zero_by_condition = false;   // since 1.36: only an HPA that itself went to zero comes back
  bool zero_allowed = false;        // the HPAScaleToZero gate: on by default since 1.37
  bool first_sync_at_once = false;  // since 1.37: a new HPA does not wait one sync period first
  bool change_at_once = false;      // since 1.37: nor one whose spec has been changed
};

// "1.34", "v1.34.4", "34".
Result<Rules> rules_for(std::string_view kubernetes_version);

// The controller-manager's flags.
struct Flags {
  Time sync_period = std::chrono::seconds(15);               // --horizontal-pod-autoscaler-sync-period
  Time downscale_stabilization = std::chrono::minutes(5);    // ...-downscale-stabilization
  double tolerance = 0.1;                                    // ...-tolerance
  Time cpu_initialization_period = std::chrono::minutes(5);  // ...-cpu-initialization-period
  Time initial_readiness_delay = std::chrono::seconds(30);   // ...-initial-readiness-delay
};

}  // namespace hpawalk::hpasim
