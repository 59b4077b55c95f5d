// Alerts about HPAs, out of the chains as they were found and the series that their Prometheus has: never one
// on a series that nobody exports. Pure.
//
// How long a condition must hold (`holds`) follows from how soon it can be seen, and how long it lasts while
// everything works: each alert says how. docs/on-call.md has the table.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "diagnose/view.hpp"
#include "oncall/alert_series.hpp"

namespace hpawalk::oncall {

// Of all HPAs, of a namespace, or of one HPA.
struct AlertScope {
  std::string space = {}, name = {};
  bool covers(const diagnose::Hpa& hpa) const {
    return (space.empty() || hpa.space == space) && (name.empty() || hpa.name == name);
  }
};

struct Alert {
  std::string name, expression;
  world::Duration holds{0};
  std::string holds_because;  // "3 syncs of 15s and 2 scrapes of 30s"
  std::string severity;       // critical, warning, info
  std::string summary, what_to_do;
  std::string cause = {};  // of docs/causes.md, or the template of a label that has it; empty: the page
  // Of an alert about one HPA, or one of its metrics, whose expression does not have them as labels.
  std::string space = {}, hpa = {}, metric = {};
  std::string space_label = "namespace";
};

struct Alerts {
  std::vector<Alert> all;
  std::vector<std::string> left_out;  // "HpaFlapping: ...": why
  std::string state_source;           // "kube-state-metrics"; empty: none
};

// The names to ask a Prometheus for.
std::set<std::string> series_for_alerts(const diagnose::Parts& parts, const AlertScope& scope);

// The queries of the HPAs' metrics, which become expressions; they are as their adapters have them.
std::set<std::string> queries_for_alerts(const diagnose::Parts& parts, const AlertScope& scope);

Alerts alerts_for(const diagnose::Facts& facts, const diagnose::Parts& parts, const AlertScope& scope,
                  const AlertSeries& series);

// "45s", "2m30s", as Prometheus writes it; rounded up to seconds.
std::string prometheus_duration(world::Duration duration);

}  // namespace hpawalk::oncall
