// The adapter's rules as they are written: does it accept them, does one lead to each metric that an HPA asks
// for, and does its query ask for the HPA's object?
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/duration.hpp"
#include "base/pattern.hpp"
#include "base/text.hpp"
#include "diagnose/adapter_text.hpp"
#include "diagnose/selector.hpp"
#include "lint/facts.hpp"
#include "lint/rules.hpp"
#include "lint/scaled_object.hpp"

namespace hpawalk::lint {

using diagnose::Adapter;
using diagnose::AdapterRule;
using diagnose::Certainty;
using diagnose::GroupResource;

namespace {

// --- where the rules are written

const AdapterFile* file_of(const Chains& chains, const Adapter& adapter) {
  bool made = adapter.space == chart_adapter && adapter.config_map == chart_adapter;
  return made && !chains.contents.adapters.empty() ? &chains.contents.adapters.back() : nullptr;
}

// In the text of a ConfigMap, which begins on the line after its key.
Place place_in_text(const Object& map, const std::string& key, const std::string& path) {
  Place place = map.written.of("data." + key);
  const Json& text = at(map.value, {"data", key});
  if (!text.is_string() || text.get<std::string>().find('\n') == std::string::npos) return place;
  auto lines = std::make_shared<yaml::Lines>();
  if (!yaml::parse(text.get<std::string>(), lines.get())) return place;
  int line = Written(place.file, lines, "").of(path).line;
  place.line += line;
  return place;
}

struct RulesPlace {
  Place place;
  std::string object;
};

// `path`: below the adapter's configuration, "rules[0].metricsQuery".
RulesPlace place_of(const Chains& chains, const Adapter& adapter, const std::string& path) {
  if (const AdapterFile* file = file_of(chains, adapter)) {
    bool external = path.starts_with("externalRules");
    std::string list = external ? file->external_path : file->rules_path;
    std::string rest = path.substr(std::min(path.size(), path.find('[')));
    return {file->written.of(list + rest), "the rules of prometheus-adapter"};
  }
  const Object* map = chains.find("ConfigMap", adapter.space, adapter.config_map);
  if (map == nullptr) return {};
  return {place_in_text(*map, adapter.config_key, path), map->ref()};
}

Finding at_rule(const Chains& chains, const Adapter& adapter, const AdapterRule* rule, const char* field,
                std::string_view cause, std::string sentence) {
  std::string path;
  if (rule != nullptr)
    path = fmt::format("{}[{}].{}", rule->external ? "externalRules" : "rules", rule->index, field);
  RulesPlace where = place_of(chains, adapter, path);
  Finding finding;
  finding.cause = cause;
  finding.place = where.place;
  finding.object = where.object;
  finding.sentence = std::move(sentence);
  return finding;
}

// --- does the adapter accept it?

void refused(Findings& findings, RulesPlace where, const std::string& sentence, const std::string& fix) {
  Finding finding;
  finding.cause = diagnose::cause::adapter_config_invalid.id;
  finding.place = where.place;
  finding.object = where.object;
  finding.sentence = sentence;
  finding.fix = fix;
  findings.push_back(std::move(finding));
}

// The HPAs with a metric that this adapter serves.
std::vector<std::string> served_hpas(const Chains& chains, const std::string& space,
                                     const std::string& config_map) {
  std::vector<std::string> hpas;
  for (const diagnose::Hpa& hpa : chains.parts.hpas) {
    bool served = std::any_of(hpa.needs.begin(), hpa.needs.end(), [&](const diagnose::MetricNeed& need) {
      const Adapter& adapter = chains.parts.groups.at(need.api_group()).adapter;
      return adapter.space == space && adapter.config_map == config_map;
    });
    if (served && std::find(hpas.begin(), hpas.end(), title(hpa)) == hpas.end()) hpas.push_back(title(hpa));
  }
  return hpas;
}

void judge_map(const Chains& chains, const Object& map, const std::string& key, const std::string& text,
               Findings& findings) {
  Result<diagnose::AdapterConfig> config = diagnose::parse_adapter_config(text);
  if (config) return;
  yaml::Lines lines;
  Result<yaml::Value> parsed = yaml::parse(text, &lines);
  Json root = parsed ? Json(*parsed) : Json();
  auto unknown = diagnose::unknown_field(root);
  Place place = place_in_text(map, key, unknown ? unknown->path : "");
  std::string why =
      config.error().what + (config.error().because.empty() ? "" : ": " + config.error().because);
  refused(findings, {place, map.ref()}, why,
          unknown && unknown->near ? fmt::format("Write {}", *unknown->near)
                                   : "Correct it; prometheus-adapter does not start with it");
  findings.back().hpas = served_hpas(chains, diagnose::space_of(map.value), diagnose::name_of(map.value));
}

bool looks_like_rules(const std::string& text) {
  return text.find("seriesQuery") != std::string::npos;
}

// Resources that Kubernetes has itself, by their plural; what custom ones a cluster has, the files need not
// say.
bool known_resource(const Chains& chains, const std::string& plural) {
  static const std::set<std::string_view> own = {"pods",
                                                 "services",
                                                 "namespaces",
                                                 "nodes",
                                                 "deployments",
                                                 "statefulsets",
                                                 "daemonsets",
                                                 "replicasets",
                                                 "jobs",
                                                 "cronjobs",
                                                 "ingresses",
                                                 "persistentvolumeclaims",
                                                 "endpoints",
                                                 "configmaps",
                                                 "replicationcontrollers",
                                                 "horizontalpodautoscalers",
                                                 "secrets",
                                                 "events",
                                                 "persistentvolumes",
                                                 "serviceaccounts",
                                                 "leases",
                                                 "networkpolicies",
                                                 "poddisruptionbudgets",
                                                 "storageclasses"};
  if (own.contains(plural)) return true;
  return std::any_of(chains.contents.objects.begin(), chains.contents.objects.end(),
                     [&](const Object& object) {
                       return object.kind() == "CustomResourceDefinition" &&
                              text_at(object.value, "spec.names.plural") == plural;
                     });
}

// A label that stands for a resource that the cluster does not have: the adapter does not start.
void judge_resources(const Chains& chains, const Adapter& adapter, Findings& findings) {
  for (bool external : {false, true}) {
    for (const AdapterRule& rule : adapter.rules(external)) {
      for (const auto& [label, resource] : rule.overrides) {
        if (resource.resource.empty() || !resource.group.empty() || known_resource(chains, resource.resource))
          continue;
        RulesPlace where = place_of(chains, adapter,
                                    fmt::format("{}[{}].resources.overrides.{}",
                                                external ? "externalRules" : "rules", rule.index, label));
        refused(
            findings, where,
            fmt::format(
                "{} maps the label {} to the resource {}, which Kubernetes does not have: prometheus-adapter "
                "does not start, unless a custom resource has that name",
                rule.title(), label, diagnose::singular(resource.resource)),
            "Map only labels that name an object of Kubernetes; external metrics need no label of an object");
        findings.back().certainty = Certainty::likely;
        findings.back().hpas = served_hpas(chains, adapter.space, adapter.config_map);
      }
    }
  }
}

void judge_configurations(const Chains& chains, Findings& findings) {
  std::set<std::string> used;
  for (const auto& [name, group] : chains.parts.groups) {
    const Adapter& adapter = group.adapter;
    judge_resources(chains, adapter, findings);
    if (!adapter.config_map.empty())
      used.insert(adapter.space + "/" + adapter.config_map + "/" + adapter.config_key);
  }
  for (const Object& object : chains.contents.objects) {
    if (object.kind() != "ConfigMap" || !at(object.value, "data").is_object()) continue;
    for (const auto& [key, text] : object.value["data"].items()) {
      if (!text.is_string()) continue;
      std::string id = diagnose::full_name(object.value) + "/" + key;
      if (used.contains(id) || looks_like_rules(text.get<std::string>()))
        judge_map(chains, object, key, text.get<std::string>(), findings);
    }
  }
  for (const AdapterFile& file : chains.contents.adapters) {
    auto unknown = diagnose::unknown_field(file.config);
    if (!unknown) continue;
    bool external = unknown->path.starts_with("externalRules");
    std::string path = (external ? file.external_path : file.rules_path) +
                       unknown->path.substr(std::min(unknown->path.size(), unknown->path.find('[')));
    refused(findings, {file.written.of(path), "the rules of prometheus-adapter"}, unknown->sentence(),
            unknown->near ? fmt::format("Write {}", *unknown->near) : "Remove it");
    findings.back().hpas = served_hpas(chains, chart_adapter, chart_adapter);
  }
}

// --- does a rule lead to the metric?

struct Asked {
  const Chains& chains;
  const diagnose::Hpa& hpa;
  const diagnose::MetricNeed& need;
  const diagnose::Group& group;
  Findings& findings;

