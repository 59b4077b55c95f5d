// A counter that the adapter passes on as it is, instead of its rate: the value only grows.
#include <algorithm>
#include <array>

#include "diagnose/rules_value.hpp"

namespace hpawalk::diagnose {

const Cause cause::raw_counter = {
    .id = "raw-counter",
    .link = Link::value,
    .symptom = "The HPA climbs to maxReplicas and stays there",
    .reason = "The query passes on a counter, which only grows, instead of its rate",
    .detection = "The series' name ends with _total, and the query only adds up or picks",
    .fix = "Use rate() in metricsQuery, and a target that is a rate"};

namespace {

// Without what stands in braces: matchers can hold any text.
std::string without_matchers(const std::string& query) {
  std::string rest;
  bool inside = false, quoted = false;
  for (char c : query) {
    if (inside && c == '"') quoted = !quoted;
    if (c == '{') inside = true;
    if (!inside) rest += c;
    if (c == '}' && !quoted) inside = false;
  }
  return rest;
}

// What comes out grows if what goes in does: nothing but names, and aggregations that keep the order.
bool keeps_growing(const std::string& query) {
  static constexpr std::array<std::string_view, 6> growing = {"sum", "max", "min", "avg", "by", "without"};
  static constexpr std::array<std::string_view, 4> operators = {"and", "or", "unless", "offset"};
  const std::string rest = without_matchers(query);
  for (size_t i = 0; i < rest.size();) {
    size_t end = i;
    while (end < rest.size() && in_metric_name(rest[end])) ++end;
    if (end == i) {
      if (std::string_view("(), \t\n").find(rest[i]) == std::string_view::npos) return false;
      ++i;
      continue;
    }
    std::string_view word = std::string_view(rest).substr(i, end - i);
    size_t next = rest.find_first_not_of(" \t\n", end);
    bool called = next != std::string::npos && rest[next] == '(';
    bool of = std::find(growing.begin(), growing.end(), word) != growing.end();
    if (std::find(operators.begin(), operators.end(), word) != operators.end() || (called && !of))
      return false;
    i = end;
  }
  return true;
}

}  // namespace

void judge_counter(const Context& c, Report& report) {
  const Candidate* candidate = c.candidate();
  if (candidate == nullptr || !candidate->series.ends_with("_total")) return;
  Result<std::string> query = expression(c.hpa, c.need, *candidate);
  if (!query || !keeps_growing(*query)) return;
  std::optional<world::Duration> interval = scrape_interval(c, candidate->series);
  std::string window = interval ? flag_value(*interval * 4) : "2m";
  report.note(
      cause::raw_counter,
      fmt::format("{} is a counter by its name, and the adapter passes on its total: the value only grows, "
                  "so the HPA scales up to maxReplicas and not down again",
                  candidate->series),
      {fmt::format("{}: metricsQuery {}", candidate->rule->title(), candidate->rule->metrics_query),
       fmt::format("{}: the query is {}", candidate->rule->title(), *query)},
      edit_rules(c, fmt::format("Use a rate in metricsQuery, such as "
                                "sum(rate(<<.Series>>{{<<.LabelMatchers>>}}[{}])) by (<<.GroupBy>>), and a "
                                "target per second in the HPA",
                                window)));
}

}  // namespace hpawalk::diagnose
