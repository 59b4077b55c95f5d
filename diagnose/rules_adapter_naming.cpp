// The adapter's rules: does one lead from a series to the metric that the HPA asks for, and do the labels say
// whose it is?
#include <algorithm>
#include <set>

#include "diagnose/collect.hpp"
#include "diagnose/rules_adapter.hpp"

namespace hpawalk::diagnose {
namespace {

std::string resources_text(const AdapterRule& rule) {
  std::vector<std::string> parts;
  if (!rule.resource_template.empty()) parts.push_back("template \"" + rule.resource_template + "\"");
  for (const auto& [label, resource] : rule.overrides) parts.push_back(label + "=" + resource.text());
  return text::join(parts, ", ");
}

Fix other_metric(const Context& c, const std::string& name, const std::string& beyond) {
  std::string field = c.need.type;
  field[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(field[0])));
  const std::vector<std::string> path = {"spec", "metrics", std::to_string(c.need.index),
                                         field,  "metric",  "name"};
  std::string says = fmt::format("Make the HPA use {}", name);
  return json_patch(ref_of("hpa", *c.hpa.object), *c.hpa.object,
                    Json::array({operation("test", path, c.need.metric), operation("replace", path, name)}),
                    says, beyond)
      .value_or(advice(says));
}

void renamed(const Context& c, Report& report, const AdapterRule& rule, const std::string& series,
             const std::string& name) {
  report.set(Link::series, Mark::ok, series + " is there");
  report.broken("metric-renamed", Link::adapter,
                fmt::format("The HPA uses {}, but {} gives that series the name {} in the API", c.need.metric,
                            rule.title(), name),
                {fmt::format("{}: name.matches {:?}, name.as {:?}", rule_place(c, rule),
                             rule.matches ? rule.matches->expression() : "", rule.as)},
                other_metric(c, name, ""));
}

void renamed_near(const Context& c, Report& report, const std::string& near) {
  report.broken(
      "metric-renamed", Link::adapter,
      fmt::format("The adapter does not serve the metric {}; the closest name is {}", c.need.metric, near),
      {fmt::format("{}: no rule produces {}", where(c), c.need.metric)},
      other_metric(c, near, "the HPA then scales on that metric, which may have another meaning"),
      Certainty::likely);
}

// A rule whose pattern does not compile may be the one that leads to the metric.
const AdapterRule* not_understood(const Context& c) {
  for (const AdapterRule& rule : c.adapter.rules(c.need.external())) {
    if (!rule.not_understood.empty()) return &rule;
  }
  return nullptr;
}

void no_rule(const Context& c, Report& report) {
  if (c.registered() == false && !c.other_adapters().empty()) {  // judge_api: the wrong one is asked
    report.set(Link::adapter, Mark::broken, where(c) + " has no rule for this metric");
    return;
  }
  if (const AdapterRule* rule = not_understood(c)) {
    report.set(Link::adapter, Mark::unknown,
               fmt::format("the effect of {} is unknown: {}", rule->title(), rule->not_understood));
    return;
  }
  const Reading* all = c.prometheus_reading("names");
  if (all == nullptr || !all->read()) return;
  std::vector<std::string> names = text_list(all->value);
  auto other_name = c.index.by_series.find(c.need.metric);
  if (other_name != c.index.by_series.end()) {
    const Candidate& candidate = c.index.all[other_name->second.front()];
    return renamed(c, report, *candidate.rule, candidate.series, candidate.api_name);
  }
  bool exists = std::find(names.begin(), names.end(), c.need.metric) != names.end() &&
                !c.samples(c.need.metric).empty();
  if (exists) {
    std::vector<std::string> evidence = {fmt::format(
        "Prometheus has {}: {}", c.need.metric, plural_count(c.samples(c.need.metric).size(), "sample"))};
    for (const AdapterRule& rule : c.adapter.rules(c.need.external())) {
      if (evidence.size() < 6) evidence.push_back(rule_place(c, rule));
    }
    report.broken(
        "rule-matches-no-series", Link::adapter,
        fmt::format("Prometheus has the series {}, but no rule of the adapter matches it", c.need.metric),
        evidence,
        edit_rules(c, "Add a rule, for example",
                   {{"seriesQuery", c.need.metric + "{namespace!=\"\"}"},
                    {"resources", {{"template", "<<.Resource>>"}}},
                    {"metricsQuery", "sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)"}}));
    return;
  }
  if (std::find(names.begin(), names.end(), c.need.metric) != names.end() && !c.samples_known()) {
    report.set(Link::adapter, Mark::unknown,
               "no rule produces " + c.need.metric + ", and its samples could not be read");
    return;
  }
  std::vector<std::string> api_names;
  for (const auto& [name, series] : c.index.by_api_name) api_names.push_back(name);
  std::optional<std::string> near = text::nearest(c.need.metric, api_names);
  if (near) return renamed_near(c, report, *near);
  report.broken("metric-unknown", Link::adapter,
                fmt::format("No rule of the adapter produces {}, and Prometheus has no series of that name",
                            c.need.metric),
                {fmt::format("{} of the adapter, {} names in Prometheus",
                             plural_count(c.adapter.rules(c.need.external()).size(), "rule"), names.size())},
                advice("Use an existing metric, or expose this one and add a rule for it", look_at_api(c)));
}

// Do the labels of the series say which object a sample belongs to?
void labels(const Context& c, Report& report, const Candidate& candidate, const std::vector<Row>& rows) {
  const AdapterRule& rule = *candidate.rule;
  std::optional<std::string> object = label_for(rule, c.need.resource),
                             space = label_for(rule, {"", "namespaces"});
  bool only_cluster = std::any_of(rule.overrides.begin(), rule.overrides.end(),
                                  [](const auto& o) { return o.second.resource == "namespaces"; });
  std::string listed;
  for (const std::string& name : c.listed_names()) {
    if (name.ends_with("/" + c.need.metric)) listed += (listed.empty() ? "" : ", ") + name;
  }
  if (!space || (!object && only_cluster)) {
    std::string sentence =
        !space ? fmt::format("{} maps no label to the namespace resource, so the metric is not namespaced",
                             rule.title())
               : fmt::format(
                     "{} maps the metric to namespaces only, so the API serves it as not namespaced "
                     "(namespaced: false), and not for {}",
                     rule.title(), c.need.resource.text());
    report.broken("rule-not-namespaced", Link::adapter, sentence,
                  {rule_place(c, rule) + ": resources " + resources_text(rule),
                   "the API lists " + (listed.empty() ? "no metric of that name" : listed)},
                  edit_rules(c, "Map one label of the series to each of them",
                             {{"resources",
                               {{"overrides",
                                 {{"namespace", {{"resource", "namespace"}}},
                                  {singular(c.need.resource.resource),
                                   {{"resource", singular(c.need.resource.resource)}}}}}}}}));
    return;
  }
  auto on_any = [&](const std::string& label) {
    return std::any_of(rows.begin(), rows.end(), [&](const Row& r) { return r.labels.contains(label); });
  };
  std::vector<std::string> missing;
  if (!object)
    missing.push_back("a label for " + c.need.resource.text() + " (the rule names none)");
  else if (!on_any(*object))
    missing.push_back("label " + *object);
  if (!on_any(*space)) missing.push_back("label " + *space);
  Json row = rows.front().labels;
  row.erase("__name__");
  if (!missing.empty()) {
    std::string alternatives;
    for (const std::string& other :
         {"exported_" + object.value_or(singular(c.need.resource.resource)),
          singular(c.need.resource.resource), c.need.resource.resource,
          "kubernetes_" + singular(c.need.resource.resource), "exported_" + *space}) {
      if (on_any(other) && other != object.value_or("")) alternatives = other;
    }
    report.broken(
        "rule-labels-mismatch", Link::adapter,
        fmt::format("{} requires labels that the series {} does not have: {}", rule.title(), candidate.series,
                    text::join(missing, " and ")),
        {rule_place(c, rule) + ": resources " + resources_text(rule),
         fmt::format("Prometheus has {}{{{}}}", candidate.series, labels_text(row))},
        edit_rules(c, alternatives.empty() ? "Use labels of the series in resources.overrides"
                                           : "Name the label " + alternatives + " in resources.overrides"));
    return;
  }
  std::vector<std::string> wanted = c.object_names();
  std::vector<std::string> values;
  for (const Row& r : rows) {
    auto in = r.labels.find(*space), of = r.labels.find(*object);
    if (of == r.labels.end() || in == r.labels.end()) continue;
    if (in->second == c.hpa.space && std::find(wanted.begin(), wanted.end(), of->second) != wanted.end())
      return;
    if (values.size() < 5) values.push_back(in->second + "/" + of->second);
  }
  if (report.broken_before(Link::adapter) || wanted.empty()) return;
  report.broken(
      "object-not-in-series", Link::adapter,
      fmt::format("No sample of {} has {}={} in namespace {}; existing values: {}", candidate.series, *object,
                  wanted.front(), c.hpa.space, text::join(values, ", ")),
      {fmt::format("Prometheus has {}{{{}}}", candidate.series, labels_text(row)),
       rule_place(c, rule) + ": resources " + resources_text(rule)},
      advice(c.need.type == "Object" ? "Use an object whose name is in the samples' labels, or map another "
                                       "label in resources.overrides"
                                     : "Make Prometheus scrape these pods: see the previous checks"));
}

// Several rules that yield one name: the last one wins.
void overlap(const Context& c, Report& report) {
  std::vector<const Candidate*> live;
  for (const Candidate& candidate : c.candidates) {
    if (candidate.seen && label_for(*candidate.rule, c.need.resource)) live.push_back(&candidate);
  }
  if (live.size() < 2) return;
  std::set<std::string> values;
  std::vector<std::string> evidence;
  for (const Candidate* candidate : live) {
    const Reading* result = c.evaluation(*candidate);
    std::vector<Row> rows = result != nullptr ? rows_of(result->value) : std::vector<Row>{};
    std::string value = rows.empty() ? "nothing" : rows.front().value;
    values.insert(value);
    evidence.push_back(
        fmt::format("{}: {} gives {}", rule_place(c, *candidate->rule), candidate->series, value));
  }
  std::string sentence = fmt::format("{} rules produce {} of {}; the last rule wins", live.size(),
                                     c.need.metric, c.need.resource.text());
  Fix fix = edit_rules(c, "Make the rules exclusive, with seriesFilters or another name.as");
  if (values.size() > 1) {
    report.broken("rules-overlap", Link::adapter, sentence + ", and they give different values", evidence,
                  fix);
  } else {
    report.note("rules-overlap", Link::adapter, sentence, evidence, fix);
  }
}

}  // namespace

