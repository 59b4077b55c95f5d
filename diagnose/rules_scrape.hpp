// The scrape side of one chain, and who judges which of its links. Inside diagnose/.
#pragma once

#include <functional>

#include "diagnose/rules.hpp"
#include "diagnose/series_source.hpp"

namespace hpawalk::diagnose {

// From a change of a monitor or a rule until Prometheus runs with it: the operator writes a Secret or
// ConfigMap, the kubelet brings it into the pod (up to a minute and a half), the config reloader looks at its
// directories every three minutes (--watch-interval).
inline constexpr world::Duration config_delay = std::chrono::minutes(5);
inline constexpr world::Duration usual_config_delay = std::chrono::minutes(2);  // seen: 30 s to 80 s

struct Scrape : Source {
  const Context& c;
  Report& report;
  std::string series;             // that should be in Prometheus
  const Json* targets = nullptr;  // Prometheus's active ones; null: not read
  std::vector<Monitor> monitors;  // all that were read
};

// A change of an object that Prometheus's running configuration does not contain.
struct ConfigLag {
  std::string what;  // that was changed: "ServiceMonitor web/api"
  world::WallTime changed;
  std::optional<world::WallTime> loaded;  // when Prometheus last loaded a configuration; nothing: unknown
  std::string sentence() const;
  Fix wait() const;
};

// The rows of the series that belong to the object which the HPA names.
std::vector<Row> own_rows(const Context& c, const std::vector<Row>& rows);

// Each sets the marks of its links. Those that return a bool say whether the next link is worth a look.
bool recorded(const Scrape& s);  // is the series made by a recording rule? Then all of it is judged
void pods_and_services(const Scrape& s, bool proven);  // proven: the marks only inform
void no_such_service(const Scrape& s);
bool service_has_pods(const Scrape& s, const Json& service);
void no_pods_behind(const Scrape& s, const Json& service);  // it selects none: why?
void monitored(const Scrape& s);                            // and then Prometheus, for the monitors found
bool prometheus_answers(const Scrape& s);
bool without_operator(const Scrape& s);
void scraped_without_operator(const Scrape& s);
// A job that no ServiceMonitor or PodMonitor leads to (additionalScrapeConfigs; a ScrapeConfig with service
// discovery) has a target of the chain: then that is judged.
bool other_job(const Scrape& s);
void scraped(const Scrape& s, const std::vector<Monitor>& monitors, const Json* service);
void judge_targets(const Scrape& s, const std::vector<const Json*>& own);  // that the chain has in Prometheus
// What prometheus-operator's Event says about an object that it left out as invalid; nothing: no such Event.
std::optional<std::string> rejection_of(const Scrape& s, const Selectable& what);
// What says that no operator runs; nothing: one does, or that is unknown.
std::optional<std::string> no_operator_runs(const Scrape& s);
Fix start_operator();
void job_missing(const Scrape& s, const Monitor& m);  // selected, but not in the running configuration
// Its job is there, as it was before the change.
void job_outdated(const Scrape& s, const Monitor& m, const ConfigLag& lag, std::vector<std::string> evidence);
bool discovery_forbidden(const Scrape& s);  // may Prometheus not look for targets in the HPA's namespace?
void nothing_discovered(const Scrape& s, const Monitor& m, const Json* service);  // a job without targets

// The object was changed after Prometheus loaded its configuration, and not longer ago than config_delay.
std::optional<ConfigLag> config_lag(const Scrape& s, const std::string& what, const Json& object);
// The same of a monitor, or of the Prometheus object that selects it.
std::optional<ConfigLag> config_lag(const Scrape& s, const Monitor& m);
// The last change of what the operator writes the configuration of a monitor or rule from: it, the labels of
// its namespace, and the Prometheus object. If it is not longer ago than config_delay.
std::optional<ConfigLag> recent_change(const Scrape& s, const Selectable& what);
// What `judge` would report first as broken for this source, without reporting it.
std::optional<Finding> would_break(const Scrape& s, const Source& source,
                                   const std::function<void(const Scrape&)>& judge);
void pending(const Scrape& s, const ConfigLag& lag, std::vector<std::string> evidence);
void note_pending(const Scrape& s, const ConfigLag& lag);
// The series has samples only until Prometheus loads what the objects say now: `ends` is what it will be.
void still_served(const Scrape& s, Finding ends);
// The series has samples. Will it still have them once Prometheus has loaded what the objects say now?
void judge_motion(const Scrape& s, const std::vector<const Json*>& targets);  // its targets
void judge_recording_motion(const Scrape& s);                                 // it is recorded

void judge_scraped_twice(const Scrape& s, const std::vector<Row>& own);  // its samples

// Only pods of other workloads expose the HPA's Pods metric: then that is reported, with the marks.
bool exposed_by_others(const Scrape& s);
std::string others_that_expose(const Scrape& s);  // "Deployment web"; empty: it is no Pods metric, or none do
// What the pods' containers declare: name (or empty) and number.
std::vector<std::pair<std::string, long long>> declared_ports(const Scrape& s);
std::string monitors_unread(const Scrape& s);  // why a list of monitors may not be whole; empty: it is
bool selected_by_any_monitor(const Scrape& s);

// A response that Prometheus does not take: then that is reported.
bool response_refused(const Scrape& s, const Json& target, const std::string& sentence,
                      const std::vector<std::string>& evidence);
bool sharded(const Scrape& s);  // then what Prometheus responds says nothing, and that is reported
// Are the samples of the HPA's object those of another namespace? Then that is reported, with the marks.
bool namespace_overwritten(const Scrape& s, const std::vector<Row>& rows);
// Its targets are scraped, and Prometheus has no sample of the series: what do the targets expose?
void series_missing(const Scrape& s);

world::Target target_from(const Json& target);  // as the facts keep it
std::string target_text(const Json& target);    // "http://10.0.0.1/metrics is down: 404"
void unknown_from(const Scrape& s, Link first, const std::string& why);

}  // namespace hpawalk::diagnose
