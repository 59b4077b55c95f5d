// What is said about a hop, in words and as JSON. Pure.
#pragma once

#include <string>
#include <vector>

#include "observe/forecast.hpp"

namespace hpawalk::cli {

enum class HopRow { source, prometheus, metrics_api, hpa, replicas, condition };
enum class Tone { unread, plain, good, warning, bad };

// A hop as a line of two columns: "prom-fake", "50".
struct HopLine {
  HopRow row;
  std::string name, text;
  Tone tone = Tone::plain;
};
std::vector<HopLine> hop_lines(const observe::Hops& hops);  // one a hop, and one a condition
std::string event_text(const observe::EventSeen& event);
std::string value_text(const observe::Seen& seen);  // the value, or why there is none

Json to_json(const observe::Hops& hops, const observe::Change& change, const observe::Outlook& outlook);
std::string time_text(world::WallTime t);  // "2026-01-02T03:04:05.678Z"

}  // namespace hpawalk::cli
