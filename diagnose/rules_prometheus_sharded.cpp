// What a Prometheus object does to all its monitors: it divides their targets among shards, or overwrites the
// namespace of their samples.
#include <algorithm>

#include "diagnose/rules_adapter.hpp"
#include "diagnose/rules_monitor.hpp"

namespace hpawalk::diagnose {

const Cause cause::prometheus_sharded = {
    .id = "prometheus-sharded",
    .link = Link::prometheus,
    .symptom = "The metric comes and goes, or its sum is too small",
    .reason =
        "The Service that the adapter queries leads to several shards of Prometheus, and each shard "
        "scrapes a part of the targets",
    .detection = "spec.shards of the Prometheus object, and the selector of the Service",
    .fix = "Query all shards together, for example with Thanos Query",
    .also_when_served = true};

const Cause cause::namespace_label_enforced = {
    .id = "namespace-label-enforced",
    .link = Link::monitor,
    .symptom = "404 for the object, although its samples are in Prometheus",
    .reason =
        "spec.enforcedNamespaceLabel of the Prometheus object overwrites the samples' namespace with "
        "that of the monitor",
    .detection = "The field, the monitor's namespace and the samples' labels",
    .fix = "Create the monitor in the namespace of its targets, or exclude it from the enforcement"};

namespace {

// A Service of a single shard, or of a single pod, is not meant.
bool leads_to_all_shards(const Json& service, const Json& prometheus) {
  const Json& selector = at(service, "spec.selector");
  if (!selector.is_object() || selector.empty() || selector.contains("operator.prometheus.io/shard") ||
      selector.contains("statefulset.kubernetes.io/pod-name"))
    return false;
  return space_of(service) == space_of(prometheus);
}

Fix exclude(const Json& prometheus, const Monitor& m) {
  std::string says =
      fmt::format("Exclude {} from the enforcement; or create it in the namespace of its targets", m.ref());
  Json entry = {{"group", "monitoring.coreos.com"},
                {"resource", m.of->plural},
                {"namespace", m.space},
                {"name", m.name}};
  return advice_with(says, {{"excludedFromEnforcement", Json::array({entry})}},
                     look_at("get", ref_of("prometheus", prometheus)));
}

// A sample of the HPA's object, but with the namespace of a monitor that scrapes other namespaces too.
const Monitor* overwritten_by(const Scrape& s, const Row& row, const std::string& space,
                              const std::string& object) {
  std::vector<std::string> names = s.c.object_names();
  if (std::find(names.begin(), names.end(), label_of(row.labels, object)) == names.end()) return nullptr;
  auto found = std::find_if(s.monitors.begin(), s.monitors.end(), [&](const Monitor& m) {
    return m.space != s.space && m.space == label_of(row.labels, space) && found_by(m, s) != nullptr &&
           selects(s.c.facts, *s.c.prometheus.resource, selectable(m)).answer == Selection::Answer::yes;
  });
  return found == s.monitors.end() ? nullptr : &*found;
}

// Neither the field's removal nor a relabeling leaves a time: which of the two it is, is not to be seen.
void overwritten_elsewhere(const Scrape& s, const Monitor& m, const Candidate& candidate, const Row& row,
                           const std::string& label) {
  const Json& prometheus = *s.c.prometheus.resource;
  s.report.broken(
      cause::object_not_in_series,
      fmt::format(
          "The samples of {} have {}={}, the namespace of the monitor, although Prometheus {} does not "
          "enforce it; so none is of namespace {}",
          m.ref(), label, m.space, full_name(prometheus), s.space),
      {fmt::format("Prometheus {}: spec.enforcedNamespaceLabel {}", full_name(prometheus),
                   text_at(prometheus, "spec.enforcedNamespaceLabel", "is not set")),
       "Prometheus has " + sample_text(candidate, row)},
      advice(
          fmt::format("If enforcedNamespaceLabel was removed moments ago, wait: Prometheus loads the change "
                      "within {}. Otherwise look for relabelings of {} that set {}",
                      text::duration(config_delay), m.ref(), label),
          look_at("get", ref_of_monitor(m))),
      Certainty::likely);
}

}  // namespace

bool sharded(const Scrape& s) {
  const Json *prometheus = s.c.prometheus.resource, *service = s.c.prometheus.service;
  if (prometheus == nullptr || service == nullptr || !leads_to_all_shards(*service, *prometheus))
    return false;
  long long shards = int_at(*prometheus, "spec.shards", 1);
  const std::vector<const Json*>& pods = s.c.prometheus.pods;
  bool its = std::any_of(pods.begin(), pods.end(), [&](const Json* pod) {
    return text_at(at(*pod, "metadata.labels"), "prometheus") == name_of(*prometheus);
  });
  if (shards < 2 || !its) return false;
  pods_and_services(s, true);
  s.report.set(Link::monitor, Mark::unknown, "not judged: the response depends on the shard");
  s.report.set(Link::series, Mark::unknown, "not judged: the response depends on the shard");
  s.report.broken(
      cause::prometheus_sharded,
      fmt::format("Prometheus {} has {} shards, each with a part of the targets, and Service {}, which the "
                  "adapter queries, leads to all of them: each query gets the samples of one shard",
                  full_name(*prometheus), shards, full_name(*service)),
      {fmt::format("Prometheus {}: spec.shards {}", full_name(*prometheus), shards),
       fmt::format("Service {}: spec.selector {}", full_name(*service),
                   labels_text(at(*service, "spec.selector")))},
      advice("Point the adapter to a server that queries all shards, such as Thanos Query. If one Prometheus "
             "can hold all series, set spec.shards to 1",
             look_at("get", ref_of("prometheus", *prometheus))));
  return true;
}

bool namespace_overwritten(const Scrape& s, const std::vector<Row>& rows) {
  const Json* prometheus = s.c.prometheus.resource;
  const Candidate* candidate = s.c.candidate();
  if (prometheus == nullptr || candidate == nullptr || s.c.need.external()) return false;
  std::optional<std::string> space = label_for(*candidate->rule, {"", "namespaces"});
  std::optional<std::string> object = label_for(*candidate->rule, s.c.need.resource);
  if (!space || !object) return false;
  bool enforced = text_at(*prometheus, "spec.enforcedNamespaceLabel") == *space;
  for (const Row& row : rows) {
    const Monitor* m = overwritten_by(s, row, *space, *object);
    if (m == nullptr) continue;
    if (!enforced && config_lag(s, *m)) return false;  // which explains it, and is reported of the monitor
    pods_and_services(s, true);
    s.report.set(Link::prometheus, Mark::ok, "has the series");
    if (!enforced) {
      overwritten_elsewhere(s, *m, *candidate, row, *space);
      return true;
    }
    s.report.broken(
        cause::namespace_label_enforced,
        fmt::format("Prometheus {} sets {}={} on all samples of {}, so none is of namespace {}",
                    full_name(*prometheus), *space, m->space, m->ref(), s.space),
        {fmt::format("Prometheus {}: spec.enforcedNamespaceLabel {}", full_name(*prometheus), *space),
         "Prometheus has " + sample_text(*candidate, row)},
        exclude(*prometheus, *m));
    return true;
  }
  return false;
}

}  // namespace hpawalk::diagnose
