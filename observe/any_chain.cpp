#include "observe/any_chain.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"
#include "hpasim/why.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::observe {
namespace {

using diagnose::MetricNeed;

hpasim::MetricKind kind_of(const MetricNeed& need) {
  using hpasim::MetricKind;
  for (MetricKind kind : {MetricKind::object, MetricKind::pods, MetricKind::external, MetricKind::resource}) {
    if (need.type == hpasim::kind_name(kind)) return kind;
  }
  return MetricKind::container_resource;
}

ChainMetric metric_of(const diagnose::Hpa& hpa, const MetricNeed& need, const diagnose::Group& group) {
  ChainMetric metric{kind_of(need), need.metric, need.container, {}, {}};
  std::string version = diagnose::version_of(group.adapter);
  if (!version.empty()) metric.path = diagnose::metric_path(hpa, need, version);
  std::vector<diagnose::Candidate> found = diagnose::candidates(group, need);
  if (found.empty()) return metric;
  // The last one wins, as in the adapter.
  if (Result<std::string> query = diagnose::expression(hpa, need, found.back())) metric.expression = *query;
  return metric;
}

Workload workload_of(const diagnose::Hpa& hpa) {
  const world::KubeResource* known = world::find_kube_kind(hpa.target_kind);
  return {hpa.target_kind, hpa.target_name,
          world::kube_collection(hpa.scaled.place.api_version(), hpa.space, hpa.scaled.place.resource),
          known != nullptr};
}

}  // namespace

Result<LiveChain> chain_of(const diagnose::Facts& facts, const std::string& space, const std::string& name,
                           const std::string& metric) {
  diagnose::Parts parts = diagnose::parts_of(facts);
  auto hpa = std::find_if(parts.hpas.begin(), parts.hpas.end(), [&](const diagnose::Hpa& candidate) {
    return candidate.space == space && candidate.name == name;
  });
  if (hpa == parts.hpas.end())
    return failure(ErrorClass::usage, "hpa-not-found",
                   fmt::format("HPA {} not found in namespace {}", name, space));
  LiveChain chain;
  chain.space = space, chain.hpa = name;
  chain.workload = workload_of(*hpa);
  std::vector<std::string> names;
  for (const MetricNeed& need : hpa->needs) {
    const diagnose::Group& group = parts.groups.at(need.api_group());
    if (need.metric == metric) chain.followed = chain.metrics.size();
    names.push_back(need.metric);
    chain.metrics.push_back(metric_of(*hpa, need, group));
    if (group.prometheus.address && !chain.prometheus) {
      chain.prometheus = group.prometheus.address->backend;
      chain.prometheus_prefix = group.prometheus.address->prefix;
    }
  }
  bool there = metric.empty() ? !names.empty() : std::find(names.begin(), names.end(), metric) != names.end();
  if (there) return chain;
  std::optional<std::string> near = text::nearest(metric, names);
  return failure(ErrorClass::usage, "metric-not-found",
                 metric.empty() ? fmt::format("HPA {} has no metric", name)
                                : fmt::format("HPA {} has no metric {}", name, metric),
                 {},
                 near ? fmt::format("Did you mean {}?", *near) : "Its metrics: " + text::join(names, ", "));
}

}  // namespace hpawalk::observe
