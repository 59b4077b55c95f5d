// prometheus-adapter, and who judges what about it. Inside chain/.
#pragma once

#include "chain/rules.hpp"

namespace hpawalk {

// Does the adapter reach a Prometheus? False: the rest need not be looked at.
bool judge_way_to_prometheus(const Context& c, Report& report);
// Can it list series, or does Prometheus refuse a rule, or are rules too broad?
void judge_listing(const Context& c, Report& report);
// Are the rules older than its start, and do its intervals fit those of the scrapes?
void judge_ages(const Context& c, Report& report);
bool too_broad(const Context& c, Report& report, std::vector<std::string> evidence);
// Does a rule lead to the metric that the HPA asks for, and do labels say whose sample it is?
void judge_naming(const Context& c, Report& report);
// The series is there, a rule takes it, the adapter reaches Prometheus: and yet it is not listed.
void not_listed(const Context& c, Report& report);

std::string where(const Context& c);       // "prometheus-adapter monitoring/adapter"
std::string deployment(const Context& c);  // its name
std::string restart(const Context& c);     // a command
std::string edit_rules(const Context& c);  // commands
std::string rule_place(const Context& c, const AdapterRule& rule);

}  // namespace hpawalk
