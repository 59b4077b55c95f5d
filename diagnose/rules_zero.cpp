// An HPA that may scale to 0 (minReplicas 0): what does its metric come from, once there are no pods?
#include <algorithm>
#include <cctype>
#include <set>

#include "diagnose/rules_hpa.hpp"
#include "diagnose/rules_keda.hpp"
#include "diagnose/rules_scrape.hpp"

namespace hpawalk::diagnose {

const Cause cause::metric_gone_at_zero = {
    .id = "metric-gone-at-zero",
    .link = Link::hpa,
    .symptom = "With minReplicas 0, it scales to 0 and never back; FailedGetObjectMetric at 0 replicas",
    .reason =
        "Only the pods of the scale target expose the metric: with 0 pods no metric exists that could scale "
        "the workload up",
    .detection =
        "The pods of the metric's samples against those of the scale target; at 0 replicas, who exposed the "
        "metric last. Named while the HPA still works, too",
    .fix = "minReplicas 1, or a metric from elsewhere: a queue, an ingress",
    .also_when_served = true};

namespace {

enum class Origin { own, elsewhere, unknown };

struct Exposure {
  Origin origin = Origin::unknown;
  std::string seen;  // the evidence
  bool by_samples = false;
};

// Has the scale target such a pod, or had it, by its name?
bool named_like_own(const Context& c, const std::string& pod) {
  const std::string& kind = c.hpa.target_kind;
  auto begins = [&](const std::string& name) { return pod.starts_with(name + "-"); };
  if (kind == "StatefulSet") {
    return begins(c.hpa.target_name) &&
           std::all_of(pod.begin() + static_cast<std::ptrdiff_t>(c.hpa.target_name.size()) + 1, pod.end(),
                       [](unsigned char digit) { return std::isdigit(digit); });
  }
  std::vector<const Json*> sets = c.facts.items("replicasets", c.hpa.space);
  return std::any_of(sets.begin(), sets.end(), [&](const Json* set) {
    const Json& owners = list_at(*set, "metadata.ownerReferences");
    return begins(name_of(*set)) && std::any_of(owners.begin(), owners.end(), [&](const Json& owner) {
             return text_at(owner, "kind") == kind && text_at(owner, "name") == c.hpa.target_name;
           });
  });
}

bool is_own(const Context& c, const std::string& pod) {
  return std::any_of(c.hpa.pods.begin(), c.hpa.pods.end(),
                     [&](const Json* own) { return name_of(*own) == pod; });
}

// Does the Service select the pods that the scale target makes, and no others?
bool only_own_behind(const Context& c, const Json& service) {
  std::vector<const Json*> pods = pods_of_service(c.facts, service);
  return c.hpa.target != nullptr &&
         map_matches(at(service, "spec.selector"), at(*c.hpa.target, "spec.template.metadata.labels")) &&
         std::all_of(pods.begin(), pods.end(), [&](const Json* pod) { return is_own(c, name_of(*pod)); });
}

// The labels of a sample, or of its source.
Origin origin_of(const Context& c, const world::Labels& labels) {
  if (label_of(labels, "namespace") != c.hpa.space) return Origin::elsewhere;
  if (std::string pod = label_of(labels, "pod"); !pod.empty()) {
    if (is_own(c, pod)) return Origin::own;
    if (c.facts.object("pods", c.hpa.space, pod) != nullptr) return Origin::elsewhere;
    if (named_like_own(c, pod)) return Origin::own;
  }
  const Json* service = c.facts.object("services", c.hpa.space, label_of(labels, "service"));
  if (service == nullptr) return Origin::unknown;
  return only_own_behind(c, *service) ? Origin::own : Origin::elsewhere;
}

Origin origin_of_all(const Context& c, const std::vector<world::Labels>& all) {
  bool unknown = all.empty();
  for (const world::Labels& labels : all) {
    Origin one = origin_of(c, labels);
    if (one == Origin::elsewhere) return Origin::elsewhere;
    unknown |= one == Origin::unknown;
  }
  return unknown ? Origin::unknown : Origin::own;
}

// Does the adapter's query read other series too? Words in quotes are values of labels.
bool reads_more(const Context& c, const Candidate& candidate) {
  const Reading* names = c.prometheus_reading("names");
  Result<std::string> query = expression(c.hpa, c.need, candidate);
  if (!query || names == nullptr || !names->read()) return true;
  std::vector<std::string> all = text_list(names->value);
  const std::set<std::string> known(all.begin(), all.end());
  std::string word;
  bool quoted = false;
  for (char letter : *query + " ") {
    if (letter == '"') quoted = !quoted;
    if (!quoted && in_metric_name(letter)) {
      word += letter;
      continue;
    }
    if (word != candidate.series && known.contains(word)) return true;
    word.clear();
  }
  return false;
}

std::vector<world::Labels> labels_of(const Context& c, const std::vector<Row>& rows) {
  std::vector<world::Labels> all;
  for (const Row& row : own_rows(c, rows)) {
    if (c.candidate() == nullptr) {  // of KEDA, whose selector names the ScaledObject
      all.push_back(row.labels);
      continue;
    }
    if (c.need.selector.is_object() && !matches(c.need.selector, Json(row.labels))) continue;
    if (c.need.external() && c.candidate()->rule->namespaced) {
      std::optional<std::string> space = label_for(*c.candidate()->rule, {"", "namespaces"});
      if (space && label_of(row.labels, *space) != c.hpa.space) continue;
    }
    all.push_back(row.labels);
  }
  return all;
}

// At 0 replicas Prometheus has no sample: who exposed the last one, or whom does the Service select?
Exposure exposed_before(const Context& c, const std::string& series) {
  std::vector<PastSource> past = past_sources(c.facts, c.prometheus, series);
  std::vector<world::Labels> all;
  for (const PastSource& one : past) all.push_back(one.labels);
  if (!all.empty())
    return {origin_of_all(c, all), fmt::format("{}: {}", series, past_text(past.front())), true};
  if (c.need.type != "Object" || c.need.resource.resource != "services") return {};
  const Json* service = c.facts.object("services", c.hpa.space, c.need.object_name);
  if (service == nullptr || !only_own_behind(c, *service)) return {};
  return {Origin::own,
          fmt::format("Service {}: spec.selector {} selects the pods of {} only", full_name(*service),
                      labels_text(at(*service, "spec.selector")), c.hpa.target_text()),
          false};
}

// The only series that the metric is made of; empty: it is made of others too, or that is unknown.
std::string only_series(const Context& c) {
  if (c.adapter.kind == AdapterKind::keda) return series_of(c);
  const Candidate* candidate = c.candidate();
  bool known = c.adapter.kind == AdapterKind::prometheus_adapter && candidate != nullptr;
  return known && c.samples_known() && !reads_more(c, *candidate) ? candidate->series : std::string();
}

Exposure exposure(const Context& c) {
  const std::string series = only_series(c);
  if (series.empty() || !c.samples_known() || !rules_recording(c.facts, series).empty()) return {};
  const std::vector<Row>& rows = c.samples(series);
  if (rows.empty() && c.sample_count(series) > 0) return {};  // too many to be read
  if (rows.empty()) return exposed_before(c, series);
  std::vector<world::Labels> all = labels_of(c, rows);
  return {origin_of_all(c, all),
          seen(*c.prometheus_reading("samples"),
               fmt::format("{} of {}, all of pods of {}", text::count(all.size(), "sample"), series,
                           c.hpa.target_text())),
          true};
}

// The kinds of metrics that count at 0 replicas.
bool wakes(const MetricNeed& need) {
  return need.type == "Object" || need.external();
}

// Another metric that can scale it up from 0, or of which that is unknown.
bool another_wakes(const Context& c) {
  return std::any_of(c.hpa.needs.begin(), c.hpa.needs.end(), [&](const MetricNeed& need) {
    if (need.index == c.need.index || !wakes(need)) return false;
    Context other = context_of(c.facts, c.hpas, c.groups, c.samples_of_groups, c.controller, c.hpa, need);
    return exposure(other).origin != Origin::own;
  });
}

// The last size that was asked for is 0, whatever pods are still ending.
bool at_zero(const Context& c) {
  if (c.hpa.target != nullptr) return int_at(*c.hpa.target, "spec.replicas", 1) == 0;
  return int_at(*c.hpa.object, "status.desiredReplicas", 1) == 0;
}

Fix keep_one(const Context& c, bool now_zero) {
  const bool of_keda = c.adapter.kind == AdapterKind::keda;
  std::string says = of_keda ? "Set minReplicaCount of the ScaledObject to 1, or"
                     : now_zero
                         ? fmt::format(
                               "Set spec.minReplicas to 1, and scale {} to 1 (kubectl scale): at 0, a larger "
                               "minReplicas alone does not scale it up. Or",
                               c.hpa.target_text())
                         : "Set spec.minReplicas to 1, or";
  return advice(says +
                    " use a metric that exists without these pods, for example the length of a queue or the "
                    "requests at an ingress",
                look_at("get", ref_of("hpa", *c.hpa.object)));
}

}  // namespace

bool may_scale_to_zero(const Context& c) {
  const Json* scaled_object = scaled_object_of(c.facts, c.hpa);
  if (scaled_object != nullptr && may_be_idle(*scaled_object)) return true;
  return int_at(*c.hpa.object, "spec.minReplicas", 1) == 0;
}

std::string asleep_text(const Context& c) {
  bool own = text_at(condition(*c.hpa.object, "ScaledToZero"), "status") == "True";
  std::string who = own ? "the HPA itself scaled to 0 (ScaledToZero)" : "minReplicas is 0";
  if (!wakes(c.need))
    return fmt::format("0 replicas: {}; this metric needs pods, so another metric scales up", who);
  return fmt::format("0 replicas: {}; a value of {} above 0 scales up", who, c.need.metric);
}

void judge_asleep(const Context& c, Report& report) {
  const Json& active = condition(*c.hpa.object, "ScalingActive");
  bool by_hand = text_at(active, "reason") == "ScalingDisabled";
  if (!may_scale_to_zero(c) || !at_zero(c) || (by_hand && !idle_by_keda(c)) || !wakes(c.need)) return;
  Exposure exposed = exposure(c);
  if (exposed.origin != Origin::own || another_wakes(c)) return;
  report.broken(
      cause::metric_gone_at_zero, Link::pods,
      fmt::format("{} has 0 replicas, and only its own pods expose {}: no metric exists that could "
                  "scale it up",
                  c.hpa.target_text(), c.need.metric),
      {fmt::format("HPA {}: ScalingActive is {}: {}: {}", full_name(*c.hpa.object), text_at(active, "status"),
                   text_at(active, "reason"), text_at(active, "message")),
       exposed.seen},
      keep_one(c, true), exposed.by_samples ? Certainty::certain : Certainty::likely);
}

void judge_zero_ahead(const Context& c, Report& report) {
  if (!may_scale_to_zero(c) || !wakes(c.need) || report.has(cause::metric_gone_at_zero)) return;
  Exposure exposed = exposure(c);
  if (exposed.origin != Origin::own || !exposed.by_samples || another_wakes(c)) return;
  report.note(
      cause::metric_gone_at_zero,
      fmt::format("Only the pods of {} expose {}: once the HPA has scaled to 0, no metric exists that "
                  "could scale it up again",
                  c.hpa.target_text(), c.need.metric),
      {c.adapter.kind == AdapterKind::keda
           ? "its ScaledObject's minReplicaCount or idleReplicaCount is 0"
           : fmt::format("HPA {}: spec.minReplicas is 0", full_name(*c.hpa.object)),
       exposed.seen},
      keep_one(c, false));
}

}  // namespace hpawalk::diagnose
