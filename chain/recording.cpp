#include "chain/recording.hpp"

#include <cmath>

#include <fmt/format.h>

#include "base/json_text.hpp"
#include "base/redact.hpp"
#include "base/text.hpp"
#include "chain/kept.hpp"
#include "chain/times.hpp"

namespace hpawalk {
namespace {

using Object = nlohmann::ordered_json;

constexpr const char* kKind = "hpawalk-recording";

double rounded(double seconds) { return std::round(seconds * 1000) / 1000; }

double since(const RecordingHead& head, WallTime t) { return static_cast<double>((t - head.began).count()) / 1000; }

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
  line.update({{"target", hpa.target}, {"min", hpa.min}, {"max", hpa.max}, {"current", hpa.current}, {"desired", hpa.desired}});
  line["conditions"] = Object::object();
  for (const auto& [type, c] : hpa.conditions) {
    if (!c.status.empty()) line["conditions"][type] = {{"status", c.status}, {"reason", c.reason}, {"message", c.message}};
  }
  return line;
}

// To the millisecond.
std::string began_text(WallTime t) {
  std::string text = rfc3339(t);
  text.pop_back();
  return fmt::format("{}.{:03}Z", text, t.time_since_epoch().count() % 1000);
}

// --- reading

std::optional<double> number_at(const Json& line, const char* name) {
  const Json& found = at(line, name);
  return found.is_number() ? std::optional<double>(found.get<double>()) : std::nullopt;
}

tl::unexpected<Error> not_one(std::string because) {
  return failure(ErrorClass::usage, "recording", "This is not a recording that hpawalk can read", std::move(because),
                 "hpawalk drive PROFILE --record FILE makes one");
}

Status take_head(RecordingHead& head, const Json& line) {
  if (text_at(line, "kind") != kKind) return not_one("Its first line does not say so");
  if (int_at(line, "version") != RecordingHead::version) {
    return not_one(fmt::format("It has version {} of the format; this hpawalk reads version {}", int_at(line, "version"), RecordingHead::version));
  }
  auto number = [&](const char* name, double& to) { to = number_at(line, name).value_or(to); };
  head.began = parse_time(text_at(line, "began")).value_or(WallTime{});
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
  number("syncPeriodSeconds", head.sync_period);
  number("downscaleStabilizationSeconds", head.downscale_stabilization);
  number("tolerance", head.tolerance);
  head.tolerance_from_spec = bool_at(line, "toleranceFromSpec");
  head.zero_allowed = bool_at(line, "scaleToZero");
  head.hpa = at(line, "hpa");
  if (!head.hpa.is_object() || head.sync_period <= 0) return not_one("Its first line has no HPA, or a sync period that is none");
  return {};
}

HpaMoment hpa_moment(double at_second, const Json& line) {
  HpaMoment m;
  m.at = at_second;
  m.there = bool_at(line, "there");
  m.metric = number_at(line, "metric");
  m.target = text_at(line, "target");
  m.min = static_cast<int>(int_at(line, "min", 1));
  m.max = static_cast<int>(int_at(line, "max"));
  m.current = static_cast<int>(int_at(line, "current"));
  m.desired = static_cast<int>(int_at(line, "desired"));
  const Json& conditions = at(line, "conditions");
  if (!conditions.is_object()) return m;
  for (const auto& [type, c] : conditions.items()) m.conditions[type] = {text_at(c, "status"), text_at(c, "reason"), text_at(c, "message"), {}};
  return m;
}

}  // namespace

const ConditionSeen* HpaMoment::condition(const std::string& type) const {
  auto found = conditions.find(type);
  return found == conditions.end() ? nullptr : &found->second;
}

