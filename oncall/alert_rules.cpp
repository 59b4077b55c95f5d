#include "oncall/alert_rules.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "base/yaml.hpp"

namespace hpawalk::oncall {
namespace {

// Labels that a label selector (metav1.LabelSelector) matches. What an expression excludes has none.
Json labels_selected_by(const Json& selector) {
  Json labels = Json::object();
  const Json& equals = at(selector, "matchLabels");
  if (equals.is_object()) labels.update(equals);
  for (const Json& expression : list_at(selector, "matchExpressions")) {
    const std::string key = text_at(expression, "key"), how = text_at(expression, "operator");
    const Json& values = list_at(expression, "values");
    if (how == "In" && !values.empty() && !labels.contains(key)) labels[key] = values.front();
    if (how == "Exists" && !labels.contains(key)) labels[key] = "";
  }
  return labels;
}

// Prometheus's own namespace first.
std::vector<std::string> spaces_to_try(const diagnose::Facts& facts, const Json& prometheus) {
  std::vector<std::string> spaces = {diagnose::space_of(prometheus)};
  for (const Json* space : facts.items("namespaces")) spaces.push_back(diagnose::name_of(*space));
  return spaces;
}

yaml::Value rule_of(const Alert& alert, const RuleText& text) {
  const std::string space =
      alert.hpa.empty() ? fmt::format("{{{{ $labels.{} }}}}", alert.space_label) : alert.space;
  const std::string hpa = alert.hpa.empty() ? "{{ $labels.horizontalpodautoscaler }}" : alert.hpa;
  const bool labelled = alert.expression.find("horizontalpodautoscaler") != std::string::npos;
  const std::string command = !alert.hpa.empty() || labelled
                                  ? fmt::format("hpawalk diagnose {} -n {}", hpa, space)
                              : alert.space.empty() ? std::string("hpawalk diagnose -A")
                                                    : "hpawalk diagnose -n " + alert.space;
  yaml::Value labels = {{"severity", alert.severity}};
  if (!alert.space.empty()) labels["namespace"] = alert.space;
  if (!alert.hpa.empty()) labels["horizontalpodautoscaler"] = alert.hpa;
  if (!alert.metric.empty()) labels["metric"] = alert.metric;
  return {{"alert", alert.name},
          {"expr", alert.expression},
          {"for", prometheus_duration(alert.holds)},
          {"labels", labels},
          {"annotations",
           {{"summary", alert.summary},
            {"description", fmt::format("Run: {}. {}", command, alert.what_to_do)},
            {"runbook_url", text.runbooks + (alert.cause.empty() ? "" : "#" + alert.cause)}}}};
}

std::string indented(std::string_view block, int indent) {
  std::string out;
  for (const std::string& line : text::lines(block))
    out += std::string(static_cast<size_t>(indent), ' ') + line + "\n";
  return out;
}

std::string about(const Alerts& alerts, const RuleText& text) {
  std::string comment = fmt::format("# Alerts for {}, by hpawalk alerts.\n", text.about);
  if (!alerts.state_source.empty())
    comment += fmt::format("# The HPAs' states are those of {}.\n", alerts.state_source);
  for (const std::string& left_out : alerts.left_out) comment += fmt::format("# Left out: {}.\n", left_out);
  return comment;
}

// The rules of the one group; each says where its `for` comes from.
std::string groups(const Alerts& alerts, const RuleText& text, int indent) {
  std::string rules;
  for (const Alert& alert : alerts.all) {
    yaml::Value rule = rule_of(alert, text);
    rule.erase("expr");
    std::string lines = yaml::block(yaml::Value::array({rule}));
    // The query as it is, on lines of its own, instead of in quotes.
    const size_t first_end = lines.find('\n') + 1;
    lines.insert(first_end, "  expr: |-\n" + indented(alert.expression, 4));
    rules += fmt::format("# for: {}\n{}", alert.holds_because, lines);
  }
  return indented("groups:\n- name: hpawalk\n  rules:\n" + indented(rules, 2), indent);
}

}  // namespace

RulePlace place_for_rule(const diagnose::Facts& facts, const Json& prometheus, const AlertScope& scope) {
  RulePlace place{{}, "hpawalk-alerts", labels_selected_by(at(prometheus, "spec.ruleSelector"))};
  for (const std::string& part : {scope.space, scope.name}) {
    if (!part.empty()) place.name += "-" + part;
  }
  for (const std::string& space : spaces_to_try(facts, prometheus)) {
    const Json object = {
        {"metadata", {{"name", place.name}, {"namespace", space}, {"labels", place.labels}}}};
    const diagnose::Selection selection =
        diagnose::selects(facts, prometheus, {&object, "PrometheusRule", "prometheusrule", "rule"});
    if (selection.answer == diagnose::Selection::Answer::yes) {
      place.space = space;
      place.unselected.clear();
      return place;
    }
    if (place.unselected.empty()) place.unselected = selection.why;
  }
  place.space = diagnose::space_of(prometheus);
  return place;
}

std::string prometheus_rule(const Alerts& alerts, const RulePlace& place, const RuleText& text) {
  yaml::Value metadata = {{"name", place.name}, {"namespace", place.space}};
  for (const auto& [name, value] : place.labels.items()) metadata["labels"][name] = value.get<std::string>();
  return about(alerts, text) + "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n" +
         yaml::block(metadata, 2) + "spec:\n" + groups(alerts, text, 2);
}

std::string rule_file(const Alerts& alerts, const RuleText& text) {
  return about(alerts, text) + groups(alerts, text, 0);
}

}  // namespace hpawalk::oncall
