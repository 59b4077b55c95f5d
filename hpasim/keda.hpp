// A KEDA ScaledObject: the HPA that KEDA makes of it, and what KEDA itself does beside that HPA. The HPA
// scales between its minReplicas (at least 1) and maxReplicas; KEDA activates and deactivates: from and to 0,
// or idleReplicaCount.
//
// Source: KEDA 2.21: apis/keda/v1alpha1 (scaledobject_types.go, withtriggers_types.go),
// controllers/keda/hpa.go, pkg/scaling (scale_handler.go, executor/scale_scaledobjects.go),
// pkg/fallback/fallback.go, and of each trigger its file in pkg/scalers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hpasim/spec.hpp"

namespace hpawalk::hpasim {

struct Trigger {
  std::string type;             // "prometheus"
  bool external = true;         // false: cpu, memory, which the HPA reads itself and which never activate
  std::int64_t activation = 0;  // milli: active above it
  bool cached = false;          // useCachedMetrics: the HPA sees the value of KEDA's last poll
};

// What the HPA is told once a trigger has failed more often than `failures`.
struct Fallback {
  enum class Behavior : std::uint8_t { fixed, current, current_if_higher, current_if_lower };
  std::int32_t failures = 0, replicas = 0;
  Behavior behavior = Behavior::fixed;
};

// KEDA's part of the scaling.
struct Keda {
  Time polling_interval = std::chrono::seconds(30);
  Time cooldown = std::chrono::seconds(300);
  std::int32_t min = 0;              // minReplicaCount; the HPA has at least 1
  std::optional<std::int32_t> idle;  // idleReplicaCount
  std::vector<Trigger> triggers;     // one for each metric of the HPA, in its order
  std::optional<Fallback> fallback;
  bool forced = false;                                     // autoscaling.keda.sh/force-activation
  bool scale_in_paused = false, scale_out_paused = false;  // autoscaling.keda.sh/paused-scale-in, -out
  // Before the simulation, where that is known: when a trigger was last active. Without it, nothing is
  // deactivated before `created` + `initial_cooldown`.
  std::optional<Time> last_active;
  Time created{0}, initial_cooldown{0};

  // Replicas of a workload that no trigger keeps active.
  std::int32_t inactive_replicas() const { return idle.value_or(min); }
  // Those with which KEDA activates it.
  std::int32_t active_replicas() const { return min > 0 ? min : 1; }
};

struct ScaledObject {
  Document hpa;  // as KEDA writes it
  Keda keda;
};

bool is_scaled_object(const Document& document);

// All mistakes at once, with their paths: `scaled-object`. What KEDA accepts and this cannot simulate
// (scalingModifiers, a paused object, a trigger whose target is not in its metadata) is
// `scaled-object-unsupported`. The HPA is not judged: parse_spec does that. `mistakes`: each of them also
// goes there.
Result<ScaledObject> read_scaled_object(const Document& scaled_object,
                                        std::vector<Mistake>* mistakes = nullptr);

}  // namespace hpawalk::hpasim
