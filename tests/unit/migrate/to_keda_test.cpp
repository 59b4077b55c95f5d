// The ScaledObject for an HPA on the adapter, and what is said about it.
#include <doctest/doctest.h>

#include "hpasim/keda.hpp"
#include "migrate/to_keda.hpp"
#include "tests/unit/migrate/chain.hpp"

using namespace hpawalk;
using namespace hpawalk::migrate;

namespace {

Plan plan_of(const Json& hpa) {
  return plan_to_keda(hpa, facts_with(hpa));
}

const char* pods_metric =
    "[{type: Pods, pods: {metric: {name: lab_value}, target: {type: AverageValue, averageValue: 500m}}}]";

}  // namespace

TEST_CASE("An Object metric becomes a prometheus trigger with the adapter's own query") {
  Plan plan = plan_of(adapter_hpa());
  REQUIRE_MESSAGE(plan.cannot.empty(), plan.cannot[0]);
  const auto& spec = plan.manifest["spec"];
  CHECK(plan.manifest["metadata"]["name"] == "object-value");
  CHECK(plan.manifest["metadata"]["annotations"]["scaledobject.keda.sh/transfer-hpa-ownership"] == "true");
  CHECK(spec["advanced"]["horizontalPodAutoscalerConfig"]["name"] == "object-value");
  CHECK(spec["minReplicaCount"] == 1);
  CHECK(spec["maxReplicaCount"] == 3);
  REQUIRE(spec["triggers"].size() == 1);
  const auto& trigger = spec["triggers"][0];
  CHECK(trigger["metricType"] == "Value");
  CHECK(trigger["metadata"]["serverAddress"] == "http://prom-web.watch.svc:9191");
  CHECK(trigger["metadata"]["query"] ==
        R"(sum(lab_value{namespace="shop",service="object-value"}) by (service))");
  CHECK(trigger["metadata"]["threshold"] == "50");
  CHECK(trigger["metadata"]["ignoreNullValues"] == "false");
  CHECK(plan.metrics[0].from == "Service object-value's lab_value");
  CHECK(plan.metrics[0].to == "trigger 0 (prometheus)");
}

TEST_CASE("What is planned for KEDA is a ScaledObject that KEDA and the simulator take") {
  for (const char* metrics :
       {pods_metric,
        "[{type: Object, object: {describedObject: {apiVersion: v1, kind: Service, name: object-value}, "
        "metric: "
        "{name: lab_value}, target: {type: AverageValue, averageValue: 2k}}}, {type: Resource, resource: "
        "{name: "
        "cpu, target: {type: Utilization, averageUtilization: 60}}}, {type: ContainerResource, "
        "containerResource: "
        "{name: memory, container: main, target: {type: AverageValue, averageValue: 100Mi}}}]"}) {
    Plan plan = plan_of(hpa_with(metrics));
    REQUIRE_MESSAGE(plan.cannot.empty(), plan.cannot[0]);
    auto read = hpasim::read_scaled_object(plan.manifest);
    REQUIRE_MESSAGE(read, (read ? "" : read.error().because));
    CHECK(hpasim::parse_spec(read->hpa));
  }
}

TEST_CASE("A Pods metric becomes the sum over the pods whose names have the workload's form") {
  Plan plan = plan_of(hpa_with(pods_metric));
  REQUIRE_MESSAGE(plan.cannot.empty(), plan.cannot[0]);
  const auto& trigger = plan.manifest["spec"]["triggers"][0];
  CHECK(trigger["metricType"] == "AverageValue");
  CHECK(trigger["metadata"]["query"] ==
        R"(sum(sum(lab_value{namespace="shop",pod=~"object-value-[a-z0-9]+-[a-z0-9]{5}"}) by (pod)))");
  CHECK(trigger["metadata"]["threshold"] == "0.5");
  CHECK(has_difference(plan, "pods-average"));
  CHECK(has_difference(plan, "pod-names"));
}

TEST_CASE("Resource metrics become cpu and memory triggers; another resource has none") {
  Plan plan = plan_of(hpa_with(
      "[{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}}, {type: "
      "ContainerResource, containerResource: {name: memory, container: main, target: {type: AverageValue, "
      "averageValue: 100Mi}}}]"));
  REQUIRE(plan.cannot.empty());
  const auto& triggers = plan.manifest["spec"]["triggers"];
  CHECK(triggers[0]["type"] == "cpu");
  CHECK(triggers[0]["metricType"] == "Utilization");
  CHECK(triggers[0]["metadata"]["value"] == "60");
  CHECK(triggers[1]["metadata"]["value"] == "100Mi");
  CHECK(triggers[1]["metadata"]["containerName"] == "main");
  CHECK(plan.differences.empty());
  Plan other =
      plan_of(hpa_with("[{type: Resource, resource: {name: ephemeral-storage, target: {type: AverageValue, "
                       "averageValue: 1Gi}}}]"));
  REQUIRE(other.cannot.size() == 1);
  CHECK(other.cannot[0] == "ephemeral-storage (Resource): KEDA has no trigger for this resource");
  CHECK(other.manifest.is_null());
}

