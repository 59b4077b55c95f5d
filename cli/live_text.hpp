// What is said about a hop, in words and as JSON. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "observe/forecast.hpp"

namespace hpawalk {

// The hops as lines of two columns: "prom-fake", "50". One line a hop, and one a condition.
std::vector<std::pair<std::string, std::string>> hop_lines(const Hops& hops);
std::string event_text(const EventSeen& event);
std::string value_text(const Seen& seen);  // the value, or why there is none

Json to_json(const Hops& hops, const Change& change, const Outlook& outlook);
std::string time_text(WallTime t);         // "2026-01-02T03:04:05.678Z"

}  // namespace hpawalk
