// The adapter's times: rules older than its start, a max age that does not fit the scrapes, a list that is
// not renewed yet.
#include <algorithm>

#include "base/duration.hpp"
#include "diagnose/rules_adapter.hpp"

namespace hpawalk::diagnose {

const Cause cause::adapter_config_stale = {
    .id = "adapter-config-stale",
    .link = Link::adapter,
    .symptom = "A new rule has no effect",
    .reason = "The ConfigMap was changed after the adapter started; the adapter reads it only at startup",
    .detection = "The ConfigMap's last change against the pod's start",
    .fix = "Restart the adapter"};

const Cause cause::adapter_max_age = {
    .id = "adapter-max-age",
    .link = Link::adapter,
    .symptom = "The metric appears intermittently, or late",
    .reason = "The adapter lists series too rarely, or drops them before they are scraped again",
    .detection = "relist interval, max age and scrape interval compared",
    .fix = "Set the max age to twice the scrape interval",
    .also_when_served = true};

const Cause cause::adapter_starting = {
    .id = "adapter-starting",
    .link = Link::adapter,
    .symptom = "The metric is missing for some seconds after the adapter was restarted",
    .reason = "The adapter serves a metric only once its first query of Prometheus has listed it",
    .detection = "The start of the adapter's container",
    .fix = "Wait"};

namespace {

// The adapter lists at its start, and again after its relist interval, which is this in the chart.
constexpr world::Duration first_listing = std::chrono::seconds(30);

std::optional<world::WallTime> started_at(const Context& c) {
  std::optional<world::WallTime> started;
  if (c.adapter.pods.empty()) return started;
  for (const Json& s : list_at(*c.adapter.pods.front(), "status.containerStatuses")) {
    std::optional<world::WallTime> t = world::parse_time(text_at(s, "state.running.startedAt"));
    if (t && (!started || *t > *started)) started = t;
  }
  return started;
}

bool config_older_than_pod(const Context& c) {
  if (c.adapter.config_reading == nullptr) return true;
  std::optional<world::WallTime> changed =
      world::parse_time(text_at(c.adapter.config_reading->value, "metadata.hpawalkLastChange"));
  std::optional<world::WallTime> started = started_at(c);
  return !changed || !started || *changed <= *started;
}

void stale_config(const Context& c, Report& report) {
  if (config_older_than_pod(c)) return;
  std::string changed = text_at(c.adapter.config_reading->value, "metadata.hpawalkLastChange");
  std::string sentence =
      "The adapter's rules were changed after it started, and it reads them only at startup";
  std::vector<std::string> evidence = {
      seen(*c.adapter.config_reading, "last changed " + changed),
      fmt::format("pod {}: started {}", full_name(*c.adapter.pods.front()),
                  world::rfc3339(started_at(c).value_or(world::WallTime())))};
  std::optional<Reading> probe = c.probe();
  bool served = c.registered() == true && (!probe || probe->read());
  Fix fix = restart_adapter(c, "Restart the adapter");
  if (served || report.has(cause::adapter_relist_aborted)) {
    report.note(cause::adapter_config_stale, sentence, evidence, fix);
  } else if (report.mark(Link::adapter) != Mark::broken) {
    report.broken(cause::adapter_config_stale, sentence, evidence, fix);
  }
}

void ages(const Context& c, Report& report) {
  std::optional<world::Duration> interval = scrape_interval(c, c.expected_series());
  if (interval && c.adapter.max_age && *c.adapter.max_age < *interval) {
    report.broken(
        cause::adapter_max_age,
        fmt::format("The adapter drops series that are older than {}, but this series is scraped only every "
                    "{}, so the metric appears intermittently",
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

std::optional<world::Duration> scrape_interval(const Context& c, const std::string& series) {
  const Reading* targets = c.prometheus_reading("targets");
  const std::vector<Row>& rows = c.samples(series);
  if (targets == nullptr || !targets->read() || rows.empty()) return std::nullopt;
  auto job = rows.front().labels.find("job");
  if (job == rows.front().labels.end()) return std::nullopt;
  for (const Json& target : targets->value) {
    if (text_at(at(target, "labels"), "job") == job->second)
      return read_duration(text_at(target, "interval"));
  }
  return std::nullopt;
}

void max_age_refused(const Context& c, Report& report, std::vector<std::string> evidence) {
  Fix fix = c.adapter.relist ? set_adapter_flag(c, "metrics-max-age", flag_value(*c.adapter.relist * 2),
                                                "Set --metrics-max-age to twice --metrics-relist-interval")
                             : wake_adapter(c);
  report.broken(cause::adapter_max_age,
                fmt::format("The adapter behind {}/{} does not start: --metrics-max-age ({}) is shorter than "
                            "--metrics-relist-interval ({})",
                            c.adapter.space, c.adapter.service_name,
                            text::duration(c.adapter.max_age.value_or(world::Duration(0))),
                            text::duration(c.adapter.relist.value_or(world::Duration(0)))),
                std::move(evidence), fix);
}

void judge_ages(const Context& c, Report& report) {
  stale_config(c, report);
  ages(c, report);
}

static bool starting(const Context& c, Report& report) {
  std::optional<world::WallTime> started = started_at(c);
  if (!started || c.facts.taken - *started >= first_listing) return false;
  std::string until = world::clock_time(*started + first_listing);
  report.broken(
      cause::adapter_starting,
      fmt::format("The adapter started at {}, and has not listed this metric yet; it should by {}",
                  world::clock_time(*started), until),
      {fmt::format("pod {}: started {}", full_name(*c.adapter.pods.front()), world::rfc3339(*started)),
       "the API does not list " + c.need.resource.text() + "/" + c.need.metric},
      advice(fmt::format("Wait until {}", until)), Certainty::likely);
  return true;
}

// The series is there, the rule takes it, the adapter reaches Prometheus: and yet it is not listed.
void not_listed(const Context& c, Report& report) {
  if (starting(c, report)) return;
  world::Duration relist = c.adapter.relist.value_or(std::chrono::minutes(10));
  // What is not listed may be served all the same: only the answer to the question for the value says more.
  std::optional<Reading> probe = c.probe();
  bool asked = probe && (probe->read() || probe->failed_with("kube-not-found"));
  std::string sentence =
      fmt::format("The adapter lists new series only every {}, and has not listed this series yet",
                  text::duration(relist));
  std::vector<std::string> evidence = {
      fmt::format("{}: --metrics-relist-interval is {}", where(c), text::duration(relist)),
      "the API does not list " + c.need.resource.text() + "/" + c.need.metric};
  Fix fix = advice("Wait, or shorten --metrics-relist-interval (in the chart: metricsRelistInterval)",
                   look_at_adapter(c));
  if (asked) {
    report.broken(cause::adapter_max_age, sentence, evidence, fix, Certainty::likely);
  } else {
    report.note(cause::adapter_max_age, sentence, evidence, fix);
  }
}

}  // namespace hpawalk::diagnose
