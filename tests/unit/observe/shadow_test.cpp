// What another HPA would do with a running one's metrics: its decisions, and what it reads for them.
#include "observe/shadow_look.hpp"

#include <doctest/doctest.h>

#include "hpasim/profile.hpp"
#include "tests/fakes/fake_kube_api.hpp"
#include "tests/fakes/fakes.hpp"

using namespace hpawalk;
using namespace hpawalk::observe;
using hpasim::Failure;
using hpasim::Phase;
using hpasim::PodGroup;
using hpasim::PodSample;
using hpasim::Time;
using std::chrono::seconds;

namespace {

hpasim::Spec spec_of(const std::string& metrics, const std::string& more = "") {
  std::string text = R"(
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 1
  maxReplicas: 20
)" + more + "  metrics:\n" +
                     metrics;
  return hpasim::parse_spec(hpasim::find_hpa(text).value()).value();
}

std::string external(int target) {
  return "  - {type: External, external: {metric: {name: depth}, target: {type: AverageValue, "
         "averageValue: " +
         std::to_string(target) + "}}}\n";
}
std::string value_of_object(int target) {
  return "  - {type: Object, object: {metric: {name: v}, describedObject: {apiVersion: v1, kind: Service, "
         "name: "
         "s}, target: {type: Value, value: " +
         std::to_string(target) + "}}}\n";
}
std::string pods(int target) {
  return "  - {type: Pods, pods: {metric: {name: rps}, target: {type: AverageValue, averageValue: " +
         std::to_string(target) + "}}}\n";
}

// All pods are ready and an hour old.
std::vector<PodGroup> ready_pods(int count) {
  Time old = -std::chrono::hours(1);
  return {static_cast<size_t>(count), PodGroup{1, Phase::running, false, true, true, old, old + seconds(2)}};
}

ShadowLook look_with(Time at, int replicas, MetricLook metric) {
  return {at, at, {replicas, replicas}, ready_pods(replicas), {std::move(metric)}};
}

MetricLook value(double of_it) {
  return {Failure::none, {static_cast<std::int64_t>(of_it * 1000)}, {}};
}

// Each of so many pods has this.
MetricLook each(int count, double of_it) {
  PodSample sample{true, static_cast<std::int64_t>(of_it * 1000), Time(0), seconds(60), true, 0};
  return {Failure::none, {}, {static_cast<size_t>(count), sample}};
}

Shadow shadow_of(const hpasim::Spec& spec, int replicas) {
  return Shadow(spec, hpasim::Rules{}, hpasim::Flags{}, replicas, false);
}

}  // namespace

TEST_CASE("The shadow of an HPA decides as that HPA does") {
  const std::string behavior = R"(  behavior:
    scaleUp: {stabilizationWindowSeconds: 30, policies: [{type: Pods, value: 2, periodSeconds: 60}]}
    scaleDown: {stabilizationWindowSeconds: 60, policies: [{type: Percent, value: 50, periodSeconds: 30}]}
)";
  const hpasim::Profile load = hpasim::parse_profile("steps 5,90,160,40,5 every 5m").value();
  for (const hpasim::Spec& spec : {spec_of(external(10)), spec_of(external(10), behavior),
                                   spec_of(value_of_object(10)), spec_of(value_of_object(10), behavior)}) {
    hpasim::Setup setup;
    setup.meaning = hpasim::Meaning::whole;
    const hpasim::Timeline real = hpasim::simulate(spec, {load}, setup);
    Shadow shadow = shadow_of(spec, 1);
    for (const hpasim::Sync& sync : real.syncs)
      shadow.take(look_with(sync.at, sync.decision.from, value(load.at(sync.at))));
    CHECK(shadow.shadow_timeline(real.duration).sequence() == real.sequence());
    CHECK(shadow.differences(real.duration).empty());
    CHECK(real.sequence().size() > 4);
  }
}

