// The metric's value: what the metrics API answers, and what the adapter's own query to Prometheus gives.
#include <algorithm>

#include "diagnose/collect.hpp"
#include "diagnose/rules_adapter.hpp"

namespace hpawalk::diagnose {
namespace {

// Why the adapter's own query gives nothing for this object.
void no_value(const Context& c, Report& report, const Candidate& candidate, const std::string& query,
              const Reading& result) {
  std::vector<std::string> evidence = {
      fmt::format("{}: metricsQuery {}", candidate.rule->title(), candidate.rule->metrics_query),
      seen(result, "no series for " + query)};
  std::optional<world::Duration> window = smallest_window(query);
  std::optional<world::Duration> interval;
  const Reading* targets = c.prometheus_reading("targets");
  std::vector<Row> rows = c.samples(candidate.series);
  if (targets != nullptr && !rows.empty()) {
    for (const Json& t : targets->value) {
      auto job = rows.front().labels.find("job");
      if (job != rows.front().labels.end() && text_at(at(t, "labels"), "job") == job->second)
        interval = world::parse_duration(text_at(t, "interval"));
    }
  }
  if (window && interval && *window < *interval * 2) {
    report.broken(
        "rate-window-too-short", Link::value,
        fmt::format("The query's window is {}, but the target is scraped every {}, so there are not two "
                    "samples to compute a rate from",
                    text::duration(*window), text::duration(*interval)),
        {fmt::format("{}: metricsQuery {}", candidate.rule->title(), candidate.rule->metrics_query),
         "Prometheus's target: scrape interval " + text::duration(*interval), seen(result, "no row")},
        edit_rules(
            c, fmt::format("Use a window of at least {} (four intervals)", text::duration(*interval * 4))));
    return;
  }
  report.broken(
      "metric-query-empty", Link::value,
      fmt::format("The series exists, but the adapter's query returns nothing for {}", c.need.title()),
      evidence, edit_rules(c, "Make the query return a series for it"), Certainty::likely);
}

void judge_rows(const Context& c, Report& report, const Candidate& candidate, const Reading& result,
                const std::string& query) {
  std::vector<Row> rows = rows_of(result.value);
  if (rows.empty()) {
    if (!report.broken_before(Link::value) && report.mark(Link::series) == Mark::ok)
      no_value(c, report, candidate, query, result);
    return;
  }
  std::string query_shown = fmt::format("{}: the query is {}", candidate.rule->title(), query);
  if (c.need.custom()) {
    std::string label = label_for(*candidate.rule, c.need.resource).value_or("");
    std::vector<std::string> wanted = c.object_names();
    bool labelled =
        std::any_of(rows.begin(), rows.end(), [&](const Row& r) { return r.labels.contains(label); });
    bool found = std::any_of(rows.begin(), rows.end(), [&](const Row& r) {
      auto value = r.labels.find(label);
      return value != r.labels.end() &&
             std::find(wanted.begin(), wanted.end(), value->second) != wanted.end();
    });
    Json shown = rows.front().labels;
    if (!labelled) {
      report.broken(
          "rule-drops-group-label", Link::value,
          fmt::format(
              "The adapter's query drops the label {}, so no series in its result can be matched to a {}",
              label, singular(c.need.resource.resource)),
          {query_shown, seen(result, fmt::format("row {{{}}} = {}", labels_text(shown), rows.front().value))},
          edit_rules(c, "End metricsQuery with `by (<<.GroupBy>>)`"));
      return;
    }
    if (!found) {
      if (!report.broken_before(Link::value)) {
        report.broken("object-not-in-series", Link::value,
                      fmt::format("The query returns series, but none for {}", c.need.title()),
                      {query_shown, seen(result, fmt::format("row {{{}}}", labels_text(shown)))},
                      edit_rules(c, "Make the query return a series for it"));
      }
      return;
    }
  }
  for (const Row& row : rows) {
    bool nan = row.value == "NaN", inf = row.value == "+Inf" || row.value == "-Inf";
    if (!nan && !inf) continue;
    report.broken("metric-nan", Link::value,
                  nan ? "The query returns NaN (usually from 0/0), which the adapter silently returns as 0"
                      : "The query returns infinity (usually from a division by 0), which becomes an "
                        "implausibly large number",
                  {query_shown, seen(result, "value " + row.value)},
                  edit_rules(c, "Guard the denominator: a / (b > 0) or a / clamp_min(b, 1)"));
    return;
  }
}

}  // namespace

static Fix let_adapter_list(const Context& c) {
  std::string says = "Allow the adapter to read the objects that metrics refer to";
  if (c.adapter.pods.empty()) return advice(says);
  ObjectRef ref = {"clusterrolebinding", "", c.adapter.service_name + "-view"};
  std::string user = user_of(*c.adapter.pods.front());
  return create(ref, binding_to("ClusterRoleBinding", {{"name", ref.name}}, "ClusterRole", "view", user),
                says,
                fmt::format(
                    "{} can then read everything in ClusterRole view, in every namespace: ConfigMaps too, "
                    "but not Secrets",
                    user))
      .value_or(advice(says));
}

void judge_value(const Context& c, Report& report) {
  const Candidate* candidate = c.candidate();
  std::optional<Reading> probe = c.probe();
  const Reading* result = candidate != nullptr ? c.evaluation(*candidate) : nullptr;
  if (result != nullptr && result->read()) {
    judge_rows(c, report, *candidate, *result, *expression(c.hpa, c.need, *candidate));
  } else if (result != nullptr &&
             (result->error_id == "prometheus-query" || result->error_id == "prometheus-not-vector") &&
             !report.broken_before(Link::value)) {
    report.broken(
        "metric-query-fails", Link::value,
        fmt::format("Prometheus rejects the query of {}: {}", candidate->rule->title(), result->error),
        {fmt::format("{}: metricsQuery {}", candidate->rule->title(), candidate->rule->metrics_query),
         "the query: " + *expression(c.hpa, c.need, *candidate), seen(*result, result->error)},
        edit_rules(c, "Correct metricsQuery"));
  }
  if (report.mark(Link::value) == Mark::broken) return;
  // Without a series there is no value, also where nothing says why there is none.
  bool follows = report.broken_before(Link::hpa) || report.mark(Link::series) == Mark::broken;
  if (!probe) {
    if (c.works()) {
      report.set(Link::value, Mark::ok, "the HPA reads it");
    } else if (report.broken_before(Link::value)) {
      report.set(Link::value, Mark::broken, "skipped: the previous check failed");
    } else {
      report.set(Link::value, Mark::unknown, "the API was not queried");
    }
    return;
  }
  if (probe->read()) {
    const Json& items = list_at(probe->value, "items");
    if (!items.empty()) {
      std::string value = text_at(items.front(), "value");
      report.set(Link::value, Mark::ok,
                 items.size() == 1
                     ? fmt::format("{} = {}", c.need.metric, value)
                     : fmt::format("{}: {} values, the first {}", c.need.metric, items.size(), value));
    } else {
      report.set(Link::value, Mark::broken, "the API serves the metric, but has no value for these objects");
      if (!follows) {
        report.broken("metric-query-empty", Link::value,
                      "The API serves the metric, but has no value for these objects",
                      {seen(*probe, "items: []")}, advice("Look at the adapter's metricsQuery"),
                      Certainty::likely);
      }
    }
    return;
  }
  if (says_nothing(*probe)) {
    report.set(Link::value, c.works() ? Mark::ok : Mark::unknown,
               c.works() ? "the HPA reads it" : why_unread(&*probe));
    return;
  }
  // One 503 among answers: the adapter was busy for a moment, or an overloaded API server did not ask it.
  const Reading* discovery = c.facts.find("discovery " + c.need.api_group());
  bool discovered = discovery != nullptr && discovery->read();
  if (probe->error_id == "kube-unavailable" && c.works() && discovered) {
    report.set(Link::value, Mark::unknown, "the HPA has read it, but now: " + probe->error);
    return;
  }
  if (probe->error_id == "kube-unreachable" && c.works()) {
    report.set(Link::value, Mark::unknown,
               "the HPA has read it, but now the API does not respond: " + probe->error);
    return;
  }
  report.set(Link::value, Mark::broken, probe->error);
  if (follows) return;
  if (has(probe->error, "unable to list matching resources")) {
    report.broken("adapter-cannot-list", Link::value,
                  "The adapter is forbidden to list the objects that the metric refers to",
                  {seen(*probe, probe->error)}, let_adapter_list(c));
  } else if (has(probe->error, "unable to fetch metrics")) {
    report.broken("metric-query-fails", Link::value, "The adapter's query to Prometheus fails",
                  {seen(*probe, probe->error)},
                  advice("Fix the error in the adapter's log",
                         c.adapter.pods.empty() ? look_for("pods", c.adapter.space)
                                                : look_at("logs", ref_of("pod", *c.adapter.pods.front()))),
                  Certainty::likely);
  } else if (probe->absent()) {
    report.broken("metric-unknown", Link::value, "The metrics API does not serve this metric for this object",
                  {seen(*probe, probe->error)},
                  advice("Use an existing metric and an existing object", look_at_api(c)), Certainty::likely);
  } else {
    report.broken("metric-query-fails", Link::value, "The metrics API returns an error: " + probe->error,
                  {seen(*probe, probe->error)}, advice("See the adapter's log"), Certainty::possible);
  }
}

}  // namespace hpawalk::diagnose
