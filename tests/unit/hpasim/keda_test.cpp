// ScaledObjects: what KEDA makes of them, and what it does beside the HPA. The expectations are read off
// KEDA 2.21's sources (hpasim/keda.hpp names them).
#include <doctest/doctest.h>

#include "hpasim/explain.hpp"
#include "hpasim/keda.hpp"
#include "hpasim/keda_loop.hpp"
#include "hpasim/simulate.hpp"

using namespace hpawalk;
using namespace hpawalk::hpasim;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

constexpr std::string_view web = R"(apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  maxReplicaCount: 10
  triggers:
  - type: prometheus
    metadata: {serverAddress: "http://prometheus:9090", query: sum(load), threshold: "10", activationThreshold: "2"}
)";

Document object_with(std::initializer_list<std::string_view> sets = {}) {
  Document document = *find_autoscaler(web);
  for (std::string_view set : sets) REQUIRE(set_field(document, set));
  return document;
}

struct Simulated {
  Spec spec;
  Setup setup;
  Timeline run(std::string_view load) const {
    auto profile = parse_profile(load);
    REQUIRE(profile);
    return simulate(spec, {*profile}, setup);
  }
};

Simulated scaled(std::initializer_list<std::string_view> sets = {}) {
  auto object = read_scaled_object(object_with(sets));
  REQUIRE_MESSAGE(object, (object ? "" : object.error().because));
  Simulated simulated{*parse_spec(object->hpa), {}};
  simulated.setup.keda = object->keda;
  return simulated;
}

std::string refused(std::initializer_list<std::string_view> sets) {
  auto object = read_scaled_object(object_with(sets));
  REQUIRE_FALSE(object);
  return object.error().id + ": " + object.error().because;
}

using Sequence = std::vector<std::int32_t>;

// The time and the sentence of each of KEDA's own changes.
std::vector<std::pair<int, std::string>> keda_changes(const Simulated& s, const Timeline& t) {
  std::vector<std::pair<int, std::string>> changes;
  for (const Sync& sync : t.syncs) {
    if (sync.decision.rescaled() && sync.decision.rule >= Rule::activated)
      changes.emplace_back(static_cast<int>(in_seconds(sync.at)),
                           explain(s.spec, sync.decision, sync.proposal));
  }
  return changes;
}

}  // namespace

