// Reads what a plan needs off a cluster: the two objects, their chain, what Prometheus and the metrics API
// say of each metric now. Changes nothing.
#pragma once

#include <functional>

#include "diagnose/collect.hpp"
#include "migrate/replay.hpp"
#include "migrate/steps.hpp"
#include "world/prometheus_api.hpp"

namespace hpawalk::migrate {

struct Request {
  Side to = Side::keda;
  std::string space, name;           // of the HPA, or of the ScaledObject (or its HPA)
  diagnose::CollectOptions collect;  // how Prometheus is asked
};

// Reads facts; the caller tells people what is read.
using ReadFacts = std::function<Result<diagnose::Facts>(diagnose::CollectOptions)>;

struct Looked {
  Plan plan;
  State state;
  Surroundings around;
  hpasim::Document before;                         // the autoscaler as it is; null: it is gone
  std::optional<world::PrometheusApi> prometheus;  // that the adapter asks
  hpasim::Rules rules;
  hpasim::Flags flags;
};

// Errors: `hpa-not-found`, `scaledobject-not-found`, and those of reading.
Result<Looked> look(world::KubeApi& api, world::Http& http, const ReadFacts& read, const Request& request);

// The two objects alone, again.
Result<State> read_state(world::KubeApi& api, const Plan& plan);

// The past of each metric with a query; `seconds`: how long.
Result<std::vector<std::optional<Past>>> read_pasts(const world::PrometheusApi& prometheus,
                                                    world::Clock& clock, const Plan& plan, double seconds);

}  // namespace hpawalk::migrate
