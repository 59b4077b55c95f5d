// A recorded metric as a load: one range query to a Prometheus, turned into a profile. Knows nothing about
// HPAs.
#pragma once

#include <string>
#include <vector>

#include "hpasim/profile.hpp"
#include "world/progress.hpp"
#include "world/prometheus_api.hpp"

namespace hpawalk::observe {

struct History {
  std::string query, last;
  std::string step;     // empty: 5 s, or what keeps it below 10,000 values
  bool linear = false;  // between two values the load changes evenly
};

// Whether `last` and `step` can be asked for at all: before anybody is asked.
Status check(const History& history);

// `notes` gets what a person should know: that there is less history than was asked for.
Result<hpasim::Profile> load_history(world::Clock& clock, world::Progress& progress,
                                     const world::PrometheusApi& prometheus, const History& history,
                                     std::vector<std::string>& notes);

}  // namespace hpawalk::observe
