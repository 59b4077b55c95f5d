// The rules and the HPA for a ScaledObject, and what is said about it.
#include <doctest/doctest.h>

#include "migrate/to_adapter.hpp"
#include "migrate/to_keda.hpp"
#include "tests/unit/migrate/chain.hpp"

using namespace hpawalk;
using namespace hpawalk::migrate;

namespace {

const std::string adapter_query = R"(sum(lab_value{namespace="shop",service="object-value"}) by (service))";
const std::string free_query = R"(max(rate(lab_requests_total{code!~"5.."}[1m])))";

}  // namespace

TEST_CASE(
    "A query that a rule of the adapter sends anyway becomes that rule's metric, and no rule is added") {
  Plan plan = to_adapter(scaled_object(prometheus_trigger(adapter_query)));
  REQUIRE_MESSAGE(plan.cannot.empty(), plan.cannot[0]);
  CHECK(plan.rules.empty());
  const auto& metric = plan.manifest["spec"]["metrics"][0];
  CHECK(metric["type"] == "Object");
  CHECK(metric["object"]["describedObject"]["kind"] == "Service");
  CHECK(metric["object"]["describedObject"]["name"] == "object-value");
  CHECK(metric["object"]["metric"]["name"] == "lab_value");
  CHECK(metric["object"]["target"]["value"] == "50");
  CHECK(plan.metrics[0].path ==
        "/apis/custom.metrics.k8s.io/v1beta1/namespaces/shop/services/object-value/lab_value");
}

TEST_CASE("There and back is the HPA that it was") {
  for (const char* metrics :
       {"[{type: Object, object: {describedObject: {apiVersion: v1, kind: Service, name: object-value}, "
        "metric: "
        "{name: lab_value}, target: {type: Value, value: '50'}}}]",
        "[{type: Pods, pods: {metric: {name: lab_value}, target: {type: AverageValue, averageValue: 500m}}}]",
        "[{type: Object, object: {describedObject: {apiVersion: v1, kind: Service, name: object-value}, "
        "metric: "
        "{name: lab_requests_per_second}, target: {type: AverageValue, averageValue: '10'}}}]"}) {
    Json hpa = hpa_with(metrics);
    hpa["spec"]["behavior"] = {{"scaleDown", {{"stabilizationWindowSeconds", 60}}}};
    Plan there = plan_to_keda(hpa, facts_with(hpa));
    REQUIRE_MESSAGE(there.cannot.empty(), there.cannot[0]);
    Json object = Json::parse(there.manifest.dump());
    object["status"]["hpaName"] = "object-value";
    Plan back = to_adapter(object);
    REQUIRE_MESSAGE(back.cannot.empty(), back.cannot[0]);
    CHECK(back.rules.empty());
    CHECK(back.hpa == "object-value");
    CHECK(Json::parse(back.manifest["spec"].dump()) == hpa["spec"]);
  }
}

TEST_CASE("Any other query becomes a rule that answers for the namespace") {
  Plan plan = to_adapter(scaled_object(prometheus_trigger(free_query)));
  REQUIRE_MESSAGE(plan.cannot.empty(), plan.cannot[0]);
  REQUIRE(plan.rules.size() == 1);
  CHECK(plan.rules[0]["seriesQuery"] == R"({__name__="lab_requests_total",namespace!=""})");
  CHECK(plan.rules[0]["name"]["as"] == "shop-web-s0");
  CHECK(plan.rules[0]["resources"]["overrides"]["namespace"]["resource"] == "namespace");
  CHECK(plan.rules[0]["metricsQuery"] == "label_replace(" + free_query + R"(, "namespace", "shop", "", ""))");
  const auto& object = plan.manifest["spec"]["metrics"][0]["object"];
  CHECK(object["describedObject"]["kind"] == "Namespace");
  CHECK(object["describedObject"]["name"] == "shop");
  CHECK(plan.metrics[0].path == "/apis/custom.metrics.k8s.io/v1beta1/namespaces/shop/metrics/shop-web-s0");
  CHECK(plan.rules_place == "ConfigMap adapter-rules in namespace metrics-api, key rules.yaml");
}

TEST_CASE("A rule that was added is found again") {
  const Json object = scaled_object(prometheus_trigger(free_query));
  const Plan first = to_adapter(object);
  diagnose::Facts facts = facts_with(adapter_probe(object, "web (adapter)"));
  Json& text = facts.readings["configmaps/metrics-api/adapter-rules"].value["data"]["rules.yaml"];
  Json config = Json::parse(text.get<std::string>());
  config["rules"].push_back(Json::parse(first.rules[0].dump()));
  text = config.dump();
  Plan plan = plan_to_adapter(object, facts, "web (adapter)", {{"lab_requests_total", "namespace"}});
  CHECK(plan.rules.empty());
  CHECK(plan.metrics[0].rule != "new");
  CHECK(plan.manifest == first.manifest);
}

