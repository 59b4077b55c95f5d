// Alerts as what loads them: a PrometheusRule, or a rule file of a Prometheus without an operator. Pure.
#pragma once

#include <string>

#include "oncall/alerts.hpp"

namespace hpawalk::oncall {

// Where a PrometheusRule must be, and with which labels, for the Prometheus to select it.
struct RulePlace {
  std::string space, name;
  Json labels = Json::object();
  std::string unselected = {};  // why the Prometheus will not load it; empty: it will
};

// `prometheus`: its object.
RulePlace place_for_rule(const diagnose::Facts& facts, const Json& prometheus, const AlertScope& scope);

struct RuleText {
  std::string about;     // "HPA shop/web, for Prometheus watch/prom"
  std::string runbooks;  // where docs/causes.md is; "#CAUSE" is put behind it
};

std::string prometheus_rule(const Alerts& alerts, const RulePlace& place, const RuleText& text);  // YAML
std::string rule_file(const Alerts& alerts, const RuleText& text);                                // YAML

}  // namespace hpawalk::oncall
