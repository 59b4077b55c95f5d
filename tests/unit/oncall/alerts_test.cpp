// Alert rules out of a chain and of the series that its Prometheus has. tests/oncall has promtool raise them.
#include "oncall/alerts.hpp"

#include <doctest/doctest.h>

#include "base/text.hpp"
#include "base/yaml.hpp"
#include "diagnose/causes.hpp"
#include "oncall/alert_rules.hpp"
#include "oncall/exposition.hpp"
#include "tests/fakes/facts_files.hpp"
#include "tests/fakes/golden.hpp"
#include "tests/fakes/judged.hpp"

using namespace hpawalk;
using namespace hpawalk::oncall;
using namespace std::chrono_literals;

namespace {

const char* ksm_series[] = {"kube_horizontalpodautoscaler_status_condition",
                            "kube_horizontalpodautoscaler_status_target_metric",
                            "kube_horizontalpodautoscaler_spec_target_metric"};

AlertSeries with_metric() {
  AlertSeries series;
  series.jobs["lab_value"] = {"web"};
  series.intervals = {
      {"web", 15s}, {"kube-state-metrics", 30s}, {"apiserver", 30s}, {"hpawalk-exporter", 60s}};
  return series;
}
AlertSeries with_kube_state_metrics() {
  AlertSeries series = with_metric();
  for (const char* name : ksm_series) series.jobs[name] = {"kube-state-metrics"};
  series.jobs["aggregator_unavailable_apiservice"] = {"apiserver"};
  return series;
}
AlertSeries with_exporter() {
  AlertSeries series = with_metric();
  for (std::string_view name : {hpa_condition_metric, link_state_metric})
    series.jobs[std::string(name)] = {"hpawalk-exporter"};
  return series;
}

struct Made {
  Alerts alerts;
  std::string rules;
  const Alert* find(std::string_view name) const {
    for (const Alert& alert : alerts.all) {
      if (alert.name == name) return &alert;
    }
    return nullptr;
  }
  bool left_out(std::string_view part) const {
    return text::join(alerts.left_out, "\n").find(part) != std::string::npos;
  }
};

Made made_of(const Json& document, const AlertSeries& series, const AlertScope& scope = {}) {
  Result<diagnose::Facts> facts = diagnose::facts_from(document.dump());
  REQUIRE(facts);
  const diagnose::StillFacts still(*facts);
  Made made;
  made.alerts = alerts_for(*facts, diagnose::parts_of(*facts), scope, series);
  made.rules = rule_file(made.alerts, {"all HPAs, for Prometheus watch/k9", "docs/causes.md"});
  return made;
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

TEST_CASE("The alerts on kube-state-metrics, and those on the exporter, are what was agreed on") {
  const Json& document = fakes::healthy_document();
  CHECK(fakes::golden_difference("alerts-kube-state-metrics.yaml",
                                 made_of(document, with_kube_state_metrics()).rules) == "");
  CHECK(fakes::golden_difference("alerts-exporter.yaml", made_of(document, with_exporter()).rules) == "");
}

TEST_CASE("Each alert has a time that its comment explains, a severity, a command and a cause that exists") {
  for (const AlertSeries& series : {with_kube_state_metrics(), with_exporter()}) {
    Made made = made_of(fakes::healthy_document(), series);
    REQUIRE(made.alerts.all.size() >= 8);
    Result<yaml::Value> file = yaml::parse(made.rules);
    REQUIRE(file);
    const yaml::Value& rules = (*file)["groups"][0]["rules"];
    REQUIRE(rules.size() == made.alerts.all.size());
    for (size_t i = 0; i < rules.size(); ++i) {
      const Alert& alert = made.alerts.all[i];
      CAPTURE(alert.name);
      CHECK(rules[i]["expr"] == alert.expression);
      CHECK(has(made.rules, "# for: " + alert.holds_because + "\n"));
      CHECK(has("critical warning info", alert.severity));
      CHECK(has(rules[i]["annotations"]["description"].get<std::string>(), "Run: hpawalk diagnose "));
      CHECK((alert.cause.empty() || alert.cause == "{{ $labels.cause }}" ||
             diagnose::find_cause(alert.cause) != nullptr));
    }
  }
}

TEST_CASE("Alerts on states need kube-state-metrics or the exporter, and what is left out is said") {
  Made made = made_of(fakes::healthy_document(), with_metric());
  CHECK(made.find("HpaNotActive") == nullptr);
  CHECK(made.find("HpaMetricsApiUnavailable") == nullptr);
  CHECK(made.find("HpaMetricAbsent") != nullptr);
  CHECK(made.left_out("HpaNotActive, HpaCannotScale, HpaAtMaxUnderLoad, HpaScaleNotApplied, HpaFlapping: "));
  CHECK(has(made.rules, "# Left out: HpaMetricsApiUnavailable: "));
  CHECK(made.left_out("HpaChainBroken: this Prometheus does not scrape hpawalk exporter"));
}

TEST_CASE("What the exporter finds broken is an alert whose runbook is that of the cause") {
  Made made = made_of(fakes::healthy_document(), with_exporter());
  REQUIRE(made.find("HpaChainBroken") != nullptr);
  CHECK(made.find("HpaChainBroken")->holds == 3min);  // three diagnoses, whatever the scrapes
  CHECK(has(made.rules, "docs/causes.md#{{ $labels.cause }}"));
}

TEST_CASE("An old kube-state-metrics without the metrics' values gives no alert on the maximum") {
  AlertSeries series = with_kube_state_metrics();
  series.jobs.erase("kube_horizontalpodautoscaler_status_target_metric");
  Made made = made_of(fakes::healthy_document(), series);
  CHECK(made.find("HpaAtMaxUnderLoad") == nullptr);
  CHECK(made.left_out("HpaAtMaxUnderLoad: no series kube_horizontalpodautoscaler_status_target_metric"));
  CHECK(made.find("HpaNotActive") != nullptr);
}

TEST_CASE("A metric that Prometheus does not have now gets no alert, and diagnose is named") {
  AlertSeries series = with_kube_state_metrics();
  series.jobs.erase("lab_value");
  Made made = made_of(fakes::healthy_document(), series);
  CHECK(made.find("HpaMetricAbsent") == nullptr);
  CHECK(made.find("HpaTargetDown") == nullptr);
  CHECK(made.left_out("which HPA shop/object-value needs (hpawalk diagnose object-value -n shop)"));
}

TEST_CASE("A query that Prometheus rejects is in no rule, because it would cost all rules") {
  Result<diagnose::Facts> facts = diagnose::facts_from(fakes::healthy_document().dump());
  REQUIRE(facts);
  const diagnose::StillFacts still(*facts);
  const std::set<std::string> queries =
      queries_for_alerts(diagnose::parts_of(*facts), {"shop", "object-value"});
  REQUIRE(queries.size() == 1);
  const world::PrometheusApi prometheus([](const std::string&, world::Duration) {
    return Result<world::HttpResponse>(world::HttpResponse{
        400, R"({"status": "error", "errorType": "bad_data", "error": "parse error: unexpected <by>"})"});
  });
  AlertSeries series = with_kube_state_metrics();
  REQUIRE(find_rejected(prometheus, queries, series));
  Made made = made_of(fakes::healthy_document(), series, {"shop", "object-value"});
  CHECK(made.find("HpaNotActive") != nullptr);
  CHECK(made.find("HpaMetricAbsent") == nullptr);
  CHECK(made.find("HpaMetricFrozen") == nullptr);
  CHECK(made.left_out("HPA shop/object-value needs: bad_data: parse error: unexpected <by>"));
  const world::PrometheusApi away([](const std::string&, world::Duration) {
    return Result<world::HttpResponse>(world::HttpResponse{503, ""});
  });
  CHECK_FALSE(find_rejected(away, queries, series));
}

TEST_CASE("Alerts of one HPA select it, and those of another are not made") {
  Made one = made_of(fakes::healthy_document(), with_kube_state_metrics(), {"shop", "object-value"});
  CHECK(has(one.find("HpaNotActive")->expression,
            R"(status="false",namespace="shop",horizontalpodautoscaler="object-value"} == 1)"));
  CHECK(has(
      one.find("HpaStatesMissing")->expression,
      R"(absent(kube_horizontalpodautoscaler_status_condition{namespace="shop",horizontalpodautoscaler="object-value"}))"));
  Made other = made_of(fakes::healthy_document(), with_kube_state_metrics(), {"shop", "other"});
  CHECK(other.find("HpaMetricAbsent") == nullptr);
  CHECK(other.find("HpaMetricsApiUnavailable") == nullptr);
}

TEST_CASE("A scrape that renamed the label namespace is followed") {
  AlertSeries series = with_kube_state_metrics();
  series.renamed = {"kube_horizontalpodautoscaler_status_condition"};
  Made made = made_of(fakes::healthy_document(), series, {"shop", ""});
  CHECK(has(made.find("HpaNotActive")->expression, "max by (exported_namespace, horizontalpodautoscaler) ("));
  CHECK(has(made.find("HpaNotActive")->expression, R"(exported_namespace="shop")"));
  CHECK(has(made.rules,
            "hpawalk diagnose {{ $labels.horizontalpodautoscaler }} -n {{ $labels.exported_namespace }}."));
}

TEST_CASE("The query of a Pods metric names the workload's pods of any time") {
  Json document = fakes::healthy_document();
  Json& hpa = fakes::hpa_of(document);
  hpa["spec"]["metrics"] = {{{"type", "Pods"},
                             {"pods",
                              {{"metric", {{"name", "lab_value"}}},
                               {"target", {{"type", "AverageValue"}, {"averageValue", "50"}}}}}}};
  Made made = made_of(document, with_kube_state_metrics());
  REQUIRE(made.find("HpaMetricAbsent") != nullptr);
  CHECK(made.find("HpaMetricAbsent")->expression ==
        R"(absent(sum(lab_value{namespace="shop",pod=~"object-value|object-value-.+"}) by (pod)))");
}

TEST_CASE("KEDA's errors are an alert where its operator is scraped") {
  Json document = fakes::document_of("keda-scaledobject");
  AlertSeries series = with_kube_state_metrics();
  Made without = made_of(document, series);
  CHECK(without.left_out("HpaKedaScalerFails: KEDA's operator is not scraped"));
  series.jobs["keda_scaler_detail_errors_total"] = {"keda-operator"};
  series.renamed = {"keda_scaler_detail_errors_total"};
  Made with = made_of(document, series, {"shop", ""});
  REQUIRE(with.find("HpaKedaScalerFails") != nullptr);
  CHECK(with.find("HpaKedaScalerFails")->expression ==
        "sum by (exported_namespace, scaledObject) "
        "(increase(keda_scaler_detail_errors_total{exported_namespace=\"shop\"}[5m])) > 0");
}

TEST_CASE("A PrometheusRule has the labels and the namespace by which its Prometheus selects it") {
  Result<diagnose::Facts> facts = diagnose::facts_from(fakes::healthy_document().dump());
  REQUIRE(facts);
  Json prometheus = *facts->items("prometheuses").front();
  prometheus["spec"]["ruleSelector"] = {
      {"matchLabels", {{"release", "kps"}}},
      {"matchExpressions", {{{"key", "role"}, {"operator", "In"}, {"values", {"alerts", "x"}}}}}};
  prometheus["spec"].erase("ruleNamespaceSelector");
  RulePlace place = place_for_rule(*facts, prometheus, {"shop", "web"});
  CHECK(place.unselected == "");
  CHECK(place.space == "watch");
  CHECK(place.name == "hpawalk-alerts-shop-web");
  CHECK(place.labels == Json{{"release", "kps"}, {"role", "alerts"}});
  Alerts alerts = alerts_for(*facts, diagnose::parts_of(*facts), {}, with_kube_state_metrics());
  Result<yaml::Value> rule = yaml::parse(prometheus_rule(alerts, place, {"x", "docs/causes.md"}));
  REQUIRE(rule);
  CHECK((*rule)["kind"] == "PrometheusRule");
  CHECK((*rule)["metadata"]["labels"]["release"] == "kps");
  CHECK((*rule)["spec"]["groups"][0]["rules"].size() == alerts.all.size());

  prometheus["spec"]["ruleNamespaceSelector"] = {{"matchLabels", {{"kubernetes.io/metadata.name", "shop"}}}};
  CHECK(place_for_rule(*facts, prometheus, {}).space == "shop");
  prometheus["spec"]["ruleNamespaceSelector"] = {{"matchLabels", {{"nobody", "has"}}}};
  CHECK(place_for_rule(*facts, prometheus, {}).unselected != "");
  prometheus["spec"].erase("ruleSelector");
  CHECK(place_for_rule(*facts, prometheus, {}).unselected == "ruleSelector is not set, so it selects none");
}

TEST_CASE("A Prometheus is asked which series it has, from which jobs, and how often they are scraped") {
  std::vector<std::string> asked;
  bool managed = false;  // it lists no targets
  const world::PrometheusApi prometheus(
      [&](const std::string& path, world::Duration) -> Result<world::HttpResponse> {
        asked.push_back(path);
        auto answer = [](const Json& data) {
          return world::HttpResponse{200, Json{{"status", "success"}, {"data", data}}.dump()};
        };
        if (path.starts_with("/api/v1/query?"))
          return answer({{"resultType", "vector"},
                         {"result",
                          {{{"metric", {{"__name__", "a"}, {"job", "x"}}}, {"value", {1, "2"}}},
                           {{"metric", {{"__name__", "a"}, {"job", "y"}, {"exported_namespace", "shop"}}},
                            {"value", {1, "2"}}},
                           {{"metric", {{"__name__", "recorded"}}}, {"value", {1, "1"}}}}}});
        if (managed) return world::HttpResponse{404, ""};
        return answer({{"activeTargets",
                        {{{"labels", {{"job", "x"}}}, {"scrapeInterval", "15s"}},
                         {{"labels", {{"job", "x"}}}, {"scrapeInterval", "20s"}},
                         {{"labels", {{"job", "y"}}}, {"scrapeInterval", "5s"}}}}});
      });
  Result<AlertSeries> series = read_alert_series(prometheus, {"a", "recorded", "b.c"});
  REQUIRE(series);
  CHECK(asked.size() == 2);
  CHECK(has(asked[0], "b%5C%5C.c"));  // its name, and no pattern
  CHECK(series->has("a"));
  CHECK_FALSE(series->has("b.c"));
  CHECK(series->interval("a") == 20s);
  CHECK(series->interval("recorded") == 1min);
  CHECK(series->space_label("a") == "exported_namespace");
  CHECK(series->space_label("recorded") == "namespace");
  managed = true;
  series = read_alert_series(prometheus, {"a"});
  REQUIRE(series);
  CHECK(series->interval("a") == 1min);
}

TEST_CASE("Durations are written as Prometheus writes them") {
  CHECK(prometheus_duration(105s) == "1m45s");
  CHECK(prometheus_duration(1h) == "1h");
  CHECK(prometheus_duration(500ms) == "1s");
  CHECK(prometheus_duration(0s) == "0s");
}
