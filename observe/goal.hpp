// `--until`: what a script waits for. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "observe/forecast.hpp"

namespace hpawalk::observe {

// "replicas=10", "ready>=4,metric=50", "settled": all of them at the same time.
struct Goal {
  struct Clause {
    std::string what;      // replicas, ready, desired, value, metric, settled
    std::string relation;  // =, >=, <=; empty for settled
    double number = 0;
  };
  std::vector<Clause> clauses;
  std::string text;
};
Result<Goal> parse_goal(const std::string& text);

// The first clause that does not hold, and what is there instead; nothing when all hold.
std::optional<std::string> missing(const Goal& goal, const Hops& hops, const Outlook& outlook);

}  // namespace hpawalk::observe
