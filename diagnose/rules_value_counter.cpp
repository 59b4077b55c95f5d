// A counter that the adapter passes on as it is, instead of its rate: the value only grows.
#include "diagnose/adapter_text.hpp"
#include "diagnose/rules_value.hpp"

namespace hpawalk::diagnose {

const Cause cause::raw_counter = {
    .id = "raw-counter",
    .link = Link::value,
    .symptom = "The HPA climbs to maxReplicas and stays there",
    .reason = "The query passes on a counter, which only grows, instead of its rate",
    .detection = "The series' name ends with _total, and the query only adds up or picks",
    .fix = "Use rate() in metricsQuery, and a target that is a rate"};

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
