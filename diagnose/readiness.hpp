// What "ready" means for each object and answer on the way of a metric: the one definition that `up` and
// `status` wait for (checks.hpp), and that `verify` and `diagnose` judge with (rules_*). Pure: an object or
// answer in, what it shows out. Why something is not ready is the rules' business.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "world/prometheus_api.hpp"

namespace hpawalk::diagnose {

struct Readiness {
  bool ready = false;
  std::string text;  // a fragment: what was seen, or what is missing: "web: 1 of 2 pods available"
};

// A Deployment, StatefulSet or DaemonSet: its last change was observed, rolled out to every pod, and all of
// them are available.
Readiness workload_rolled_out(const Json& workload);

// A Prometheus object that the operator has reconciled, by its StatefulSet.
Readiness prometheus_reconciled(const Json& prometheus);
Readiness prometheus_pods_ready(const Json& prometheus, const Json& statefulset);

// The scrapes of one chain's targets. One that is up is enough; those that are down are counted with it.
struct Scrapes {
  size_t up = 0, down = 0;
  const world::Target* last = nullptr;       // the target that was scraped last
  const world::Target* last_down = nullptr;  // the last of those that are down
  Readiness readiness() const;
};
Scrapes scrapes_of(const std::vector<world::Target>& targets);

// An APIService whose condition Available is True.
Readiness api_service_available(const Json& api_service);

// A list of the custom or external metrics API with at least one value.
Readiness value_served(const Json& values, std::string_view metric);

// A ScaledObject of which KEDA has made an HPA, and whose triggers respond (condition Ready).
Readiness scaled_object_ready(const Json& scaled_object);

// An HPA whose controller can scale (AbleToScale) and has read its metrics (ScalingActive). Without
// ScalingActive the controller did not look at the metrics: the replicas were outside of the limits, or the
// scale could not be read.
Readiness hpa_active(const Json& hpa);

}  // namespace hpawalk::diagnose