TEST_CASE("KEDA's HPA counts from 1, has an External metric for each trigger, and its behavior") {
  auto object = read_scaled_object(object_with(
      {"spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.stabilizationWindowSeconds=60"}));
  REQUIRE(object);
  CHECK(object->hpa["metadata"]["name"] == "keda-hpa-web");
  auto spec = parse_spec(object->hpa, {rules_of_minor(newest_minor)});
  REQUIRE_MESSAGE(spec, (spec ? "" : spec.error().because));
  CHECK(spec->min == 1);
  CHECK(spec->max == 10);
  CHECK(spec->target_kind == "Deployment");
  REQUIRE(spec->metrics.size() == 1);
  CHECK(spec->metrics[0].kind == MetricKind::external);
  CHECK(spec->metrics[0].name == "s0-prometheus");
  CHECK(spec->metrics[0].target_kind == TargetKind::average_value);
  CHECK(spec->metrics[0].target == 10'000);
  CHECK(spec->behavior->down.window_seconds == 60);
  CHECK(object->keda.triggers[0].activation == 2'000);
  CHECK(object->keda.polling_interval == seconds(30));
  CHECK(object->keda.cooldown == seconds(300));
  CHECK(object->keda.inactive_replicas() == 0);
}

TEST_CASE(
    "Triggers become metrics in the order in which KEDA sorts them; their targets have their own names") {
  auto object = read_scaled_object(object_with(
      {"spec.triggers[1]={type: cpu, metricType: Utilization, metadata: {value: '60'}}",
       "spec.triggers[2]={type: kafka, metricType: Value, metadata: {topic: t, activationLagThreshold: '3'}}",
       "spec.triggers[3]={type: memory, metricType: AverageValue, metadata: {value: 100Mi, containerName: "
       "web}}"}));
  REQUIRE_MESSAGE(object, (object ? "" : object.error().because));
  auto spec = parse_spec(object->hpa);
  REQUIRE(spec);
  std::vector<std::string> names;
  for (const MetricSpec& metric : spec->metrics) names.push_back(metric.name);
  CHECK(names == std::vector<std::string>{"memory", "s0-prometheus", "s2-kafka", "cpu"});
  CHECK(spec->metrics[0].container == "web");
  CHECK(spec->metrics[2].target_kind == TargetKind::value);
  CHECK(spec->metrics[2].target == 10'000);  // kafka's own default
  CHECK(spec->metrics[3].target == 60);
  CHECK_FALSE(object->keda.triggers[0].external);
  CHECK(object->keda.triggers[2].activation == 3'000);
}

TEST_CASE("RabbitMQ's target has a former name, and a usual value where no mode is given") {
  auto target = [](const std::string& metadata) {
    const std::string set = "spec.triggers[0]={type: rabbitmq, metadata: {" + metadata + "}}";
    auto object = read_scaled_object(object_with({set}));
    return object ? parse_spec(object->hpa).value().metrics[0].target : -1;
  };
  CHECK(target("mode: QueueLength, value: '7'") == 7'000);
  CHECK(target("queueLength: '8'") == 8'000);
  CHECK(target("queueName: q") == 20'000);
  CHECK(refused({"spec.triggers[0]={type: rabbitmq, metadata: {queueLength: '8', mode: QueueLength}}"})
            .find("queueLength: is deprecated") != std::string::npos);
  CHECK(refused({"spec.triggers[0]={type: rabbitmq, metadata: {mode: QueueLength}}"})
            .find("metadata.value: is required") != std::string::npos);
}

TEST_CASE("Every mistake of a ScaledObject is named with its path") {
  CHECK(refused({"spec.minReplicaCount=20"}) ==
        "scaled-object: spec.maxReplicaCount: must be at least minReplicaCount (20), not 10");
  CHECK(refused({"spec.minReplicaCount=2", "spec.idleReplicaCount=2"}) ==
        "scaled-object: spec.idleReplicaCount: must be less than minReplicaCount (2), not 2");
  CHECK(refused({"spec.cooldownPeriods=3"}).find("did you mean cooldownPeriod?") != std::string::npos);
  CHECK(refused({"spec.triggers[0].metadata.threshold=10"}).find("put 10 in quotes") != std::string::npos);
  CHECK(refused({"spec.triggers[0].metadata.threshold='ten'"}).find("must be a number, not \"ten\"") !=
        std::string::npos);
  CHECK(refused({"spec.triggers[0].metadata.threshold="}).find("threshold: is required") !=
        std::string::npos);
  CHECK(refused({"spec.triggers[0].metricType=Utilization"}).find("not one of AverageValue, Value") !=
        std::string::npos);
  CHECK(refused({"spec.triggers="}).find("spec.triggers: must be a list") != std::string::npos);
  CHECK(refused({"spec.fallback.replicas=3"}).find("spec.fallback.failureThreshold: is required") !=
        std::string::npos);
}

TEST_CASE("What cannot be simulated is said, and is not a mistake") {
  CHECK(refused({"spec.triggers[0].type=cron"}) ==
        "scaled-object-unsupported: spec.triggers[0]: a trigger of type cron");
  CHECK(refused({"spec.advanced.scalingModifiers={formula: a + b, target: '3'}"})
            .starts_with("scaled-object-unsupported: spec.advanced.scalingModifiers"));
  for (const char* paused : {"metadata.annotations={autoscaling.keda.sh/paused: 'true'}",
                             "metadata.annotations={autoscaling.keda.sh/paused-replicas: '0'}"})
    CHECK(refused({paused}).starts_with("scaled-object-unsupported"));
  CHECK(read_scaled_object(object_with({"metadata.annotations={autoscaling.keda.sh/paused: 'false'}"})));
}

TEST_CASE("From 0 KEDA activates, the HPA scales, and KEDA deactivates after the cooldown") {
  Simulated s = scaled();
  Timeline t = s.run("steps 0,45,0 every 10m");
  CHECK(t.sequence() == Sequence{0, 1, 4, 5, 0});
  auto changes = keda_changes(s, t);
  REQUIRE(changes.size() == 2);
  CHECK(changes[0] == std::pair<int, std::string>{600, "KEDA activates: s0-prometheus is 45"});
  // The last active poll is at 19:30; 5 minutes later nothing is active.
  CHECK(changes[1].first == 1470);
  CHECK(changes[1].second.starts_with("KEDA deactivates"));
}

TEST_CASE("A load below the activation threshold activates nothing, whatever the HPA would say") {
  CHECK(scaled().run("hold 2 for 10m").sequence() == Sequence{0});
  CHECK(scaled().run("hold 2.001 for 10m").sequence() == Sequence{0, 1});
}

TEST_CASE("With replicas that nobody needs, only the initial cooldown protects a new ScaledObject") {
  Simulated s = scaled();
  s.setup.replicas = 3;
  Timeline at_once = s.run("hold 0 for 10m");
  CHECK(at_once.replicas[1].at == Time(0));
  CHECK(at_once.sequence() == Sequence{3, 0});
  s = scaled({"spec.initialCooldownPeriod=95",
              "spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.selectPolicy=Disabled"});
  s.setup.replicas = 3;
  CHECK(s.run("hold 0 for 10m").replicas[1].at == seconds(120));  // the first poll after it
  s.setup.keda->last_active = Time(seconds(-60));
  CHECK(s.run("hold 0 for 10m").replicas[1].at == seconds(240));  // 300 s after the last activity
}

TEST_CASE("With minReplicaCount KEDA leaves the scaling to the HPA") {
  Simulated s = scaled({"spec.minReplicaCount=2"});
  CHECK(s.run("steps 0,45,0 every 10m").sequence() == Sequence{2, 4, 5, 2});
  s.setup.replicas = 0;
  Timeline t = s.run("hold 0 for 2m");
  CHECK(t.sequence() == Sequence{0, 2});
  CHECK(keda_changes(s, t)[0].second == "KEDA: there were fewer than minReplicaCount");
}

TEST_CASE("idleReplicaCount 0 holds 0, and activation jumps to minReplicaCount") {
  Simulated s = scaled({"spec.minReplicaCount=3", "spec.idleReplicaCount=0", "spec.cooldownPeriod=60"});
  s.setup.replicas = 0;
  CHECK(s.run("steps 0,5,0 every 5m").sequence() == Sequence{0, 3, 0});
}

TEST_CASE("An idleReplicaCount above 0 is a fight: the HPA has minReplicaCount as its minimum") {
  Simulated s = scaled({"spec.minReplicaCount=3", "spec.idleReplicaCount=1", "spec.cooldownPeriod=0"});
  Timeline t = s.run("hold 0 for 5m");
  CHECK(t.figures.changes > 10);
  CHECK(t.figures.lowest == 1);
  CHECK(t.figures.highest == 3);
}

TEST_CASE("An outage keeps the replicas, without a fallback; with one, the HPA gets its replicas") {
  Simulated s = scaled();
  s.setup.replicas = 1;
  s.setup.outages = {{minutes(5), minutes(15)}};
  Timeline kept = s.run("hold 45 for 20m");
  CHECK(kept.sequence() == Sequence{1, 4, 5});
  s = scaled({"spec.fallback={failureThreshold: 3, replicas: 8}"});
  s.setup.replicas = 1;
  s.setup.outages = {{minutes(5), minutes(15)}};
  Timeline fallback = s.run("hold 45 for 25m");
  CHECK(fallback.sequence() == Sequence{1, 4, 5, 8, 5});
  // Each question counts: the HPA's every 15 s, and KEDA's every 30 s.
  CHECK(fallback.replicas[3].at > minutes(5) + seconds(15));
  CHECK(fallback.replicas[3].at < minutes(6));
}

TEST_CASE("At 0, an outage activates nothing, but a fallback does") {
  Simulated s = scaled();
  s.setup.outages = {{minutes(0), minutes(10)}};
  CHECK(s.run("hold 45 for 9m").sequence() == Sequence{0});
  s = scaled({"spec.fallback={failureThreshold: 2, replicas: 3}"});
  s.setup.outages = {{minutes(0), minutes(10)}};
  Timeline t = s.run("hold 45 for 9m");
  CHECK(t.replicas[1].at == seconds(60));  // the third poll
  CHECK(keda_changes(s, t)[0].second ==
        "KEDA activates: the fallback counts, because s0-prometheus cannot be read");
  CHECK(t.sequence() == Sequence{0, 1, 3});
}

TEST_CASE("useCachedMetrics shows the HPA the value of the last poll") {
  Simulated s = scaled(
      {"spec.minReplicaCount=1", "spec.pollingInterval=240", "spec.triggers[0].useCachedMetrics=true"});
  Timeline t = s.run("step 5..45 at 1m for 10m");
  REQUIRE(t.replicas.size() > 1);
  CHECK(t.replicas[1].at >= seconds(240));
  Simulated live = scaled({"spec.minReplicaCount=1", "spec.pollingInterval=240"});
  CHECK(live.run("step 5..45 at 1m for 10m").replicas[1].at < seconds(80));
}

TEST_CASE("Paused directions: neither the HPA nor KEDA scales that way") {
  Simulated s = scaled({"metadata.annotations={autoscaling.keda.sh/paused-scale-in: 'true'}"});
  CHECK(s.run("steps 0,45,0 every 10m").sequence() == Sequence{0, 1, 5});
  s = scaled({"metadata.annotations={autoscaling.keda.sh/paused-scale-out: 'true'}"});
  CHECK(s.run("hold 45 for 10m").sequence() == Sequence{0});
  s = scaled({"metadata.annotations={autoscaling.keda.sh/force-activation: 'true'}"});
  CHECK(s.run("hold 0 for 20m").sequence() == Sequence{0, 1});
}
