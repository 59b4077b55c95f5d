// The last minutes of an HPA: its metrics' samples in Prometheus and its own rescales, for hpasim's replay.
// Pure.
#pragma once

#include <vector>

#include "base/json.hpp"
#include "hpasim/replay.hpp"

namespace hpawalk::diagnose {

// Does a stabilization window hold the HPA, by its condition AbleToScale? Only then its past counts.
bool stabilizing(const Json& hpa);

// Is the HPA held by maxReplicas, by its condition ScalingLimited?
bool at_limit(const Json& hpa);

// `rows`: the series of a range query, [{"values": [[time, "value"], ...]}, ...]. Several series of a Pods
// metric are averaged; of any other added up.
std::vector<hpasim::PastSample> past_samples(const Json& rows, hpasim::MetricKind kind);

// Is the Event about this HPA, and not about an earlier one of the same name, which Events outlive?
bool event_of(const Json& event, const Json& hpa);

// How many replicas the HPA's workload had, by the HPA's Events SuccessfulRescale and its lastScaleTime.
// Source of the message "New size: 4; reason: ...": horizontal.go of Kubernetes. What another client set in
// between is in none of them.
std::vector<hpasim::PastReplicas> past_replicas(const Json& hpa, const std::vector<const Json*>& events);

}  // namespace hpawalk::diagnose
