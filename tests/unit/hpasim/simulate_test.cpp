// Loads, simulated timelines, explanations, and the search for a better HPA.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "hpasim/explain.hpp"
#include "hpasim/setup_request.hpp"
#include "hpasim/simulate.hpp"
#include "hpasim/tune.hpp"
#include "hpasim/why.hpp"
#include "tests/fakes/walkthrough_hpa.hpp"

using namespace hpawalk;
using namespace hpawalk::hpasim;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

Spec spec_with(std::initializer_list<std::string_view> sets = {}) {
  Document document = *find_hpa(fakes::walkthrough_hpa);
  for (std::string_view set : sets) REQUIRE(set_field(document, set));
  return *parse_spec(document);
}

Profile load(std::string_view text) {
  auto profile = parse_profile(text);
  REQUIRE_MESSAGE(profile, (profile ? "" : profile.error().what + ": " + profile.error().because));
  return *profile;
}

using Sequence = std::vector<std::int32_t>;

}  // namespace

TEST_CASE("A load is read from words") {
  Profile step = load("step 5..50 at 1m for 5m");
  CHECK(step.at(seconds(59)) == 5);
  CHECK(step.at(seconds(60)) == 50);
  CHECK(step.end() == minutes(5));
  CHECK(load("step:from=5,to=50,at=60s").at(seconds(61)) == 50);
  CHECK(load("step from=5 to=50 at=1m").at(seconds(61)) == 50);
  CHECK(load("ramp 0..100 over 100s").at(seconds(25)) == doctest::Approx(25));
  CHECK(load("hold 500m for 1m").at(seconds(3)) == 0.5);
  CHECK(load("steps 5,20,80 every 2m").at(minutes(3)) == 20);
  CHECK(load("sine 10..30 every 10m").at(minutes(5)) == doctest::Approx(30));
  Profile spike = load("spike 5..100 at 2m lasting 30s for 10m");
  CHECK(spike.at(seconds(125)) == 100);
  CHECK(spike.at(seconds(151)) == 5);
  Profile two = load("hold 1 for 1m; hold 2 for 1m then hold 3 for 1m");
  CHECK(two.at(seconds(90)) == 2);
  CHECK(two.at(seconds(150)) == 3);
  CHECK(two.end() == minutes(3));
}

TEST_CASE("A load's average over a time is exact") {
  Profile step = load("step 0..10 at 60s for 2m");
  CHECK(step.average(seconds(30), seconds(90)) == doctest::Approx(5));
  CHECK(step.average(seconds(-60), seconds(0)) == 0);
  CHECK(load("ramp 0..60 over 60s").average(seconds(0), seconds(30)) == doctest::Approx(15));
}

TEST_CASE("Noise is the same for the same seed, and stays within its bounds") {
  auto a = parse_profile("hold 100 for 10m noise=10%", 3), b = parse_profile("hold 100 for 10m noise=10%", 3),
       c = parse_profile("hold 100 for 10m noise=10%", 4);
  bool same = true, other = true;
  for (int s = 0; s < 600; s += 7) {
    same = same && a->at(seconds(s)) == b->at(seconds(s));
    other = other && a->at(seconds(s)) == c->at(seconds(s));
    CHECK(std::abs(a->at(seconds(s)) - 100) <= 10);
  }
  CHECK(same);
  CHECK_FALSE(other);
}

TEST_CASE("What is wrong with a load is said with the nearest name and an example") {
  CHECK(parse_profile("setp 5..50").error().hint.find("Did you mean step?") != std::string::npos);
  CHECK(parse_profile("ramp 5..50 ovr 5m").error().hint == "Did you mean over?");
  CHECK(parse_profile("step 5").error().what.find("two values") != std::string::npos);
  CHECK(parse_profile("hold -5").error().what == "A load cannot be negative");
  CHECK(parse_profile("step 5..50 at soon").error().id == "duration");
  CHECK(parse_profile("").error().what == "The profile is empty");
}

