// The adapter's rules and the HPA for a ScaledObject. Pure.
#pragma once

#include <map>

#include "diagnose/view.hpp"
#include "migrate/plan.hpp"

namespace hpawalk::migrate {

// The name of the HPA that KEDA makes of the ScaledObject.
std::string hpa_name(const Json& scaled_object);

// Of each series that the prometheus triggers read, by name: a label that it has.
using SeriesLabels = std::map<std::string, std::string>;

// The first series in a prometheus trigger's query, by which the adapter can list a metric for it; empty for
// any other trigger, and for a query in which no name of a series is written.
std::string series_of(const Json& trigger);

// An HPA on the custom metrics API for the same workload, so that diagnose reads the adapter's chain although
// no HPA on it is there yet.
Json adapter_probe(const Json& scaled_object, const std::string& name);

// `facts`: read with adapter_probe() under the name `probe`.
Plan plan_to_adapter(const Json& scaled_object, const diagnose::Facts& facts, const std::string& probe,
                     const SeriesLabels& labels);

}  // namespace hpawalk::migrate
