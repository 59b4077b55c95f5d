// A series that Prometheus does not have now: which one an HPA needs, who exposed it last, and what should
// expose it. Pure; used between the rounds of collecting, and by the rules.
#pragma once

#include "diagnose/view.hpp"
#include "world/prometheus_api.hpp"

namespace hpawalk::diagnose {

std::string in_quotes(const std::string& text);  // as a string of PromQL

// A regular expression that matches this Kubernetes name and no other.
std::string pattern_of(std::string_view name);

// The adapter's query for times at which there are other pods: that of a Pods metric names those of the
// moment, this one all whose names begin with the workload's.
Result<std::string> lasting_expression(const Hpa& hpa, const MetricNeed& need, const Candidate& candidate);

std::string label_of(const world::Labels& labels, const std::string& name);  // empty: it has none

// Who exposed a series, as Prometheus remembers it, and until when.
struct PastSource {
  world::Labels labels;  // job, namespace, service, pod
  world::WallTime last;
};
inline constexpr int remembered_hours = 2;
std::string past_query(const std::string& series);  // the time of the last sample, by source
// The latest first.
std::vector<PastSource> past_sources(const Facts& facts, const PrometheusView& prometheus,
                                     const std::string& series);

std::string past_text(const PastSource& past);  // "exposed until 03:04:05 UTC by job=web"

// What exposes a metric, or should: the Service that the HPA names, or its pods and the Services before them.
// Of other objects and of external metrics nothing but the past says where they come from.
struct Source {
  std::string space;
  std::vector<const Json*> pods, services;
  bool remembered = false;
};
Source source_of(const Facts& facts, const Hpa& hpa, const MetricNeed& need,
                 const std::vector<PastSource>& past);
const Json* own_pod(const Source& source, const Json& target);  // that the target is; null: none
bool own_target(const Source& source, const Json& target);

// The series that an HPA needs, where Prometheus was asked and has no sample of it.
struct MissingSeries {
  const Hpa* hpa = nullptr;
  const MetricNeed* need = nullptr;
  const PrometheusView* prometheus = nullptr;
  std::string series;
};
std::vector<MissingSeries> missing_series(const Facts& facts, const Parts& parts);

// The series of one target: {job="a",namespace="b"}
std::string target_selector(const Json& target);

}  // namespace hpawalk::diagnose