// Does a rule lead to the metric that the HPA asks for?
void judge_naming(const Context& c, Report& report) {
  if (c.candidates.empty()) return no_rule(c, report);
  const Candidate& candidate = *c.candidate();
  const AdapterRule& rule = *candidate.rule;
  const std::vector<Row>& rows = c.samples(candidate.series);
  bool may_be_seen = std::any_of(c.candidates.begin(), c.candidates.end(), [&](const Candidate& x) {
    const Reading* names = c.facts.find(names_key(*c.prometheus.address, x.rule->series_query));
    return x.seen || names == nullptr || !names->read();
  });
  if (!rows.empty() && !may_be_seen) {
    Json labels = rows.front().labels;
    labels.erase("__name__");
    report.broken("rule-matches-no-series", Link::adapter,
                  fmt::format("The series {} exists, but the seriesQuery of {} does not match it",
                              candidate.series, rule.title()),
                  {rule_place(c, rule) + ": seriesQuery " + rule.series_query,
                   fmt::format("Prometheus has {}{{{}}}", candidate.series, labels_text(labels))},
                  edit_rules(c, "Make the seriesQuery match the series"));
    return;
  }
  if (rows.empty() || c.need.external()) return;
  labels(c, report, candidate, rows);
  overlap(c, report);
}

}  // namespace hpawalk::diagnose
