#include "oncall/alerts.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/pattern.hpp"
#include "base/text.hpp"
#include "diagnose/controller.hpp"
#include "diagnose/series_source.hpp"
#include "oncall/exposition.hpp"
#include "oncall/state_source.hpp"

namespace hpawalk::oncall {
namespace {

using namespace std::chrono_literals;
using world::Duration;

constexpr size_t most_expressions =
    200;  // of metrics that get alerts of their own: each is evaluated each time
constexpr Duration shortest_hold = 1min;  // a pod that is replaced is no alert
// Source: apps/v1 DeploymentSpec.progressDeadlineSeconds: until then a rollout can have other pods than
// asked.
constexpr Duration progress_deadline = 10min;
// Source: kube-aggregator, pkg/controllers/status: availability is looked at each 30s.
constexpr Duration aggregator_period = 30s;
constexpr Duration exporter_period = 1min;  // of hpawalk exporter, unless --every says another one
constexpr Duration frozen_window = 1h, shortest_step = 30s;

constexpr const char* aggregator_metric = "aggregator_unavailable_apiservice";
// KEDA's, from 2.14 on and before: https://keda.sh/docs/latest/integrations/prometheus/
constexpr const char *keda_errors = "keda_scaler_detail_errors_total",
                     *keda_errors_old = "keda_scaler_errors";

std::string counted(long long n, std::string_view thing, Duration each) {
  return fmt::format("{} of {}", text::count(n, thing), prometheus_duration(each));
}

// The metric of one HPA with the query by which the adapter gets it.
struct Need {
  const diagnose::Hpa* hpa = nullptr;
  const diagnose::MetricNeed* metric = nullptr;
  std::string series, query;
};

std::vector<Need> needs_of(const diagnose::Parts& parts, const AlertScope& scope) {
  std::vector<Need> needs;
  for (const diagnose::Hpa& hpa : parts.hpas) {
    if (!scope.covers(hpa)) continue;
    for (const diagnose::MetricNeed& need : hpa.needs) {
      auto group = parts.groups.find(need.api_group());
      if (need.resource_metric() || group == parts.groups.end()) continue;
      std::vector<diagnose::Candidate> candidates = diagnose::candidates(group->second, need);
      if (candidates.empty()) continue;
      Result<std::string> query = diagnose::lasting_expression(hpa, need, candidates.back());
      if (query) needs.push_back({&hpa, &need, candidates.back().series, *query});
    }
  }
  return needs;
}

// Queries of an exporter of HPAs, for a scope.
struct Queries {
  AlertScope scope;
  std::string space = "namespace";  // the label

  std::string selected(std::string_view metric, std::string matchers = {}) const {
    auto add = [&](std::string_view label, const std::string& value) {
      if (value.empty()) return;
      if (!matchers.empty()) matchers += ",";
      matchers += fmt::format("{}={}", label, diagnose::in_quotes(value));
    };
    add(space, scope.space);
    add("horizontalpodautoscaler", scope.name);
    return fmt::format("{}{{{}}}", metric, matchers);
  }
  // One value an HPA, however many instances tell it.
  std::string by_hpa(const std::string& expression, const std::string& more = {}) const {
    return fmt::format("max by ({}, horizontalpodautoscaler{}) ({})", space, more, expression);
  }
};

class Builder {
 public:
  Builder(const diagnose::Facts& facts, const AlertScope& scope, const AlertSeries& series)
      : scope_(scope), series_(series), states_{scope}, flags_(diagnose::controller_of(facts).flags) {
    for (const StateSource* source : {&kube_state_metrics, &own_exporter}) {
      if (source_ == nullptr && series.has(source->condition)) source_ = source;
    }
    if (source_ != nullptr) {
      interval_ = series.interval(source_->condition);
      states_.space = series.space_label(source_->condition);
    }
  }

  void add_states() {
    if (source_ == nullptr) {
      leave_out("HpaNotActive, HpaCannotScale, HpaAtMaxUnderLoad, HpaScaleNotApplied, HpaFlapping",
                "this Prometheus scrapes neither kube-state-metrics nor hpawalk exporter "
                "(hpawalk exporter --manifests)");
      return;
    }
    out.state_source = source_->says;
    not_active();
    cannot_scale();
    at_max();
    not_applied();
    flapping();
    states_missing();
  }

