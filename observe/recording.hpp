// A drive as it was seen: what was set, and what every hop of the chain then showed. As a file: JSON lines,
// so that a recording that was interrupted at any moment can still be read. docs/drive.md has the format.
// Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hpasim/version.hpp"
#include "observe/live.hpp"

namespace hpawalk::observe {

struct RecordingHead {
  static constexpr int version = 1;
  world::WallTime began{};          // the only time of day in the file; all others are seconds since
  world::TimePoint start{};         // the same by the steady clock; not in the file
  std::string hpawalk;              // the version that recorded
  std::string cluster, kubernetes;  // "local cluster local", "v1.34.4"
  std::string profile;              // as it was typed
  double duration = 0;              // seconds it was to take
  std::string space, metric, service;
  double scrape_interval = 0;  // seconds; those below too
  bool flags_seen = false;     // the controller's flags could be read; else Kubernetes' defaults
  double sync_period = 15, downscale_stabilization = 300, tolerance = 0.1;
  bool tolerance_from_spec = false, zero_allowed = false;
  Json hpa;            // as it was at the start, without its status
  Json scaled_object;  // of KEDA's, likewise, and when it was last active; null: the HPA is its own
};

struct ValueMoment {  // a value at a hop
  double at = 0;      // seconds since it began, when hpawalk saw it; those below too
  std::optional<double> value;
  std::string missing;  // why there is none
};

struct HpaMoment {
  double at = 0;
  bool there = true;
  std::optional<double> metric;
  std::string target;
  int min = 1, max = 0, current = 0, desired = 0;
  std::map<std::string, ConditionSeen> conditions;  // without `since`
  const ConditionSeen* condition(const std::string& type) const;
};

struct WorkloadMoment {
  double at = 0;
  int wanted = 0, replicas = 0, ready = 0;
};

struct EventMoment {
  double at = 0;  // the Event's own time
  std::string kind, name, type, reason, message;
};

struct Recording {
  RecordingHead head;
  std::vector<ValueMoment> set, prom_fake, prometheus, api;
  std::vector<HpaMoment> hpa;
  std::vector<WorkloadMoment> workload;
  std::vector<EventMoment> events;
  std::vector<ValueMoment> lost;  // the API server stopped answering (`missing`), or answers again
  double length = 0;              // seconds, up to the last line
  std::string end;                // finished, interrupted, failed; empty: the file ends early
};

// --- writing: each returns one line

std::string head_line(const RecordingHead& head);
std::string set_line(double at, double value);
// What the changed hop shows; empty for a hop that is not recorded.
std::string change_line(const RecordingHead& head, const Hops& hops, const Change& change);
std::string end_line(double at, std::string_view why);

// --- reading. A last line that was cut off is left out; any other that is not understood is an error, with
// its number. So are times that go backwards, or that no drive can have: what is shown of a recording takes
// as long as it is long.

Status take_line(Recording& recording, std::string_view line);
Result<Recording> parse_recording(std::string_view text);

// When a value that was set showed at each hop: seconds after it was set; nothing where it never did.
struct Arrival {
  double set = 0, value = 0;
  std::optional<double> prom_fake, prometheus, api, hpa;
};
std::vector<Arrival> arrivals(const Recording& recording);

}  // namespace hpawalk::observe
