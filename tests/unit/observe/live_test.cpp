#include "observe/live.hpp"

#include <doctest/doctest.h>

#include "tests/fakes/fake_kube_api.hpp"
#include "tests/fakes/fast_clock.hpp"

using namespace hpawalk;
using namespace hpawalk::world;
using namespace hpawalk::observe;
using namespace std::chrono_literals;

namespace {

const Source source{"default", "prom-fake", "app=prom-fake", "8080"};

LiveChain walkthrough() {
  LiveChain chain;
  chain.space = "default", chain.hpa = "nginx";
  chain.workload = {"Deployment", "nginx", "/apis/apps/v1/namespaces/default/deployments"};
  chain.metrics = {{hpasim::MetricKind::object,
                    "prom_fake_value",
                    {},
                    "/apis/custom.metrics.k8s.io/v1beta1/namespaces/default/services/prom-fake/"
                    "prom_fake_value",
                    "prom_fake_value{service=\"prom-fake\"}"}};
  chain.source = source;
  chain.prometheus = Backend{"prom-metrics", "prometheus", "web"};
  return chain;
}
const LiveChain chain = walkthrough();

const std::string hpa_path =
    "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers?fieldSelector=metadata.name%3Dnginx";
const std::string deployment_path =
    "/apis/apps/v1/namespaces/default/deployments?fieldSelector=metadata.name%3Dnginx";
const std::string pods_path = "/api/v1/namespaces/default/pods?labelSelector=app%3Dprom-fake";
const std::string api_path =
    "/apis/custom.metrics.k8s.io/v1beta1/namespaces/default/services/prom-fake/prom_fake_value";
const std::string prometheus_path =
    "/api/v1/namespaces/prom-metrics/services/prometheus:web/proxy/api/v1/query?query=" +
    query_value(
        "prom_fake_value{service=\"prom-fake\"} or "
        "label_replace(timestamp(prom_fake_value{service=\"prom-fake\"}), \"hpawalk\", \"scraped\", \"\", "
        "\"\")");

std::string events_path(const std::string& kind) {
  return "/api/v1/namespaces/default/events?fieldSelector=involvedObject.kind%3D" + kind +
         "%2CinvolvedObject.name%3Dnginx";
}

Json list(const std::vector<Json>& items) {
  return {{"metadata", {{"resourceVersion", "5"}}}, {"items", items}};
}

Json running(const std::string& name) {
  return {{"metadata", {{"name", name}}}, {"status", {{"phase", "Running"}}}};
}

std::string pod_value(const std::string& pod) {
  return "/api/v1/namespaces/default/pods/" + pod + ":8080/proxy/value";
}

Json hpa(const std::string& value, int desired) {
  return {{"metadata", {{"name", "nginx"}}},
          {"spec",
           {{"minReplicas", 1},
            {"maxReplicas", 10},
            {"metrics",
             {{{"type", "Object"},
               {"object", {{"metric", {{"name", "prom_fake_value"}}}, {"target", {{"value", "10"}}}}}}}}}},
          {"status",
           {{"currentReplicas", 1},
            {"desiredReplicas", desired},
            {"conditions", {{{"type", "ScalingActive"}, {"status", "True"}, {"reason", "ValidMetricFound"}}}},
            {"currentMetrics",
             {{{"type", "Object"},
               {"object", {{"metric", {{"name", "prom_fake_value"}}}, {"current", {{"value", value}}}}}}}}}}};
}

Json deployment(int wanted, int ready) {
  return {{"metadata", {{"name", "nginx"}}},
          {"spec", {{"replicas", wanted}}},
          {"status", {{"replicas", wanted}, {"readyReplicas", ready}}}};
}

Json prometheus(const std::vector<std::string>& values, double scraped) {
  Json rows = Json::array();
  int pod = 0;
  for (const std::string& value : values) {
    Json labels = {{"pod", "p" + std::to_string(pod++)}};
    rows.push_back({{"metric", labels}, {"value", {1.8e9, value}}});
    labels["hpawalk"] = "scraped";
    rows.push_back({{"metric", labels}, {"value", {1.8e9, std::to_string(scraped)}}});
  }
  return {{"status", "success"}, {"data", {{"resultType", "vector"}, {"result", rows}}}};
}

Json metric(const std::string& value) {
  return {{"items",
           {{{"metricName", "prom_fake_value"}, {"timestamp", "2027-01-15T08:00:09Z"}, {"value", value}}}}};
}

Json event(const std::string& uid, int count, const std::string& message) {
  return {{"metadata", {{"uid", uid}}}, {"type", "Normal"}, {"reason", "SuccessfulRescale"},
          {"message", message},         {"count", count},   {"lastTimestamp", "2027-01-15T08:00:00Z"}};
}

// Time flies, the cluster answers from a map. A test that does not end by itself ends after an hour of its
// time.
struct Cluster {
  fakes::FakeKubeApi api;
  fakes::FastClock clock;

