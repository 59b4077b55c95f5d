// A series that no application exposes: a recording rule makes it. Is the rule loaded, and does it work?
#include <algorithm>

#include "diagnose/rules_monitor.hpp"

namespace hpawalk::diagnose {

const Cause cause::recording_rule_not_selected = {
    .id = "recording-rule-not-selected",
    .link = Link::series,
    .symptom = "The recorded series does not exist, although its PrometheusRule does",
    .reason = "Prometheus does not select the PrometheusRule",
    .detection = "ruleSelector and ruleNamespaceSelector against the PrometheusRule's labels and namespace",
    .fix = "Give it the labels that Prometheus selects"};

const Cause cause::recording_rule_fails = {
    .id = "recording-rule-fails",
    .link = Link::series,
    .symptom = "The recorded series does not exist, although Prometheus selects its PrometheusRule",
    .reason = "The operator or Prometheus rejects the rule, or its expression has no result",
    .detection = "Events of the PrometheusRule; the rules that Prometheus runs",
    .fix = "Correct the expression"};

namespace {

ObjectRef ref_of_rule(const RecordingRule& rule) {
  return ref_of("prometheusrule", *rule.object);
}

void fails(const Scrape& s, const RecordingRule& rule, const std::string& why, std::string evidence,
           const std::string& says, Certainty certainty = Certainty::certain) {
  s.report.broken(cause::recording_rule_fails,
                  fmt::format("{} records {}, but {}", rule.ref(), s.series, why), {std::move(evidence)},
                  advice(says, look_at("get", ref_of_rule(rule))), certainty);
}

bool rejected(const Scrape& s, const RecordingRule& rule) {
  std::optional<std::string> message = rejection_of(s, selectable(rule));
  if (!message) return false;
  fails(s, rule, "prometheus-operator rejected it as invalid: " + *message,
        fmt::format("event InvalidConfiguration of {}: {}", rule.ref(), *message),
        "Correct the expression that the operator names");
  return true;
}

// The rule as Prometheus runs it; a null: it runs no such rule.
const Json* running(const Scrape& s, const Json& rules) {
  auto found = std::find_if(rules.begin(), rules.end(),
                            [&](const Json& rule) { return text_at(rule, "name") == s.series; });
  return found == rules.end() ? nullptr : &*found;
}

void not_loaded(const Scrape& s, const RecordingRule& rule, const Reading& rules) {
  std::string none = seen(rules, "no rule records " + s.series);
  if (std::optional<ConfigLag> lag = recent_change(s, selectable(rule))) return pending(s, *lag, {none});
  fails(s, rule, "Prometheus does not run it", none,
        "Read the log of prometheus-operator and of the container config-reloader", Certainty::likely);
}

void judge_selected(const Scrape& s, const RecordingRule& rule) {
  if (rejected(s, rule)) return;
  const Reading* rules = s.c.prometheus_reading("recording");
  if (rules == nullptr || !rules->read()) {
    s.report.set(Link::series, Mark::unknown,
                 rules == nullptr ? "Prometheus's rules were not read" : why_unread(rules));
    return;
  }
  const Json* runs = running(s, list_at(rules->value, ""));
  if (runs == nullptr) return not_loaded(s, rule, *rules);
  if (std::optional<ConfigLag> lag = config_lag(s, rule.ref(), *rule.object)) return pending(s, *lag, {});
  std::string error = text_at(*runs, "lastError");
  if (!error.empty())
    return fails(s, rule, "it fails: " + error, seen(*rules, error), "Correct the expression");
  fails(s, rule, fmt::format("its expression has no result: {}", rule.expression),
        seen(*rules, fmt::format("{} is evaluated without an error, and has no sample", s.series)),
        "Run the expression in Prometheus: one of its series is missing, or a label does not match");
}

const RecordingRule* selected_of(const Scrape& s, const std::vector<RecordingRule>& rules) {
  auto found = std::find_if(rules.begin(), rules.end(), [&](const RecordingRule& rule) {
    return selects(s.c.facts, *s.c.prometheus.resource, selectable(rule)).answer == Selection::Answer::yes;
  });
  return found == rules.end() ? nullptr : &*found;
}

}  // namespace

void judge_recording_motion(const Scrape& s) {
  std::vector<RecordingRule> rules = rules_recording(s.c.facts, s.series);
  if (rules.empty() || s.c.prometheus.resource == nullptr) return;
  if (const RecordingRule* rule = selected_of(s, rules)) {
    if (std::optional<ConfigLag> lag = config_lag(s, rule->ref(), *rule->object)) note_pending(s, *lag);
    return;
  }
  std::optional<Finding> found = would_break(s, s, recorded);
  if (found && found->cause == cause::recording_rule_not_selected.id) still_served(s, *found);
}

bool recorded(const Scrape& s) {
  std::vector<RecordingRule> rules = rules_recording(s.c.facts, s.series);
  if (rules.empty()) return false;
  for (Link link : {Link::pods, Link::service, Link::monitor})
    s.report.set(link, Mark::not_applicable, "recorded by " + rules.front().ref());
  s.report.set(Link::series, Mark::broken, "no sample of " + s.series);
  if (!prometheus_answers(s)) return true;
  const Json* prometheus = s.c.prometheus.resource;
  if (prometheus == nullptr) {
    s.report.set(Link::series, Mark::unknown, "not known which Prometheus loads " + rules.front().ref());
    return true;
  }
  // One that is selected counts; else the first says why it is not.
  if (const RecordingRule* rule = selected_of(s, rules)) return judge_selected(s, *rule), true;
  const RecordingRule& rule = rules.front();
  Selection selection = selects(s.c.facts, *prometheus, selectable(rule));
  if (selection.answer == Selection::Answer::unknown) {
    s.report.set(Link::series, Mark::unknown, selection.why);
    return true;
  }
  not_selected_by(s, *prometheus, selectable(rule), selection,
                  {cause::recording_rule_not_selected, cause::recording_rule_not_selected});
  return true;
}

}  // namespace hpawalk::diagnose
