#include "observe/recording.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "base/json_text.hpp"
#include "base/redact.hpp"
#include "base/text.hpp"
#include "diagnose/kept.hpp"
#include "world/times.hpp"

namespace hpawalk::observe {
namespace {

using Object = nlohmann::ordered_json;

constexpr const char* kKind = "hpawalk-recording";

double rounded(double seconds) {
  return std::round(seconds * 1000) / 1000;
}

// By the steady clock: the time of day may be set while a drive runs, a machine that just started gets it so.
double seconds_at(const RecordingHead& head, const Change& change) {
  return static_cast<double>((change.seen - head.start).count()) / 1000;
}

constexpr double longest = 31 * 86400.0;  // seconds

// A recording is made to be sent away, and messages of conditions and Events may say anything.
void redact_texts(Object& object) {
  if (object.is_string()) object = text::redact(object.get_ref<const std::string&>());
  if (!object.is_structured()) return;
  for (Object& child : object) redact_texts(child);
}

std::string line_of(Object object) {
  redact_texts(object);
  return json_text(object) + "\n";
}

Object value_line(double at, std::string_view hop, const Seen& seen) {
  Object line = {{"t", rounded(at)}, {"hop", hop}, {"value", nullptr}};
  if (seen.number && std::isfinite(*seen.number)) line["value"] = *seen.number;
  if (!seen.text.empty()) line["text"] = seen.text;
  if (!seen.missing.empty()) line["missing"] = seen.missing;
  return line;
}

Object hpa_line(double at, const HpaSeen& hpa) {
  Object line = {{"t", rounded(at)}, {"hop", "hpa"}, {"there", hpa.there}};
  if (!hpa.there) {
    line["missing"] = hpa.missing;
    return line;
  }
  line["metric"] = nullptr;
  if (hpa.metric.number && std::isfinite(*hpa.metric.number)) line["metric"] = *hpa.metric.number;
  line.update({{"target", hpa.target},
               {"min", hpa.min},
               {"max", hpa.max},
               {"current", hpa.current},
               {"desired", hpa.desired}});
  line["conditions"] = Object::object();
  for (const auto& [type, c] : hpa.conditions) {
    if (!c.status.empty())
      line["conditions"][type] = {{"status", c.status}, {"reason", c.reason}, {"message", c.message}};
  }
  return line;
}

// To the millisecond.
std::string began_text(world::WallTime t) {
  std::string text = world::rfc3339(t);
  text.pop_back();
  return fmt::format("{}.{:03}Z", text, t.time_since_epoch().count() % 1000);
}

// --- reading

std::optional<double> number_at(const Json& line, const char* name) {
  const Json& found = at(line, name);
  return found.is_number() ? std::optional<double>(found.get<double>()) : std::nullopt;
}

tl::unexpected<Error> not_one(std::string because) {
  return failure(ErrorClass::usage, "recording", "hpawalk cannot read this recording", std::move(because),
                 "hpawalk drive PROFILE --record FILE creates a recording");
}

Status take_head(RecordingHead& head, const Json& line) {
  if (text_at(line, "kind") != kKind) return not_one("Its first line does not identify a recording");
  if (int_at(line, "version") != RecordingHead::version) {
    return not_one(fmt::format("It has version {} of the format; this hpawalk reads version {}",
                               int_at(line, "version"), RecordingHead::version));
  }
  std::string wrong;
  auto number = [&](const char* name, double& to, double least = 0, double most = longest) {
    double found = number_at(line, name).value_or(to);
    if (found < least || found > most)
      wrong = fmt::format("{} in its first line must be from {} to {}", name, least, most);
    to = found;
  };
  head.began = world::parse_time(text_at(line, "began")).value_or(world::WallTime{});
  head.hpawalk = text_at(line, "hpawalk");
  head.cluster = text_at(line, "cluster");
  head.kubernetes = text_at(line, "kubernetes");
  head.profile = text_at(line, "profile");
  head.space = text_at(line, "namespace");
  head.metric = text_at(line, "metric");
  head.service = text_at(line, "service");
  number("durationSeconds", head.duration);
  number("scrapeIntervalSeconds", head.scrape_interval);
  head.flags_seen = bool_at(line, "controllerFlagsSeen");
  number("syncPeriodSeconds", head.sync_period, 0.1, 86400);
  number("downscaleStabilizationSeconds", head.downscale_stabilization);
  number("tolerance", head.tolerance, 0, 1e9);
  head.tolerance_from_spec = bool_at(line, "toleranceFromSpec");
  head.zero_allowed = bool_at(line, "scaleToZero");
  head.hpa = at(line, "hpa");
  head.scaled_object = at(line, "scaledObject");
  if (!wrong.empty()) return not_one(wrong);
  if (!head.hpa.is_object()) return not_one("Its first line has no HPA");
  return {};
}

int count_at(const Json& line, const char* name, int otherwise = 0) {
  return static_cast<int>(
      std::clamp<long long>(int_at(line, name, otherwise), 0, std::numeric_limits<int>::max()));
}

// Each hop's moments in their order; `last` is a millisecond more, for what was rounded.
template <typename Moment>
bool in_order(const std::vector<Moment>& before, double at) {
  return before.empty() || before.back().at <= at + 0.0011;
}

HpaMoment hpa_moment(double at_second, const Json& line) {
  HpaMoment m;
  m.at = at_second;
  m.there = bool_at(line, "there");
  m.metric = number_at(line, "metric");
  m.target = text_at(line, "target");
  m.min = count_at(line, "min", 1);
  m.max = count_at(line, "max");
  m.current = count_at(line, "current");
  m.desired = count_at(line, "desired");
  const Json& conditions = at(line, "conditions");
  if (!conditions.is_object()) return m;
  for (const auto& [type, c] : conditions.items())
    m.conditions[type] = {text_at(c, "status"), text_at(c, "reason"), text_at(c, "message"), {}};
  return m;
}

}  // namespace

const ConditionSeen* HpaMoment::condition(const std::string& type) const {
  auto found = conditions.find(type);
  return found == conditions.end() ? nullptr : &found->second;
}

// What the simulator reads of a ScaledObject.
static Object kept_scaled_object(const Json& scaled_object) {
  Json status = {{"lastActiveTime", at(scaled_object, "status.lastActiveTime")}};
  Json metadata = {{"name", at(scaled_object, "metadata.name")},
                   {"namespace", at(scaled_object, "metadata.namespace")},
                   {"creationTimestamp", at(scaled_object, "metadata.creationTimestamp")}};
  Json kept = {{"apiVersion", at(scaled_object, "apiVersion")},
               {"kind", at(scaled_object, "kind")},
               {"metadata", metadata},
               {"spec", at(scaled_object, "spec")},
               {"status", status}};
  return Object::parse(json_text(kept));
}

std::string head_line(const RecordingHead& h) {
  Object line = {{"kind", kKind},
                 {"version", RecordingHead::version},
                 {"began", began_text(h.began)},
                 {"hpawalk", h.hpawalk},
                 {"cluster", h.cluster},
                 {"kubernetes", h.kubernetes},
                 {"profile", h.profile},
                 {"durationSeconds", h.duration},
                 {"namespace", h.space},
                 {"metric", h.metric},
                 {"service", h.service},
                 {"scrapeIntervalSeconds", h.scrape_interval},
                 {"controllerFlagsSeen", h.flags_seen},
                 {"syncPeriodSeconds", h.sync_period},
                 {"downscaleStabilizationSeconds", h.downscale_stabilization},
                 {"tolerance", h.tolerance},
                 {"toleranceFromSpec", h.tolerance_from_spec},
                 {"scaleToZero", h.zero_allowed},
                 {"hpa", Object::parse(json_text(diagnose::kept("hpas", h.hpa)))}};
  if (!h.scaled_object.is_null()) line["scaledObject"] = kept_scaled_object(h.scaled_object);
  return line_of(line);
}

std::string set_line(double at, double value) {
  return line_of({{"t", rounded(at)}, {"hop", "set"}, {"value", value}});
}

std::string end_line(double at, std::string_view why) {
  return line_of({{"t", rounded(at)}, {"hop", "end"}, {"why", why}});
}

std::string change_line(const RecordingHead& head, const Hops& hops, const Change& change) {
  double at = seconds_at(head, change);
  switch (change.hop) {
    case Hop::source: return line_of(value_line(at, name_of(change.hop), hops.source));
    case Hop::prometheus: return line_of(value_line(at, name_of(change.hop), hops.prometheus));
    case Hop::api: return line_of(value_line(at, name_of(change.hop), hops.api));
    case Hop::hpa: return line_of(hpa_line(at, hops.hpa));
    case Hop::workload: {
      const WorkloadSeen& w = hops.workload;
      if (!w.there) return line_of({{"t", rounded(at)}, {"hop", "workload"}, {"missing", w.missing}});
      return line_of({{"t", rounded(at)},
                      {"hop", "workload"},
                      {"wanted", w.wanted},
                      {"replicas", w.replicas},
                      {"ready", w.ready}});
    }
    case Hop::event: {
      if (!change.event) return {};
      const EventSeen& e = *change.event;
      return line_of({{"t", rounded(at)},
                      {"hop", "event"},
                      {"at", rounded(at - static_cast<double>((change.at - e.at).count()) / 1000)},
                      {"kind", e.kind},
                      {"name", e.name},
                      {"type", e.type},
                      {"reason", e.reason},
                      {"message", e.message}});
    }
    case Hop::lost: return line_of({{"t", rounded(at)}, {"hop", "lost"}, {"missing", hops.lost}});
    case Hop::tick: return {};
  }
  return {};
}

Status take_line(Recording& r, std::string_view text) {
  Result<Json> parsed = parse_json(text, "It");
  if (!parsed) return not_one(parsed.error().because);
  const Json& line = *parsed;
  if (!line.is_object()) return not_one("it is not a map");
  if (r.head.hpa.is_null()) return take_head(r.head, line);
  auto t = number_at(line, "t");
  if (!t) return not_one("It has no time");
  // A recording of an earlier hpawalk may begin a moment before its first line.
  if (!(*t >= -60 && *t <= longest))
    return not_one("Its time is out of range: a drive takes at most 31 days");
  double at = std::max(0.0, *t);
  std::string hop = text_at(line, "hop");
  bool ordered = true;
  auto keep = [&](auto& moments, auto moment) {
    ordered = in_order(moments, at);
    moments.push_back(std::move(moment));
  };
  ValueMoment value{at, number_at(line, "value"), text_at(line, "missing")};
  if (hop == "set") keep(r.set, value);
  if (hop == name_of(Hop::source)) keep(r.prom_fake, value);
  if (hop == name_of(Hop::prometheus)) keep(r.prometheus, value);
  if (hop == name_of(Hop::api)) keep(r.api, value);
  if (hop == name_of(Hop::lost)) keep(r.lost, value);
  if (hop == name_of(Hop::hpa)) keep(r.hpa, hpa_moment(at, line));
  if (hop == name_of(Hop::workload) && line.contains("wanted")) {
    keep(r.workload,
         WorkloadMoment{at, count_at(line, "wanted"), count_at(line, "replicas"), count_at(line, "ready")});
  }
  if (hop == name_of(Hop::event)) {
    double own = number_at(line, "at").value_or(at);  // an old Event's is long before the drive
    r.events.push_back({std::abs(own) <= 100 * longest ? own : at, text_at(line, "kind"),
                        text_at(line, "name"), text_at(line, "type"), text_at(line, "reason"),
                        text_at(line, "message")});
  }
  if (hop == "end") r.end = text_at(line, "why");
  if (!ordered)
    return not_one(fmt::format("Its time, {}s, is before that of an earlier line of {}", at, hop));
  r.length = std::max(r.length, at);
  return {};
}

Result<Recording> parse_recording(std::string_view text) {
  Recording recording;
  std::vector<std::string> lines = text::lines(text);
  for (size_t i = 0; i < lines.size(); ++i) {
    if (text::trim(lines[i]).empty()) continue;
    Status taken = take_line(recording, lines[i]);
    if (taken) continue;
    bool cut_off = i > 0 && i + 1 == lines.size() && !text.ends_with('\n');
    if (cut_off) break;
    Error error = taken.error();
    error.because = fmt::format("Line {}: {}", i + 1, error.because);
    return failure(std::move(error));
  }
  if (recording.head.hpa.is_null()) return not_one("It is empty");
  return recording;
}

std::vector<Arrival> arrivals(const Recording& r) {
  std::vector<Arrival> all;
  for (std::size_t i = 0; i < r.set.size(); ++i) {
    double from = r.set[i].at, value = r.set[i].value.value_or(0);
    double until = i + 1 < r.set.size() ? r.set[i + 1].at + r.head.sync_period + 2 * r.head.scrape_interval
                                        : r.length + 1;
    auto first = [&](const auto& moments, auto value_of) -> std::optional<double> {
      for (const auto& m : moments) {
        if (m.at >= from - 0.5 && m.at <= until && value_of(m) && std::abs(*value_of(m) - value) < 0.0011)
          return std::max(0.0, m.at - from);
      }
      return std::nullopt;
    };
    auto of_value = [](const ValueMoment& m) { return m.value; };
    all.push_back({from, value, first(r.prom_fake, of_value), first(r.prometheus, of_value),
                   first(r.api, of_value), first(r.hpa, [](const HpaMoment& m) { return m.metric; })});
  }
  return all;
}

}  // namespace hpawalk::observe
