// The labels of a rule's series: do they say which object, in which namespace, a sample belongs to?
#include <algorithm>

#include "diagnose/rules_adapter.hpp"

namespace hpawalk::diagnose {

const Cause cause::rule_labels_mismatch = {
    .id = "rule-labels-mismatch",
    .link = Link::adapter,
    .symptom = "The metric is listed for other resources, or not listed",
    .reason = "The overrides (or template) name labels that the series does not have",
    .detection = "The rule's labels against those of the samples; exported_ labels are suggested",
    .fix = "Correct resources.overrides"};

const Cause cause::rule_not_namespaced = {
    .id = "rule-not-namespaced",
    .link = Link::adapter,
    .symptom = "The API has the metric with namespaced: false",
    .reason = "The rule maps it to namespaces only, or maps no label to the namespace",
    .detection = "The rule's resources and the discovery list",
    .fix = "Map one label to the namespace and one to the object"};

const Cause cause::object_not_in_series = {
    .id = "object-not-in-series",
    .link = Link::adapter,
    .symptom = "404 ... for services NAME",
    .reason = "No sample has a label with the name of the HPA's object",
    .detection = "The samples' labels against the name",
    .fix = "Correct the name or the grouping"};

namespace {

std::string resources_text(const AdapterRule& rule) {
  std::vector<std::string> parts;
  if (!rule.resource_template.empty()) parts.push_back("template \"" + rule.resource_template + "\"");
  for (const auto& [label, resource] : rule.overrides) parts.push_back(label + "=" + resource.text());
  return text::join(parts, ", ");
}

bool on_any(const std::vector<Row>& rows, const std::string& label) {
  return std::any_of(rows.begin(), rows.end(), [&](const Row& r) { return r.labels.contains(label); });
}

void not_namespaced(const Context& c, Report& report, const AdapterRule& rule, bool has_space) {
  std::string listed;
  for (const std::string& name : c.listed_names()) {
    if (name.ends_with("/" + c.need.metric)) listed += (listed.empty() ? "" : ", ") + name;
  }
  std::string sentence =
      has_space ? fmt::format(
                      "{} maps the metric to namespaces only, so the API serves it as not namespaced "
                      "(namespaced: false), and not for {}",
                      rule.title(), c.need.resource.text())
                : fmt::format("{} maps no label to the namespace resource, so the metric is not namespaced",
                              rule.title());
  std::string one = singular(c.need.resource.resource);
  Json overrides = {{"namespace", {{"resource", "namespace"}}}, {one, {{"resource", one}}}};
  report.broken(cause::rule_not_namespaced, sentence,
                {rule_place(c, rule) + ": resources " + resources_text(rule),
                 "the API lists " + (listed.empty() ? "no metric of that name" : listed)},
                edit_rules(c, "Map one label of the series to each of them",
                           {{"resources", {{"overrides", overrides}}}}));
}

// The labels that the rule names and no sample has.
std::vector<std::string> missing_labels(const std::optional<std::string>& object, const std::string& space,
                                        const std::vector<Row>& rows) {
  std::vector<std::string> missing;
  if (object && !on_any(rows, *object)) missing.push_back("label " + *object);
  if (!on_any(rows, space)) missing.push_back("label " + space);
  return missing;
}

void labels_mismatch(const Context& c, Report& report, const Candidate& candidate,
                     const std::optional<std::string>& object, const std::string& space,
                     const std::vector<Row>& rows) {
  const AdapterRule& rule = *candidate.rule;
  std::string one = singular(c.need.resource.resource), instead;
  for (const std::string& other : {"exported_" + object.value_or(one), one, c.need.resource.resource,
                                   "kubernetes_" + one, "exported_" + space}) {
    if (on_any(rows, other) && other != object.value_or("")) instead = other;
  }
  std::string sentence =
      object ? fmt::format("{} requires labels that the series {} does not have: {}", rule.title(),
                           candidate.series, text::join(missing_labels(object, space, rows), " and "))
             : fmt::format("{} maps no label to {}", rule.title(), c.need.resource.text());
  report.broken(cause::rule_labels_mismatch, sentence,
                {rule_place(c, rule) + ": resources " + resources_text(rule),
                 "Prometheus has " + sample_text(candidate, rows.front())},
                edit_rules(c, instead.empty() ? "Use labels of the series in resources.overrides"
                                              : "Name the label " + instead + " in resources.overrides"));
}

void other_objects(const Context& c, Report& report, const Candidate& candidate, const std::string& object,
                   const std::string& space, const std::vector<Row>& rows) {
  std::vector<std::string> wanted = c.object_names(), values;
  for (const Row& r : rows) {
    auto in = r.labels.find(space), of = r.labels.find(object);
    if (of == r.labels.end() || in == r.labels.end()) continue;
    if (in->second == c.hpa.space && std::find(wanted.begin(), wanted.end(), of->second) != wanted.end())
      return;
    if (values.size() < 5) values.push_back(in->second + "/" + of->second);
  }
  if (report.broken_before(Link::adapter) || report.has(cause::pods_metric_of_others) ||
      report.has(cause::object_not_in_series) || wanted.empty())
    return;
  const Reading* prometheuses = c.facts.whole("prometheuses");
  const Reading* runtime = c.prometheus_reading("runtime");  // when it loaded its configuration
  bool unseen =
      report.mark(Link::monitor) == Mark::unknown || report.mark(Link::prometheus) == Mark::unknown ||
      (prometheuses != nullptr && prometheuses->refused()) || runtime == nullptr || !runtime->read();
  report.broken(
      cause::object_not_in_series,
      fmt::format("No sample of {} has {}={} in namespace {}; existing values: {}", candidate.series, object,
                  wanted.front(), c.hpa.space, text::join(values, ", ")),
      {"Prometheus has " + sample_text(candidate, rows.front()),
       rule_place(c, *candidate.rule) + ": resources " + resources_text(*candidate.rule)},
      advice(c.need.type == "Object" ? "Use an object whose name is in the samples' labels, or map another "
                                       "label in resources.overrides"
                                     : "Make Prometheus scrape these pods: see the previous checks"),
      // Where the scraping is unknown, other pods may be the only ones that expose it at all, Prometheus may
      // enforce the label, or a change may be under way.
      unseen ? Certainty::likely : Certainty::certain);
}

}  // namespace

std::string sample_text(const Candidate& candidate, const Row& row) {
  Json labels = row.labels;
  labels.erase("__name__");
  return fmt::format("{}{{{}}}", candidate.series, labels_text(labels));
}

void judge_labels(const Context& c, Report& report, const Candidate& candidate,
                  const std::vector<Row>& rows) {
  const AdapterRule& rule = *candidate.rule;
  std::optional<std::string> object = label_for(rule, c.need.resource),
                             space = label_for(rule, {"", "namespaces"});
  bool only_cluster = rule.resource_template.empty() &&
                      std::all_of(rule.overrides.begin(), rule.overrides.end(),
                                  [](const auto& o) { return o.second.resource == "namespaces"; });
  if (!space || (!object && only_cluster)) return not_namespaced(c, report, rule, space.has_value());
  if (!object || !missing_labels(object, *space, rows).empty())
    return labels_mismatch(c, report, candidate, object, *space, rows);
  other_objects(c, report, candidate, *object, *space, rows);
}

}  // namespace hpawalk::diagnose