TEST_CASE("A CSV file is read as Grafana, Prometheus and spreadsheets write it") {
  auto points = [](const std::string& text) {
    auto csv = read_csv(text, true);
    REQUIRE_MESSAGE(csv, text, (csv ? "" : csv.error().what));
    std::string all;
    for (const Profile::Point& point : csv->points())
      all += fmt::format("{}={} ", in_seconds(point.at), point.value);
    return all;
  };
  CHECK(points("\xEF\xBB\xBF"
               "0,5\n60,50\n") == "0=5 60=50 ");
  CHECK(points("1714560000000,5\n1714560060000,50\n") == "0=5 60=50 ");
  CHECK(points("\"Time\",\"requests\"\n\"2024-05-01 12:00:00\",\"5\"\n\"2024-05-01 12:01:00\",\"50\"\n") ==
        "0=5 60=50 ");
  CHECK(points("time,value\n0,5\n60,NaN\n90,\n120,50\n") == "0=5 120=50 ");
  CHECK(points("# exported\n\ntime,value\n0,5\n60,50\n") == "0=5 60=50 ");
  CHECK(points("2024-05-01 12:00,5\n2024/05/01 12:01:00,50\n") == "0=5 60=50 ");
  CHECK(points("2024-03-31 01:30:00+01:00,5\n2024-03-31 03:30:00 +0200,50\n") == "0=5 3600=50 ");
  for (const char* wrong :
       {"2024-03-31 03:30:00 junk", "2024-03-31 03:30:00+2", "2024-13-31 03:30:00", "2024-03-31 25:00"})
    CHECK_FALSE(read_csv("2024-03-31 01:30:00,1\n" + std::string(wrong) + ",5\n", false));
  CHECK(read_csv("0,5\ntime,value\n", false).error().hint.find("2026-01-31T12:00:00Z") != std::string::npos);
}

TEST_CASE("A CSV file is a load, with seconds, durations or dates") {
  auto csv = read_csv("time,value\n0,5\n60,50\n90s,7\n", false);
  REQUIRE(csv);
  CHECK(csv->at(seconds(59)) == 5);
  CHECK(csv->at(seconds(60)) == 50);
  CHECK(read_csv("0,0\n10,10\n", true)->at(seconds(5)) == 5);
  auto dates = read_csv("2026-01-31T12:00:00Z;1\n2026-01-31T12:01:00Z;2\n", false);
  REQUIRE(dates);
  CHECK(dates->at(seconds(61)) == 2);
  CHECK(dates->end() == seconds(60));
  for (const char* date : {"2024-41-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-01-31T24:00:00Z",
                           "2026-01-31T12:60:00Z", "2026-00-10T00:00:00Z"}) {
    CHECK(read_csv(std::string("2026-01-01T00:00:00Z,1\n") + date + ",2\n", false).error().what ==
          "Line 2 of the CSV file is not in the form time,value");
    CHECK(read_csv(std::string(date) + ",1\n", false).error().what ==
          "Line 1 of the CSV file is not in the form time,value");  // no line of titles
  }
  CHECK(read_csv("0,1.5e-05\n1,2\n", false));
  CHECK(read_csv("0,1\nx,2\n", false).error().what == "Line 2 of the CSV file is not in the form time,value");
  CHECK(read_csv("5,1\n0,2\n", false).error().what == "Line 2 of the CSV file goes back in time");
  CHECK_FALSE(read_csv("", false));
  for (const char* date : {"2026-41-01T12:00:00Z", "2026-02-30T12:00:00Z", "2026-01-31T24:00:00Z",
                           "2026-01-31T12:60:00Z", "2026-00-01T12:00:00Z"}) {
    CHECK(read_csv("2026-01-31T12:00:00Z,1\n" + std::string(date) + ",2\n", false).error().what ==
          "Line 2 of the CSV file is not in the form time,value");
  }
  CHECK(read_csv("0,1\n1e300,2\n", false).error().what ==
        "Line 2 of the CSV file is more than a year from the first");
}

TEST_CASE("Durations are read in the usual spellings") {
  CHECK(parse_duration("90") == seconds(90));
  CHECK(parse_duration("1m30s") == seconds(90));
  CHECK(parse_duration("1.5h") == minutes(90));
  CHECK(parse_duration("250ms") == milliseconds(250));
  for (std::string_view bad : {"", "m", "5x", "1.2.3s", "s5", "-5s"}) CHECK_FALSE(parse_duration(bad));
}

TEST_CASE("A simulated step gives the walkthrough's numbers and waits for pods to be ready") {
  Setup setup;
  setup.rules = *rules_for("1.34");
  Timeline t = simulate(spec_with(), {load("step 5..50 at 1m for 5m")}, setup);
  CHECK(t.sequence() == Sequence{1, 4, 8, 10});
  CHECK(simulate(spec_with({"spec.behavior={}"}), {load("step 5..50 at 1m for 5m")}, setup).sequence() ==
        Sequence{1, 5, 10});
  setup.pods.pending = seconds(40);  // longer than two syncs: 4 of 1 ready, then 5 of 1 ready again
  CHECK(simulate(spec_with(), {load("step 5..50 at 1m for 5m")}, setup).sequence() == Sequence{1, 4, 5, 10});
}