std::string head_line(const RecordingHead& h) {
  return line_of({{"kind", kKind}, {"version", RecordingHead::version}, {"began", began_text(h.began)}, {"hpawalk", h.hpawalk}, {"cluster", h.cluster},
                  {"kubernetes", h.kubernetes}, {"profile", h.profile}, {"durationSeconds", h.duration}, {"namespace", h.space}, {"metric", h.metric},
                  {"service", h.service}, {"scrapeIntervalSeconds", h.scrape_interval}, {"controllerFlagsSeen", h.flags_seen},
                  {"syncPeriodSeconds", h.sync_period}, {"downscaleStabilizationSeconds", h.downscale_stabilization}, {"tolerance", h.tolerance},
                  {"toleranceFromSpec", h.tolerance_from_spec}, {"scaleToZero", h.zero_allowed}, {"hpa", Object::parse(json_text(kept("hpas", h.hpa)))}});
}

std::string set_line(double at, double value) { return line_of({{"t", rounded(at)}, {"hop", "set"}, {"value", value}}); }

std::string end_line(double at, std::string_view why) { return line_of({{"t", rounded(at)}, {"hop", "end"}, {"why", why}}); }

std::string change_line(const RecordingHead& head, const Hops& hops, const Change& change) {
  double at = since(head, change.at);
  switch (change.hop) {
    case Hop::prom_fake: return line_of(value_line(at, name_of(change.hop), hops.prom_fake));
    case Hop::prometheus: return line_of(value_line(at, name_of(change.hop), hops.prometheus));
    case Hop::api: return line_of(value_line(at, name_of(change.hop), hops.api));
    case Hop::hpa: return line_of(hpa_line(at, hops.hpa));
    case Hop::workload: {
      const WorkloadSeen& w = hops.workload;
      if (!w.there) return line_of({{"t", rounded(at)}, {"hop", "workload"}, {"missing", w.missing}});
      return line_of({{"t", rounded(at)}, {"hop", "workload"}, {"wanted", w.wanted}, {"replicas", w.replicas}, {"ready", w.ready}});
    }
    case Hop::event: {
      if (!change.event) return {};
      const EventSeen& e = *change.event;
      return line_of({{"t", rounded(at)}, {"hop", "event"}, {"at", rounded(since(head, e.at))}, {"kind", e.kind}, {"name", e.name}, {"type", e.type},
                      {"reason", e.reason}, {"message", e.message}});
    }
    case Hop::lost: return line_of({{"t", rounded(at)}, {"hop", "lost"}, {"missing", hops.lost}});
    case Hop::tick: return {};
  }
  return {};
}

Status take_line(Recording& r, std::string_view text) {
  Json line = Json::parse(text, nullptr, false);
  if (!line.is_object()) return not_one("It is not JSON");
  if (r.head.hpa.is_null()) return take_head(r.head, line);
  auto t = number_at(line, "t");
  if (!t) return not_one("It has no time");
  double at = *t;
  r.length = std::max(r.length, at);
  std::string hop = text_at(line, "hop");
  ValueMoment value{at, number_at(line, "value"), text_at(line, "missing")};
  if (hop == "set") r.set.push_back(value);
  if (hop == name_of(Hop::prom_fake)) r.prom_fake.push_back(value);
  if (hop == name_of(Hop::prometheus)) r.prometheus.push_back(value);
  if (hop == name_of(Hop::api)) r.api.push_back(value);
  if (hop == name_of(Hop::lost)) r.lost.push_back(value);
  if (hop == name_of(Hop::hpa)) r.hpa.push_back(hpa_moment(at, line));
  if (hop == name_of(Hop::workload) && line.contains("wanted")) {
    auto count = [&](const char* name) { return static_cast<int>(int_at(line, name)); };
    r.workload.push_back({at, count("wanted"), count("replicas"), count("ready")});
  }
  if (hop == name_of(Hop::event)) {
    r.events.push_back({number_at(line, "at").value_or(at), text_at(line, "kind"), text_at(line, "name"), text_at(line, "type"), text_at(line, "reason"),
                        text_at(line, "message")});
  }
  if (hop == "end") r.end = text_at(line, "why");
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

}  // namespace hpawalk
