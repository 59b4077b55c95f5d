#include "observe/forecast.hpp"

#include <cmath>

#include <doctest/doctest.h>

#include "base/quantity.hpp"
#include "base/text.hpp"
#include "observe/goal.hpp"
#include "tests/fakes/fake_kube_api.hpp"

using namespace hpawalk;
using namespace hpawalk::world;
using namespace hpawalk::diagnose;
using namespace hpawalk::observe;
using namespace std::chrono_literals;
using State = Outlook::State;

namespace {

const WallTime start{std::chrono::seconds(1'800'000'000)};

Json hpa_object(Json behavior = {}) {
  Json hpa = Json::parse(R"({"metadata":{"name":"nginx","namespace":"default"},
    "spec":{"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"nginx"},"minReplicas":1,"maxReplicas":10,
      "metrics":[{"type":"Object","object":{"describedObject":{"apiVersion":"v1","kind":"Service","name":"prom-fake"},
        "metric":{"name":"prom_fake_value"},"target":{"type":"Value","value":"10"}}}]}})");
  if (!behavior.is_null()) hpa["spec"]["behavior"] = behavior;
  return hpa;
}

// With the metric's value as the controller writes it into the status; NaN is 0 there.
Json with_status(Json hpa, const std::string& value, int replicas) {
  hpa["status"] = {{"currentReplicas", replicas},
                   {"desiredReplicas", replicas},
                   {"currentMetrics",
                    {{{"type", "Object"},
                      {"object",
                       {{"metric", {{"name", "prom_fake_value"}}},
                        {"describedObject", {{"kind", "Service"}, {"name", "prom-fake"}}},
                        {"current", {{"value", value}}}}}}}}};
  return hpa;
}

Seen seen(const std::string& text, WallTime at) {
  return {text, hpawalk::text::number(text), {}, at, at, at};
}

// A chain through which `value` has come, with so many replicas, all of them ready.
Hops standing(const std::string& value, int replicas, WallTime at = start) {
  Hops hops;
  hops.source = seen(value, at);
  hops.prometheus = seen(value, at - 1s);
  hops.api = seen(value, at);
  hops.hpa = {true,
              true,
              {},
              with_status(hpa_object(), value, replicas),
              seen(value, at),
              1,
              10,
              replicas,
              replicas,
              "10",
              false,
              {},
              at};
  hops.hpa.conditions["AbleToScale"] = {"True", "ReadyForNewScale", "", {}};
  hops.hpa.conditions["ScalingActive"] = {"True", "ValidMetricFound", "", {}};
  hops.hpa.conditions["ScalingLimited"] = {"False", "DesiredWithinRange", "", {}};
  hops.workload = {true, true, {}, replicas, replicas, replicas, at};
  return hops;
}

ControllerSettings settings() {
  ControllerSettings controller;
  controller.seen = true;
  return controller;
}

Outlook look(const Hops& hops, WallTime now = start, const Memory& memory = {}) {
  return outlook(hops, memory, settings(), now);
}

bool says(const Outlook& outlook, const std::string& part) {
  return outlook.text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("What the adapter makes of a sample is what the metrics API's quantity reads as") {
  for (auto [sample, quantity] : {std::pair{50.0, "50"},
                                  {0.29, "290m"},
                                  {0.12345, "123m"},
                                  {-0.0019, "-1m"},
                                  {9e15, "9P"},
                                  {std::nan(""), "0"},
                                  {1e16, "-9223372036854775808m"},
                                  {-1e300, "-9223372036854775808m"},
                                  {HUGE_VAL, "-9223372036854775808m"}}) {
    CAPTURE(sample);
    auto read = parse_quantity(quantity);
    REQUIRE(read);
    CHECK(as_adapter_serves(sample) == to_double(*read));
  }
  CHECK(!adapter_distorts(0.12345));
  CHECK(adapter_distorts(1e16));
}

TEST_CASE("At minReplicas there is nothing that a stabilization window could hold") {
  Hops hops = standing("0", 1);
  hops.prometheus = hops.source = seen("NaN", start - 1s);
  hops.hpa.conditions["AbleToScale"] = {"True", "ScaleDownStabilized", "", {}};
  Memory memory;
  memory.note(standing("1", 1, start - 15s), settings());
  memory.note(hops, settings());
  Outlook rests = look(hops, start, memory);
  CHECK(rests.state == State::settled);
  CHECK(rests.text ==
        "stays at 1: prom_fake_value is 0 of 10: 0 times its target, which needs 0 replicas, and minReplicas "
        "is 1; prometheus-adapter makes 0 of NaN");
}

TEST_CASE("A value is travelling until the HPA has read it, and the outlook says where it is") {
  Hops hops = standing("1", 1);
  hops.source = seen("50", start);
  CHECK(look(hops).state == State::travelling);
  CHECK(look(hops).rule == "prometheus");

  hops.prometheus = seen("50", start + 3s);
  CHECK(look(hops).rule == "metrics-api");  // asked before Prometheus had it

  hops.api = seen("50", start + 4s);
  Outlook waits = look(hops, start + 4s);
  CHECK(waits.rule == "hpa");
  CHECK(waits.until == start + 15s);
  CHECK(waits.text ==
        "the API returns 50, the HPA has read 1: the next sync is at about 08:00:15 UTC (in 11s)");
}

TEST_CASE("50 against 10 goes 4, 8, 10 without behavior, and rests at the maximum") {
  for (auto [replicas, next] : {std::pair{1, 4}, {4, 8}, {8, 10}}) {
    Hops hops = standing("50", replicas);
    hops.hpa.conditions["ScalingLimited"] = {"True", "ScaleUpLimit", "", {}};
    Outlook moves = look(hops);
    CHECK(moves.state == State::moving);
    CHECK(moves.next == next);
  }
  Hops full = standing("50", 10);
  full.hpa.conditions["ScalingLimited"] = {"True", "TooManyReplicas", "", {}};
  Outlook rests = look(full);
  CHECK(rests.state == State::settled);
  CHECK(rests.rule == "at-max");
  CHECK(says(rests, "stays at 10"));
}

TEST_CASE("Pods that are not ready yet keep it moving") {
  Hops hops = standing("50", 4);
  hops.workload.ready = 2;
  CHECK(look(hops).state == State::moving);
  CHECK(look(hops).text == "4 replicas desired, 2 ready");
  hops.hpa.desired = 8;
  CHECK(look(hops).text == "the HPA's desired replicas are 8, the workload's are 4");
}

TEST_CASE("Within the tolerance, and at the minimum, nothing more will change") {
  CHECK(look(standing("10.5", 4)).rule == "within-tolerance");
  CHECK(look(standing("10.5", 4)).at_rest());
  Hops least = standing("0", 1);
  least.hpa.conditions["ScalingLimited"] = {"True", "TooFewReplicas", "", {}};
  CHECK(look(least).rule == "at-min");
  CHECK(look(least).at_rest());
}

TEST_CASE("Held by the scale-down stabilization: until when, why, and what comes then") {
  Memory memory;
  memory.remember({{(start + 50s).time_since_epoch(), 50}});  // in Prometheus, but the HPA did not look then
  memory.note(standing("50", 10, start), settings());
  Hops low = standing("5", 10, start + 60s);
  low.hpa.conditions["AbleToScale"] = {"True", "ScaleDownStabilized", "", {}};
  memory.note(low, settings());
  Outlook held = look(low, start + 61s, memory);
  CHECK(held.state == State::held);
  CHECK(held.at_rest());
  CHECK(held.next == 5);
  // The look before the one that saw the 5 was the last that saw the 50.
  CHECK(held.until == start + 45s + 300s);
  CHECK(held.text ==
        "stays at 10 until about 08:05:45 UTC (in 4m44s): scale-down stabilization (300s); the highest "
        "recommendation of the last 300s was 50, limited to 10 by maxReplicas, until 08:00:45 UTC; then 5");
}

TEST_CASE("A recommendation between the two takes over when the highest one has run out") {
  Memory memory;
  memory.note(standing("50", 10, start), settings());
  memory.note(standing("8", 10, start + 30s), settings());  // asks for 8
  Hops low = standing("5", 10, start + 60s);
  low.hpa.conditions["AbleToScale"] = {"True", "ScaleDownStabilized", "", {}};
  memory.note(low, settings());
  Outlook held = look(low, start + 61s, memory);
  CHECK(held.until == start + 15s + 300s);
  CHECK(held.next == 8);
}

TEST_CASE(
    "What was before the observation is taken from Prometheus, and without that the window is an upper "
    "bound") {
  Hops low = standing("5", 10, start);
  low.hpa.conditions["AbleToScale"] = {"True", "ScaleDownStabilized", "", {}};
  Memory memory;
  memory.note(low, settings());
  Outlook unknown = look(low, start + 10s, memory);
  CHECK(unknown.until == start + 310s);
  CHECK(says(unknown, "at the latest"));

  Memory knows;
  knows.remember({{(start - 100s).time_since_epoch(), 50}});
  knows.note(low, settings());
  CHECK(look(low, start + 10s, knows).until == start + 200s);
}

TEST_CASE("The window is the HPA's own, the controller's flag, or the default, which is said to be assumed") {
  Hops low = standing("5", 10);
  low.hpa.conditions["AbleToScale"] = {"True", "ScaleDownStabilized", "", {}};
  Memory memory;
  memory.remember({{(start - 1s).time_since_epoch(), 50}});
  ControllerSettings controller = settings();
  controller.flags.downscale_stabilization = 30s;
  CHECK(outlook(low, memory, controller, start).until == start + 29s);
  CHECK_FALSE(says(outlook(low, memory, controller, start), "assumed"));
  controller.seen = false;
  CHECK(says(outlook(low, memory, controller, start), "assumed"));
  low.hpa.object = with_status(hpa_object({{"scaleDown", {{"stabilizationWindowSeconds", 60}}}}), "5", 10);
  CHECK(outlook(low, memory, controller, start).until == start + 59s);
}

TEST_CASE("Where all of the window is known and nothing in it holds any more, the next sync scales") {
  Hops low = standing("5", 10, start);
  low.hpa.conditions["AbleToScale"] = {"True", "ScaleDownStabilized", "", {}};
  Memory memory;
  std::vector<hpasim::PastRecommendation> past;
  for (int second = 310; second > 0; second -= 5)
    past.push_back({(start - std::chrono::seconds(second)).time_since_epoch(), 5});
  memory.remember(past);
  Outlook now = look(low, start + 1s, memory);
  CHECK(now.state == State::moving);
  CHECK(now.until == start + 15s);
  CHECK(now.next == 5);
  CHECK(says(now, "no recommendation of the last 300s holds it any more"));
}

TEST_CASE("An average is of the replicas of its sync: after a change of the replicas the total counts") {
  Hops hops = standing("50", 4);
  Json& metric = hops.hpa.object["spec"]["metrics"][0]["object"];
  metric["target"] = {{"type", "AverageValue"}, {"averageValue", "10"}};
  hops.hpa.object["status"]["currentReplicas"] = 2;  // 2 at the sync that read 25 each, 4 since
  hops.hpa.object["status"]["currentMetrics"][0]["object"]["current"] = {{"averageValue", "25"}};
  hops.hpa.metric = seen("25", start);
  hops.hpa.average = true;
  hops.hpa.current = 2;
  Outlook moves = look(hops);
  CHECK(moves.state == State::moving);
  CHECK(says(moves, "needs 5 replicas"));
  hops.hpa.metric = seen("30", start);  // 60 in all: not what the API returns
  CHECK(look(hops).rule == "hpa");
}

TEST_CASE("A chain without a source and without Prometheus is judged by what it has") {
  Hops hops = standing("10", 4);
  hops.has_source = hops.has_prometheus = false;
  hops.source = hops.prometheus = {};
  CHECK(hops.known());
  CHECK(look(hops).rule == "within-tolerance");
  CHECK_FALSE(missing(*parse_goal("value=10"), hops, look(hops)));
  hops.api = seen("99", start);  // its value changes all the time: nothing is on its way
  CHECK(look(hops).at_rest());
  hops.api = {{}, {}, "the server could not find the metric", start, start, {}};
  CHECK(look(hops).rule == "metrics-api");
}

TEST_CASE("A hop without a value is broken, with its own reason") {
  Hops hops = standing("1", 1);
  hops.api = {{}, {}, "Unavailable: no backend responds for the API", start, start, {}};
  CHECK(look(hops).state == State::broken);
  CHECK(look(hops).text == "Unavailable: no backend responds for the API");
  hops = standing("1", 1);
  hops.hpa = {};
  hops.hpa.known = true;
  hops.hpa.missing = "HPA nginx not found in namespace default";
  CHECK(look(hops).rule == "hpa");
  hops = standing("1", 1);
  hops.lost = "connection refused";
  hops.lost_since = start;
  CHECK(look(hops).rule == "api-server");
}

TEST_CASE("NaN travels like any other value") {
  Hops hops = standing("1", 1);
  hops.source = seen("NaN", start);
  CHECK(look(hops).rule == "prometheus");
  hops.prometheus = seen("NaN", start);
  CHECK(look(hops, start).rule == "metrics-api");
}

TEST_CASE(
    "The controller's flags are read off its command line; where it is hidden, the defaults are assumed") {
  fakes::FakeKubeApi api;
  api.absent({"/version", "/api/v1/namespaces/kube-system/pods?*"});
  CHECK_FALSE(read_controller(api).seen);
  CHECK(read_controller(api).flags.sync_period == 15s);
  api.get("/version", {{"gitVersion", "v1.32.1"}});
  Json command = {"kube-controller-manager", "--horizontal-pod-autoscaler-sync-period=5s",
                  "--horizontal-pod-autoscaler-downscale-stabilization=1m30s",
                  "--horizontal-pod-autoscaler-tolerance=0.2"};
  api.get("/api/v1/namespaces/kube-system/pods?labelSelector=component%3Dkube-controller-manager",
          {{"items", {{{"spec", {{"containers", {{{"command", command}}}}}}}}}});
  ControllerSettings read = read_controller(api);
  CHECK(read.seen);
  CHECK(read.rules.minor == 32);
  CHECK(read.flags.sync_period == 5s);
  CHECK(read.flags.downscale_stabilization == 90s);
  CHECK(read.flags.tolerance == 0.2);
}

TEST_CASE("--until is understood, or refused with what it may be") {
  Hops hops = standing("50", 4);
  Outlook now = look(hops);
  CHECK_FALSE(missing(*parse_goal("replicas=4"), hops, now));
  CHECK_FALSE(missing(*parse_goal("ready>=4, metric=50,value<=50,desired=4"), hops, now));
  CHECK(missing(*parse_goal("replicas=10"), hops, now)->starts_with("replicas is 4; "));
  CHECK(missing(*parse_goal("settled"), hops, now)->starts_with("it has not settled: "));
  for (const char* wrong :
       {"", "replicas", "replicas=", "replicas==4", "replicas>4", "pods=1", "settled=1", "ready=x"}) {
    CAPTURE(wrong);
    Result<Goal> goal = parse_goal(wrong);
    REQUIRE_FALSE(goal);
    CHECK(goal.error().kind == ErrorClass::usage);
  }
  CHECK(parse_goal("replica=4").error().because.find("did you mean replicas?") != std::string::npos);
}
