// Manifests beside what a cluster has: tests/facts/healthy.json, the chain object-value in namespace shop.
#include <doctest/doctest.h>

#include "tests/fakes/facts_files.hpp"
#include "tests/unit/lint/chain.hpp"

namespace hpawalk::lint {

static Report beside_cluster(const std::string& manifests) {
  static const diagnose::Facts facts = *diagnose::facts_from(fakes::healthy_document().dump());
  return lint(read({{"file.yaml", manifests}}, "shop"), *hpasim::rules_for("1.37"), &facts);
}

static const std::string hpa = R"(apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: object-value, namespace: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: object-value}
  maxReplicas: 3
  metrics:
  - type: Object
    object:
      describedObject: {apiVersion: v1, kind: Service, name: object-value}
      metric: {name: lab_value}
      target: {type: Value, value: "50"}
)";

TEST_CASE("Beside a healthy cluster, an HPA that fits has no finding") {
  Report report = beside_cluster(hpa);
  CHECK_MESSAGE(report.findings.empty(), told(report));
}

TEST_CASE("What an HPA names and the cluster does not have is found") {
  struct Case {
    const char *part, *instead, *cause;
  };
  for (const Case& one :
       {Case{"kind: Deployment, name: object-value", "kind: Deployment, name: objekt-value",
             "target-missing"},
        {"kind: Service, name: object-value", "kind: Service, name: objekt-value", "object-missing"},
        {"name: lab_value", "name: lab_valeu", "rule-matches-no-series"}}) {
    Report report = beside_cluster(with(hpa, one.part, one.instead));
    const Finding* finding = find(report, one.cause);
    REQUIRE_MESSAGE(finding != nullptr, one.cause, told(report));
    CHECK(finding->place.file == "file.yaml");
    CHECK(finding->object == "HorizontalPodAutoscaler shop/object-value");
  }
}

TEST_CASE(
    "A manifest that breaks the chain of an HPA in the cluster is found, and what works there now does not "
    "hide it") {
  Report report = beside_cluster(
      "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\n"
      "metadata: {name: object-value, namespace: watch, labels: {release: shop-stack}}\n"
      "spec: {selector: {matchLabels: {svc: object-value}}, namespaceSelector: {matchNames: [shop]}, "
      "endpoints: [{port: "
      "stat}]}\n");
  const Finding* finding = find(report, "monitor-port-name");
  REQUIRE_MESSAGE(finding != nullptr, told(report));
  CHECK(finding->hpas == std::vector<std::string>{"shop/object-value"});
  report = beside_cluster(
      "apiVersion: v1\nkind: Service\nmetadata: {name: object-value, namespace: shop, labels: {svc: "
      "object-value}}\n"
      "spec: {selector: {app: sauce}, ports: [{name: stats, port: 9113}]}\n");
  CHECK_MESSAGE(find(report, "service-selects-no-pod") != nullptr, told(report));
}

TEST_CASE("What is wrong in the cluster alone is no finding about files that have nothing to do with it") {
  Json document = fakes::healthy_document();
  document["readings"]["hpas"]["value"]["items"][0]["spec"]["scaleTargetRef"]["name"] = "objekt-value";
  const diagnose::Facts facts = *diagnose::facts_from(document.dump());
  Report report =
      lint(read({{"file.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: other}\n"}}, "shop"),
           *hpasim::rules_for("1.37"), &facts);
  CHECK_MESSAGE(report.findings.empty(), told(report));
}

}  // namespace hpawalk::lint
