// The scrape side of one chain, and who judges which of its links. Inside diagnose/.
#pragma once

#include "diagnose/rules.hpp"
#include "diagnose/series_source.hpp"

namespace hpawalk::diagnose {

// From a change of a monitor or a rule until Prometheus runs with it: the operator writes a Secret or
// ConfigMap, the kubelet brings it into the pod (up to a minute and a half), the config reloader looks at its
// directories every three minutes (--watch-interval).
inline constexpr world::Duration config_delay = std::chrono::minutes(5);

struct Scrape : Source {
  const Context& c;
  Report& report;
  std::string series;             // that should be in Prometheus
  const Json* targets = nullptr;  // Prometheus's active ones; null: not read
  std::vector<Monitor> monitors;  // all that were read
};

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
void scraped(const Scrape& s, const std::vector<Monitor>& monitors, const Json* service);
void judge_targets(const Scrape& s, const std::vector<const Json*>& own);  // that the chain has in Prometheus
// What prometheus-operator's Event says about an object that it left out as invalid; nothing: no such Event.
std::optional<std::string> rejection_of(const Scrape& s, const Selectable& what);
void job_missing(const Scrape& s, const Monitor& m);  // selected, but not in the running configuration
void nothing_discovered(const Scrape& s, const Monitor& m, const Json* service);  // a job without targets

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
bool namespace_enforced(const Scrape& s, const std::vector<Row>& rows);
// Its targets are scraped, and Prometheus has no sample of the series: what do the targets expose?
void series_missing(const Scrape& s);

world::Target target_from(const Json& target);  // as the facts keep it
std::string target_text(const Json& target);    // "http://10.0.0.1/metrics is down: 404"
void unknown_from(const Scrape& s, Link first, const std::string& why);

}  // namespace hpawalk::diagnose
