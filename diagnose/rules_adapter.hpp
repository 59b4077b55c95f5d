// prometheus-adapter, and who judges what about it. Inside diagnose/.
#pragma once

#include "diagnose/rules.hpp"

namespace hpawalk::diagnose {

// May it ask the API server who may read metrics?
void judge_delegation(const Context& c, Report& report);
// It does not start, because it may not read how clients are authenticated: then that is reported.
bool authentication_unread(const Context& c, Report& report, std::vector<std::string> evidence);
// Does the adapter reach a Prometheus? False: the rest need not be looked at.
bool judge_way_to_prometheus(const Context& c, Report& report);
// Where Prometheus is, as far as this cluster knows: its governing Service, or one before its pods.
std::string likely_url(const Context& c);
// Is a NetworkPolicy in the way? Then it is reported, after this evidence.
bool policy_broken(const Context& c, Report& report, std::vector<std::string> evidence);
// Can it list series, or does Prometheus refuse a rule, or are rules too broad?
void judge_listing(const Context& c, Report& report);
// Are the rules older than its start, and do its intervals fit those of the scrapes?
void judge_ages(const Context& c, Report& report);
// It does not start, because its max age is shorter than its relist interval.
void max_age_refused(const Context& c, Report& report, std::vector<std::string> evidence);
// Of the target that the series comes from.
std::optional<world::Duration> scrape_interval(const Context& c, const std::string& series);
bool too_broad(const Context& c, Report& report, std::vector<std::string> evidence);
// Does a rule lead to the metric that the HPA asks for, and do labels say whose sample it is?
void judge_naming(const Context& c, Report& report);
void judge_labels(const Context& c, Report& report, const Candidate& candidate, const std::vector<Row>& rows);
std::string sample_text(const Candidate& candidate, const Row& row);  // "queue{namespace=shop, ...}"
// Does the rule's query not ask for the HPA's object? `rows`: it returned some, of no object.
bool template_broken(const Context& c, Report& report, const Candidate& candidate, bool rows,
                     std::vector<std::string> evidence);
// The series is there, a rule takes it, the adapter reaches Prometheus: and yet it is not listed.
void not_listed(const Context& c, Report& report);

void judge_keda(const Context& c, Report& report);  // instead of all of these

std::string where(const Context& c);  // "prometheus-adapter monitoring/adapter"

// The workload that makes the adapter's pods: of one that has none, the one whose pods its Service would
// select.
struct AdapterOwner {
  ObjectRef ref;
  const Json* object = nullptr;  // null: it was not read
};
std::optional<AdapterOwner> adapter_owner(const Context& c);
std::string deployment(const Context& c);  // its name
std::vector<std::string> look_at_adapter(const Context& c);
std::optional<std::string> adapter_flag(const Context& c, const std::string& name);  // --name=value
std::string flag_value(world::Duration duration);  // "20s", as Go and PromQL read it
Fix restart_adapter(const Context& c, const std::string& says);
Fix wake_adapter(const Context& c);  // it has no ready pod
// --name=value among its arguments; advice where those were not read.
Fix set_adapter_flag(const Context& c, const std::string& name, const std::string& value, std::string says);
// Its rules are text in a ConfigMap, for somebody to write.
Fix edit_rules(const Context& c, const std::string& says, Json rule = nullptr);
std::string rule_place(const Context& c, const AdapterRule& rule);

}  // namespace hpawalk::diagnose