TEST_CASE("Where the shadow wants another number, the difference says from when to when, and by which rule") {
  Shadow shadow = shadow_of(spec_of(external(20)), 2);
  for (int i = 0; i < 8; ++i) shadow.take(look_with(seconds(15 * i), i < 4 ? 2 : 8, value(i < 4 ? 20 : 80)));
  const Time end = seconds(120);
  CHECK(shadow.shadow_timeline(end).sequence() == std::vector<std::int32_t>{2, 4});
  CHECK(shadow.real_timeline(end).sequence() == std::vector<std::int32_t>{2, 8});
  std::vector<ShadowDifference> differences = shadow.differences(end);
  REQUIRE(differences.size() == 1);
  CHECK(differences[0].from == Time(seconds(60)));
  CHECK(differences[0].to == end);
  CHECK(differences[0].real == 8);
  CHECK(differences[0].shadow == 4);
  CHECK_MESSAGE(differences[0].why.find("/ 20 = 2 a pod: 4") != std::string::npos, differences[0].why);
  CHECK(shadow.real_timeline(end).figures.pod_hours == doctest::Approx((2 * 60 + 8 * 60) / 3600.0));
  CHECK(shadow.loads().at(0).at(seconds(30)) == 20);
  CHECK(shadow.loads().at(0).at(seconds(61)) == 80);
}

TEST_CASE("What the pods share, the shadow's pods share") {
  // 4 real pods with 10 each. With a target of 20 two pods have 20 each: there it stays.
  Shadow shadow = shadow_of(spec_of(pods(20)), 4);
  for (int i = 0; i < 60; ++i) shadow.take(look_with(seconds(15 * i), 4, each(4, 10)));
  CHECK(shadow.shadow_timeline(seconds(900)).sequence() == std::vector<std::int32_t>{4, 2});
  // With a target of 5 eight have 5 each; those that it has alone become ready as long after as the real
  // ones.
  Shadow more = shadow_of(spec_of(pods(5)), 4);
  more.take(look_with(seconds(0), 4, each(4, 10)));
  CHECK(more.replicas() == 8);
  more.take(look_with(seconds(1), 4, each(4, 10)));
  CHECK(more.syncs().back().ready == 4);
  for (int i = 1; i < 10; ++i) more.take(look_with(seconds(15 * i), 4, each(4, 10)));
  CHECK(more.syncs().back().ready == 8);
  const hpasim::Timeline made = more.shadow_timeline(seconds(150));
  CHECK(made.sequence() == std::vector<std::int32_t>{4, 8});
  REQUIRE(made.ready.size() == 2);  // not at the next look, but when they are
  CHECK(made.ready[1].at == Time(seconds(2)));
  CHECK(made.ready[1].count == 8);
}

TEST_CASE("A real pod that is not ready is none of the shadow's ready ones") {
  Shadow shadow = shadow_of(spec_of(pods(20)), 4);
  ShadowLook look = look_with(seconds(0), 6, each(6, 10));
  look.pods[0].ready = false;
  look.metrics[0].samples[0].present = false;
  shadow.take(look);
  CHECK(shadow.syncs().back().ready == 4);  // the ready ones come first
  look.pods[1].ready = look.pods[2].ready = false;
  shadow.take(look);
  CHECK(shadow.syncs().back().ready == 3);
}

TEST_CASE("A metric without a value is no decision, and the load before it holds") {
  Shadow shadow = shadow_of(spec_of(external(10)), 3);
  shadow.take(look_with(seconds(0), 3, value(30)));
  shadow.take(look_with(seconds(15), 3, {Failure::unavailable, {}, {}}));
  CHECK(shadow.syncs().back().decision.rule == hpasim::Rule::no_metric);
  shadow.take(look_with(seconds(30), 3, value(50)));
  CHECK(shadow.replicas() == 5);
  CHECK(shadow.loads().at(0).at(seconds(29)) == 30);
}

TEST_CASE("At 0 replicas the shadow comes back only where an HPA had scaled there") {
  const hpasim::Spec spec = spec_of(external(10), "");
  Shadow by_hand(spec, hpasim::Rules{}, hpasim::Flags{}, 0, false);
  by_hand.take(look_with(seconds(0), 0, value(30)));
  CHECK(by_hand.replicas() == 0);
  CHECK(by_hand.syncs().back().decision.rule == hpasim::Rule::zero);
}

// --- reading

