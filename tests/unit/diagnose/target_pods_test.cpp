// What the pods of the scale target tell: their requests, their owners, whether they ended, and whether they
// can be had.
#include <doctest/doctest.h>

#include "diagnose/controller.hpp"
#include "diagnose/diagnosis.hpp"
#include "tests/fakes/judged.hpp"

using namespace hpawalk;
using namespace hpawalk::diagnose;
using namespace hpawalk::fakes;

namespace {

// Verdict, findings and fixes of the HPA that the document is about, as `-o json` has them.
std::string said(const Json& document) {
  return to_json(judged_hpa(document)).dump();
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

Json flags(const std::string& gates) {
  Json pod = {
      {"spec", {{"containers", {{{"command", {"kube-controller-manager", "--feature-gates=" + gates}}}}}}}};
  return {{"path", "/pods"}, {"value", {{"items", {pod}}}}};
}

}  // namespace

TEST_CASE("The requests of a pod itself count from Kubernetes 1.34 on, unless their gate is off") {
  Json document = document_of("healthy@pod-level-requests");
  Json& hpa = items(document, "hpas")[0];
  CHECK(contains(said(document), R"("verdict":"ok")"));
  for (Json& c : hpa["status"]["conditions"]) {
    if (c["type"] == "ScalingActive") c.update({{"status", "False"}, {"reason", "FailedGetResourceMetric"}});
  }
  hpa["status"].erase("currentMetrics");
  document["readings"]["version"] = {{"path", "/version"}, {"value", {{"gitVersion", "v1.34.4"}}}};
  CHECK_FALSE(contains(said(document), "resource-request-missing"));
  document["readings"]["controller"] = flags("A=true,PodLevelResources=false");
  CHECK(contains(said(document), R"("firstBroken":"resource-request-missing")"));
  document["readings"].erase("controller");
  document["readings"]["version"]["value"]["gitVersion"] = "v1.33.1";
  CHECK(contains(said(document), R"("firstBroken":"resource-request-missing")"));
  CHECK(contains(said(document), "the HPA uses the requests of a pod only from Kubernetes 1.34 on"));
  // Those of memory leave cpu to the containers, of which one is enough.
  document["readings"]["version"]["value"]["gitVersion"] = "v1.34.4";
  Json& spec = items(document, "pods/shop")[0]["spec"];
  spec["resources"]["requests"] = {{"memory", "64Mi"}};
  CHECK(contains(said(document), "but pod object-value-"));
  spec["initContainers"] = {{{"name", "setup"}, {"resources", {{"requests", {{"cpu", "1"}}}}}}};
  CHECK_FALSE(contains(said(document), "resource-request-missing"));
}

TEST_CASE("A utilization that the HPA has computed had all requests: then none is reported as missing") {
  Json document = document_of("healthy@pod-level-requests");
  items(document, "pods/shop")[0]["spec"].erase("resources");
  std::string working = said(document);
  CHECK(contains(working, R"("verdict":"note")"));
  CHECK(contains(working, "but the HPA reads a value: ScalingActive is True"));
  // But the value must be of this target, and the API must answer.
  Json other = document;
  Json& current = items(other, "hpas")[0]["status"]["currentMetrics"][0]["resource"]["current"];
  current.erase("averageUtilization");
  CHECK(contains(said(other), R"("firstBroken":"resource-request-missing")"));
}

TEST_CASE(
    "A missing request is named with its container, and of an init container only if it keeps running") {
  std::string sidecar = said(document_of("resource-request-missing@native-sidecar"));
  CHECK(contains(sidecar, "Set resources.requests.cpu of init container proxy"));
  CHECK_FALSE(contains(sidecar, "container setup"));
  CHECK_FALSE(contains(sidecar, "waiting-for-sync"));
  std::string container = said(document_of("resource-request-missing@container-resource"));
  CHECK(contains(container, "a ContainerResource metric uses the request of the container"));
}

TEST_CASE("A pod of another owner that has no request is not a fault of the scale target's template") {
  std::string job = said(document_of("finished-pods@request"));
  CHECK(contains(job, R"("firstBroken":"finished-pods")"));
  CHECK(contains(job, "1 finished pod of Job migrate"));
  CHECK(contains(job, "kubectl delete pod migrate-0 -n shop"));
  CHECK_FALSE(contains(job, "resource-request-missing"));
  std::string set = said(document_of("selector-catches-others@request"));
  CHECK(contains(set, R"("firstBroken":"selector-catches-others")"));
  CHECK(contains(set, "StatefulSet cache"));
  CHECK_FALSE(contains(set, "kubectl delete"));
}

TEST_CASE("Succeeded pods hold the replicas of a metric that is averaged over pods, and of no other") {
  Json document = document_of("finished-pods");
  CHECK(contains(said(document), "kubectl delete pod migrate-0 migrate-1 -n shop"));
  for (Json& pod : items(document, "pods/shop")) {
    if (pod["status"]["phase"] == "Succeeded") pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  }
  CHECK_FALSE(contains(said(document), "finished-pods"));
  Json whole = document_of("finished-pods");
  items(whole, "hpas")[0]["spec"]["metrics"] =
      items(document = document_of("healthy"), "hpas")[0]["spec"]["metrics"];
  CHECK_FALSE(contains(said(whole), "finished-pods"));
}

TEST_CASE("Where more pods cannot be had, nothing advises a higher maxReplicas") {
  std::string quota = said(document_of("pods-not-created"));
  CHECK(contains(quota, "Deployment object-value desires 3 pods, and only 1 exists: pods"));
  CHECK(contains(quota, "kubectl get resourcequota -n shop"));
  std::string full = said(document_of("pods-not-scheduled"));
  CHECK(contains(
      full,
      "2 of 3 pods of Deployment object-value have no node: 0/1 nodes are available: 1 Insufficient cpu"));
  std::string set = said(document_of("pods-not-created@stateful-set"));
  CHECK(contains(set, "Event FailedCreate at 2026-11-24T03:39:21Z"));
  CHECK(contains(set, R"("certainty":"likely")"));
  for (const std::string& text : {quota, set, full, said(document_of("raw-counter"))}) {
    CHECK(contains(text, R"("cause":"at-max")"));
    CHECK_FALSE(contains(text, "raise spec.maxReplicas"));
  }
}

TEST_CASE("A pod that never ran is not blamed on its readiness probe") {
  Json document = document_of("pods-not-scheduled");
  Json& pods = items(document, "pods/shop");
  for (size_t i = pods.size(); i-- > 0;) {
    bool ready = pods[i]["metadata"]["name"] == "object-value-6c67795cd6-wdh7q";
    if (ready) pods.erase(i);
  }
  CHECK_FALSE(contains(said(document), "no-ready-pod"));
  for (Json& pod : pods) pod["status"].erase("conditions");  // being started
  CHECK(contains(said(document), "Fix the problem that keeps its pods from starting"));
  CHECK_FALSE(contains(said(document), "readiness probe"));
}

TEST_CASE("An adapter without a node is advised to get one, with the scheduler's reason") {
  std::string text = said(document_of("adapter-not-ready@no-node"));
  CHECK(contains(text, "has no node: 0/1 nodes are available: 1 Insufficient cpu"));
  CHECK(contains(text, "Change what the scheduler names"));
}

TEST_CASE(
    "An idle canary of Flagger is no fault; without a primary workload it is, and unread Canaries say "
    "neither") {
  Json document = document_of("canary-idle");
  std::string idle = said(document);
  CHECK(contains(idle, R"("verdict":"note")"));
  Json scaled = document;
  Json& hpas = items(scaled, "hpas");
  hpas.push_back(hpas[0]);
  hpas[1]["metadata"]["name"] = "web";
  hpas[1]["spec"]["scaleTargetRef"]["name"] = "object-value-primary";
  scaled["asked"]["name"] = "object-value";
  CHECK(contains(said(scaled), "Deployment object-value-primary has the load, and HPA web scales it"));
  Json unread = document;
  unread["readings"]["canaries"] = {{"path", "/x"}, {"error", {{"id", "kube-forbidden"}, {"message", "no"}}}};
  CHECK(contains(said(unread), R"("verdict":"unknown")"));
  Json other = document;
  items(other, "canaries")[0]["spec"]["targetRef"]["name"] = "another";
  CHECK(contains(said(other), R"("firstBroken":"scaling-disabled")"));
  for (Json& deployment : items(document, "deployments/shop")) deployment["spec"]["replicas"] = 0;
  CHECK(contains(said(document), R"("firstBroken":"scaling-disabled")"));
}

TEST_CASE(
    "A counter that is only added up is called one; a rate, a difference or a ratio of counters is not") {
  auto with_query = [](const std::string& query) {
    Json document = document_of("raw-counter");
    Json& rules = document["readings"]["configmaps/metrics-api/adapter-rules"]["value"]["data"]["rules.yaml"];
    Json config = Json::parse(rules.get<std::string>());
    config["rules"][0]["metricsQuery"] = query;
    rules = config.dump();
    return contains(said(document), "raw-counter");
  };
  CHECK(with_query("sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)"));
  CHECK(with_query("max by (<<.GroupBy>>) (<<.Series>>{<<.LabelMatchers>>, a=\"b-c}[1m]\"})"));
  CHECK(with_query("<<.Series>>{<<.LabelMatchers>>}"));
  for (const char* fine : {"sum(rate(<<.Series>>{<<.LabelMatchers>>}[1m])) by (<<.GroupBy>>)",
                           "sum(increase(<<.Series>>{<<.LabelMatchers>>}[1m])) by (<<.GroupBy>>)",
                           "sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>) - "
                           "sum(gone_total{<<.LabelMatchers>>}) by (<<.GroupBy>>)",
                           "sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>) / 60",
                           "deriv(<<.Series>>{<<.LabelMatchers>>}[1m:])",
                           "count(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)",
                           "sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>) and on() up"}) {
    INFO(fine);
    CHECK_FALSE(with_query(fine));
  }
}
