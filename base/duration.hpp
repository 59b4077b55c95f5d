// Durations as people and Kubernetes write them. Pure.
//
// A duration is one or more numbers with a unit: "1m30s", "1.5h", "250ms", "1d". Units: ns, us, ms, s, m, h,
// and Prometheus's d, w, y (365 days); "0" needs none. No sign. That covers Go's time.ParseDuration without
// negative values, and Prometheus's durations (prometheus/common model.ParseDuration).
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace hpawalk {

// Whole milliseconds. Absent: it is no duration, or longer than 285,000 years.
std::optional<std::chrono::milliseconds> read_duration(std::string_view text);

}  // namespace hpawalk