  Cluster() {
    api.script("WATCH *", {410, {}});  // each is forgotten at once, and what it watches listed again
    api.get(hpa_path, list({hpa("1", 1)}));
    api.get(deployment_path, list({deployment(1, 1)}));
    api.get(pods_path, list({running("a")}));
    api.script("GET " + pod_value("a"), {200, "1\n"});
    api.get(prometheus_path, prometheus({"1"}, 1'799'999'998.5));
    api.get(api_path, metric("1"));
    api.get(events_path("HorizontalPodAutoscaler"), list({event("u1", 1, "New size: 1")}));
    api.get(events_path("Deployment"), list({}));
  }

  Status until(const std::function<bool(const Hops&, const Change&)>& done) {
    TimePoint end = clock.now() + 3600s;
    bool late = false;
    Status status = watch_chain(api, clock, chain, [&](const Hops& hops, const Change& change) {
      late = clock.now() > end;
      return !late && !done(hops, change);
    });
    CHECK_FALSE(late);
    return status;
  }
};

}  // namespace

TEST_CASE("Every hop is told, each value with the time stamp of the place that it comes from") {
  Cluster cluster;
  Hops seen;
  REQUIRE(cluster.until([&](const Hops& hops, const Change&) { return (seen = hops).known(); }));
  CHECK(seen.source.text == "1");
  CHECK(seen.pods == std::map<std::string, std::string>{{"a", "1"}});
  CHECK(seen.prometheus.number == 1.0);
  CHECK(seen.prometheus.at == WallTime(1'799'999'998'500ms));
  CHECK(seen.api.at == WallTime(1'800'000'009s));
  CHECK(seen.hpa.metric.text == "1");
  CHECK(seen.hpa.target == "10");
  CHECK(seen.hpa.max == 10);
  CHECK(seen.hpa.conditions.at("ScalingActive").reason == "ValidMetricFound");
  CHECK(seen.workload.wanted == 1);
  CHECK(seen.workload.ready == 1);
}

TEST_CASE("A new value is seen hop by hop, and stays with the time at which it came") {
  Cluster cluster;
  std::vector<std::string> order;
  Hops last;
  bool set = false;
  REQUIRE(cluster.until([&](const Hops& hops, const Change& change) {
    if (!hops.known()) return false;
    if (!set) {
      set = true;
      cluster.api.script("GET " + pod_value("a"), {200, "50"});
    } else if (hops.source.text == "50" && order.empty()) {
      order.push_back("prom-fake");
      cluster.api.get(prometheus_path, prometheus({"50"}, 1'800'000'003.25));
    } else if (hops.prometheus.text == "50" && order.size() == 1) {
      order.push_back("prometheus");
      cluster.api.get(api_path, metric("50"));
    } else if (hops.api.text == "50" && order.size() == 2) {
      order.push_back("api");
      cluster.api.get(hpa_path, list({hpa("50", 4)}));
    } else if (hops.hpa.desired == 4 && order.size() == 3) {
      order.push_back("hpa");
      CHECK(change.hop == Hop::hpa);
      CHECK(hops.hpa.synced == hops.hpa.metric.asked);
      cluster.api.get(deployment_path, list({deployment(4, 2)}));
      cluster.api.get(prometheus_path, prometheus({"50"}, 1'800'000'008.25));
    }
    last = hops;
    return hops.workload.ready == 2 && hops.prometheus.at == WallTime(1'800'000'008'250ms);
  }));
  CHECK(order.size() == 4);
  CHECK(last.prometheus.changed == WallTime(1'800'000'003'250ms));
}

TEST_CASE("Several pods of prom-fake are several values and one sum") {
  Cluster cluster;
  cluster.api.get(pods_path, list({running("a"), running("b")}));
  cluster.api.script("GET " + pod_value("b"), {200, "2.5"});
  cluster.api.get(prometheus_path, prometheus({"1", "2.5"}, 1'800'000'001));
  Hops seen;
  REQUIRE(cluster.until([&](const Hops& hops, const Change&) { return (seen = hops).known(); }));
  CHECK(seen.source.text == "1 + 2.5");
  CHECK(seen.source.number == 3.5);
  CHECK(seen.prometheus.text == "1 + 2.5");
}

namespace {

// The chain of an HPA that somebody else made: no prom-fake, and a workload that is no Deployment.
LiveChain chain_over(hpasim::MetricKind kind, const std::string& name) {
  LiveChain other;
  other.space = "shop", other.hpa = "web";
  other.workload = {"Rollout", "web", "/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts", false};
  other.metrics = {{kind, name, {}, "/metrics", {}}};
  return other;
}

// What such a chain shows once each of its hops was read; the metrics API answers with `served`.
Hops observed(const LiveChain& other, const Json& served, const Json& metric, const Json& current) {
  fakes::FakeKubeApi api;
  fakes::FastClock clock;
  api.script("WATCH *", {410, {}});
  api.get("/metrics", served);
  api.get("/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers?fieldSelector=metadata.name%3Dweb",
          list({{{"metadata", {{"name", "web"}}},
                 {"spec", {{"maxReplicas", 5}, {"metrics", {metric}}}},
                 {"status", {{"currentMetrics", {current}}}}}}));
  api.get(
      "/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts?fieldSelector=metadata.name%3Dweb",
      list({{{"metadata", {{"name", "web"}}}, {"spec", {{"replicas", 3}}}, {"status", {{"replicas", 3}}}}}));
  for (const char* kind : {"HorizontalPodAutoscaler", "Rollout"})
    api.get(std::string("/api/v1/namespaces/shop/events?fieldSelector=involvedObject.kind%3D") + kind +
                "%2CinvolvedObject.name%3Dweb",
            list({}));
  Hops seen;
  TimePoint end = clock.now() + 600s;
  Status status = watch_chain(api, clock, other, [&](const Hops& hops, const Change&) {
    seen = hops;
    return !hops.known() && clock.now() < end;
  });
  CHECK(status);
  CHECK(seen.known());
  return seen;
}

}  // namespace

TEST_CASE("Of a chain without a source only the hops that it has are asked and waited for") {
  Json metric = {
      {"type", "Pods"},
      {"pods",
       {{"metric", {{"name", "jobs"}}}, {"target", {{"type", "AverageValue"}, {"averageValue", "10"}}}}}};
  Json current = {{"type", "Pods"},
                  {"pods", {{"metric", {{"name", "jobs"}}}, {"current", {{"averageValue", "7500m"}}}}}};
  Json served = {{"items", {{{"value", "5"}}, {{"value", "10"}}}}};
  Hops seen = observed(chain_over(hpasim::MetricKind::pods, "jobs"), served, metric, current);
  CHECK_FALSE(seen.has_source);
  CHECK_FALSE(seen.has_prometheus);
  CHECK(seen.api.number == 7.5);
  CHECK(seen.api.text == "7.5 on average of 2 pods");
  CHECK(seen.hpa.metric.text == "7500m");
  CHECK(seen.hpa.average);
  CHECK(seen.workload.wanted == 3);
  CHECK(seen.workload.ready == 3);  // a kind that does not count its ready pods
}

TEST_CASE("Series of an External metric are added up, and a utilization is shown as a percentage") {
  Json external = {
      {"type", "External"},
      {"external", {{"metric", {{"name", "queue"}}}, {"target", {{"type", "Value"}, {"value", "30"}}}}}};
  Json current = {{"type", "External"},
                  {"external", {{"metric", {{"name", "queue"}}}, {"current", {{"value", "12"}}}}}};
  Json rows = {{"items", {{{"value", "5"}}, {{"value", "7"}}}}};
  Hops seen = observed(chain_over(hpasim::MetricKind::external, "queue"), rows, external, current);
  CHECK(seen.api.text == "5 + 7");
  CHECK(seen.api.number == 12);
  CHECK(seen.hpa.target == "30");

  Json cpu = {
      {"type", "Resource"},
      {"resource", {{"name", "cpu"}, {"target", {{"type", "Utilization"}, {"averageUtilization", 80}}}}}};
  Json used = {{"type", "Resource"},
               {"resource", {{"name", "cpu"}, {"current", {{"averageUtilization", 45}}}}}};
  Json containers = {{{"name", "main"}, {"usage", {{"cpu", "100m"}}}},
                     {{"name", "proxy"}, {"usage", {{"cpu", "50m"}}}}};
  Json pods = {{"items", {{{"containers", containers}}}}};
  seen = observed(chain_over(hpasim::MetricKind::resource, "cpu"), pods, cpu, used);
  CHECK(seen.api.number == doctest::Approx(0.15));
  CHECK(seen.hpa.metric.text == "45%");
  CHECK(seen.hpa.target == "80%");
}

TEST_CASE("A missing value is explained in words, step by step") {
  Cluster cluster;
  cluster.api.get(hpa_path, list({}));
  cluster.api.get(deployment_path, list({}));
  cluster.api.get(pods_path, list({}));
  cluster.api.get(prometheus_path, prometheus({}, 0));
  cluster.api.refuse(api_path, 404,
                     "the server could not find the metric prom_fake_value for services prom-fake");
  Hops seen;
  REQUIRE(cluster.until([&](const Hops& hops, const Change&) { return (seen = hops).known(); }));
  CHECK(seen.source.missing == "no pod of prom-fake (app=prom-fake) is running in namespace default");
  CHECK(seen.prometheus.missing == "prom_fake_value{service=\"prom-fake\"} has no sample in Prometheus");
  CHECK(seen.api.missing.find("could not find the metric") != std::string::npos);
  CHECK(seen.hpa.missing == "HPA nginx not found in namespace default");
  CHECK(seen.workload.missing == "Deployment nginx not found in namespace default");
}

TEST_CASE("Events from before the start are kept but not told, new ones are told once a count") {
  Cluster cluster;
  std::vector<std::string> told;
  size_t kept = 0;
  bool added = false;
  REQUIRE(cluster.until([&](const Hops& hops, const Change& change) {
    if (change.event) told.push_back(change.event->message + " x" + std::to_string(change.event->count));
    if (hops.known() && hops.events.size() == 1 && !added) {
      added = true;
      CHECK(hops.events[0].before);
      cluster.api.get(events_path("HorizontalPodAutoscaler"),
                      list({event("u1", 1, "New size: 1"), event("u2", 1, "New size: 4")}));
    }
    if (told.size() == 1) {
      cluster.api.get(events_path("HorizontalPodAutoscaler"),
                      list({event("u1", 1, "New size: 1"), event("u2", 2, "New size: 4")}));
    }
    kept = hops.events.size();
    return told.size() == 2;
  }));
  CHECK(told == std::vector<std::string>{"New size: 4 x1", "New size: 4 x2"});
  CHECK(kept == 3);
}

TEST_CASE(
    "An API server that goes away and comes back is told, and after a minute without it the observation "
    "ends") {
  Cluster cluster;
  int phase = 0;  // there, gone, back, gone for good
  Status end = cluster.until([&](const Hops& hops, const Change&) {
    if (phase == 0 && hops.known()) cluster.api.lose(true), phase = 1;
    if (phase == 1 && !hops.lost.empty()) cluster.api.lose(false), phase = 2;
    if (phase == 2 && hops.lost.empty()) cluster.api.lose(true), phase = 3;
    return false;
  });
  CHECK(phase == 3);
  REQUIRE_FALSE(end);
  CHECK(end.error().id == "chain-lost");
  CHECK(end.error().kind == ErrorClass::environment);
}

TEST_CASE("Ctrl-C ends an observation") {
  Cluster cluster;
  Status end = cluster.until([&](const Hops& hops, const Change&) {
    if (hops.known()) cluster.clock.interrupted = true;
    return false;
  });
  REQUIRE_FALSE(end);
  CHECK(end.error().kind == ErrorClass::interrupted);
}

TEST_CASE("A value is set on every pod of prom-fake that runs, and read from each") {
  fakes::FakeKubeApi api;
  Json leaving = running("c");
  leaving["metadata"]["deletionTimestamp"] = "2027-01-15T08:00:00Z";
  api.get(pods_path, list({running("a"), running("b"), leaving}));
  api.script("PUT " + pod_value("a"), {200, "50\n"});
  api.script("PUT " + pod_value("b"), {200, "50\n"});
  REQUIRE(set_source(api, source, "50"));
  CHECK(api.sent.back().body == "50");
  api.script("GET " + pod_value("a"), {200, "50\n"});
  api.script("GET " + pod_value("b"), {200, "NaN\n"});
  CHECK(source_values(api, source).value() == std::map<std::string, std::string>{{"a", "50"}, {"b", "NaN"}});
  api.get(pods_path, list({}));
  CHECK(set_source(api, source, "50").error().id == "no-prom-fake");
}
