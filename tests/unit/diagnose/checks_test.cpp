#include "diagnose/checks.hpp"

#include <doctest/doctest.h>

#include "tests/fakes/fake_kube_api.hpp"
#include "tests/fakes/fakes.hpp"
#include "world/times.hpp"

using namespace hpawalk;
using namespace hpawalk::diagnose;
using namespace hpawalk::world;

static Result<Json> json(const char* text) {
  return Json::parse(text);
}
static Result<Json> missing() {
  return failure(ErrorClass::check_failed, "kube-not-found", "There is no such thing");
}
static Result<Json> forbidden() {
  return failure(ErrorClass::check_failed, "kube-forbidden", "Not allowed to get deployments");
}

TEST_CASE("A workload is ok only when the latest version is rolled out and available") {
  const char* ready = R"({"kind":"Deployment","metadata":{"name":"web","generation":2},"spec":{"replicas":2},
    "status":{"observedGeneration":2,"updatedReplicas":2,"availableReplicas":2}})";
  CHECK(judge(json(ready), workload_rolled_out).ok());
  Json stale = Json::parse(ready);
  stale["status"]["observedGeneration"] = 1;
  CHECK(judge(stale, workload_rolled_out).mark == Mark::broken);
  Json half = Json::parse(ready);
  half["status"]["availableReplicas"] = 1;
  CHECK(judge(half, workload_rolled_out).evidence == "web: 1 of 2 pods available");
  Json replaced = Json::parse(ready);
  replaced["status"]["replicas"] = 3;  // the third is of the old version, and may be the only one that works
  CHECK(judge(replaced, workload_rolled_out).evidence == "web: 1 pod not replaced by the latest version yet");
  CHECK(judge(missing(), workload_rolled_out).mark == Mark::broken);
  CHECK(judge(forbidden(), workload_rolled_out).mark == Mark::unknown);
  CHECK(judge(forbidden(), workload_rolled_out).error_id == "kube-forbidden");
}

TEST_CASE("Pods that are not ready say why") {
  Result<Json> pulling = json(R"({"items":[{"metadata":{"name":"p"},"status":{"phase":"Pending","conditions":
    [{"type":"Ready","status":"False"}],"containerStatuses":[{"state":{"waiting":{"reason":"ErrImagePull","message":"no such image"}}}]}}]})");
  CHECK(pod_trouble(*pulling) == "pod p: ErrImagePull: no such image");
  CHECK(pod_trouble(*json(R"({"items":[]})")) == "");
}

TEST_CASE("A target is ok when it is up and was scraped, with the age of the scrape") {
  WallTime now = *parse_time("2026-01-01T00:00:03Z");
  Target target{{},   {}, "serviceMonitor/prom/fake/0", "http://10.0.0.1/metrics",
                "up", "", "2026-01-01T00:00:00.5Z",     0.01};
  std::vector<Target> targets = {target};
  CHECK(judge_target(targets, "serviceMonitor/prom/fake/", now).evidence ==
        "1 target up, http://10.0.0.1/metrics scraped 2.5s ago");
  targets[0].health = "unknown";
  CHECK(judge_target(targets, "serviceMonitor/prom/fake/", now).mark == Mark::broken);
  targets[0].health = "down";
  targets[0].last_error = "connection refused";
  CHECK(judge_target(targets, "serviceMonitor/prom/fake/", now).evidence ==
        "http://10.0.0.1/metrics is down: connection refused");
  CHECK(judge_target(targets, "serviceMonitor/prom/other/", now).mark == Mark::broken);
}

TEST_CASE("An HPA is ok when it can scale and sees its metric") {
  CHECK(judge(json(R"({"metadata":{"name":"h"}})"), hpa_active).mark == Mark::broken);
  CHECK(
      judge(json(R"({"metadata":{"name":"h"},"status":{"currentReplicas":1,"desiredReplicas":1,"conditions":[
    {"type":"AbleToScale","status":"True","reason":"ReadyForNewScale"},
    {"type":"ScalingActive","status":"True","reason":"ValidMetricFound"}]}})"),
            hpa_active)
          .ok());
  Judgement blind = judge(json(R"({"metadata":{"name":"h"},"status":{"conditions":[
    {"type":"AbleToScale","status":"True"},
    {"type":"ScalingActive","status":"False","reason":"FailedGetObjectMetric","message":"unable to get metric"}]}})"),
                          hpa_active);
  CHECK(blind.mark == Mark::broken);
  CHECK(blind.evidence.find("FailedGetObjectMetric") != std::string::npos);
}

TEST_CASE("Checks read what they need in one or two requests") {
  fakes::FakeKubeApi api;
  api.get("/apis/custom.metrics.k8s.io/v1beta1/namespaces/web/services/%2A/queue",
          {{"items", {{{"describedObject", {{"kind", "Service"}, {"name", "s"}}}, {"value", "50"}}}}});
  CHECK(check_metric(api, "web", "services", "*", "queue").evidence == "queue of Service s = 50");
  api.refuse("/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.custom.metrics.k8s.io", 404, "not found");
  CHECK(check_api_service(api).mark == Mark::broken);
  CHECK(api.requests.size() == 2);
}