namespace {

const std::string pods_path = "/api/v1/namespaces/shop/pods?labelSelector=app%3Dweb";
const std::string scale_path = "/apis/apps/v1/namespaces/shop/deployments/web/scale";

Json pod(const std::string& name, const std::string& cpu, bool ready = true) {
  return {{"metadata", {{"name", name}}},
          {"spec", {{"containers", {{{"name", "main"}, {"resources", {{"requests", {{"cpu", cpu}}}}}}}}}},
          {"status",
           {{"phase", "Running"},
            {"startTime", "2027-01-15T07:59:00Z"},
            {"conditions",
             {{{"type", "Ready"},
               {"status", ready ? "True" : "False"},
               {"lastTransitionTime", "2027-01-15T07:59:02Z"}}}}}}};
}

struct Cluster {
  fakes::FakeKubeApi api;
  fakes::FakeClock clock;
  ShadowTarget target;

  explicit Cluster(const hpasim::Spec& spec, ChainMetric metric) {
    target.chain.space = "shop";
    target.chain.workload = {"Deployment", "web", "/apis/apps/v1/namespaces/shop/deployments"};
    target.chain.metrics = {std::move(metric)};
    target.spec = spec;
    target.began = clock.wall_now();
    api.get(scale_path,
            {{"spec", {{"replicas", 2}}}, {"status", {{"replicas", 2}, {"selector", "app=web"}}}});
    list({pod("a", "200m"), pod("b", "100m")});
  }
  void list(const std::vector<Json>& items) {
    api.get(pods_path, {{"metadata", {{"resourceVersion", "1"}}}, {"items", items}});
  }
  ShadowLook seen() { return look(api, clock, target).value(); }
};

const std::string of_cpu =
    "  - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}\n";
const std::string metrics_path = "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods?labelSelector=app%3Dweb";

Json usage(const std::string& name, const std::vector<std::pair<std::string, std::string>>& containers) {
  Json all = Json::array();
  for (const auto& [container, cpu] : containers) {
    all.push_back({{"name", container}, {"usage", Json::object()}});
    if (!cpu.empty()) all.back()["usage"]["cpu"] = cpu;
  }
  return {{"metadata", {{"name", name}}},
          {"timestamp", "2027-01-15T07:59:50Z"},
          {"window", "15s"},
          {"containers", all}};
}

}  // namespace

TEST_CASE("A look reads the scale, its pods, and of each what the controller would count") {
  Cluster cluster(spec_of(of_cpu), {hpasim::MetricKind::resource, "cpu", "", metrics_path, ""});
  cluster.api.get(metrics_path, {{"items", {usage("a", {{"main", "50m"}}), usage("c", {{"main", "9"}})}}});
  ShadowLook seen = cluster.seen();
  CHECK(seen.scale.spec_replicas == 2);
  REQUIRE(seen.pods.size() == 2);
  CHECK(seen.ready() == 2);
  CHECK(seen.pods[0].ready_changed - seen.pods[0].started == Time(seconds(2)));
  const MetricLook& metric = seen.metrics.at(0);
  CHECK(metric.failure == Failure::none);
  REQUIRE(metric.samples.size() == 2);
  CHECK(metric.samples[0].milli == 50);
  CHECK(metric.samples[0].request == 200);
  CHECK(metric.samples[0].window == Time(seconds(15)));
  CHECK_FALSE(metric.samples[1].present);
  for (const world::KubeRequest& request : cluster.api.sent) CHECK(request.method == "GET");
}

TEST_CASE("A pod of which a container has no usage has none; of one container only that one counts") {
  Cluster cluster(spec_of(of_cpu), {hpasim::MetricKind::resource, "cpu", "", metrics_path, ""});
  cluster.api.get(metrics_path, {{"items", {usage("a", {{"main", "50m"}, {"side", ""}})}}});
  CHECK_FALSE(cluster.seen().metrics.at(0).samples.at(0).present);
  cluster.target.chain.metrics[0].kind = hpasim::MetricKind::container_resource;
  cluster.target.chain.metrics[0].container = "main";
  CHECK(cluster.seen().metrics.at(0).samples.at(0).milli == 50);
}