TEST_CASE("The figures of a simulated step are what one counts by hand") {
  Setup setup;
  setup.rules = *rules_for("1.34");
  setup.pods.pending = seconds(0);
  setup.first_sync = seconds(10);
  setup.delays.read_least = setup.delays.read_most = setup.delays.write_least = setup.delays.write_most =
      Time(0);
  setup.delays.status_least = setup.delays.status_most = Time(0);
  // Syncs at 10, 25, 40...: at 70 to 4, at 85 to 8. Ready pods carry 11 each: 5 would do for 50.
  Timeline t = simulate(spec_with(), {load("step 5..50 at 1m for 2m")}, setup);
  CHECK(t.figures.first_short == seconds(25));
  CHECK(t.figures.time_short == seconds(25));
  CHECK(t.figures.changes == 3);
  CHECK(t.figures.reversals == 0);
  CHECK(t.figures.pod_hours == doctest::Approx((70 * 1 + 15 * 4 + 15 * 8 + 20 * 10) / 3600.0));
  CHECK(t.figures.share_short == doctest::Approx((10 * (50 - 11) + 15 * (50 - 44)) / (60.0 * 5 + 60 * 50)));
}

TEST_CASE("The same seed gives the same run, and many runs are the same on any number of threads") {
  Setup setup;
  setup.rules = *rules_for("1.34");
  setup.seed = 5;
  Spec spec = spec_with({"spec.behavior.scaleUp.policies=[{type: Pods, value: 1, periodSeconds: 15}]"});
  std::vector<Profile> profiles = {load("step 5..50 at 1m for 10m")};
  Runs one = simulate_runs(spec, profiles, setup, 60, 1), three = simulate_runs(spec, profiles, setup, 60, 3);
  REQUIRE(one.outcomes.size() == three.outcomes.size());
  int total = 0;
  for (std::size_t i = 0; i < one.outcomes.size(); ++i) {
    CHECK(one.outcomes[i].sequence == three.outcomes[i].sequence);
    total += one.outcomes[i].times;
  }
  CHECK(total == 60);
  setup.jitter = true;
  setup.seed = one.outcomes[0].seed;
  CHECK(simulate(spec, profiles, setup).sequence() == one.outcomes[0].sequence);
}

TEST_CASE("A changed HPA counts at the next sync, since 1.37 at once") {
  Setup setup;
  std::vector<Profile> profiles = {load("constant 50 for 5m")};
  setup.replicas = 10;
  setup.changes = {{seconds(65), spec_with({"spec.maxReplicas=20"})}};
  for (std::string_view version : {"1.36", "1.37"}) {
    CAPTURE(version);
    setup.rules = *rules_for(version);
    Timeline t = simulate(spec_with(), profiles, setup);
    REQUIRE(t.replicas.size() == 2);
    CHECK(t.replicas[1].count == 20);
    Time late = t.replicas[1].at - seconds(65);
    if (version == "1.37") CHECK(late < seconds(1));
    if (version == "1.36") CHECK(late > seconds(5));
    setup.jitter = true;
    CHECK(simulate(spec_with(), profiles, setup).replicas.back().count == 20);
    setup.jitter = false;
  }
}

TEST_CASE("The metrics of a changed HPA are those of its new spec") {
  Setup setup;
  setup.rules = *rules_for("1.34");
  std::vector<Profile> profiles = {load("constant 50 for 5m")};
  Spec changed =
      spec_with({"spec.metrics=[{type: External, external: {metric: {name: m}, target: {type: "
                 "AverageValue, averageValue: 10}}}]",
                 "spec.behavior.scaleDown.stabilizationWindowSeconds=0"});
  setup.changes = {{seconds(100), changed}};
  CHECK(simulate(spec_with(), profiles, setup).sequence() == Sequence{1, 4, 8, 10, 5});
}

