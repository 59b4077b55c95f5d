// What is said about a hop, in words and as JSON. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "observe/forecast.hpp"

namespace hpawalk::cli {

// The hops as lines of two columns: "prom-fake", "50". One line a hop, and one a condition.
std::vector<std::pair<std::string, std::string>> hop_lines(const observe::Hops& hops);
std::string event_text(const observe::EventSeen& event);
std::string value_text(const observe::Seen& seen);  // the value, or why there is none

Json to_json(const observe::Hops& hops, const observe::Change& change, const observe::Outlook& outlook);
std::string time_text(world::WallTime t);  // "2026-01-02T03:04:05.678Z"

}  // namespace hpawalk::cli
