#include "cli/live_text.hpp"

#include <cmath>

#include <fmt/format.h>

#include "world/times.hpp"

namespace hpawalk::cli {

std::string value_text(const observe::Seen& seen) {
  if (!seen.text.empty()) return seen.text;
  return seen.known() ? "none: " + seen.missing : "not read yet";
}

std::string event_text(const observe::EventSeen& event) {
  std::string times = event.count > 1 ? fmt::format(" ({} times)", event.count) : "";
  return fmt::format("{}{}{}: {}", event.type == "Warning" ? "Warning: " : "", event.reason, times,
                     event.message);
}

static Tone tone_of(const observe::Seen& seen) {
  if (!seen.text.empty()) return Tone::plain;
  return seen.known() ? Tone::bad : Tone::unread;
}

static HopLine hpa_line(const observe::HpaSeen& hpa) {
  HopLine line{HopRow::hpa, "HPA", "not read yet", Tone::unread};
  if (!hpa.known) return line;
  if (!hpa.there) return {HopRow::hpa, "HPA", "none: " + hpa.missing, Tone::bad};
  std::string target = hpa.target.empty() || hpa.metric.text.empty() ? "" : " of " + hpa.target;
  line.text = fmt::format("{}{}, {} desired", value_text(hpa.metric), target, hpa.desired);
  line.tone = tone_of(hpa.metric);
  return line;
}

static HopLine replicas_line(const observe::WorkloadSeen& workload) {
  HopLine line{HopRow::replicas, "replicas", "not read yet", Tone::unread};
  if (!workload.known) return line;
  if (!workload.there) return {HopRow::replicas, "replicas", "none: " + workload.missing, Tone::bad};
  line.text = fmt::format("{}, {} ready", workload.wanted, workload.ready);
  line.tone = workload.ready == workload.wanted ? Tone::good : Tone::warning;
  return line;
}

std::vector<HopLine> hop_lines(const observe::Hops& hops) {
  std::vector<HopLine> lines;
  std::string pods = hops.pods.size() > 1 ? fmt::format(" ({} pods)", hops.pods.size()) : "";
  if (hops.has_source)
    lines.push_back({HopRow::source, "prom-fake", value_text(hops.source) + pods, tone_of(hops.source)});
  std::string scraped =
      hops.prometheus.text.empty() ? "" : ", scraped " + world::clock_time(hops.prometheus.changed);
  if (hops.has_prometheus)
    lines.push_back(
        {HopRow::prometheus, "Prometheus", value_text(hops.prometheus) + scraped, tone_of(hops.prometheus)});
  if (hops.has_api)
    lines.push_back({HopRow::metrics_api, "metrics API", value_text(hops.api), tone_of(hops.api)});
  lines.push_back(hpa_line(hops.hpa));
  lines.push_back(replicas_line(hops.workload));
  for (const char* type : {"AbleToScale", "ScalingActive", "ScalingLimited"}) {
    auto found = hops.hpa.conditions.find(type);
    if (found == hops.hpa.conditions.end() || found->second.status.empty()) continue;
    const observe::ConditionSeen& c = found->second;
    bool limit = std::string_view(type) == "ScalingLimited";
    std::string message = c.status == "False" && !limit ? ": " + c.message : "";
    lines.push_back({HopRow::condition, type, fmt::format("{}, {}{}", c.status, c.reason, message),
                     c.status == "True" || limit ? Tone::plain : Tone::bad});
  }
  return lines;
}

std::string time_text(world::WallTime t) {
  std::string seconds = world::rfc3339(t);
  seconds.pop_back();
  return fmt::format("{}.{:03}Z", seconds, t.time_since_epoch().count() % 1000);
}

// NaN and infinities are no JSON numbers: they are texts, as Prometheus writes them.
static Json number_json(const std::optional<double>& number) {
  if (!number) return {};
  if (std::isfinite(*number)) return *number;
  return std::isnan(*number) ? "NaN" : *number > 0 ? "+Inf" : "-Inf";
}

static Json to_json(const observe::Seen& seen) {
  if (!seen.known()) return {};
  Json json = {{"value", number_json(seen.number)},
               {"text", seen.text},
               {"at", time_text(seen.at)},
               {"since", time_text(seen.changed)}};
  if (seen.text.empty()) json = {{"value", nullptr}, {"missing", seen.missing}, {"at", time_text(seen.at)}};
  return json;
}

static Json to_json(const observe::HpaSeen& hpa) {
  if (!hpa.known) return {};
  if (!hpa.there) return {{"missing", hpa.missing}};
  Json conditions = Json::object();
  for (const auto& [type, c] : hpa.conditions)
    conditions[type] = {{"status", c.status}, {"reason", c.reason}, {"message", c.message}};
  Json json = {
      {"metric", to_json(hpa.metric)}, {"target", hpa.target},   {"min", hpa.min},          {"max", hpa.max},
      {"current", hpa.current},        {"desired", hpa.desired}, {"conditions", conditions}};
  if (hpa.synced != world::WallTime{}) json["synced"] = time_text(hpa.synced);
  return json;
}

Json to_json(const observe::Hops& hops, const observe::Change& change, const observe::Outlook& outlook) {
  Json workload;
  if (hops.workload.known) workload = {{"missing", hops.workload.missing}};
  if (hops.workload.there) workload = {{"replicas", hops.workload.wanted}, {"ready", hops.workload.ready}};
  Json said = {{"state", name_of(outlook.state)}, {"rule", outlook.rule}, {"text", outlook.text}};
  if (outlook.until) said["until"] = time_text(*outlook.until);
  if (outlook.next) said["next"] = *outlook.next;
  Json json = {{"time", time_text(change.at)},
               {"changed", name_of(change.hop)},
               {"promFake", to_json(hops.source)},
               {"prometheus", to_json(hops.prometheus)},
               {"metricsApi", to_json(hops.api)},
               {"hpa", to_json(hops.hpa)},
               {"workload", workload},
               {"outlook", said}};
  if (!hops.lost.empty()) json["lost"] = hops.lost;
  if (change.event) {
    const observe::EventSeen& e = *change.event;
    json["event"] = {{"time", time_text(e.at)}, {"kind", e.kind},       {"name", e.name},  {"type", e.type},
                     {"reason", e.reason},      {"message", e.message}, {"count", e.count}};
  }
  return json;
}

}  // namespace hpawalk::cli