TEST_CASE(
    "A metric that nobody serves, an API that refuses, and an empty answer are three kinds of nothing") {
  const std::string path = "/apis/external.metrics.k8s.io/v1beta1/namespaces/shop/depth";
  Cluster cluster(spec_of(external(10)), {hpasim::MetricKind::external, "depth", "", path, ""});
  cluster.api.refuse(path, 503, "no");
  CHECK(cluster.seen().metrics.at(0).failure == Failure::unavailable);
  cluster.api.get(path, {{"items", Json::array()}});
  CHECK(cluster.seen().metrics.at(0).failure == Failure::empty);
  cluster.api.get(path, {{"items", {{{"value", "1500m"}}, {{"value", "2"}}}}});
  CHECK(cluster.seen().metrics.at(0).values == std::vector<std::int64_t>{1500, 2000});
  cluster.target.chain.metrics[0].path.clear();
  CHECK(cluster.seen().metrics.at(0).failure == Failure::unavailable);
}

TEST_CASE("What a pod requests: its containers and native sidecars, or its own") {
  const hpasim::Rules rules;
  Json one = pod("a", "200m");
  CHECK(request_of(one, "cpu", "", rules) == 200);
  CHECK(request_of(one, "memory", "", rules) == std::nullopt);
  CHECK(request_of(one, "cpu", "other", rules) == std::nullopt);
  one["spec"]["initContainers"] = {
      {{"name", "once"}},
      {{"name", "side"}, {"restartPolicy", "Always"}, {"resources", {{"requests", {{"cpu", "50m"}}}}}}};
  CHECK(request_of(one, "cpu", "", rules) == 250);
  CHECK(request_of(one, "cpu", "main", rules) == 200);
  one["spec"]["initContainers"][1]["resources"] = Json::object();
  CHECK(request_of(one, "cpu", "", rules) == std::nullopt);
  one["spec"]["resources"]["requests"]["cpu"] = "1";
  CHECK(request_of(one, "cpu", "", rules) == 1000);
  hpasim::Rules older = rules;
  older.pod_level_requests = false;
  CHECK(request_of(one, "cpu", "", older) == std::nullopt);
}

TEST_CASE("It looks once a sync period, and ends at its time, at Ctrl-C, or when nobody answers") {
  const std::string path = "/apis/external.metrics.k8s.io/v1beta1/namespaces/shop/depth";
  Cluster cluster(spec_of(external(10)), {hpasim::MetricKind::external, "depth", "", path, ""});
  cluster.api.get(path, {{"items", {{{"value", "20"}}}}});
  int looks = 0;
  auto follow = [&](Time length) {
    looks = 0;
    return follow_shadow(cluster.api, cluster.clock, cluster.target, length,
                         [&](const Shadow&, const ShadowLook&) { ++looks; });
  };
  Result<ShadowRun> run = follow(seconds(70));
  REQUIRE(run);
  CHECK(looks == 5);
  CHECK(run->length == Time(seconds(70)));
  CHECK_FALSE(run->interrupted);
  cluster.clock.interrupt_at = cluster.clock.elapsed + seconds(20);
  run = follow(seconds(70));
  REQUIRE(run);
  CHECK(run->interrupted);
  CHECK(looks == 2);
  cluster.clock.interrupt_at = world::Duration::max();
  cluster.api.refuse(scale_path, 404, "not found");
  CHECK(follow(seconds(70)).error().is("kube-not-found"));
}

TEST_CASE("Looks that fail are counted, and after a minute of them it gives up") {
  const std::string path = "/apis/external.metrics.k8s.io/v1beta1/namespaces/shop/depth";
  Cluster cluster(spec_of(external(10)), {hpasim::MetricKind::external, "depth", "", path, ""});
  cluster.api.get(path, {{"items", {{{"value", "20"}}}}});
  int looks = 0;
  Result<ShadowRun> run = follow_shadow(cluster.api, cluster.clock, cluster.target, seconds(150),
                                        [&](const Shadow&, const ShadowLook&) {
                                          if (++looks == 2) cluster.api.lose(true);
                                        });
  REQUIRE_FALSE(run);
  CHECK(run.error().is("chain-lost"));
  CHECK(looks == 2);
}
