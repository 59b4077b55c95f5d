#include "diagnose/series_source.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"
#include "diagnose/selector.hpp"
#include "world/times.hpp"

namespace hpawalk::diagnose {
namespace {

constexpr const char* source_labels[] = {"job", "namespace", "service", "pod"};

// The Service that the samples were of; of a PodMonitor's, the pod, if it is still there.
Source remembered_source(const Facts& facts, const std::vector<PastSource>& past) {
  Source source;
  for (const PastSource& one : past) {
    source.space = label_of(one.labels, "namespace");
    const Reading* pods = facts.listing("pods", source.space);
    if (pods == nullptr || !pods->read()) continue;
    if (const Json* service = facts.object("services", source.space, label_of(one.labels, "service"))) {
      source.services = {service};
      source.pods = pods_of_service(facts, *service);
    } else if (const Json* pod = facts.object("pods", source.space, label_of(one.labels, "pod"))) {
      source.pods = {pod};
    } else {
      continue;
    }
    source.remembered = true;
    return source;
  }
  return {};
}

}  // namespace

std::string in_quotes(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string pattern_of(std::string_view name) {
  std::string pattern;
  for (char c : name) pattern += c == '.' ? std::string("[.]") : std::string(1, c);
  return pattern;
}

Result<std::string> lasting_expression(const Hpa& hpa, const MetricNeed& need, const Candidate& candidate) {
  if (need.type != "Pods") return expression(hpa, need, candidate);
  const std::string name = pattern_of(hpa.target_name);
  return expand(*candidate.rule, candidate.series, need.resource, hpa.space, need.selector,
                {name, name + "-.+"});
}

std::string label_of(const world::Labels& labels, const std::string& name) {
  auto found = labels.find(name);
  return found == labels.end() ? std::string() : found->second;
}

std::string past_query(const std::string& series) {
  return fmt::format(
      "max by (job, namespace, service, pod) (max_over_time(timestamp({{__name__={}}})[{}h:30s]))",
      in_quotes(series), remembered_hours);
}

std::vector<PastSource> past_sources(const Facts& facts, const PrometheusView& prometheus,
                                     const std::string& series) {
  std::vector<PastSource> past;
  const Reading* reading =
      prometheus.address ? facts.find(eval_key(prometheus.address->key(), past_query(series))) : nullptr;
  if (reading == nullptr || !reading->read() || !reading->value.is_array()) return past;
  for (const Json& row : reading->value) {
    world::Labels labels;
    for (const char* name : source_labels) {
      if (std::string value = text_at(at(row, "labels"), name); !value.empty()) labels[name] = value;
    }
    double seconds = std::atof(text_at(row, "value").c_str());
    if (!(seconds > 0 && seconds < 1e11)) continue;
    past.push_back({labels, world::WallTime(world::Duration(static_cast<long long>(seconds * 1000)))});
  }
  std::stable_sort(past.begin(), past.end(),
                   [](const PastSource& a, const PastSource& b) { return a.last > b.last; });
  return past;
}

std::string past_text(const PastSource& past) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : past.labels) parts.push_back(name + "=" + value);
  return fmt::format("exposed until {} by {}", world::clock_time(past.last),
                     parts.empty() ? "a source without labels" : text::join(parts, ", "));
}

Source source_of(const Facts& facts, const Hpa& hpa, const MetricNeed& need,
                 const std::vector<PastSource>& past) {
  Source source{hpa.space, {}, {}, false};
  if (need.type == "Object" && need.resource.resource == "services") {
    if (const Json* service = facts.object("services", hpa.space, need.object_name)) {
      source.services = {service};
      source.pods = pods_of_service(facts, *service);
    }
    return source;
  }
  if (need.type == "Pods") {
    source.pods = hpa.pods;
    for (const Json* service : facts.items("services", hpa.space)) {
      bool serves = std::any_of(source.pods.begin(), source.pods.end(), [&](const Json* pod) {
        return map_matches(at(*service, "spec.selector"), at(*pod, "metadata.labels"));
      });
      if (serves) source.services.push_back(service);
    }
    return source;
  }
  Source remembered = remembered_source(facts, past);
  return remembered.remembered ? remembered : source;
}

const Json* own_pod(const Source& source, const Json& target) {
  for (const Json* pod : source.pods) {
    std::string ip = text_at(*pod, "status.podIP");
    if (!ip.empty() && text_at(target, "url").find("//" + ip + ":") != std::string::npos) return pod;
    if (text_at(at(target, "labels"), "pod") == name_of(*pod)) return pod;
  }
  return nullptr;
}

bool own_target(const Source& source, const Json& target) {
  const Json& labels = at(target, "labels");
  return own_pod(source, target) != nullptr ||
         std::any_of(source.services.begin(), source.services.end(),
                     [&](const Json* service) { return labels_name(labels, *service); });
}

std::vector<MissingSeries> missing_series(const Facts& facts, const Parts& parts) {
  std::vector<MissingSeries> missing;
  for (const Hpa& hpa : parts.hpas) {
    for (const MetricNeed& need : hpa.needs) {
      const Group& group = parts.groups.at(need.api_group());
      if (need.resource_metric() || !group.prometheus.address) continue;
      std::vector<Candidate> some = candidates(group, need);
      std::string series = some.empty() ? need.metric : some.back().series;
      const Reading* counts = facts.find(question_key(group.prometheus.address->key(), "counts"));
      if (counts == nullptr || !counts->read() || counts->value.contains(series)) continue;
      if (rules_recording(facts, series).empty()) missing.push_back({&hpa, &need, &group.prometheus, series});
    }
  }
  return missing;
}

std::string target_selector(const Json& target) {
  std::vector<std::string> parts;
  for (const char* name : source_labels) {
    if (std::string value = text_at(at(target, "labels"), name); !value.empty())
      parts.push_back(fmt::format("{}={}", name, in_quotes(value)));
  }
  return "{" + text::join(parts, ",") + "}";
}

}  // namespace hpawalk::diagnose