TEST_CASE("Triggers that do not read Prometheus are named one by one, and nothing is written then") {
  Plan plan =
      to_adapter(scaled_object("scaleTargetRef: {name: web}\ntriggers:\n- type: kafka\n  name: orders\n  "
                               "metadata: {lagThreshold: '5'}\n- "
                               "type: cron\n  metadata: {timezone: UTC}\n- type: cpu\n  metricType: "
                               "Utilization\n  metadata: {value: '60'}\n"));
  REQUIRE(plan.cannot.size() == 2);
  CHECK(plan.cannot[0].starts_with("trigger 0 (kafka orders): "));
  CHECK(plan.cannot[1].starts_with("trigger 1 (cron): "));
  CHECK(plan.manifest.is_null());
  CHECK(plan.rules.empty());
}

TEST_CASE("A query without a series, and a series that Prometheus does not have, cannot be listed") {
  CHECK(to_adapter(scaled_object(prometheus_trigger("vector(3)"))).cannot.at(0).find("names no series") !=
        std::string::npos);
  const Json object = scaled_object(prometheus_trigger("sum(lab_gone)"));
  Plan plan = plan_to_adapter(object, facts_with(adapter_probe(object, "p")), "p", {});
  CHECK(plan.cannot.at(0).find("Prometheus has no series lab_gone") != std::string::npos);
}

TEST_CASE("scalingModifiers are refused with the way out") {
  Plan plan = to_adapter(scaled_object(
      prometheus_trigger(free_query, "advanced: {scalingModifiers: {formula: a + 1, target: '3'}}")));
  REQUIRE_FALSE(plan.cannot.empty());
  CHECK(plan.cannot[0].starts_with("scalingModifiers: "));
}

TEST_CASE("What KEDA alone does is said: activation, fallback, cache, empty results, restored replicas") {
  Json object = scaled_object(prometheus_trigger(free_query,
                                                 "idleReplicaCount: 0\nfallback: {failureThreshold: 3, "
                                                 "replicas: 2}\nadvanced: {restoreToOriginalReplicaCount: "
                                                 "true}"));
  object["spec"]["triggers"][0]["metadata"]["activationThreshold"] = "5";
  object["spec"]["triggers"][0]["metadata"].erase("ignoreNullValues");
  object["spec"]["triggers"][0]["metadata"]["serverAddress"] = "http://other:9090/";
  object["spec"]["triggers"][0]["metadata"]["namespace"] = "shop";
  object["spec"]["triggers"][0]["useCachedMetrics"] = true;
  Plan plan = to_adapter(object);
  for (const char* id : {"scale-to-zero", "activation", "fallback", "cached", "empty-result", "restore",
                         "prometheus", "request", "rounding", "negative", "infinity", "relist"})
    CHECK_MESSAGE(has_difference(plan, id), id);
  CHECK(plan.metrics[0].empty_is_zero);
  CHECK_FALSE(has_difference(plan, "nan"));
  CHECK_FALSE(has_difference(to_adapter(scaled_object(prometheus_trigger(free_query))), "scale-to-zero"));
}

TEST_CASE("Of several triggers, what is the same of all is said once") {
  Json object = scaled_object(prometheus_trigger(free_query));
  object["spec"]["triggers"].push_back(object["spec"]["triggers"][0]);
  Plan plan = to_adapter(object);
  CHECK(plan.rules.size() == 2);
  CHECK(plan.rules[1]["name"]["as"] == "shop-web-s1");
  int infinite = 0;
  for (const Difference& d : plan.differences) infinite += d.id == "infinity" ? 1 : 0;
  CHECK(infinite == 1);
}

TEST_CASE("The HPA keeps the name that KEDA gave it") {
  Json object = scaled_object(prometheus_trigger(adapter_query));
  CHECK(hpa_name(object) == "keda-hpa-web");
  object["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["name"] = "mine";
  CHECK(hpa_name(object) == "mine");
  object["status"]["hpaName"] = "kept";
  CHECK(hpa_name(object) == "kept");
}

TEST_CASE("A paused direction becomes a disabled one") {
  Json object = scaled_object(prometheus_trigger(adapter_query));
  object["metadata"]["annotations"]["autoscaling.keda.sh/paused-scale-in"] = "true";
  Plan plan = to_adapter(object);
  CHECK(plan.manifest["spec"]["behavior"]["scaleDown"]["selectPolicy"] == "Disabled");
  CHECK_FALSE(plan.manifest["metadata"].contains("annotations"));
}
