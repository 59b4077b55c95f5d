// Both autoscalers of a plan in a simulation with what their metrics were: how their replicas differ. Pure;
// look.hpp asks Prometheus.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hpasim/outcome.hpp"
#include "migrate/plan.hpp"
#include "world/prometheus_api.hpp"

namespace hpawalk::migrate {

// A query's past. Times count from its start.
struct Past {
  hpasim::Profile values;            // a value holds until the next one, also in a gap
  std::vector<hpasim::Outage> gaps;  // in which the query had no result
};
// `step`: of the range query, seconds. Nothing: no value at all.
std::optional<Past> past_of(const std::vector<world::Point>& points, double start, double end, double step);

// What the controller of the cluster is like, and where both begin.
struct ReplaySetup {
  hpasim::Rules rules;
  hpasim::Flags flags;
  std::int32_t replicas = 1;
};

struct Replayed {
  hpasim::Timeline before, after;
  std::vector<hpasim::Apart> differences;  // longer than one and a half sync periods
  std::vector<std::string> left_out;       // metrics without a query, on both sides
};

// `before`, `after`: an HPA or a ScaledObject each. `pasts`: one for each of the plan's metrics, none for a
// metric without a query. Errors: those of reading the two documents.
Result<Replayed> replay(const Plan& plan, const hpasim::Document& before, const hpasim::Document& after,
                        const std::vector<std::optional<Past>>& pasts, const ReplaySetup& setup);

}  // namespace hpawalk::migrate
