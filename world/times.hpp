// Kubernetes' and Prometheus's time stamps.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "world/clock.hpp"

namespace hpawalk::world {

std::optional<WallTime> parse_time(std::string_view rfc3339);  // "2026-01-02T03:04:05.678901234Z", "+01:00"
std::string clock_time(WallTime t);                            // "03:04:05 UTC"
std::string rfc3339(WallTime t);

}  // namespace hpawalk::world
