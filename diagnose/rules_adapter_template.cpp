// A metricsQuery as text: does it ask for the HPA's object at all, in the adapter's own braces?
#include <algorithm>
#include <array>

#include "diagnose/rules_adapter.hpp"

namespace hpawalk::diagnose {

const Cause cause::rule_template = {
    .id = "rule-template",
    .link = Link::value,
    .symptom = "listed, but there is no value for any object",
    .reason =
        "metricsQuery has no <<.LabelMatchers>>, or uses {{ }}, which the adapter sends to Prometheus as it "
        "stands",
    .detection = "The rule's text, and the labels of the result",
    .fix = "<<.Series>>{<<.LabelMatchers>>} ... by (<<.GroupBy>>)"};

namespace {

constexpr std::array<std::string_view, 6> aggregations = {"sum", "avg", "max", "min", "count", "group"};
constexpr const char* foreign_braces = "{{";

// Of "a{b="}"}[1m]" from its brace on: what is between the braces, in parts, and where it ends.
struct Selector {
  std::vector<std::string> matchers;
  size_t end = std::string::npos;  // behind the closing brace
};

Selector selector_at(const std::string& query, size_t brace) {
  Selector selector;
  std::string part;
  bool quoted = false;
  for (size_t i = brace + 1; i < query.size(); ++i) {
    char c = query[i];
    if (c == '"' && query[i - 1] != '\\') quoted = !quoted;
    bool closes = !quoted && c == '}';
    if (!quoted && (c == ',' || closes)) {
      if (!text::trim(part).empty()) selector.matchers.emplace_back(text::trim(part));
      part.clear();
    } else {
      part += c;
    }
    if (closes) {
      selector.end = i + 1;
      break;
    }
  }
  return selector;
}

// The constant matchers of the selector stay.
void name_object(std::string& query, size_t at, size_t length) {
  size_t after = at + length;
  Selector selector;
  if (after < query.size() && query[after] == '{') selector = selector_at(query, after);
  std::erase_if(selector.matchers, [](const std::string& matcher) { return has(matcher, foreign_braces); });
  selector.matchers.emplace_back("<<.LabelMatchers>>");
  size_t end = selector.end == std::string::npos ? after : selector.end;
  query.replace(at, end - at, "<<.Series>>{" + text::join(selector.matchers, ",") + "}");
}

std::string corrected_query(const std::string& written, const std::string& series) {
  std::string query = written;
  for (const std::string& name : {std::string("<<.Series>>"), series}) {
    size_t at = query.find(name), end = at == std::string::npos ? at : at + name.size();
    if (at == std::string::npos || (at > 0 && in_metric_name(query[at - 1])) ||
        (end < query.size() && in_metric_name(query[end])))
      continue;
    if (!has(query, "<<.LabelMatchers>>")) name_object(query, at, name.size());
  }
  if (has(query, "GroupBy")) return query;
  bool aggregates = std::any_of(aggregations.begin(), aggregations.end(), [&](std::string_view name) {
    return query.starts_with(std::string(name) + "(") && query.ends_with(')');
  });
  return (aggregates ? query : "sum(" + query + ")") + " by (<<.GroupBy>>)";
}

}  // namespace

bool template_broken(const Context& c, Report& report, const Candidate& candidate, bool rows,
                     std::vector<std::string> evidence) {
  const std::string& query = candidate.rule->metrics_query;
  bool braces = has(query, foreign_braces);
  bool unasked = rows && !has(query, "LabelMatchers") && !has(query, "LabelValuesByName");
  if (!braces && !unasked) return false;
  std::string sentence =
      braces ? fmt::format(
                   "metricsQuery of {} uses {{{{ }}}}, but the adapter's template has << >>: Prometheus "
                   "is asked for the text between {{{{ and }}}} as it stands",
                   candidate.rule->title())
             : fmt::format("metricsQuery of {} has no <<.LabelMatchers>>, so it does not ask for {}",
                           candidate.rule->title(), c.need.title());
  std::string corrected = corrected_query(query, candidate.series);
  report.broken(cause::rule_template, sentence, std::move(evidence),
                edit_rules(c, "Correct metricsQuery, for example", {{"metricsQuery", corrected}}));
  return true;
}

}  // namespace hpawalk::diagnose