TEST_CASE("Limits and behavior are carried over as they are") {
  Json hpa = adapter_hpa();
  hpa["spec"]["minReplicas"] = 2;
  hpa["spec"]["behavior"] = {{"scaleDown", {{"stabilizationWindowSeconds", 60}, {"selectPolicy", "Min"}}}};
  Plan plan = plan_of(hpa);
  CHECK(plan.manifest["spec"]["minReplicaCount"] == 2);
  CHECK(plan.manifest["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
                     ["stabilizationWindowSeconds"] == 60);
  CHECK_FALSE(has_difference(plan, "scale-to-zero"));
  hpa["spec"]["minReplicas"] = 0;
  CHECK(has_difference(plan_of(hpa), "scale-to-zero"));
}

TEST_CASE("A metric that no rule serves, or that something else serves, is named with the reason") {
  Plan none =
      plan_of(hpa_with("[{type: Object, object: {describedObject: {apiVersion: v1, kind: Service, name: "
                       "object-value}, metric: {name: "
                       "lab_nothing}, target: {type: Value, value: 1}}}]"));
  REQUIRE(none.cannot.size() == 1);
  CHECK(none.cannot[0] == "Service object-value's lab_nothing: no rule of the adapter serves it");
  Json hpa = adapter_hpa();
  diagnose::Facts facts = facts_with(hpa);
  for (Json& pod : facts.readings["adapter-pods"].value["items"]) {
    pod["spec"]["containers"][0]["args"] = Json::array();
    pod["spec"]["containers"][0]["image"] = "example.org/other:1";
    pod["metadata"]["labels"] = {{"which", "shop-adapter"}};
  }
  facts.readings["pods/metrics-api"].value["items"] = facts.readings["adapter-pods"].value["items"];
  Plan other = plan_to_keda(hpa, facts);
  REQUIRE(other.cannot.size() == 1);
  CHECK(other.cannot[0].find("is no prometheus-adapter") != std::string::npos);
}

TEST_CASE(
    "Rounding, negative values, NaN, infinity and the listing are never equal, and each says its effect") {
  Plan plan = plan_of(adapter_hpa());
  for (const char* id : {"rounding", "negative", "nan", "infinity", "relist"})
    CHECK_MESSAGE(has_difference(plan, id), id);
  for (const Difference& d : plan.differences) {
    CHECK_FALSE(d.why.empty());
    CHECK_FALSE(d.effect.empty());
  }
  CHECK_FALSE(has_difference(plan, "pods-average"));
}

TEST_CASE("Credentials of the adapter are said, because the trigger has none") {
  Json hpa = adapter_hpa();
  diagnose::Facts facts = facts_with(hpa);
  for (const char* list : {"adapter-pods", "pods/metrics-api"}) {
    for (Json& pod : facts.readings[list].value["items"])
      pod["spec"]["containers"][0]["args"].push_back("--prometheus-token-file=/token");
  }
  CHECK(has_difference(plan_to_keda(hpa, facts), "credentials"));
}

TEST_CASE("The HPA's own labels go on, those of Helm and Argo CD do not, and both tools are named") {
  Json hpa = adapter_hpa();
  hpa["metadata"]["labels"] = {
      {"team", "shop"}, {"app.kubernetes.io/managed-by", "Helm"}, {"app.kubernetes.io/instance", "web"}};
  hpa["metadata"]["annotations"] = {{"meta.helm.sh/release-name", "web"},
                                    {"argocd.argoproj.io/tracking-id", "web:autoscaling"},
                                    {"note", "ours"}};
  Plan plan = plan_of(hpa);
  CHECK(plan.manifest["metadata"]["labels"].dump() == R"({"team":"shop"})");
  CHECK(plan.manifest["metadata"]["annotations"].size() == 2);
  CHECK(plan.manifest["metadata"]["annotations"]["note"] == "ours");
  CHECK(plan.notes[0].starts_with("Argo CD keeps HPA object-value"));
  CHECK(plan.notes[1].find("Helm release web") != std::string::npos);
}
