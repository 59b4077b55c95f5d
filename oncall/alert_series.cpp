#include "oncall/alert_series.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/duration.hpp"
#include "base/pattern.hpp"
#include "base/text.hpp"
#include "diagnose/series_source.hpp"

namespace hpawalk::oncall {
namespace {

Status read_jobs(const world::PrometheusApi& prometheus, const std::set<std::string>& names,
                 AlertSeries& series) {
  std::vector<std::string> patterns;
  for (const std::string& name : names) patterns.push_back(Pattern::quoted(name));
  const std::string renamed = "exported_namespace";
  auto samples = prometheus.query(fmt::format("count by (__name__, job, {}) ({{__name__=~{}}})", renamed,
                                              diagnose::in_quotes(text::join(patterns, "|"))));
  if (!samples) return failure(samples.error());
  for (const world::Sample& sample : *samples) {
    const std::string name = diagnose::label_of(sample.labels, "__name__"),
                      job = diagnose::label_of(sample.labels, "job");
    std::set<std::string>& jobs = series.jobs[name];
    if (!job.empty()) jobs.insert(job);  // the result of a recording rule may have none
    if (!diagnose::label_of(sample.labels, renamed).empty()) series.renamed.insert(name);
  }
  return {};
}

Status read_intervals(const world::PrometheusApi& prometheus, AlertSeries& series) {
  auto targets = prometheus.get("/api/v1/targets?state=active");
  // A managed Prometheus lists none; then the default is assumed.
  if (!targets && targets.error().kind == ErrorClass::interrupted) return failure(targets.error());
  if (!targets) return {};
  for (const Json& target : list_at(*targets, "activeTargets")) {
    std::optional<world::Duration> interval = read_duration(text_at(target, "scrapeInterval"));
    if (!interval) continue;
    world::Duration& longest = series.intervals[text_at(target, "labels.job")];
    longest = std::max(longest, *interval);
  }
  return {};
}

}  // namespace

world::Duration AlertSeries::interval(std::string_view name) const {
  world::Duration longest{0};
  auto found = jobs.find(std::string(name));
  for (const std::string& job : found == jobs.end() ? std::set<std::string>() : found->second) {
    auto known = intervals.find(job);
    if (known != intervals.end()) longest = std::max(longest, known->second);
  }
  return longest.count() > 0 ? longest : default_interval;
}

std::string AlertSeries::space_label(std::string_view name) const {
  return renamed.contains(std::string(name)) ? "exported_namespace" : "namespace";
}

Result<AlertSeries> read_alert_series(const world::PrometheusApi& prometheus,
                                      const std::set<std::string>& names) {
  AlertSeries series;
  if (Status jobs = read_jobs(prometheus, names, series); !jobs) return failure(jobs.error());
  if (Status intervals = read_intervals(prometheus, series); !intervals) return failure(intervals.error());
  return series;
}

Status find_rejected(const world::PrometheusApi& prometheus, const std::set<std::string>& queries,
                     AlertSeries& series) {
  for (const std::string& query : queries) {
    auto samples = prometheus.query(query);
    if (samples) continue;
    const Error& error = samples.error();
    if (!error.is("prometheus-query") && !error.is("prometheus-not-vector")) return failure(error);
    series.rejected[query] = error.because.empty() ? error.what : error.because;
  }
  return {};
}

}  // namespace hpawalk::oncall
