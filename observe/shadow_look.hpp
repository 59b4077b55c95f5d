// Looks at a cluster as the HPA controller does before it decides: the scale, the pods that its selector
// matches, and each metric as the metrics API answers. Only GET requests.
// Source: pkg/controller/podautoscaler (horizontal.go, metrics/client.go, replica_calculator.go) of
// Kubernetes 1.34.4 to 1.37.2.
#pragma once

#include <functional>

#include "observe/live.hpp"
#include "observe/shadow.hpp"

namespace hpawalk::observe {

struct ShadowTarget {
  LiveChain chain;    // of the HPA that decides: its workload, and where its metrics are
  hpasim::Spec spec;  // the same HPA
  hpasim::Rules rules;
  hpasim::Flags flags;
  bool own_zero = false;  // if the workload has 0 replicas, an HPA scaled it there
  world::WallTime began{};
};

// An error when there is no scale to decide on: the controller would not decide either. A metric that cannot
// be read is part of the look.
Result<ShadowLook> look(world::KubeApi& api, world::Clock& clock, const ShadowTarget& target);

// What a pod requests of a resource, milli: of one container, or (empty) of all of them with the init
// containers that keep running; a pod's own requests come first where the controller counts them. Nothing:
// one of them requests none.
std::optional<std::int64_t> request_of(const Json& pod, const std::string& resource,
                                       const std::string& container, const hpasim::Rules& rules);

struct ShadowRun {
  Shadow shadow;
  hpasim::Time length{0};
  int missed = 0;            // looks without a scale: the cluster did not answer
  bool interrupted = false;  // by Ctrl-C, before its time was over
};

// Looks once a sync period for so long, and tells of every look. An error when the first look fails, or when
// none succeeds for a minute (`chain-lost`).
Result<ShadowRun> follow_shadow(world::KubeApi& api, world::Clock& clock, const ShadowTarget& target,
                                hpasim::Time length,
                                const std::function<void(const Shadow&, const ShadowLook&)>& on_look);

}  // namespace hpawalk::observe
