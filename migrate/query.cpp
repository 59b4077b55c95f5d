#include "migrate/query.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "diagnose/series_source.hpp"

namespace hpawalk::migrate {

using diagnose::Candidate;
using diagnose::GroupResource;
using diagnose::Hpa;
using diagnose::MetricNeed;
using hpasim::Document;

namespace {

// The generator of pod names keeps 58 characters before its own five
// (apiserver/pkg/storage/names/generate.go).
constexpr size_t longest_base = 58, longest_hash = 10;

struct ObjectKind {
  std::string_view kind, api_version, group, resource;
};
constexpr ObjectKind described_kinds[] = {
    {"Service", "v1", "", "services"},
    {"Namespace", "v1", "", "namespaces"},
    {"Pod", "v1", "", "pods"},
    {"Deployment", "apps/v1", "apps", "deployments"},
    {"StatefulSet", "apps/v1", "apps", "statefulsets"},
    {"Ingress", "networking.k8s.io/v1", "networking.k8s.io", "ingresses"},
    {"Job", "batch/v1", "batch", "jobs"}};

MetricNeed object_need(const Candidate& candidate, const ObjectKind& kind, const std::string& name) {
  MetricNeed need;
  need.type = "Object";
  need.metric = candidate.api_name;
  need.resource = {std::string(kind.group), std::string(kind.resource)};
  need.object_kind = kind.kind;
  need.object_name = name;
  return need;
}

MetricNeed pods_need(const Candidate& candidate) {
  MetricNeed need;
  need.type = "Pods";
  need.metric = candidate.api_name;
  need.resource = {"", "pods"};
  return need;
}

// The name of the object for which the query is the rule's; empty: for none.
std::string object_in(const Hpa& hpa, const Candidate& candidate, const ObjectKind& kind,
                      const std::string& query) {
  const std::string mark = "\x01";
  Result<std::string> form = diagnose::expression(hpa, object_need(candidate, kind, mark), candidate);
  if (!form) return {};
  const size_t at = form->find(mark);
  if (at == std::string::npos || query.size() + 1 <= form->size() ||
      query.substr(0, at) != form->substr(0, at))
    return {};
  std::string name =
      query.substr(at, query.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-", at) - at);
  Result<std::string> whole = diagnose::expression(hpa, object_need(candidate, kind, name), candidate);
  return whole && *whole == query ? name : std::string();
}

// Of several rules for a metric, the adapter takes the last.
bool last_of_its_name(const diagnose::Group& custom, const Hpa& hpa, const MetricNeed& need,
                      const std::string& query) {
  const std::vector<Candidate> all = diagnose::candidates(custom, need);
  if (all.empty()) return false;
  Result<std::string> asked = trigger_query(hpa, need, all.back());
  return asked && *asked == query;
}

}  // namespace

std::optional<std::string> pod_names(const std::string& kind, const std::string& name) {
  std::string literal;
  for (char c : name) literal += c == '.' ? std::string("[.]") : std::string(1, c);
  const bool by_hash = kind == "Deployment" || kind == "Rollout";
  if (name.size() + 1 + (by_hash ? longest_hash + 1 : 0) > longest_base) return std::nullopt;
  if (by_hash) return literal + "-[a-z0-9]+-[a-z0-9]{5}";
  if (kind == "StatefulSet") return literal + "-[0-9]+";
  if (kind == "ReplicaSet" || kind == "ReplicationController") return literal + "-[a-z0-9]{5}";
  return std::nullopt;
}

Result<std::string> trigger_query(const Hpa& hpa, const MetricNeed& need, const Candidate& candidate) {
  if (need.type != "Pods") {
    Result<std::string> query = diagnose::expression(hpa, need, candidate);
    if (!query || !need.external()) return query;
    return fmt::format("sum({})", *query);
  }
  const std::optional<std::string> pods = pod_names(hpa.target_kind, hpa.target_name);
  if (!pods)
    return failure(ErrorClass::check_failed, "migrate-unsupported",
                   fmt::format("The names of the pods of {} have no known form", hpa.target_text()));
  Result<std::string> query = diagnose::expand_matching(*candidate.rule, candidate.series, need.resource,
                                                        hpa.space, need.selector, *pods);
  if (!query) return query;
  return fmt::format("sum({})", *query);
}

std::optional<KnownMetric> known_metric(const diagnose::Group& custom, const Hpa& hpa,
                                        const std::string& query, const Document& target) {
  for (const Candidate& candidate : custom.index.all) {
    const Document identifier = {{"name", candidate.api_name}};
    const MetricNeed of_pods = pods_need(candidate);
    Result<std::string> pods = trigger_query(hpa, of_pods, candidate);
    if (pods && *pods == query && target.value("type", "") == "AverageValue" &&
        last_of_its_name(custom, hpa, of_pods, query)) {
      return KnownMetric{{{"type", "Pods"}, {"pods", {{"metric", identifier}, {"target", target}}}},
                         candidate.rule->title()};
    }
    for (const ObjectKind& kind : described_kinds) {
      const std::string name = object_in(hpa, candidate, kind, query);
      if (name.empty() || (kind.kind == "Namespace" && name != hpa.space)) continue;
      if (!last_of_its_name(custom, hpa, object_need(candidate, kind, name), query)) continue;
      return KnownMetric{
          {{"type", "Object"},
           {"object",
            {{"describedObject", {{"apiVersion", kind.api_version}, {"kind", kind.kind}, {"name", name}}},
             {"metric", identifier},
             {"target", target}}}},
          candidate.rule->title()};
    }
  }
  return std::nullopt;
}

NewRule new_rule(const std::string& metric, const std::string& space, const std::string& query,
                 const std::string& series, const std::string& label, const Document& target) {
  using diagnose::in_quotes;
  return {{{"seriesQuery", fmt::format("{{__name__={},{}!=\"\"}}", in_quotes(series), label)},
           {"resources", {{"overrides", {{label, {{"resource", "namespace"}}}}}}},
           {"name", {{"as", metric}}},
           {"metricsQuery",
            fmt::format("label_replace({}, {}, {}, \"\", \"\")", query, in_quotes(label), in_quotes(space))}},
          {{"type", "Object"},
           {"object",
            {{"describedObject", {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"name", space}}},
             {"metric", {{"name", metric}}},
             {"target", target}}}}};
}

}  // namespace hpawalk::migrate