TEST_CASE("The load per pod decreases as more pods share it") {
  Setup setup;
  setup.rules = *rules_for("1.34");
  Spec spec =
      spec_with({"spec.metrics=[{type: Pods, pods: {metric: {name: rps}, target: {type: AverageValue, "
                 "averageValue: 10}}}]"});
  CHECK(simulate(spec, {load("step 5..62 at 1m for 10m")}, setup).sequence().back() == 7);
  Spec cpu =
      spec_with({"spec.metrics=[{type: Resource, resource: {name: cpu, target: {type: Utilization, "
                 "averageUtilization: 50}}}]"});
  CHECK(simulate(cpu, {load("step 40..290 at 1m for 30m")}, setup).sequence().back() == 6);
}

TEST_CASE("With a pod's request, the load of a utilization is of the resource: cores, bytes") {
  Setup setup;
  setup.rules = *rules_for("1.37");
  Spec spec = spec_with(
      {"spec.metrics=[{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: "
       "50}}}, {type: Resource, resource: {name: memory, target: {type: Utilization, averageUtilization: "
       "80}}}]"});
  setup.pods.requests.of = {{"cpu", 500}, {"memory", 1'073'741'824'000}};
  CHECK(per_pod(spec.metrics[0], setup.pods.requests) == 0.25);
  CHECK(per_pod(spec.metrics[0]) == 50);
  Timeline t = simulate(spec, {load("step 0.2..1.45 at 1m for 30m"), load("hold 1Gi for 30m")}, setup);
  CHECK(t.sequence().back() == 6);
  CHECK(t.syncs.back().proposal.utilization == 48);
  CHECK(t.carried[0] == doctest::Approx(0.275));
  t = simulate(spec, {load("hold 0.2 for 30m"), load("step 1Gi..5Gi at 1m for 30m")}, setup);
  CHECK(t.sequence().back() == 7);  // 5 GiB over 0.8 GiB
  // The same request for every resource.
  setup.pods.requests = {1000, {}};
  CHECK(simulate(spec, {load("hold 2 for 30m"), load("hold 0 for 30m")}, setup).sequence().back() == 4);
}

TEST_CASE("--pod-request is one quantity for all resources, or one each") {
  Setup setup;
  SetupRequest request;
  REQUIRE(read_setup(request, setup));
  CHECK_FALSE(setup.pods.requests.find("cpu"));
  request.request = "500m";
  REQUIRE(read_setup(request, setup));
  CHECK(setup.pods.requests.find("cpu") == 500);
  request.request = "cpu=250m, memory=1Ki";
  REQUIRE(read_setup(request, setup));
  CHECK(setup.pods.requests.find("cpu") == 250);
  CHECK(setup.pods.requests.find("memory") == 1'024'000);
  CHECK_FALSE(setup.pods.requests.find("gpu"));
  for (const char* wrong : {"0", "cpu=", "cpu=-1", "cpu=250m,memory", "1E"}) {
    CAPTURE(wrong);
    request.request = wrong;
    CHECK_FALSE(read_setup(request, setup));
  }
}

TEST_CASE("A delayed metric delays the HPA") {
  Setup setup;
  setup.rules = *rules_for("1.34");
  std::vector<Profile> profiles = {load("step 5..50 at 65s for 10m")};
  Time at_once = simulate(spec_with(), profiles, setup).replicas[1].at;
  setup.pipeline.scrape_interval = minutes(1);
  CHECK(simulate(spec_with(), profiles, setup).replicas[1].at >= at_once + seconds(30));
  setup.pipeline.scrape_interval = Time(0);
  setup.pipeline.window = minutes(5);
  CHECK(simulate(spec_with(), profiles, setup).replicas[1].at > at_once);
  setup.pipeline.window = Time(0);
  setup.pipeline.relist = minutes(2);
  Timeline unseen = simulate(spec_with(), profiles, setup);
  CHECK(unseen.syncs.front().decision.rule == Rule::no_metric);
  CHECK(unseen.replicas[1].at >= minutes(2));
}

TEST_CASE("Each change is explained by the rule that decided it") {
  Setup setup;
  setup.rules = *rules_for("1.34");
  Timeline t = simulate(spec_with(), {load("step 5..50 at 1m for 5m")}, setup);
  std::vector<std::string> why;
  for (const Sync& sync : t.syncs) {
    if (sync.decision.rescaled()) why.push_back(explain(spec_with(), sync.decision, sync.proposal));
  }
  REQUIRE(why.size() == 3);
  CHECK(why[0] ==
        "50 / 10 = 5 x 1 ready = 5; limited to 4: without behavior, at most twice as many (or 4) per sync");
  CHECK(why[2] == "50 / 10 = 5 x 8 ready = 40; limited by maxReplicas 10");
}

