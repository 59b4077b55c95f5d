// What the adapter's own query to Prometheus gives, run as the adapter runs it.
#include <algorithm>

#include "base/pattern.hpp"
#include "diagnose/adapter_text.hpp"
#include "diagnose/collect.hpp"
#include "diagnose/rules_value.hpp"

namespace hpawalk::diagnose {

const Cause cause::metric_query_empty = {
    .id = "metric-query-empty",
    .link = Link::value,
    .symptom = "items: []",
    .reason = "The adapter's query returns no series although the series exists",
    .detection = "The template is expanded and run",
    .fix = "Correct metricsQuery"};

const Cause cause::metric_query_fails = {
    .id = "metric-query-fails",
    .link = Link::value,
    .symptom = "500 unable to fetch metrics",
    .reason = "Prometheus rejects the adapter's query, or the result is not a vector",
    .detection = "The template is expanded and run",
    .fix = "Correct metricsQuery"};

const Cause cause::rule_drops_group_label = {
    .id = "rule-drops-group-label",
    .link = Link::value,
    .symptom = "listed, but items: []",
    .reason = "The query drops the label that identifies the object",
    .detection = "The template is expanded and run; labels of the result",
    .fix = "by (<<.GroupBy>>)"};

const Cause cause::rate_window_too_short = {.id = "rate-window-too-short",
                                            .link = Link::value,
                                            .symptom = "items: [] for a rate",
                                            .reason = "The window contains fewer than two scrapes",
                                            .detection = "The window against the scrape interval",
                                            .fix = "Use a window of four intervals"};

const Cause cause::metric_nan = {.id = "metric-nan",
                                 .link = Link::value,
                                 .symptom = "The value is 0, or a large negative number in the API",
                                 .reason = "NaN (0/0) and infinity (x/0) reach the HPA as 0",
                                 .detection = "The raw result of the query",
                                 .fix = "Guard the denominator",
                                 .also_when_served = true};

namespace {

struct Query {
  const Candidate& candidate;
  std::string text;
  const Reading& result;