  void add_causes() {
    if (!series_.has(link_state_metric))
      return leave_out("HpaChainBroken", "this Prometheus does not scrape hpawalk exporter");
    const Duration interval = series_.interval(link_state_metric);
    const Queries causes{scope_, series_.space_label(link_state_metric)};
    out.all.push_back(
        {.name = "HpaChainBroken",
         .expression = causes.by_hpa(causes.selected(cause_metric, "severity=\"broken\""), ", cause"),
         .holds = 3 * std::max(interval, exporter_period),
         .holds_because = fmt::format("3 diagnoses, one every {}",
                                      prometheus_duration(std::max(interval, exporter_period))),
         .severity = "warning",
         .summary = "hpawalk exporter finds the metric chain broken: {{ $labels.cause }}.",
         .what_to_do = "It says why, and what to do.",
         .cause = "{{ $labels.cause }}",
         .space_label = causes.space});
  }

  void add_adapters(const diagnose::Parts& parts) {
    std::set<std::string> needed;
    for (const diagnose::Hpa& hpa : parts.hpas) {
      for (const diagnose::MetricNeed& need : hpa.needs) {
        if (scope_.covers(hpa)) needed.insert(need.api_group());
      }
    }
    std::vector<std::string> names;
    bool keda = false;
    for (const auto& [name, group] : parts.groups) {
      if (!needed.contains(name)) continue;
      keda |= group.adapter.kind == diagnose::AdapterKind::keda;
      for (const Json* service : group.adapter.api_services) names.push_back(diagnose::name_of(*service));
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    if (!names.empty()) api_unavailable(names);
    if (keda) keda_failing();
  }

  void add_metrics(std::vector<Need> needs) {
    std::set<std::string> jobs;
    if (needs.size() > most_expressions) {
      leave_out("HpaMetricAbsent, HpaMetricFrozen",
                fmt::format("{} metrics are more than {}; name a namespace or an HPA", needs.size(),
                            most_expressions));
    }
    for (const Need& need : needs) {
      if (!series_.has(need.series)) {
        leave_out("HpaMetricAbsent, HpaMetricFrozen",
                  fmt::format("no series {} now, which HPA {}/{} needs (hpawalk diagnose {} -n {})",
                              need.series, need.hpa->space, need.hpa->name, need.hpa->name, need.hpa->space));
        continue;
      }
      const std::set<std::string>& its = series_.jobs.at(need.series);
      jobs.insert(its.begin(), its.end());
      if (needs.size() > most_expressions) continue;
      if (auto bad = series_.rejected.find(need.query); bad != series_.rejected.end()) {
        leave_out("HpaMetricAbsent, HpaMetricFrozen",
                  fmt::format("Prometheus rejects the query of {}, which HPA {}/{} needs: {}",
                              need.metric->title(), need.hpa->space, need.hpa->name, bad->second));
        continue;
      }
      absent(need);
      frozen(need);
    }
    if (!jobs.empty()) target_down(jobs);
  }

  Alerts out;

 private:
  void leave_out(const std::string& alerts, const std::string& why) {
    out.left_out.push_back(alerts + ": " + why);
  }

  std::string has_condition(const char* type, std::string_view status) const {
    return states_.by_hpa(
        states_.selected(source_->condition, fmt::format("condition=\"{}\",status=\"{}\"", type, status)) +
        " == 1");
  }
  std::string of_hpa(std::string_view metric) const { return states_.by_hpa(states_.selected(metric)); }
  Duration sync() const { return std::chrono::duration_cast<Duration>(flags_.sync_period); }
  void add_state(Alert alert) {
    alert.space_label = states_.space;
    out.all.push_back(std::move(alert));
  }

  // On a condition that the controller sets at each sync.
  void add_condition(std::string name, std::string expression, std::string summary, std::string what_to_do) {
    add_state({.name = std::move(name),
               .expression = std::move(expression),
               .holds = 3 * sync() + 2 * interval_,
               .holds_because = counted(3, "sync", sync()) + " and " + counted(2, "scrape", interval_),
               .severity = "critical",
               .summary = std::move(summary),
               .what_to_do = std::move(what_to_do)});
  }

  void not_active() {
    add_condition(
        "HpaNotActive",
        has_condition("ScalingActive", source_->no) + "\nunless\n" + of_hpa(source_->current) + " == 0",
        "The HPA cannot compute a number of replicas; it keeps the last one whatever the load is.",
        "It names the first failing check, the reason and the fix.");
  }

  void cannot_scale() {
    add_condition("HpaCannotScale", has_condition("AbleToScale", source_->no),
                  "The HPA cannot read or change the number of replicas of what it scales.",
                  "It says whether the target is missing, or who refuses the change.");
  }

  void at_max() {
    std::string limited;
    if (source_ == &own_exporter) {
      limited = states_.by_hpa(states_.selected(cause_metric, "cause=\"at-max\""));
    } else if (series_.has(current_metric) && series_.has(target_metric)) {
      const std::string of = ", metric_name, metric_target_type";
      limited = fmt::format("{} >= {}\nand\n{}\nand\n{}", of_hpa(source_->desired), of_hpa(source_->max),
                            has_condition("ScalingLimited", source_->yes),
                            states_.by_hpa(fmt::format(
                                "{} > {} * {}", states_.by_hpa(states_.selected(current_metric), of),
                                1 + flags_.tolerance, states_.by_hpa(states_.selected(target_metric), of))));
    } else {
      return leave_out("HpaAtMaxUnderLoad", fmt::format("no series {}", current_metric));
    }
    const auto settled = std::chrono::duration_cast<Duration>(flags_.cpu_initialization_period);
    add_state(
        {.name = "HpaAtMaxUnderLoad",
         .expression = fmt::format("{}\nand\n{} > {}", limited, of_hpa(source_->max), of_hpa(source_->min)),
         .holds = settled + 2 * interval_,
         .holds_because =
             fmt::format("{}, for which new pods may not count (the CPU initialization period), and {}",
                         prometheus_duration(settled), counted(2, "scrape", interval_)),
         .severity = "warning",
         .summary = "The HPA is at maxReplicas, and the load is above what these pods carry.",
         .what_to_do = "Raise spec.maxReplicas if you can afford more pods, or find out where the load comes "
                       "from.",
         .cause = "at-max"});
  }

  void not_applied() {
    add_state({.name = "HpaScaleNotApplied",
               .expression = of_hpa(source_->desired) + "\n!=\n" + of_hpa(source_->current),
               .holds = progress_deadline + 2 * interval_,
               .holds_because =
                   fmt::format("{}, the default deadline of a rollout, and {}",
                               prometheus_duration(progress_deadline), counted(2, "scrape", interval_)),
               .severity = "warning",
               .summary = "The HPA decided on a number of replicas that the workload does not have.",
               .what_to_do =
                   "It says who keeps the workload from it: a quota, a webhook, the scheduler, a rollout.",
               .cause = "scale-refused"});
  }

  void flapping() {
    const auto window = std::chrono::duration_cast<Duration>(flags_.downscale_stabilization);
    const Duration seen = 6 * window;
    // Only the direction of each change is left, so that several steps of one rise are one direction.
    const std::string step = prometheus_duration(std::max(interval_, sync())),
                      desired = of_hpa(source_->desired);
    add_state(
        {.name = "HpaFlapping",
         .expression = fmt::format("changes((sgn({0} - {1}) != 0)[{2}:{3}]) > 7", desired,
                                   states_.by_hpa(states_.selected(source_->desired) + " offset " + step),
                                   prometheus_duration(seen), step),
         .holds = 2 * interval_,
         .holds_because = fmt::format("{}; the expression looks back {}, 6 stabilization windows of {}",
                                      counted(2, "scrape", interval_), prometheus_duration(seen),
                                      prometheus_duration(window)),
         .severity = "info",
         .summary = fmt::format("The HPA turned between more and fewer replicas more than 7 times in {}.",
                                prometheus_duration(seen)),
         .what_to_do = "Lengthen spec.behavior.scaleDown.stabilizationWindowSeconds; `hpawalk tune` finds a "
                       "value for your load.",
         .cause = "stabilization"});
  }

  void states_missing() {
    add_state({.name = "HpaStatesMissing",
               .expression = "absent(" + states_.selected(source_->condition) + ")",
               .holds = std::max(shortest_hold, 3 * interval_),
               .holds_because = counted(3, "scrape", interval_) + ", at least 1m",
               .severity = "warning",
               .summary = fmt::format(
                   "{} no longer exports the HPA's conditions, so other alerts cannot fire.", source_->says),
               .what_to_do = "Check that it runs and is scraped.",
               .space = scope_.space,
               .hpa = scope_.name});
  }

  void api_unavailable(const std::vector<std::string>& api_services) {
    const std::string what = "The metrics API is unavailable: no HPA that needs it can scale.";
    const std::string then = "It says whether the APIService, its Service or the adapter's pods fail.";
    if (series_.has(aggregator_metric)) {
      std::vector<std::string> patterns;
      for (const std::string& name : api_services) patterns.push_back(diagnose::pattern_of(name));
      const Duration interval = series_.interval(aggregator_metric);
      out.all.push_back({.name = "HpaMetricsApiUnavailable",
                         .expression = fmt::format("max by (name) ({}{{name=~{}}}) == 1", aggregator_metric,
                                                   diagnose::in_quotes(text::join(patterns, "|"))),
                         .holds = 2 * aggregator_period + 2 * interval,
                         .holds_because = counted(2, "check", aggregator_period) + " of the API server and " +
                                          counted(2, "scrape", interval),
                         .severity = "critical",
                         .summary = what,
                         .what_to_do = then,
                         .cause = "apiservice-unreachable",
                         .space = scope_.space,
                         .hpa = scope_.name});
    } else if (series_.has(link_state_metric)) {
      const Duration interval = series_.interval(link_state_metric);
      const Queries links{scope_, series_.space_label(link_state_metric)};
      out.all.push_back({.name = "HpaMetricsApiUnavailable",
                         .expression = links.by_hpa(links.selected(
                             link_state_metric, "link=~\"adapter|api-service\",state=\"broken\"")),
                         .holds = 3 * interval,
                         .holds_because = counted(3, "scrape", interval) + " of the exporter",
                         .severity = "critical",
                         .summary = what,
                         .what_to_do = then,
                         .cause = "apiservice-unreachable",
                         .space_label = links.space});
    } else {
      leave_out("HpaMetricsApiUnavailable",
                fmt::format("no series {} (the API server is not scraped), and no hpawalk exporter",
                            aggregator_metric));
    }
  }

  void keda_failing() {
    const char* metric = series_.has(keda_errors) ? keda_errors : keda_errors_old;
    if (!series_.has(metric)) return leave_out("HpaKedaScalerFails", "KEDA's operator is not scraped");
    const std::string space = series_.space_label(metric);
    const Duration interval = series_.interval(metric);
    const std::string matchers =
        scope_.space.empty() ? "" : fmt::format("{{{}={}}}", space, diagnose::in_quotes(scope_.space));
    out.all.push_back(
        {.name = "HpaKedaScalerFails",
         .expression = fmt::format("sum by ({}, scaledObject) (increase({}{}[{}])) > 0", space, metric,
                                   matchers, prometheus_duration(std::max<Duration>(4 * interval, 5min))),
         .holds = std::max<Duration>(4 * interval, 5min),
         .holds_because = counted(4, "scrape", interval) + ", at least 5m",
         .severity = "warning",
         .summary = "KEDA cannot read the metric of ScaledObject {{ $labels.scaledObject }}.",
         .what_to_do = "kubectl describe scaledobject says what its trigger met.",
         .cause = "keda-scaledobject",
         .space_label = space});
  }

  void absent(const Need& need) {
    const Duration interval = series_.interval(need.series);
    out.all.push_back(
        {.name = "HpaMetricAbsent",
         .expression = "absent(" + need.query + ")",
         .holds = std::max(shortest_hold, 3 * interval),
         .holds_because = counted(3, "scrape", interval) + ", at least 1m",
         .severity = "warning",
         .summary = fmt::format("Prometheus has no sample of {}, which the HPA reads.", need.metric->title()),
         .what_to_do =
             "It says whether the application, its Service, its monitor or Prometheus is the cause.",
         .cause = "metric-query-empty",
         .space = need.hpa->space,
         .hpa = need.hpa->name,
         .metric = need.metric->metric});
  }

  void frozen(const Need& need) {
    const Duration step = std::max(series_.interval(need.series), shortest_step);
    const std::string seen =
        fmt::format("({})[{}:{}]", need.query, prometheus_duration(frozen_window), prometheus_duration(step));
    out.all.push_back(
        {.name = "HpaMetricFrozen",
         .expression = fmt::format("changes({0}) == 0\nand\ncount_over_time({0}) >= {1}\nand\n({2}) != 0",
                                   seen, frozen_window / step * 9 / 10, need.query),
         .holds = 2 * step,
         .holds_because = fmt::format("{}; the expression looks back {}", counted(2, "step", step),
                                      prometheus_duration(frozen_window)),
         .severity = "info",
         .summary = fmt::format("{} has had exactly the same value, which is not 0, for {}.",
                                need.metric->title(), prometheus_duration(frozen_window)),
         .what_to_do =
             "If the load did change, what exposes the metric does not update it. If it did not, nothing "
             "is wrong.",
         .space = need.hpa->space,
         .hpa = need.hpa->name,
         .metric = need.metric->metric});
  }

  void target_down(const std::set<std::string>& jobs) {
    std::vector<std::string> patterns;
    Duration interval{0};
    for (const std::string& job : jobs) {
      patterns.push_back(Pattern::quoted(job));
      auto known = series_.intervals.find(job);
      interval = std::max(interval, known == series_.intervals.end() ? default_interval : known->second);
    }
    const std::string those = diagnose::in_quotes(text::join(patterns, "|"));
    out.all.push_back(
        {.name = "HpaTargetDown",
         .expression = fmt::format("up{{job=~{}}} == 0", those),
         .holds = std::max(shortest_hold, 3 * interval),
         .holds_because = counted(3, "scrape", interval) + ", at least 1m",
         .severity = "warning",
         .summary = "Prometheus cannot scrape {{ $labels.instance }}, which exposes a metric of an HPA.",
         .what_to_do = "It shows the target's error.",
         .cause = "target-down",
         .space = scope_.space,
         .hpa = scope_.name});
  }

  const AlertScope& scope_;
  const AlertSeries& series_;
  Queries states_;
  const hpasim::Flags flags_;
  const StateSource* source_ = nullptr;
  Duration interval_ = default_interval;  // of the states
};

}  // namespace

std::set<std::string> series_for_alerts(const diagnose::Parts& parts, const AlertScope& scope) {
  std::set<std::string> names = {std::string(kube_state_metrics.condition),
                                 std::string(own_exporter.condition),
                                 current_metric,
                                 target_metric,
                                 std::string(link_state_metric),
                                 aggregator_metric,
                                 keda_errors,
                                 keda_errors_old};
  for (const Need& need : needs_of(parts, scope)) names.insert(need.series);
  return names;
}

std::set<std::string> queries_for_alerts(const diagnose::Parts& parts, const AlertScope& scope) {
  std::set<std::string> queries;
  const std::vector<Need> needs = needs_of(parts, scope);
  if (needs.size() > most_expressions) return {};
  for (const Need& need : needs) queries.insert(need.query);
  return queries;
}

Alerts alerts_for(const diagnose::Facts& facts, const diagnose::Parts& parts, const AlertScope& scope,
                  const AlertSeries& series) {
  Builder builder(facts, scope, series);
  builder.add_states();
  builder.add_causes();
  builder.add_adapters(parts);
  builder.add_metrics(needs_of(parts, scope));
  std::vector<std::string>& left_out = builder.out.left_out;
  std::sort(left_out.begin(), left_out.end());
  left_out.erase(std::unique(left_out.begin(), left_out.end()), left_out.end());
  return std::move(builder.out);
}

std::string prometheus_duration(Duration duration) {
  long long seconds = (duration.count() + 999) / 1000;
  std::string out;
  if (seconds >= 3600) out += fmt::format("{}h", seconds / 3600);
  if (seconds % 3600 >= 60) out += fmt::format("{}m", seconds % 3600 / 60);
  if (seconds % 60 > 0 || out.empty()) out += fmt::format("{}s", seconds % 60);
  return out;
}

}  // namespace hpawalk::oncall
