// The chain of any HPA, out of the facts that diagnose reads about it: for what follows it over time. Pure.
#pragma once

#include "diagnose/view.hpp"
#include "observe/live.hpp"

namespace hpawalk::observe {

// `metric`: which of its metrics is followed hop by hop, by name; empty: the first. Errors: `hpa-not-found`,
// `metric-not-found` with the names that there are.
Result<LiveChain> chain_of(const diagnose::Facts& facts, const std::string& space, const std::string& hpa,
                           const std::string& metric);

}  // namespace hpawalk::observe
