// The adapter's rules: does one lead from a series to the metric that the HPA asks for?
#include <algorithm>
#include <set>

#include "diagnose/adapter_text.hpp"
#include "diagnose/collect.hpp"
#include "diagnose/rules_adapter.hpp"

namespace hpawalk::diagnose {

const Cause cause::rule_matches_no_series = {
    .id = "rule-matches-no-series",
    .link = Link::adapter,
    .symptom = "The series is in Prometheus, but the metric is not in the API",
    .reason = "No rule's seriesQuery matches the series",
    .detection = "Every seriesQuery is replayed over the adapter's max age",
    .fix = "Correct the matcher or add a rule"};

const Cause cause::metric_renamed = {
    .id = "metric-renamed",
    .link = Link::adapter,
    .symptom = "404 for a name that exists in Prometheus",
    .reason = "The rule gives the series another name (as, a stripped _total)",
    .detection = "The API name is derived from every rule; the closest name is suggested",
    .fix = "Use the derived name"};

const Cause cause::metric_unknown = {.id = "metric-unknown",
                                     .link = Link::adapter,
                                     .symptom = "404 for the metric",
                                     .reason = "No rule produces it, and Prometheus has no such series",
                                     .detection = "The rules, and the metric names in Prometheus",
                                     .fix = "Correct the name"};

const Cause cause::rules_overlap = {.id = "rules-overlap",
                                    .link = Link::adapter,
                                    .symptom = "The value is not as expected",
                                    .reason = "Two rules produce the same metric; the last rule wins",
                                    .detection = "Every rule's name and resources; both queries are run",
                                    .fix = "Make them exclusive",
                                    .also_when_served = true};

const Cause cause::metric_type_mismatch = {
    .id = "metric-type-mismatch",
    .link = Link::adapter,
    .symptom = "the server could not find the requested resource (get NAME.external.metrics.k8s.io)",
    .reason =
        "The HPA uses type External, and the adapter serves the metric as a custom metric only, or the "
        "other way round",
    .detection = "The adapter's rules and externalRules, and what the other metrics API lists",
    .fix = "Change the type in the HPA, or add a rule of that type"};

namespace {

// The metric as the HPA could name it: somebody has to choose the object.
Json as_object_metric(const Context& c) {
  Json target = {{"type", c.need.target_type}};
  target[c.need.target_type == "AverageValue" ? "averageValue" : "value"] = c.need.target;
  return {{"type", "Object"},
          {"object",
           {{"describedObject", {{"apiVersion", "v1"}, {"kind", "Service"}, {"name", "NAME"}}},
            {"metric", {{"name", c.need.metric}}},
            {"target", target}}}};
}

// names: as the other metrics API lists it.
void other_type(const Context& c, Report& report, std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  bool external = c.need.external(), registered = !c.adapter.api_services.empty();
  const Adapter& server = c.groups.at(external ? "custom.metrics.k8s.io" : "external.metrics.k8s.io").adapter;
  std::string rules = external ? "externalRules" : "rules", listed = text::join(names, ", ");
  std::string lacks = c.adapter.rules(external).empty() ? "no " + rules : "no rule for it among its " + rules;
  bool same = server.space == c.adapter.space && server.service_name == c.adapter.service_name;
  std::vector<std::string> evidence = {
      fmt::format("the {} metrics API lists {}", external ? "custom" : "external", listed),
      fmt::format("ConfigMap {}/{}: {}", c.adapter.space, c.adapter.config_map, lacks)};
  std::string register_it;
  if (!registered) {
    evidence.push_back("no APIService registers " + c.need.api_group());
    register_it = ", and create APIService v1beta1." + c.need.api_group();
  }
  std::string says = fmt::format(
      "Use type {} in spec.metrics[{}] of the HPA; or add a rule to the {} in ConfigMap {}/{}, restart the "
      "adapter{}",
      external ? "Object" : "External", c.need.index, rules, c.adapter.space, c.adapter.config_map,
      register_it);
  bool of_services = std::binary_search(names.begin(), names.end(), "services/" + c.need.metric);
  report.broken(cause::metric_type_mismatch,
                fmt::format("The HPA uses {} with type {}, but {} has {}; {} serves it as {} metric ({})",
                            c.need.metric, c.need.type, where(c), lacks,
                            same ? "it" : fmt::format("the adapter {}/{}", server.space, server.service_name),
                            external ? "a custom" : "an external", listed),
                evidence, of_services ? advice_with(says, as_object_metric(c)) : advice(says));
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
  report.broken(cause::metric_renamed,
                fmt::format("The HPA uses {}, but {} gives that series the name {} in the API", c.need.metric,
                            rule.title(), name),
                {fmt::format("{}: name.matches {:?}, name.as {:?}", rule_place(c, rule),
                             rule.matches ? rule.matches->expression() : "", rule.as)},
                other_metric(c, name, ""));
}

void renamed_near(const Context& c, Report& report, const std::string& near) {
  report.broken(
      cause::metric_renamed,
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

void no_rule_matches(const Context& c, Report& report) {
  std::vector<std::string> evidence = {fmt::format("Prometheus has {}: {}", c.need.metric,
                                                   text::count(c.samples(c.need.metric).size(), "sample"))};
  for (const AdapterRule& rule : c.adapter.rules(c.need.external())) {
    if (evidence.size() < 6) evidence.push_back(rule_place(c, rule));
  }
  report.broken(
      cause::rule_matches_no_series,
      fmt::format("Prometheus has the series {}, but no rule of the adapter matches it", c.need.metric),
      evidence,
      edit_rules(c,
                 c.need.external() ? "Add a rule to externalRules, for example" : "Add a rule, for example",
                 {{"seriesQuery", c.need.metric + "{namespace!=\"\"}"},
                  {"resources", {{"template", "<<.Resource>>"}}},
                  {"metricsQuery", "sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)"}}));
}

// Nothing is known under the metric's name: perhaps another one was meant.
void unknown_name(const Context& c, Report& report, size_t names) {
  std::vector<std::string> api_names;
  for (const auto& [name, series] : c.index.by_api_name) api_names.push_back(name);
  if (std::optional<std::string> near = text::nearest(c.need.metric, api_names))
    return renamed_near(c, report, *near);
  const Reading* registered = c.facts.find("apiservices");
  bool unseen = registered == nullptr || registered->refused();  // another adapter may be asked
  report.broken(cause::metric_unknown,
                fmt::format("No rule of the adapter produces {}, and Prometheus has no series of that name",
                            c.need.metric),
                {fmt::format("{} of the adapter, {} names in Prometheus",
                             text::count(c.adapter.rules(c.need.external()).size(), "rule"), names)},
                advice("Use an existing metric, or expose this one and add a rule for it", look_at_api(c)),
                unseen ? Certainty::likely : Certainty::certain);
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
  std::vector<std::string> other = c.listed_by_other_api();
  if (!other.empty()) return other_type(c, report, other);
  bool available =
      !c.adapter.api_services.empty() && api_service_available(*c.adapter.api_services.front()).ready;
  if (!available && c.adapter.rules(c.need.external()).empty()) {  // judge_api says so
    report.set(Link::adapter, Mark::broken, where(c) + " has no rules of that type");
    return;
  }
  const Reading* all = c.prometheus_reading("names");
  if (all == nullptr || !all->read()) return;
  auto other_name = c.index.by_series.find(c.need.metric);
  if (other_name != c.index.by_series.end()) {
    const Candidate& candidate = c.index.all[other_name->second.front()];
    return renamed(c, report, *candidate.rule, candidate.series, candidate.api_name);
  }
  std::vector<std::string> names = text_list(all->value);
  bool exists = std::find(names.begin(), names.end(), c.need.metric) != names.end();
  if (exists && !c.samples(c.need.metric).empty()) return no_rule_matches(c, report);
  if (exists && !c.samples_known()) {
    report.set(Link::adapter, Mark::unknown,
               "no rule produces " + c.need.metric + ", and its samples could not be read");
    return;
  }
  unknown_name(c, report, names.size());
}

// Labels that the seriesQuery wants to be empty and that the sample has.
std::vector<std::string> wanted_empty(const std::string& series_query, const Row& row) {
  static const Pattern empty = Pattern::constant(R"(([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?:""|''))");
  std::vector<std::string> labels;
  for (const Pattern::Groups& found : empty.search_all(series_query)) {
    auto value = row.labels.find(std::string(found[1]));
    if (value != row.labels.end() && !value->second.empty()) labels.push_back(value->first);
  }
  return labels;
}

void matches_other_labels(const Context& c, Report& report, const Candidate& candidate, const Row& row) {
  std::vector<std::string> empty = wanted_empty(candidate.rule->series_query, row);
  std::string sentence = fmt::format("The series {} exists, but the seriesQuery of {} does not match it",
                                     candidate.series, candidate.rule->title());
  std::string says = "Make the seriesQuery match the series";
  if (!empty.empty()) {
    sentence += fmt::format(": {}=\"\" matches only series without that label", empty.front());
    says += ": write " + text::join(empty, "!=\"\", ") + "!=\"\" for any value";
  }
  std::string function = function_before_by(candidate.rule->metrics_query);
  if (!function.empty())
    says +=
        fmt::format("; and correct metricsQuery: `by` belongs to an aggregation, and {} is none", function);
  report.broken(cause::rule_matches_no_series, sentence,
                {rule_place(c, *candidate.rule) + ": seriesQuery " + candidate.rule->series_query,
                 "Prometheus has " + sample_text(candidate, row)},
                edit_rules(c, says));
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
    report.broken(cause::rules_overlap, sentence + ", and they give different values", evidence, fix);
  } else {
    report.note(cause::rules_overlap, sentence, evidence, fix);
  }
}

}  // namespace

// Does a rule lead to the metric that the HPA asks for?
void judge_naming(const Context& c, Report& report) {
  if (c.candidates.empty()) return no_rule(c, report);
  const Candidate& candidate = *c.candidate();
  const std::vector<Row>& rows = c.samples(candidate.series);
  bool may_be_seen = std::any_of(c.candidates.begin(), c.candidates.end(), [&](const Candidate& x) {
    const Reading* names = c.facts.find(names_key(c.prometheus.address->key(), x.rule->series_query));
    return x.seen || names == nullptr || !names->read();
  });
  if (!rows.empty() && !may_be_seen) return matches_other_labels(c, report, candidate, rows.front());
  if (rows.empty() || c.need.external()) return;
  judge_labels(c, report, candidate, rows);
  overlap(c, report);
}

}  // namespace hpawalk::diagnose