  std::string rule() const {
    return fmt::format("{}: metricsQuery {}", candidate.rule->title(), candidate.rule->metrics_query);
  }
  std::string shown() const { return fmt::format("{}: the query is {}", candidate.rule->title(), text); }
};

// Why the adapter's own query gives nothing for this object.
void no_value(const Context& c, Report& report, const Query& q) {
  std::optional<world::Duration> window = smallest_window(q.text);
  std::optional<world::Duration> interval = scrape_interval(c, q.candidate.series);
  if (window && interval && *window < *interval * 2) {
    report.broken(cause::rate_window_too_short,
                  fmt::format("The query's window is {}, but the target is scraped every {}, so there are "
                              "not two samples to compute a rate from",
                              text::duration(*window), text::duration(*interval)),
                  {q.rule(), "Prometheus's target: scrape interval " + text::duration(*interval),
                   seen(q.result, "no row")},
                  edit_rules(c, fmt::format("Use a window of at least {} (four intervals)",
                                            flag_value(*interval * 4))));
    return;
  }
  std::vector<std::string> evidence = {q.rule(), seen(q.result, "no series for " + q.text)};
  if (template_broken(c, report, q.candidate, false, evidence)) return;
  report.broken(
      cause::metric_query_empty,
      fmt::format("The series exists, but the adapter's query returns nothing for {}", c.need.title()),
      evidence, edit_rules(c, "Make the query return a series for it"), Certainty::likely);
}

// Does the result say which object a row belongs to, and has it one for the HPA's?
bool rows_for_object(const Context& c, Report& report, const Query& q, const std::vector<Row>& rows) {
  std::string label = label_for(*q.candidate.rule, c.need.resource).value_or("");
  std::vector<std::string> wanted = c.object_names();
  bool labelled =
      std::any_of(rows.begin(), rows.end(), [&](const Row& r) { return r.labels.contains(label); });
  bool found = std::any_of(rows.begin(), rows.end(), [&](const Row& r) {
    auto value = r.labels.find(label);
    return value != r.labels.end() && std::find(wanted.begin(), wanted.end(), value->second) != wanted.end();
  });
  std::string row = fmt::format("row {{{}}}", labels_text(Json(rows.front().labels)));
  std::vector<std::string> evidence = {q.shown(), seen(q.result, row + " = " + rows.front().value)};
  if (!labelled && !template_broken(c, report, q.candidate, true, evidence)) {
    report.broken(
        cause::rule_drops_group_label,
        fmt::format(
            "The adapter's query drops the label {}, so no series in its result can be matched to a {}",
            label, singular(c.need.resource.resource)),
        evidence, edit_rules(c, "End metricsQuery with `by (<<.GroupBy>>)`"));
  } else if (labelled && !found && !report.broken_before(Link::value)) {
    report.broken(cause::object_not_in_series, Link::value,
                  fmt::format("The query returns series, but none for {}", c.need.title()),
                  {q.shown(), seen(q.result, row)}, edit_rules(c, "Make the query return a series for it"));
  }
  return labelled && found;
}

void no_number(const Context& c, Report& report, const Query& q, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    bool nan = row.value == "NaN", inf = row.value == "+Inf" || row.value == "-Inf";
    if (!nan && !inf) continue;
    std::string what = nan ? "NaN (usually from 0/0)" : "infinity (usually from a division by 0)";
    // Custom metrics: NaN is 0. All else: the smallest int64, which the controller shows, and takes, as 0.
    std::string then = nan && c.need.custom()
                           ? "which the adapter silently returns as 0"
                           : "which the adapter returns as a negative number, and the HPA "
                             "reads as 0: it scales to minReplicas, however high the load is";
    report.broken(cause::metric_nan, fmt::format("The query returns {}, {}", what, then),
                  {q.shown(), seen(q.result, "value " + row.value)},
                  edit_rules(c, "Guard the denominator: a / (b > 0) or a / clamp_min(b, 1)"));
    return;
  }
}

void judge_rows(const Context& c, Report& report, const Query& q) {
  std::vector<Row> rows = rows_of(q.result.value);
  if (!rows.empty()) {
    if (!c.need.custom() || rows_for_object(c, report, q, rows)) no_number(c, report, q, rows);
  } else if (!report.broken_before(Link::value) && !report.has(cause::pods_metric_of_others) &&
             report.mark(Link::series) == Mark::ok) {
    no_value(c, report, q);
  }
}

}  // namespace

void judge_query(const Context& c, Report& report) {
  const Candidate* candidate = c.candidate();
  const Reading* result = candidate != nullptr ? c.evaluation(*candidate) : nullptr;
  if (result == nullptr) return;
  Query q{*candidate, *expression(c.hpa, c.need, *candidate), *result};
  if (result->read()) return judge_rows(c, report, q);
  bool rejected = result->failed_with("prometheus-query") || result->failed_with("prometheus-not-vector");
  if (!rejected || report.broken_before(Link::value)) return;
  std::string function = function_before_by(candidate->rule->metrics_query), says = "Correct metricsQuery";
  static const Pattern plain = Pattern::constant("[a-zA-Z_:][a-zA-Z0-9_:]*");
  if (!function.empty()) {
    says = fmt::format(
        "Correct metricsQuery: `by` belongs to an aggregation, as in sum(...) by (<<.GroupBy>>), "
        "and {} is none",
        function);
  } else if (!plain.matches(candidate->series)) {
    says = fmt::format(
        "Correct metricsQuery: the name {} must be in quotes, between the braces: "
        "{{\"<<.Series>>\",<<.LabelMatchers>>}}",
        candidate->series);
  }
  report.broken(
      cause::metric_query_fails,
      fmt::format("Prometheus rejects the query of {}: {}", candidate->rule->title(), result->error),
      {q.rule(), "the query: " + q.text, seen(*result, result->error)}, edit_rules(c, says));
}

}  // namespace hpawalk::diagnose
