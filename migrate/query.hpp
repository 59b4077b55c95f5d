// Between a metric of an HPA on prometheus-adapter and one PromQL query, in both directions. Pure.
#pragma once

#include <optional>
#include <string>

#include "diagnose/view.hpp"
#include "hpasim/spec.hpp"

namespace hpawalk::migrate {

// The adapter's query for this metric as one that gives a single number: of a Pods metric the sum over the
// workload's pods, which are matched by the form of their names, because a query cannot follow a label
// selector; of an External metric the sum that the HPA makes. Errors: those of the rule's template, or
// `migrate-unsupported`.
Result<std::string> trigger_query(const diagnose::Hpa& hpa, const diagnose::MetricNeed& need,
                                  const diagnose::Candidate& candidate);

// The names of a workload's pods as a regular expression; nothing: it is not known of this kind.
std::optional<std::string> pod_names(const std::string& kind, const std::string& name);

// An HPA's metric for which the adapter, by its rules, asks exactly this query; `target`: as in the HPA.
struct KnownMetric {
  hpasim::Document metric;
  std::string rule;  // its title
};
std::optional<KnownMetric> known_metric(const diagnose::Group& custom, const diagnose::Hpa& hpa,
                                        const std::string& query, const hpasim::Document& target);

// A rule by which the adapter asks this query whenever it is asked for `metric` of the namespace, and the
// HPA's metric for it. `series`, `label`: one that the query reads, and a label that it has: the adapter
// lists a metric only where it finds a series with a label for the object.
struct NewRule {
  hpasim::Document rule, metric;
};
NewRule new_rule(const std::string& metric, const std::string& space, const std::string& query,
                 const std::string& series, const std::string& label, const hpasim::Document& target);

}  // namespace hpawalk::migrate
