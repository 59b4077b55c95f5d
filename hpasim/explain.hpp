// Why the replicas are what they are after a sync, in words. why.hpp does the same for an HPA in a cluster.
#pragma once

#include <functional>
#include <string>

#include "hpasim/controller.hpp"
#include "hpasim/profile.hpp"

namespace hpawalk::hpasim {

// How a time of the simulation reads.
using TimeText = std::function<std::string(Time)>;

// "The metric is at 5.0 times its target: 5 wanted; limited to 4 (...)".
std::string explain(const Spec& spec, const Decision& decision, const Proposal& proposal,
                    const TimeText& when = time_text);

// The arithmetic of a proposal: "50 / 10 = 5.0 x 1 ready pod".
std::string arithmetic(const MetricSpec& metric, const Proposal& proposal);

// The measured value and its target: "50 of 10", "40% of 80%".
std::string against_target(const MetricSpec& metric, const Proposal& proposal);

}  // namespace hpawalk::hpasim