TEST_CASE("A change from zero is explained without an average of no pods") {
  for (std::string_view target : {"spec.metrics[0].object.target={type: Value, value: 10}",
                                  "spec.metrics[0].object.target={type: AverageValue, averageValue: 10}"}) {
    const Spec spec = spec_with({"spec.minReplicas=0", target});
    Setup setup;
    setup.replicas = 0;
    Timeline t = simulate(spec, {load("hold 30 for 1m")}, setup);
    REQUIRE(t.syncs.front().decision.rescaled());
    CHECK(explain(spec, t.syncs.front().decision, t.syncs.front().proposal) == "30 / 10 = 3, from zero: 3");
  }
}

TEST_CASE("What a person scaled to 0 stays there from 1.36 on, and what the HPA scaled to 0 does not") {
  for (const auto& [version, by_hand, highest] : {std::tuple{"1.35", true, 3},
                                                  {"1.36", true, 0},
                                                  {"1.37", true, 0},
                                                  {"1.35", false, 3},
                                                  {"1.36", false, 3},
                                                  {"1.37", false, 3}}) {
    SetupRequest request;
    request.replicas = 0;
    request.zero_by_hand = by_hand;
    Setup setup;
    setup.rules = *rules_for(version);
    take_gate(setup.rules, "HPAScaleToZero=true");
    REQUIRE(read_setup(request, setup));
    CHECK(simulate(spec_with({"spec.minReplicas=0", "spec.maxReplicas=3"}), {load("hold 100 for 2m")}, setup)
              .figures.highest == highest);
  }
}

TEST_CASE("At 0 replicas an HPA of KEDA's is told to wait for KEDA, and another one to be scaled up") {
  auto hpa = nlohmann::json::parse(R"({
    "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 5,
             "metrics": [{"type": "External", "external": {"metric": {"name": "s0-prometheus"}}}]},
    "status": {"conditions": [{"type": "ScalingActive", "status": "False", "reason": "ScalingDisabled"}]}})");
  auto reason = [&] {
    return why_unchanged(spec_with(), *rules_for("1.34"), {}, state_of(hpa), {}, seconds(200)).front();
  };
  CHECK(reason().rule == "zero");
  hpa["spec"]["metrics"][0]["external"]["metric"]["selector"]["matchLabels"]["scaledobject.keda.sh/name"] =
      "orders";
  CHECK(reason().rule == "keda-zero");
  CHECK(reason().text.find("(ScaledObject orders), and scales it to 1 at the first poll") !=
        std::string::npos);
}

