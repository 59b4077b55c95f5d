// The questions that an HPA becomes: which series could feed it, the adapter's query, the path in the metrics
// API.
#include <algorithm>
#include <functional>
#include <set>

#include <fmt/format.h>

#include "base/text.hpp"
#include "diagnose/selector.hpp"
#include "diagnose/view.hpp"
#include "world/kube_path.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::diagnose {

RuleIndex index_rules(const Facts& facts, const Adapter& adapter, const PrometheusView& prometheus,
                      bool external) {
  RuleIndex index;
  for (const AdapterRule& rule : adapter.rules(external)) {
    if (!rule.not_understood.empty()) continue;
    std::set<std::string> names(rule.names.literal.begin(), rule.names.literal.end()), seen;
    const Reading* reading =
        prometheus.address ? facts.find(names_key(prometheus.address->key(), rule.series_query)) : nullptr;
    if (reading != nullptr) {
      for (const std::string& name : text_list(reading->value)) {
        names.insert(name);
        seen.insert(name);
      }
    }
    for (const std::string& name : names) {
      if (!accepts(rule, name)) continue;
      std::optional<std::string> in_api = api_name(rule, name);
      if (!in_api) continue;
      index.by_api_name[*in_api].push_back(index.all.size());
      index.by_series[name].push_back(index.all.size());
      index.all.push_back({&rule, name, *in_api, seen.contains(name)});
    }
  }
  return index;
}

Parts parts_of(const Facts& facts) {
  StillFacts still(facts);
  Parts parts{hpas_of(facts), {}};
  for (const char* name : {"custom.metrics.k8s.io", "external.metrics.k8s.io", "metrics.k8s.io"}) {
    Group& group = parts.groups[name];  // in place: the index points into the adapter
    group.adapter = adapter_of(facts, name);
    group.prometheus = prometheus_of(facts, group.adapter);
    if (name == std::string_view("metrics.k8s.io")) continue;
    group.index = index_rules(facts, group.adapter, group.prometheus,
                              name == std::string_view("external.metrics.k8s.io"));
  }
  return parts;
}

std::vector<Candidate> candidates(const Group& group, const MetricNeed& need) {
  std::vector<Candidate> found;
  auto known = group.index.by_api_name.find(need.metric);
  if (known != group.index.by_api_name.end()) {
    for (size_t i : known->second) found.push_back(group.index.all[i]);
  }
  // The adapter knows only series that exist.
  auto seen = [](const Candidate& candidate) { return candidate.seen; };
  if (std::any_of(found.begin(), found.end(), seen)) {
    std::erase_if(found, std::not_fn(seen));
    return found;
  }
  // A series that does not exist now, but that a rule would take if it did.
  for (const AdapterRule& rule : group.adapter.rules(need.external())) {
    bool there = std::any_of(found.begin(), found.end(),
                             [&](const Candidate& c) { return c.rule == &rule && c.series == need.metric; });
    if (there || !rule.not_understood.empty()) continue;
    if (!may_match(rule.names, need.metric) || !accepts(rule, need.metric)) continue;
    if (api_name(rule, need.metric) == need.metric) found.push_back({&rule, need.metric, need.metric, false});
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Candidate& a, const Candidate& b) { return a.rule->index < b.rule->index; });
  return found;
}

Result<std::string> expression(const Hpa& hpa, const MetricNeed& need, const Candidate& candidate) {
  if (need.external()) return expand_external(*candidate.rule, candidate.series, hpa.space, need.selector);
  std::vector<std::string> names;
  if (need.type == "Object") {
    names.push_back(need.object_name);
  } else {
    for (const Json* pod : hpa.pods) names.push_back(name_of(*pod));
    std::sort(names.begin(), names.end());
  }
  bool of_namespace = need.resource.resource == "namespaces";
  return expand(*candidate.rule, candidate.series, need.resource, of_namespace ? "" : hpa.space,
                need.selector, names);
}

namespace {

// A selector as client-go writes it into a query: "a=b,c in (d,e),!f".
std::string selector_query(const Json& selector) {
  std::vector<std::string> parts;
  const Json& equals = at(selector, "matchLabels");
  if (equals.is_object() && !equals.empty()) parts.push_back(labels_text(equals));
  for (const Json& e : list_at(selector, "matchExpressions")) {
    std::string key = text_at(e, "key"), op = text_at(e, "operator");
    std::string values = text::join(text_list(list_at(e, "values")), ",");
    parts.push_back(op == "In"       ? key + " in (" + values + ")"
                    : op == "NotIn"  ? key + " notin (" + values + ")"
                    : op == "Exists" ? key
                                     : "!" + key);
  }
  return text::join(parts, ",");
}

std::string path_with(const Hpa& hpa, const MetricNeed& need, const std::string& version,
                      const std::string& object_name) {
  std::string group = world::api_root(need.api_group(), version);
  std::string selector = selector_query(need.selector);
  if (need.external()) {
    std::string query = selector.empty() ? "" : "?labelSelector=" + world::query_value(selector);
    return group + world::kube_path("/namespaces/{}/{}", hpa.space, need.metric) + query;
  }
  std::string query = selector.empty() ? "" : "metricLabelSelector=" + world::query_value(selector);
  if (need.type == "Object" && need.resource.resource == "namespaces") {
    return group + world::kube_path("/namespaces/{}/metrics/{}", object_name, need.metric) +
           (query.empty() ? "" : "?" + query);
  }
  if (need.resource_metric())
    return world::kube_kind("PodMetrics").collection(hpa.space) +
           "?labelSelector=" + world::query_value(selector_query(hpa.pod_selector));
  if (need.type == "Pods") {
    std::string pods = selector_query(hpa.pod_selector);
    query = "labelSelector=" + world::query_value(pods) + (query.empty() ? "" : "&" + query);
  }
  return group +
         world::kube_path("/namespaces/{}/{}/{}/{}", hpa.space, need.resource.text(), object_name,
                          need.metric) +
         (query.empty() ? "" : "?" + query);
}

}  // namespace

std::string metric_path(const Hpa& hpa, const MetricNeed& need, const std::string& version) {
  return path_with(hpa, need, version, need.type == "Object" ? need.object_name : "*");
}

std::string metric_path_of_all(const Hpa& hpa, const MetricNeed& need, const std::string& version) {
  return path_with(hpa, need, version, "*");
}

}  // namespace hpawalk::diagnose