  void add(Finding finding) const {
    finding.hpas = {title(hpa)};
    finding.metric = need.index;
    findings.push_back(std::move(finding));
  }
  const Object* object() const { return chains.autoscaler(hpa); }
  std::string metric_path() const { return fmt::format("spec.metrics[{}]", need.index); }
};

// The rules of the other kind yield the name. Where the files hold no adapter of this kind, another one may.
bool other_type(const Asked& a) {
  const diagnose::Group& other =
      a.chains.parts.groups.at(a.need.external() ? "custom.metrics.k8s.io" : "external.metrics.k8s.io");
  diagnose::MetricNeed asked = a.need;
  asked.type = a.need.external() ? "Object" : "External";
  if (diagnose::candidates(other, asked).empty()) return false;
  Finding finding = finding_at(
      diagnose::cause::metric_type_mismatch.id, a.object(), a.metric_path() + ".type",
      fmt::format("The HPA asks for {} with type {}, but only the adapter's {} yield it", a.need.metric,
                  a.need.type, a.need.external() ? "rules (custom metrics)" : "externalRules"));
  if (!a.group.adapter.config) {
    finding.certainty = Certainty::possible;
    finding.level = Level::warning;
  }
  finding.fix =
      fmt::format("Use type {}, or add a rule to {}", a.need.external() ? "Object or Pods" : "External",
                  a.need.external() ? "externalRules" : "rules");
  a.add(std::move(finding));
  return true;
}

// A rule that takes the series gives it another name.
bool renamed(const Asked& a) {
  for (const AdapterRule& rule : a.group.adapter.rules(a.need.external())) {
    if (!rule.not_understood.empty() || !diagnose::may_match(rule.names, a.need.metric) ||
        !diagnose::accepts(rule, a.need.metric))
      continue;
    auto name = diagnose::api_name(rule, a.need.metric);
    if (!name || *name == a.need.metric) continue;
    Finding finding =
        finding_at(diagnose::cause::metric_renamed.id, a.object(), a.metric_path(),
                   fmt::format("The HPA uses {}, but {} gives that series the name {} in the API",
                               a.need.metric, rule.title(), *name));
    finding.certainty = Certainty::likely;
    finding.fix = "Make the HPA use " + *name;
    a.add(std::move(finding));
    return true;
  }
  return false;
}

void no_rule(const Asked& a) {
  const Adapter& adapter = a.group.adapter;
  const AdapterFile* file = file_of(a.chains, adapter);
  const std::vector<AdapterRule>& rules = adapter.rules(a.need.external());
  bool all_understood = std::all_of(rules.begin(), rules.end(),
                                    [](const AdapterRule& rule) { return rule.not_understood.empty(); });
  if (other_type(a) || renamed(a)) return;
  if (!all_understood || (file != nullptr && file->more_rules && !a.need.external())) return;
  // A name that a rule makes of another series' cannot be foreseen.
  bool free_names = std::any_of(rules.begin(), rules.end(), [](const AdapterRule& rule) {
    return rule.names.literal.empty() && (rule.matches || !rule.as.empty());
  });
  Finding finding = finding_at(diagnose::cause::rule_matches_no_series.id, a.object(), a.metric_path(),
                               fmt::format("No rule of prometheus-adapter {}/{} yields {}", adapter.space,
                                           adapter.config_map, a.need.metric));
  std::vector<std::string> names;
  for (const auto& [name, series] : a.group.index.by_api_name) names.push_back(name);
  auto near = text::nearest(a.need.metric, names);
  if (near) finding.sentence += "; the closest name is " + *near;
  finding.certainty = free_names ? Certainty::possible : Certainty::likely;
  finding.level = free_names ? Level::warning : Level::error;
  finding.fix = near ? fmt::format("Use {}, or add a rule for {}", *near, a.need.metric)
                     : fmt::format("Add a rule with seriesQuery {}", a.need.metric);
  a.add(std::move(finding));
}

// --- and is its query right?

void judge_labels(const Asked& a, const AdapterRule& rule) {
  auto object = diagnose::label_for(rule, a.need.resource),
       space = diagnose::label_for(rule, {"", "namespaces"});
  bool only_cluster = rule.resource_template.empty() &&
                      std::all_of(rule.overrides.begin(), rule.overrides.end(),
                                  [](const auto& one) { return one.second.resource == "namespaces"; });
  if (object && (space || a.need.resource.resource == "namespaces")) return;
  bool whole_cluster = !space || only_cluster;
  std::string sentence =
      space ? fmt::format("{} maps no label to {}", rule.title(), a.need.resource.text())
            : fmt::format("{} maps no label to the namespace, so the metric is not namespaced", rule.title());
  Finding finding = at_rule(
      a.chains, a.group.adapter, &rule, "resources",
      whole_cluster ? diagnose::cause::rule_not_namespaced.id : diagnose::cause::rule_labels_mismatch.id,
      std::move(sentence));
  finding.fix = "Map one label of the series to the namespace, and one to the object, in resources.overrides";
  a.add(std::move(finding));
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// Are the brackets balanced, outside of texts?
bool balanced(const std::string& query) {
  std::string open;
  char quote = 0;
  for (size_t i = 0; i < query.size(); ++i) {
    char c = query[i];
    if (quote != 0) {
      if (c == '\\')
        ++i;
      else if (c == quote)
        quote = 0;
    } else if (c == '"' || c == '\'' || c == '`') {
      quote = c;
    } else if (std::string_view("([{").find(c) != std::string_view::npos) {
      open += c;
    } else if (size_t kind = std::string_view(")]}").find(c); kind != std::string_view::npos) {
      if (open.empty() || open.back() != "([{"[kind]) return false;
      open.pop_back();
    }
  }
  return open.empty() && quote == 0;
}

}  // namespace

std::string refused_by_prometheus(const std::string& query) {
  std::string function = diagnose::function_before_by(query);
  if (!function.empty())
    return fmt::format("`by` belongs to an aggregation, as in sum(...) by (...), and {} is none", function);
  if (!balanced(query)) return "its brackets or quotes are not balanced";
  static const Pattern leading_comma = Pattern::constant(R"(\{\s*,)");
  if (leading_comma.found_in(query)) return "a selector begins with a comma";
  return {};
}

namespace {

bool judge_text(const Asked& a, const AdapterRule& rule) {
  const std::string& query = rule.metrics_query;
  auto report = [&](std::string_view cause, std::string sentence, std::string fix) {
    Finding finding = at_rule(a.chains, a.group.adapter, &rule, "metricsQuery", cause, std::move(sentence));
    finding.evidence = {"metricsQuery: " + query};
    finding.fix = std::move(fix);
    a.add(std::move(finding));
    return false;
  };
  if (query.empty()) return true;
  if (has(query, "{{"))
    return report(
        diagnose::cause::rule_template.id,
        fmt::format("metricsQuery of {} uses {{{{ }}}}, but the adapter's template has << >>", rule.title()),
        "Write <<.Series>>{<<.LabelMatchers>>} and by (<<.GroupBy>>)");
  bool asks = has(query, "LabelMatchers") || has(query, "LabelValuesByName");
  if (!asks && !a.need.external())
    return report(diagnose::cause::rule_template.id,
                  fmt::format("metricsQuery of {} has no <<.LabelMatchers>>, so it does not ask for {}",
                              rule.title(), a.need.title()),
                  "Write <<.Series>>{<<.LabelMatchers>>}");
  if (std::string why = refused_by_prometheus(query); !why.empty())
    return report(diagnose::cause::metric_query_fails.id,
                  fmt::format("Prometheus rejects metricsQuery of {}: {}", rule.title(), why),
                  "Correct metricsQuery");
  std::string label = diagnose::label_for(rule, a.need.resource).value_or("");
  bool aggregates = has(query, "sum(") || has(query, "avg(") || has(query, "max(") || has(query, "min(") ||
                    has(query, "count(");
  bool keeps = has(query, "GroupBy") || has(query, "without") || (!label.empty() && has(query, label));
  if (!a.need.external() && aggregates && !keeps)
    return report(
        diagnose::cause::rule_drops_group_label.id,
        fmt::format("metricsQuery of {} aggregates without by (<<.GroupBy>>), so no row of its result "
                    "names a {}",
                    rule.title(), diagnose::singular(a.need.resource.resource)),
        "End metricsQuery with by (<<.GroupBy>>)");
  return true;
}

// The shortest interval of the monitors that select the HPA's Service or pods, as far as the files say.
std::optional<world::Duration> interval_of(const Asked& a) {
  std::optional<world::Duration> longest;
  const diagnose::PrometheusView& prometheus = a.group.prometheus;
  std::string by_default =
      prometheus.resource == nullptr ? "" : text_at(*prometheus.resource, "spec.scrapeInterval", "30s");
  for (const diagnose::Monitor& monitor : diagnose::monitors_of(a.chains.facts, prometheus)) {
    if (!monitor.of->by_selector) continue;
    std::vector<const Json*> objects = a.hpa.pods;
    if (!monitor.pods()) {
      objects.clear();
      if (const Json* service = a.chains.facts.object("services", a.hpa.space, a.need.object_name))
        objects.push_back(service);
    }
    bool selects = std::any_of(objects.begin(), objects.end(), [&](const Json* object) {
      return monitor.covers(diagnose::space_of(*object)) &&
             diagnose::matches(at(*monitor.object, "spec.selector"), at(*object, "metadata.labels"));
    });
    if (!selects) continue;
    for (const Json& endpoint :
         list_at(*monitor.object, monitor.pods() ? "spec.podMetricsEndpoints" : "spec.endpoints")) {
      auto interval = read_duration(text_at(endpoint, "interval", by_default));
      if (interval && (!longest || *interval > *longest)) longest = interval;
    }
  }
  return longest;
}

void judge_window(const Asked& a, const AdapterRule& rule) {
  auto window = diagnose::smallest_window(rule.metrics_query);
  auto interval = interval_of(a);
  if (!window || !interval || *window >= *interval * 2) return;
  Finding finding = at_rule(
      a.chains, a.group.adapter, &rule, "metricsQuery", diagnose::cause::rate_window_too_short.id,
      fmt::format(
          "The window of {} is {}, but the target is scraped every {}, so there are not two samples to "
          "compute a rate from",
          rule.title(), text::duration(*window), text::duration(*interval)));
  finding.certainty = Certainty::likely;
  finding.fix = fmt::format("Use a window of at least {} (four intervals)", text::duration(*interval * 4));
  a.add(std::move(finding));
}

void judge_counter(const Asked& a, const diagnose::Candidate& candidate) {
  if (!candidate.series.ends_with("_total")) return;
  Result<std::string> query = diagnose::expression(a.hpa, a.need, candidate);
  if (!query || query->empty() || !diagnose::keeps_growing(*query)) return;
  Finding finding =
      at_rule(a.chains, a.group.adapter, candidate.rule, "metricsQuery", diagnose::cause::raw_counter.id,
              fmt::format("{} passes on the counter {}, which only grows, instead of its rate",
                          candidate.rule->title(), candidate.series));
  finding.level = Level::warning;
  finding.certainty = Certainty::likely;
  finding.fix = "Use rate(...[2m]) in metricsQuery, and a target that is a rate";
  a.add(std::move(finding));
}

// Several rules that spell out their series and yield one name: the last one wins.
void judge_overlap(const Asked& a, const std::vector<diagnose::Candidate>& candidates) {
  std::vector<std::string> rules;
  for (const diagnose::Candidate& candidate : candidates) {
    const std::vector<std::string>& literal = candidate.rule->names.literal;
    bool spelt = std::find(literal.begin(), literal.end(), candidate.series) != literal.end();
    if (spelt && diagnose::label_for(*candidate.rule, a.need.resource))
      rules.push_back(candidate.rule->title());
  }
  if (rules.size() < 2) return;
  Finding finding = at_rule(a.chains, a.group.adapter, candidates.back().rule, "seriesQuery",
                            diagnose::cause::rules_overlap.id,
                            fmt::format("{} rules yield {} of {}; the last one wins: {}", rules.size(),
                                        a.need.metric, a.need.resource.text(), text::join(rules, ", ")));
  finding.certainty = Certainty::likely;
  finding.fix = "Make the rules exclusive, with seriesFilters or another name.as";
  a.add(std::move(finding));
}

// A recorded series whose PrometheusRule the Prometheus does not load.
void judge_recorded(const Asked& a, const std::string& series) {
  const Json* prometheus = a.group.prometheus.resource;
  std::vector<diagnose::RecordingRule> rules = diagnose::rules_recording(a.chains.facts, series);
  if (prometheus == nullptr || rules.empty()) return;
  diagnose::Selection worst;
  for (const diagnose::RecordingRule& rule : rules) {
    diagnose::Selection selection =
        diagnose::selects(a.chains.facts, *prometheus, diagnose::selectable(rule));
    if (selection.answer != diagnose::Selection::Answer::no) return;
    worst = selection;
  }
  const Object* object = a.chains.of(*rules.front().object, "PrometheusRule");
  Finding finding =
      finding_at(diagnose::cause::recording_rule_not_selected.id, object, "metadata.labels",
                 fmt::format("Prometheus {} does not select {}, which records {}: {}",
                             diagnose::full_name(*prometheus), rules.front().ref(), series, worst.why));
  finding.fix = "Give the PrometheusRule the labels, or the namespace, that Prometheus selects";
  a.add(std::move(finding));
}

// The adapter does not start if it forgets series before it lists them again.
void judge_ages(const Chains& chains, Findings& findings) {
  for (const auto& [name, group] : chains.parts.groups) {
    const Adapter& adapter = group.adapter;
    if (adapter.kind != diagnose::AdapterKind::prometheus_adapter || !adapter.relist || !adapter.max_age ||
        *adapter.max_age >= *adapter.relist || adapter.pods.empty())
      continue;
    const Json& pod = *adapter.pods.front();
    const Json& owners = list_at(pod, "metadata.ownerReferences");
    const Object* workload = owners.empty() ? nullptr
                                            : chains.find(text_at(owners.front(), "kind"), adapter.space,
                                                          text_at(owners.front(), "name"));
    Finding finding =
        finding_at(diagnose::cause::adapter_max_age.id, workload, "spec.template.spec.containers",
                   fmt::format("prometheus-adapter does not start: --metrics-max-age is {}, shorter than "
                               "--metrics-relist-interval, {}",
                               text::duration(*adapter.max_age), text::duration(*adapter.relist)));
    finding.fix = "Make --metrics-max-age at least as long as --metrics-relist-interval";
    finding.hpas = served_hpas(chains, adapter.space, adapter.config_map);
    findings.push_back(std::move(finding));
  }
}

void judge_metric(const Asked& a) {
  if (!a.group.adapter.config) {
    (void)other_type(a);
    return;
  }
  std::vector<diagnose::Candidate> candidates = diagnose::candidates(a.group, a.need);
  if (candidates.empty()) return no_rule(a);
  const diagnose::Candidate& last = candidates.back();
  if (!a.need.external()) judge_labels(a, *last.rule);
  if (judge_text(a, *last.rule)) {
    judge_window(a, *last.rule);
    judge_counter(a, last);
  }
  if (!a.need.external()) judge_overlap(a, candidates);
  judge_recorded(a, last.series);
}

}  // namespace

void judge_adapter_rules(const Chains& chains, Findings& findings) {
  judge_configurations(chains, findings);
  judge_ages(chains, findings);
  for (const diagnose::Hpa& hpa : chains.parts.hpas) {
    for (const diagnose::MetricNeed& need : hpa.needs) {
      if (!need.resource_metric() && scaled_object_of(*hpa.object).empty())
        judge_metric({chains, hpa, need, chains.parts.groups.at(need.api_group()), findings});
    }
  }
}

}  // namespace hpawalk::lint
