// Which series a Prometheus has that alert rules can use, and how often they are scraped. Asks its API, and
// nothing else; knows nothing about rules.
#pragma once

#include <map>
#include <set>
#include <string>

#include "world/prometheus_api.hpp"

namespace hpawalk::oncall {

// Prometheus's default of scrape_interval
// (https://prometheus.io/docs/prometheus/latest/configuration/configuration/).
inline constexpr world::Duration default_interval = std::chrono::minutes(1);

struct AlertSeries {
  std::map<std::string, std::set<std::string>> jobs;  // of each series that has samples now
  std::map<std::string, world::Duration> intervals;   // of each job: the longest of its targets
  std::set<std::string>
      renamed;  // series whose own label `namespace` the scrape renamed to exported_namespace
  std::map<std::string, std::string> rejected;  // queries that Prometheus does not run, and why

  bool has(std::string_view series) const { return jobs.contains(std::string(series)); }
  world::Duration interval(std::string_view series) const;  // the longest; the default where nothing says it
  // The label that has the object's namespace.
  std::string space_label(std::string_view series) const;
};

Result<AlertSeries> read_alert_series(const world::PrometheusApi& prometheus,
                                      const std::set<std::string>& names);

// Runs each query once. One that Prometheus rejects would make it, or the operator, reject all rules beside
// it.
Status find_rejected(const world::PrometheusApi& prometheus, const std::set<std::string>& queries,
                     AlertSeries& series);

}  // namespace hpawalk::oncall
