// How the adapter lists series: one bad rule, rules that are too broad, rules that were changed, its
// intervals.
#include <algorithm>
#include <set>

#include "diagnose/collect.hpp"
#include "diagnose/rules_adapter.hpp"

namespace hpawalk::diagnose {
namespace {

bool config_older_than_pod(const Context& c) {
  if (c.adapter.config_reading == nullptr || c.adapter.pods.empty()) return true;
  std::optional<world::WallTime> changed =
      world::parse_time(text_at(c.adapter.config_reading->value, "metadata.hpawalkLastChange"));
  std::optional<world::WallTime> started;
  for (const Json& s : list_at(*c.adapter.pods.front(), "status.containerStatuses")) {
    std::optional<world::WallTime> t = world::parse_time(text_at(s, "state.running.startedAt"));
    if (t && (!started || *t > *started)) started = t;
  }
  return !changed || !started || *changed <= *started;
}

std::optional<world::Duration> scrape_interval(const Context& c) {
  const Reading* targets = c.prometheus_reading("targets");
  if (targets == nullptr || !targets->read()) return std::nullopt;
  std::vector<Row> rows = c.samples(c.expected_series());
  if (rows.empty()) return std::nullopt;
  auto job = rows.front().labels.find("job");
  for (const Json& target : targets->value) {
    if (job != rows.front().labels.end() && text_at(at(target, "labels"), "job") == job->second)
      return world::parse_duration(text_at(target, "interval"));
  }
  return std::nullopt;
}

}  // namespace

bool too_broad(const Context& c, Report& report, std::vector<std::string> evidence) {
  const Reading* counts = c.prometheus_reading("rule counts");
  for (const AdapterRule& rule : c.adapter.rules(false)) {
    const Reading* names =
        c.prometheus.address ? c.facts.find(names_key(*c.prometheus.address, rule.series_query)) : nullptr;
    long long count =
        counts != nullptr ? std::atoll(text_at(counts->value, std::to_string(rule.index)).c_str()) : 0;
    bool slow = names != nullptr &&
                (names->ms > 10'000 || has(names->error, "timeout") || has(names->error, "timed out"));
    bool suspect = slow || count > 200'000 || (!evidence.empty() && count > 50'000);
    if (!suspect) continue;
    evidence.insert(evidence.begin(), fmt::format("{}: matches {} series", rule_place(c, rule),
                                                  count > 0 ? std::to_string(count) : "very many series"));
    if (slow)
      evidence.push_back(seen(*names, names->error.empty()
                                          ? "took " + text::duration(world::Duration(names->ms))
                                          : names->error));
    std::string sentence =
        fmt::format("{} matches so many series that listing them takes too long", rule.title());
    bool matters = c.registered() != true;
    Fix fix = edit_rules(c,
                         "Disable the chart's default rules (rules.default: false), and add rules for the "
                         "metrics that you need");
    if (matters)
      report.broken("adapter-rules-too-broad", Link::adapter, sentence, evidence, fix, Certainty::likely);
    else
      report.note("adapter-rules-too-broad", Link::adapter, sentence, evidence, fix);
    return true;
  }
  return false;
}

// One seriesQuery that Prometheus refuses aborts the listing of all.
void judge_listing(const Context& c, Report& report) {
  for (const AdapterRule& rule : c.adapter.rules(c.need.external())) {
    const Reading* names =
        c.prometheus.address ? c.facts.find(names_key(*c.prometheus.address, rule.series_query)) : nullptr;
    if (names == nullptr || names->error_id != "prometheus-query" || has(names->error, "timeout")) continue;
    std::vector<std::string> evidence = {rule_place(c, rule) + ": seriesQuery " + rule.series_query,
                                         seen(*names, names->error)};
    std::string sentence = fmt::format(
        "Prometheus rejects the seriesQuery of {}, and one rejected query makes the adapter abort the "
        "listing of "
        "all metrics",
        rule.title());
    if (c.registered() == true) {
      report.note("adapter-relist-aborted", Link::adapter, sentence + "; it still has the previous list",
                  evidence, edit_rules(c, "Correct that seriesQuery"));
    } else {
      report.broken("adapter-relist-aborted", Link::adapter, sentence, evidence,
                    edit_rules(c, "Correct that seriesQuery"));
    }
    return;
  }
  too_broad(c, report, {});
}

namespace {

void stale_config(const Context& c, Report& report) {
  if (config_older_than_pod(c)) return;
  std::string changed = text_at(c.adapter.config_reading->value, "metadata.hpawalkLastChange");
  std::string sentence =
      "The adapter's rules were changed after it started, and it reads them only at startup";
  std::vector<std::string> evidence = {
      seen(*c.adapter.config_reading, "last changed " + changed),
      fmt::format("pod {}: started before that", full_name(*c.adapter.pods.front()))};
  std::optional<Reading> probe = c.probe();
  bool served = c.registered() == true && (!probe || probe->read());
  Fix fix = restart_adapter(c, "Restart the adapter");
  if (served || report.has("adapter-relist-aborted")) {
    report.note("adapter-config-stale", Link::adapter, sentence, evidence, fix);
  } else if (report.mark(Link::adapter) != Mark::broken) {
    report.broken("adapter-config-stale", Link::adapter, sentence, evidence, fix);
  }
}

void ages(const Context& c, Report& report) {
  std::optional<world::Duration> interval = scrape_interval(c);
  if (interval && c.adapter.max_age && *c.adapter.max_age < *interval) {
    report.broken(
        "adapter-max-age", Link::adapter,
        fmt::format("The adapter drops series that are older than {}, but this series is scraped "
                    "only every {}, so the metric appears intermittently",
                    text::duration(*c.adapter.max_age), text::duration(*interval)),
        {fmt::format("Deployment {}/{}: --metrics-max-age is {} (--metrics-relist-interval {})",
                     c.adapter.space, deployment(c), text::duration(*c.adapter.max_age),
                     text::duration(c.adapter.relist.value_or(world::Duration(0)))),
         "Prometheus's target: scrape interval " + text::duration(*interval)},
        set_adapter_flag(c, "metrics-max-age",
                         flag_value(std::max(*interval * 2, c.adapter.relist.value_or(world::Duration(0)))),
                         "Set --metrics-max-age to twice the scrape interval"));
  }
}

}  // namespace

void judge_ages(const Context& c, Report& report) {
  stale_config(c, report);
  ages(c, report);
}

// The series is there, the rule takes it, the adapter reaches Prometheus: and yet it is not listed.
void not_listed(const Context& c, Report& report) {
  world::Duration relist = c.adapter.relist.value_or(std::chrono::minutes(10));
  // What is not listed may be served all the same: only the answer to the question for the value says more.
  std::optional<Reading> probe = c.probe();
  bool asked = probe && (probe->read() || probe->error_id == "kube-not-found");
  std::string sentence =
      fmt::format("The adapter lists new series only every {}, and has not listed this series yet",
                  text::duration(relist));
  std::vector<std::string> evidence = {
      fmt::format("{}: --metrics-relist-interval is {}", where(c), text::duration(relist)),
      "the API does not list " + c.need.resource.text() + "/" + c.need.metric};
  Fix fix = advice("Wait, or shorten --metrics-relist-interval (in the chart: metricsRelistInterval)",
                   look_at_adapter(c));
  if (asked) {
    report.broken("adapter-max-age", Link::adapter, sentence, evidence, fix, Certainty::likely);
  } else {
    report.note("adapter-max-age", Link::adapter, sentence, evidence, fix);
  }
}

}  // namespace hpawalk::diagnose
