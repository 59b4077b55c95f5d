// Metrics as Prometheus' text format 0.0.4 and as OpenMetrics. Pure: the same metrics give the same bytes.
#pragma once

#include <string>

#include "metrics.hpp"
#include "negotiate.hpp"
#include "self_metrics.hpp"

namespace promfake {

// `self` may be null: the server's own metrics are off by default.
std::string render(const Metrics& metrics, const SelfMetrics* self, Format format);

}  // namespace promfake
