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

std::vector<std::pair<std::string, std::string>> hop_lines(const observe::Hops& hops) {
  std::vector<std::pair<std::string, std::string>> lines;
  std::string pods = hops.pods.size() > 1 ? fmt::format(" ({} pods)", hops.pods.size()) : "";
  lines.emplace_back("prom-fake", value_text(hops.prom_fake) + pods);
  std::string scraped =
      hops.prometheus.text.empty() ? "" : ", scraped " + world::clock_time(hops.prometheus.changed);
  lines.emplace_back("Prometheus", value_text(hops.prometheus) + scraped);
  lines.emplace_back("metrics API", value_text(hops.api));
  const observe::HpaSeen& hpa = hops.hpa;
  std::string target = hpa.target.empty() || hpa.metric.text.empty() ? "" : " of " + hpa.target;
  lines.emplace_back(
      "HPA", !hpa.known   ? "not read yet"
             : !hpa.there ? "none: " + hpa.missing
                          : fmt::format("{}{}, {} desired", value_text(hpa.metric), target, hpa.desired));
  const observe::WorkloadSeen& w = hops.workload;
  lines.emplace_back("replicas", !w.known   ? "not read yet"
                                 : !w.there ? "none: " + w.missing
                                            : fmt::format("{}, {} ready", w.wanted, w.ready));
  for (const char* type : {"AbleToScale", "ScalingActive", "ScalingLimited"}) {
    auto found = hpa.conditions.find(type);
    if (found == hpa.conditions.end() || found->second.status.empty()) continue;
    std::string message = found->second.status == "False" && std::string(type) != "ScalingLimited"
                              ? ": " + found->second.message
                              : "";
    lines.emplace_back(type, fmt::format("{}, {}{}", found->second.status, found->second.reason, message));
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
               {"promFake", to_json(hops.prom_fake)},
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