TEST_CASE("Why an HPA in a cluster does not change") {
  Rules rules = *rules_for("1.34");
  State state;
  state.current = state.desired = 10;
  state.metrics = {{5'000, {}, {}}};
  state.conditions = {{"AbleToScale", {"True", "ScaleDownStabilized", ""}},
                      {"ScalingActive", {"True", "ValidMetricFound", ""}},
                      {"ScalingLimited", {"False", "DesiredWithinRange", ""}}};
  auto reasons =
      why_unchanged(spec_with(), rules, {}, state, {{seconds(100), 10}, {seconds(130), 5}}, seconds(200));
  REQUIRE(reasons.size() == 1);
  CHECK(reasons[0].rule == "stabilized-down");
  CHECK(reasons[0].until == seconds(400));
  CHECK_FALSE(reasons[0].at_latest);
  reasons = why_unchanged(spec_with(), rules, {}, state, {}, seconds(200));
  CHECK(reasons[0].until == seconds(500));
  CHECK(reasons[0].at_latest);

  state.conditions["AbleToScale"].reason = "ReadyForNewScale";
  state.metrics = {{10'500, {}, {}}};
  reasons = why_unchanged(spec_with(), rules, {}, state, {}, seconds(200));
  REQUIRE(reasons.size() == 1);
  CHECK(reasons[0].rule == "within-tolerance");
  CHECK(reasons[0].text.find("1.05 times its target") != std::string::npos);

  state.metrics = {{50'000, {}, {}}};
  state.conditions["ScalingLimited"] = {"True", "TooManyReplicas", ""};
  CHECK(why_unchanged(spec_with(), rules, {}, state, {}, seconds(200))[0].rule == "at-max");
  state.conditions["ScalingActive"] = {"False", "FailedGetObjectMetric",
                                       "the HPA was unable to compute the replica count"};
  CHECK(why_unchanged(spec_with(), rules, {}, state, {}, seconds(200))[0].rule == "no-metric");
}

TEST_CASE("What an API server answers need not be an HPA") {
  for (const nlohmann::json& odd :
       std::vector<nlohmann::json>{nullptr, 3, "web", {1, 2}, nlohmann::json::object()}) {
    CHECK_FALSE(spec_of(odd));
    CHECK(state_of(odd).metrics.empty());
    CHECK_FALSE(shown_metric(odd, MetricKind::object, "queue"));
  }
}

TEST_CASE("What a metric asks for is the calculator's own answer, for each kind of target") {
  Rules rules = *rules_for("1.34");
  auto asks = [&](const nlohmann::json& metric, const nlohmann::json& current, int replicas, int ready) {
    nlohmann::json hpa = {
        {"metadata", {{"name", "web"}}},
        {"spec",
         {{"scaleTargetRef", {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", "web"}}},
          {"maxReplicas", 100},
          {"metrics", {metric}}}},
        {"status", {{"currentReplicas", replicas}, {"currentMetrics", {current}}}}};
    std::optional<Spec> spec = spec_of(hpa);
    REQUIRE(spec);
    State state = state_of(hpa);
    REQUIRE(state.metrics.size() == 1);
    std::optional<Proposal> p = proposal_of(*spec, 0, state.metrics[0], replicas, ready, rules, {});
    REQUIRE(p);
    return p->replicas;
  };
  auto object = [](const nlohmann::json& side, const char* name) {
    nlohmann::json metric = {
        {"type", "Object"},
        {"object",
         {{"metric", {{"name", "queue"}}},
          {"describedObject", {{"apiVersion", "v1"}, {"kind", "Service"}, {"name", "q"}}}}}};
    metric["object"][name] = side;
    return metric;
  };
  // Value: the ratio counts for the pods that are ready.
  CHECK(asks(object({{"type", "Value"}, {"value", "10"}}, "target"), object({{"value", "50"}}, "current"), 4,
             4) == 20);
  CHECK(asks(object({{"type", "Value"}, {"value", "10"}}, "target"), object({{"value", "50"}}, "current"), 4,
             2) == 10);
  CHECK(asks(object({{"type", "Value"}, {"value", "10"}}, "target"), object({{"value", "10500m"}}, "current"),
             4, 4) == 4);
  // AverageValue: the status shows the average over the pods, so the total is as many times that.
  CHECK(asks(object({{"type", "AverageValue"}, {"averageValue", "10"}}, "target"),
             object({{"averageValue", "25"}}, "current"), 4, 4) == 10);
  nlohmann::json pods = {{"type", "Pods"}, {"pods", {{"metric", {{"name", "rps"}}}}}};
  nlohmann::json wanted = pods, seen = pods;
  wanted["pods"]["target"] = {{"type", "AverageValue"}, {"averageValue", "10"}};
  seen["pods"]["current"] = {{"averageValue", "15"}};
  CHECK(asks(wanted, seen, 4, 4) == 6);
  CHECK(asks({{"type", "Resource"},
              {"resource",
               {{"name", "cpu"}, {"target", {{"type", "Utilization"}, {"averageUtilization", 50}}}}}},
             {{"type", "Resource"},
              {"resource", {{"name", "cpu"}, {"current", {{"averageUtilization", 100}}}}}},
             3, 3) == 6);
}

TEST_CASE(
    "A window holds until the last recommendation that keeps the replicas has left it, in both directions") {
  Rules rules = *rules_for("1.34");
  State state;
  state.current = state.desired = 4;
  state.metrics = {{80'000, {}, {}}};
  state.conditions = {{"AbleToScale", {"True", "ScaleUpStabilized", ""}},
                      {"ScalingActive", {"True", "", ""}}};
  Spec spec = spec_with({"spec.behavior={scaleUp: {stabilizationWindowSeconds: 60}}"});
  std::vector<PastRecommendation> past = {{seconds(150), 3}, {seconds(170), 4}, {seconds(180), 6}};
  std::vector<Reason> reasons = why_unchanged(spec, rules, {}, state, past, seconds(200));
  REQUIRE(reasons.size() == 1);
  CHECK(reasons[0].rule == "stabilized-up");
  CHECK(reasons[0].until == seconds(230));
  CHECK(reasons[0].held->strongest == 3);
  CHECK(reasons[0].next == 6);  // what was asked for later, until that has left the window too
  // A condition of the last sync that the metric has left behind: nothing is held back any more.
  state.metrics = {{10'000, {}, {}}};
  CHECK(why_unchanged(spec, rules, {}, state, past, seconds(200))[0].rule == "within-tolerance");
}

TEST_CASE("A goal is limits and what is to be small") {
  auto goal = parse_goal("short <= 30s, share<=1%, changes <= 10, least pod-hours");
  REQUIRE(goal);
  REQUIRE(goal->limits.size() == 3);
  CHECK(goal->limits[0].most == 30);
  CHECK(goal->limits[1].most == doctest::Approx(0.01));
  CHECK(goal->least == std::vector<Measure>{Measure::pod_hours});
  CHECK(parse_goal("least pod-hour").error().because == "Did you mean pod-hours?");
  CHECK_FALSE(parse_goal(""));
  CHECK_FALSE(parse_goal("quickly"));
}

TEST_CASE(
    "tune finds something that is within the limits, nothing of its front beats another, and it repeats "
    "itself") {
  Setup setup;
  setup.rules = *rules_for("1.34");
  Document hpa = *find_hpa(fakes::walkthrough_hpa);
  REQUIRE(set_field(hpa,
                    "spec.metrics=[{type: Pods, pods: {metric: {name: rps}, target: {type: AverageValue, "
                    "averageValue: 10}}}]"));
  std::vector<Profile> profiles = {load("sine 5..80 every 20m for 1h")};
  Goal goal = *parse_goal("changes <= 20, least short");
  Tuned tuned = tune(hpa, profiles, setup, goal, 120);
  CHECK(tuned.front[tuned.best].within);
  CHECK(tuned.front[tuned.best].figures.time_short <= tuned.original.figures.time_short);
  for (const Candidate& a : tuned.front) {
    for (const Candidate& b : tuned.front) {
      bool beaten = b.figures.time_short < a.figures.time_short &&
                    b.figures.pod_hours < a.figures.pod_hours && b.figures.changes < a.figures.changes;
      CHECK_FALSE(beaten);
    }
  }
  CHECK(to_yaml(tune(hpa, profiles, setup, goal, 120).front[tuned.best].hpa) ==
        to_yaml(tuned.front[tuned.best].hpa));
}

TEST_CASE("What is set follows a load at a bounded rate, and a jump is on time") {
  auto settings = [](std::string_view text, Time every) {
    std::vector<std::pair<double, double>> all;
    for (const Profile::Point& point : sampled(load(text), every))
      all.emplace_back(static_cast<double>(point.at.count()) / 1e6, point.value);
    return all;
  };
  using Settings = std::vector<std::pair<double, double>>;
  CHECK(settings("step 5..50 at 70500ms for 5m", seconds(1)) == Settings{{0, 5}, {70.5, 50}});
  CHECK(settings("hold 7 for 1h", seconds(1)) == Settings{{0, 7}});
  CHECK(settings("ramp 0..3 over 3s for 10s", seconds(1)) == Settings{{0, 0}, {1, 1}, {2, 2}, {3, 3}});
  CHECK(settings("ramp 0..4 over 8s for 8s; hold 9 for 5s", seconds(3)) ==
        Settings{{0, 0}, {3, 1.5}, {8, 9}});
}

TEST_CASE("Many runs and a search end at once when they are to stop") {
  Setup setup;
  setup.rules = *rules_for("1.34");
  std::vector<Profile> profiles = {load("step 5..50 at 1m for 5m")};
  CHECK(simulate_runs(spec_with(), profiles, setup, 1000, 1, [](int done) { return done < 3; }).count == 3);
  Tuned tuned = tune(*find_hpa(fakes::walkthrough_hpa), profiles, setup, *parse_goal("least short"), 100,
                     [](int done) { return done < 5; });
  CHECK(tuned.tried <= 5);
}

TEST_CASE("A goal's own measure counts when candidates are compared") {
  Setup setup;
  setup.rules = *rules_for("1.34");
  std::vector<Profile> profiles = {load("sine 5..90 every 15m for 45m")};
  Tuned tuned = tune(*find_hpa(fakes::walkthrough_hpa), profiles, setup, *parse_goal("least reversals"), 80);
  for (const Candidate& c : tuned.front)
    CHECK(tuned.front[tuned.best].figures.reversals <= c.figures.reversals);
}
