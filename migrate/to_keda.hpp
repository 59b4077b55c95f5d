// The ScaledObject for an HPA on prometheus-adapter. Pure.
#pragma once

#include "diagnose/view.hpp"
#include "migrate/plan.hpp"

namespace hpawalk::migrate {

// `hpa`: as the API server has it. `facts`: those that diagnose reads about it.
Plan plan_to_keda(const Json& hpa, const diagnose::Facts& facts);

}  // namespace hpawalk::migrate
