// The controller's arithmetic on hand-made cases. The broad proof is tests/hpasim: the real controller,
// replayed.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <limits>

#include "base/quantity.hpp"
#include "base/yaml.hpp"
#include "hpasim/controller.hpp"
#include "hpasim/sync_clock.hpp"
#include "tests/fakes/walkthrough_hpa.hpp"

using namespace hpawalk;
using namespace hpawalk::hpasim;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

Document walkthrough(std::initializer_list<std::string_view> sets = {}) {
  Document document = *find_hpa(fakes::walkthrough_hpa);
  for (std::string_view set : sets) REQUIRE(set_field(document, set));
  return document;
}

Spec spec_of(const Document& document) {
  auto spec = parse_spec(document);
  REQUIRE_MESSAGE(spec, (spec ? "" : spec.error().because));
  return *spec;
}

std::string mistakes(const Document& document) {
  auto spec = parse_spec(document);
  return spec ? "" : spec.error().because;
}

// Drives one Object metric, every pod ready at once, a sync every 15 s plus `late`.
struct Drive {
  Controller controller;
  std::int32_t replicas;
  Time now{0};
  Time late = milliseconds(20);
  Decision last{};

  Drive(const Document& document, std::int32_t start, Rules rules = *rules_for("1.34"), Flags flags = {})
      : controller(spec_of(document), rules, flags), replicas(start) {}

  std::int32_t sync(std::int64_t milli) {
    now += seconds(15) + late;
    std::int64_t values[] = {milli};
    Reading reading{Failure::none, values, {}};
    PodGroup pods[] = {{replicas, Phase::running, false, true, true, Time(0), Time(0)}};
    last = controller.sync({&reading, 1}, pods, {replicas, replicas}, now - milliseconds(10), now);
    if (last.rescaled()) controller.wrote(last, now + milliseconds(5));
    return replicas = last.to;
  }
  std::vector<std::int32_t> syncs(std::int64_t milli, int count) {
    std::vector<std::int32_t> sequence;
    for (int i = 0; i < count; ++i) sequence.push_back(sync(milli));
    return sequence;
  }
};

using Sequence = std::vector<std::int32_t>;

}  // namespace

TEST_CASE("A quantity is read exactly and rounded up to milli-units") {
  auto milli = [](std::string_view text) {
    auto quantity = parse_quantity(text);
    return quantity ? to_milli(*quantity) : -1;
  };
  CHECK(milli("10") == 10'000);
  CHECK(milli("500m") == 500);
  CHECK(milli("1.5") == 1'500);
  CHECK(milli(".5") == 500);
  CHECK(milli("5.") == 5'000);
  CHECK(milli("0.0001") == 1);
  CHECK(milli("1u") == 1);
  CHECK(milli("1001u") == 2);
  CHECK(milli("2Ki") == 2'048'000);
  CHECK(milli("1.5Ki") == 1'536'000);
  CHECK(milli("3e2") == 300'000);
  CHECK(milli("3E-1") == 300);
  CHECK(milli("1k") == 1'000'000);
  CHECK(milli("+7") == 7'000);
  CHECK(milli("9223372036854775") == 9'223'372'036'854'775'000);
  for (std::string_view bad :
       {"", "1.2.3", "1 k", "1K", "1e", "ten", "--1", "0x2", "1_0", "1Ei5", "1e3.5", ".e-20"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_quantity(bad));
  }
}

TEST_CASE("A quantity is what a controller reads once the API server has stored it, however strange") {
  // Written by apimachinery 0.37.2: ParseQuantity, String, ParseQuantity again, MilliValue,
  // AsApproximateFloat64.
  struct Case {
    const char* text;
    int sign;
    std::int64_t milli;
    double number;
  };
  for (const Case& one : {Case{"1E", 1, 0, 1e18},
                          {"1000E", 1, 1000, 1},
                          {"1Ei", 1, INT64_MIN, 1.152921504606847e+18},
                          {"8Ei", 1, -1000, 9.2233720368547758e+18},
                          {"9223372036854775807", 1, -1000, 9.2233720368547758e+18},
                          {"9223372036854776", 1, -9223372036854775616, 9223372036854776},
                          {"123456789012345678901234567890", 1, 8982045596877734992, 1.234567890123457e+29},
                          {"1e100", 1, 0, 1e100},
                          {"1e-100", 1, 1, 1.0000000000000001e-09},
                          {"00004603000.00e30", 1, 0, 4.6030000000000006e+36},
                          {"1e4294967296", 1, 1000, 1},
                          {"0.5Ki", 1, 512000, 512},
                          {"-.05Ei", -1, 0, -57646075230342352},
                          {"-1.5n", -1, -1, -2.0000000000000001e-09},
                          {"010", 1, 10000, 10},
                          {"+", 0, 0, 0},
                          {".", 0, 0, 0},
                          {"Ki", 0, 0, 0}}) {
    CAPTURE(one.text);
    auto quantity = parse_quantity(one.text);
    REQUIRE(quantity);
    CHECK(*quantity == Quantity{one.sign, one.milli, one.number});
  }
  for (std::string_view typed : {"m", "+", "9223372036854776", "1E"}) CHECK_FALSE(typed_quantity(typed));
  CHECK(typed_quantity("9223372036854775"));
  CHECK(typed_quantity("150m")->number == 0.15);
}

TEST_CASE("A tolerance becomes the same double that the controller has") {
  CHECK(to_double(*parse_quantity("0.05")) == 50 * (1.0 / 1000));
  CHECK(to_double(*parse_quantity("0.15")) == 150 * (1.0 / 1000));
  CHECK(to_double(*parse_quantity("2")) == 2.0);
  CHECK(to_double(*parse_quantity("0")) == 0.0);
}

TEST_CASE("Milli-units are written in canonical form") {
  CHECK(milli_text(0) == "0");
  CHECK(milli_text(1500) == "1500m");
  CHECK(milli_text(10'000) == "10");
  CHECK(milli_text(10'000'000) == "10k");
}

TEST_CASE("Without behavior the walkthrough's value 50 gives 1, 4, 8, 10") {
  Drive drive(walkthrough(), 1);
  CHECK(drive.syncs(50'000, 4) == Sequence{4, 8, 10, 10});
  CHECK(drive.last.rule == Rule::at_max);
  CHECK(drive.last.conditions.limited == Limited::TooManyReplicas);
}

TEST_CASE("With any behavior the walkthrough's value 50 gives 1, 5, 10") {
  Drive drive(walkthrough({"spec.behavior={}"}), 1);
  CHECK(drive.syncs(50'000, 3) == Sequence{5, 10, 10});
}

TEST_CASE("The walkthrough's value 5 stays at 10 for the stabilization window and then comes down") {
  Drive drive(walkthrough(), 10);
  CHECK(drive.syncs(50'000, 1) == Sequence{10});
  Time asked = drive.now;
  int syncs = 0;
  while (drive.sync(5'000) == 10 && syncs < 100) {
    CHECK(drive.last.rule == Rule::stabilized_down);
    CHECK(drive.last.conditions.able == Able::ScaleDownStabilized);
    // Its own proposal of 50 was for 50 replicas: it is what holds the number up, until five minutes later.
    CHECK(drive.last.until == asked + seconds(300));
    ++syncs;
  }
  CHECK(syncs == 19);
  CHECK(drive.replicas == 5);
  CHECK(drive.sync(5'000) == 5);  // the window now holds the proposal of 5
}

TEST_CASE("A policy of 15 s holds one step back only when the sync comes early: the race is real") {
  auto sequence = [](Time late) {
    Drive drive(walkthrough({"spec.maxReplicas=100",
                             "spec.behavior.scaleUp.policies=[{type: Pods, value: 1, periodSeconds: 15}]"}),
                1);
    drive.late = late;
    return drive.syncs(50'000, 4);
  };
  CHECK(sequence(milliseconds(20)) == Sequence{2, 3, 4, 5});
  CHECK(sequence(milliseconds(0)) == Sequence{2, 2, 3, 3});
}

TEST_CASE("The tolerance's edge: held since 1.33, scaled before") {
  for (auto [version, expected] : {std::pair{"1.32", 3}, {"1.33", 2}, {"1.34", 2}, {"1.37", 2}}) {
    Drive drive(walkthrough(), 2, *rules_for(version));
    CAPTURE(version);
    CHECK(drive.sync(11'000) == expected);
  }
}

TEST_CASE("A tolerance in the spec counts from 1.35 on") {
  Document document = walkthrough({"spec.behavior.scaleUp.tolerance=0.5"});
  for (auto [version, expected] : {std::pair{"1.34", 3}, {"1.35", 2}}) {
    Drive drive(document, 2, *rules_for(version));
    CAPTURE(version);
    CHECK(drive.sync(14'000) == expected);
  }
}

TEST_CASE("A replica count of zero disables scaling") {
  Drive drive(walkthrough(), 0);
  CHECK(drive.sync(50'000) == 0);
  CHECK(drive.last.rule == Rule::zero);
  CHECK(reason(drive.last.conditions) == "ScalingDisabled");
}

TEST_CASE("Down to zero and back: by the replica count until 1.35, by the HPA's own condition from 1.36 on") {
  Document document =
      walkthrough({"spec.minReplicas=0", "spec.behavior.scaleDown.stabilizationWindowSeconds=0"});
  for (std::string_view version : {"1.34", "1.36", "1.37"}) {
    CAPTURE(version);
    Drive drive(document, 1, *rules_for(version));
    CHECK(drive.sync(0) == 0);
    bool wakes = version != "1.36";  // there the gate is off by default: it stays asleep
    CHECK(drive.sync(50'000) == (wakes ? 4 : 0));
    Drive by_hand(document, 0, *rules_for(version));
    CHECK(by_hand.sync(50'000) == (version == "1.34" ? 4 : 0));
  }
}

TEST_CASE(
    "An HPA that went to zero itself comes back to a minimum that was raised meanwhile; a person's zero "
    "stays") {
  Document zero = walkthrough({"spec.minReplicas=0", "spec.behavior.scaleDown.stabilizationWindowSeconds=0"});
  Document three = walkthrough({"spec.minReplicas=3"});
  for (std::string_view version : {"1.35", "1.37"}) {
    CAPTURE(version);
    bool wakes = version == "1.37";
    Drive drive(zero, 1, *rules_for(version));
    CHECK(drive.sync(0) == 0);
    CHECK(drive.last.conditions.scaled_to_zero == (wakes ? std::optional(true) : std::nullopt));
    drive.controller.change(spec_of(three));
    CHECK(drive.sync(10'000) == (wakes ? 3 : 0));
    CHECK(drive.last.conditions.scaled_to_zero == (wakes ? std::optional(false) : std::nullopt));
    drive.replicas = 0;  // a person
    CHECK(drive.sync(50'000) == 0);
  }
}

TEST_CASE("Outside of min and max the metrics are not looked at") {
  Drive above(walkthrough(), 12);
  CHECK(above.sync(50'000) == 10);
  CHECK(above.last.rule == Rule::above_max);
  Drive below(walkthrough({"spec.minReplicas=3"}), 2);
  CHECK(below.sync(0) == 3);
  CHECK(below.last.rule == Rule::below_min);
}

TEST_CASE("Scaling that is disabled in one direction says so") {
  Drive drive(walkthrough({"spec.behavior.scaleDown.selectPolicy=Disabled",
                           "spec.behavior.scaleDown.stabilizationWindowSeconds=0"}),
              5);
  CHECK(drive.sync(1'000) == 5);
  CHECK(drive.last.rule == Rule::disabled);
  CHECK(drive.last.conditions.limited == Limited::ScaleDownLimit);
}

TEST_CASE("A huge value wraps to a negative number of replicas before 1.35") {
  for (auto [version, expected] : {std::pair{"1.34", 1}, {"1.35", 10}}) {
    Drive drive(walkthrough(), 10, *rules_for(version),
                {seconds(15), seconds(0), 0.1, seconds(300), seconds(30)});
    CAPTURE(version);
    CHECK(drive.sync(std::int64_t(1) << 50) == expected);
  }
}

TEST_CASE("With several metrics the largest wins, and a failed one never lets replicas go down") {
  Document document =
      walkthrough({"spec.metrics[1]={type: External, external: {metric: {name: queue}, target: {type: "
                   "AverageValue, averageValue: 30}}}",
                   "spec.behavior.scaleDown.stabilizationWindowSeconds=0"});
  Controller controller(spec_of(document), *rules_for("1.34"), {});
  std::int64_t low[] = {1'000}, queue[] = {100'000, 20'000};
  PodGroup pods[] = {{3, Phase::running, false, true, true, Time(0), Time(0)}};
  Reading both[] = {{Failure::none, low, {}}, {Failure::none, queue, {}}};
  Decision d = controller.sync(both, pods, {3, 3}, seconds(15), seconds(15));
  CHECK(d.proposed == 4);  // 120 / 30
  CHECK(d.metric == 1);
  Reading broken[] = {{Failure::none, low, {}}, {Failure::unavailable, {}, {}}};
  d = controller.sync(broken, pods, {3, 3}, seconds(30), seconds(30));
  CHECK(d.to == 3);
  CHECK(d.rule == Rule::no_metric);
  CHECK(reason(d.conditions) == "FailedGetExternalMetric");
  std::int64_t high[] = {50'000};
  Reading upwards[] = {{Failure::none, high, {}}, {Failure::unavailable, {}, {}}};
  CHECK(controller.sync(upwards, pods, {3, 3}, seconds(45), seconds(45)).to == 7);
}

TEST_CASE("Missing and unready pods slow a change down and never turn it") {
  MetricSpec metric{MetricKind::pods, TargetKind::average_value, 10'000, "rps", {}, {}, {}};
  auto proposal = [&](std::vector<PodGroup> pods, std::vector<PodSample> samples, std::int32_t replicas) {
    Reading reading{Failure::none, {}, samples};
    return propose(metric, reading, pods, {replicas, replicas}, {}, *rules_for("1.34"), {}, seconds(1000));
  };
  PodGroup ready{2, Phase::running, false, true, true, Time(0), Time(0)};
  PodGroup pending{2, Phase::pending, false, false, true, Time(0), Time(0)};
  PodSample high{true, 20'000, Time(0), Time(0), true, 0}, low{true, 2'000, Time(0), Time(0), true, 0},
      none{false, 0, Time(0), Time(0), true, 0};
  CHECK(proposal({ready}, {high}, 2).replicas == 4);
  CHECK(proposal({ready, pending}, {high, none}, 4).replicas == 4);  // 40 over 4 pods: just right
  CHECK(proposal({ready, pending}, {high, none}, 4).because == Because::unready_or_missing);
  CHECK(proposal({ready, ready}, {low, none}, 4).replicas == 3);  // two at 2, two taken as 10: 6 of 10, of 4
  CHECK(proposal({pending}, {none}, 2).failure == Failure::no_usable_sample);
  CHECK(proposal({}, {}, 2).failure == Failure::no_pods);
}

TEST_CASE("Mistakes in a spec are all told at once, with the nearest name") {
  std::string because =
      mistakes(walkthrough({"spec.maxReplica=10", "spec.maxReplicas=null", "spec.metrics[0].type=Objekt",
                            "spec.behavior.scaleUp.policies=[]"}));
  CHECK(because.find("spec.maxReplica: no such field; did you mean maxReplicas?") != std::string::npos);
  CHECK(because.find("spec.maxReplicas: is required") != std::string::npos);
  CHECK(because.find("\"Objekt\" is not one of") != std::string::npos);
  CHECK(because.find("did you mean Object?") != std::string::npos);
  CHECK(because.find("spec.behavior.scaleUp.policies: must be a list of at least one policy") !=
        std::string::npos);
}

TEST_CASE("The API server's limits on a spec are known") {
  for (auto [set, expected] :
       {std::pair<std::string_view, std::string_view>{"spec.minReplicas=11",
                                                      "must be at least minReplicas (11)"},
        {"spec.behavior.scaleDown.stabilizationWindowSeconds=3601", "must be from 0 to 3600"},
        {"spec.behavior.scaleUp.policies=[{type: Pods, value: 1, periodSeconds: 1801}]",
         "must be from 1 to 1800"},
        {"spec.behavior.scaleUp.policies=[{type: Pods, value: 0, periodSeconds: 1}]", "must be at least 1"},
        {"spec.metrics[0].object.target.value=0", "must be positive"},
        {"spec.metrics[0].object.target.value=10x", "not a suffix"},
        {"spec.metrics[0].object.target.type=AverageValue", "averageValue: is required"},
        {"apiVersion=autoscaling/v3", "did you mean autoscaling/v2?"},
        {"spec.scaleTargetRef.kind=", "kind: is required"}}) {
    CAPTURE(set);
    std::string because = mistakes(walkthrough({set}));
    CHECK_MESSAGE(because.find(expected) != std::string::npos, because);
  }
}

TEST_CASE("What the API server refuses in a new HPA is refused with its reason") {
  Rules rules = *rules_for("1.34");
  auto because = [&](std::initializer_list<std::string_view> sets) {
    auto spec = parse_spec(walkthrough(sets), {rules});
    return spec ? std::string() : spec.error().because;
  };
  for (auto [set, expected] :
       {std::pair<std::string_view, std::string_view>{"spec.scaleTargetRef.apiVersion=",
                                                      "apiVersion must specify API group"},
        {"spec.scaleTargetRef.apiVersion=v1", "apiVersion must specify API group"},
        {"spec.scaleTargetRef.apiVersion=/v1", "apiVersion must specify API group"},
        {"spec.scaleTargetRef.apiVersion=a/b/c", "unexpected GroupVersion string: a/b/c"},
        {"spec.scaleTargetRef.name=..", "may not be '..'"},
        {"spec.metrics[0].object.describedObject.kind=50%", "may not contain '%'"},
        {"spec.metrics[0].object.metric.name=a/b", "may not contain '/'"},
        {"spec.metrics[0].object.metric.selector={matchLables: {}}", "did you mean matchLabels?"},
        {"spec.metrics[0]={type: ContainerResource, containerResource: {name: gpu, container: main, target: "
         "{type: Utilization, averageUtilization: 50}}}",
         "must be a standard resource for containers"},
        {"spec.metrics[0]={type: ContainerResource, containerResource: {name: cpu, container: Main, target: "
         "{type: Utilization, averageUtilization: 50}}}",
         "RFC 1123 label"},
        {"spec.minReplicas=0", "must be greater than or equal to 1"}}) {
    CAPTURE(set);
    CHECK_MESSAGE(because({set}).find(expected) != std::string::npos, because({set}));
  }
  CHECK(because({"spec.scaleTargetRef={apiVersion: v1, kind: ReplicationController, name: web}"}) == "");
  CHECK(because({"spec.metrics[0].object.describedObject.apiVersion="}) == "");
  CHECK(because({"spec.behavior.scaleUp.tolerance=-1"}) == "");  // dropped without its gate
  rules.zero_allowed = rules.tolerance_from_spec = true;
  CHECK(because({"spec.minReplicas=0"}) == "");
  CHECK(because({"spec.behavior.scaleUp.tolerance=-1"}).find("must not be negative") != std::string::npos);
}

TEST_CASE("What a cluster has stored is not refused for what it had already") {
  Document old = walkthrough({"spec.scaleTargetRef.apiVersion=v1", "spec.minReplicas=0"});
  Document more =
      walkthrough({"spec.scaleTargetRef.apiVersion=v1", "spec.minReplicas=0", "spec.maxReplicas=9"});
  Rules rules = *rules_for("1.34");
  CHECK(parse_spec(old));
  CHECK(parse_spec(more, {rules, &old}));
  CHECK_FALSE(parse_spec(more, {rules}));
  Document other = walkthrough({"spec.scaleTargetRef.apiVersion=v2"});
  CHECK_FALSE(parse_spec(other, {rules, &old}));
}

TEST_CASE("An HPA is found among other documents, by its name if need be") {
  std::string file = "kind: Service\n---\n" + std::string(fakes::walkthrough_hpa);
  CHECK(find_hpa(file));
  std::string two =
      std::string(fakes::walkthrough_hpa) + "---\n{kind: HorizontalPodAutoscaler, metadata: {name: other}}\n";
  CHECK(find_hpa(two).error().id == "hpa-ambiguous");
  CHECK((*find_hpa(two, "other"))["metadata"]["name"] == "other");
  CHECK(find_hpa(two, "othre").error().hint == "Did you mean other?");
  CHECK(find_hpa("kind: Service\n").error().id == "hpa-missing");
  CHECK(find_hpa("a: [").error().id == "hpa-yaml");
}

TEST_CASE("Metadata of any shape is told as a mistake, and a field that is there twice too") {
  for (const char* metadata : {"", "[1]", "x", "{name: }", "{name: [a]}", "{name: {a: b}}"}) {
    auto hpa = find_hpa(
        fmt::format("apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {}\n", metadata));
    REQUIRE_MESSAGE(hpa, metadata);
    CHECK(parse_spec(*hpa).error().id == "hpa-spec");
  }
  CHECK(find_hpa("kind: List\nitems: 5\n").error().id == "hpa-missing");
  CHECK(find_hpa(std::string(fakes::walkthrough_hpa) + "apiVersion: autoscaling/v1\n")
            .error()
            .because.find("duplicate key `apiVersion`") != std::string::npos);
}

TEST_CASE("A new HPA is refused for what the API server refuses in its metadata and selectors") {
  auto mistakes = [](const std::string& yaml) {
    std::vector<Mistake> all;
    auto hpa = find_hpa(yaml);
    REQUIRE(hpa);
    Rules rules = *rules_for("1.37");
    (void)parse_spec(*hpa, {rules, nullptr, &all});
    std::string paths;
    for (const Mistake& mistake : all) paths += mistake.path + " ";
    return paths;
  };
  const std::string whole(fakes::walkthrough_hpa);
  CHECK(mistakes(whole) == "");
  CHECK(mistakes(whole + "stauts: {}\n") == "stauts ");
  auto metadata = [&](const std::string& fields) {
    Document hpa = walkthrough({});
    hpa["metadata"] = yaml::parse(fields).value();
    return mistakes(to_yaml(hpa));
  };
  CHECK(metadata("{name: web, labels: {a: \"1\"}}") == "");
  CHECK(metadata("{name: web.of-shop}") == "");
  CHECK(metadata("{generateName: web-}") == "");
  CHECK(metadata("{name: YOUR_APP}") == "metadata.name ");
  CHECK(metadata("{name: }") == "metadata.name ");
  CHECK(metadata("{name: web, label: {a: b}}") == "metadata.label ");
  CHECK(metadata("{name: web, labels: {a: 1}}") == "metadata.labels.a ");
  CHECK(metadata("{name: web, namespace: a.b}") == "metadata.namespace ");
  auto selector = [&](const std::string& text) {
    Document hpa = walkthrough({});
    hpa["spec"]["metrics"][0]["object"]["metric"]["selector"] = yaml::parse(text).value();
    return mistakes(to_yaml(hpa)).find("selector") != std::string::npos;
  };
  CHECK_FALSE(selector("{matchLabels: {a: b}, matchExpressions: [{key: a, operator: In, values: [b]}]}"));
  CHECK(selector("a=b"));
  CHECK(selector("{labels: {a: b}}"));
  CHECK(selector("{matchLabels: {a: 1}}"));
  CHECK(selector("{matchExpressions: [{key: a, operator: In, values: [1]}]}"));
}

TEST_CASE("A mistake is told once, and says what is meant") {
  auto because = [](std::initializer_list<std::string_view> sets) {
    auto spec = parse_spec(walkthrough(sets));
    REQUIRE_FALSE(spec);
    return spec.error().because;
  };
  std::string quantity = because({"spec.metrics[0].object.target.value=30s"});
  CHECK(quantity.find('\n') == std::string::npos);
  CHECK(because({"spec.maxReplicas=2147483648"}).find("must be at most 2147483647") != std::string::npos);
  CHECK(because({"spec.metrics[0].object.metricName=x"}).find("metric.name replaces it") !=
        std::string::npos);
  CHECK(parse_spec(walkthrough({"spec.maxReplicas=10.0"})));
}

TEST_CASE("A template is told as one, items of a list need no kind, and a namespace tells HPAs apart") {
  auto error = find_hpa("metadata:\n  name: {{ .Values.name }}\n").error();
  CHECK(error.what == "The HPA file is a template, and not rendered");
  CHECK(error.because == "line 2 has {{");
  CHECK(
      find_hpa(
          "kind: HorizontalPodAutoscalerList\napiVersion: autoscaling/v2\nitems:\n- metadata: {name: web}\n")
          .value()["apiVersion"] == "autoscaling/v2");
  const std::string two =
      "kind: HorizontalPodAutoscaler\nmetadata: {name: web, namespace: staging}\n---\n"
      "kind: HorizontalPodAutoscaler\nmetadata: {name: web, namespace: prod}\n";
  CHECK(find_hpa(two, "web").error().id == "hpa-ambiguous");
  CHECK(find_hpa(two).error().because == "staging/web, prod/web");
  CHECK(find_hpa(two, "prod/web").value()["metadata"]["namespace"] == "prod");
}

TEST_CASE("A document survives being written as YAML") {
  Document document = walkthrough({"spec.behavior.scaleUp.tolerance=0.05", "metadata.labels.on='true'",
                                   "metadata.annotations.a='012'", "metadata.annotations.b='yes'",
                                   "metadata.annotations.c='1:30'"});
  CHECK(to_yaml(document).find("b: \"yes\"") != std::string::npos);
  CHECK(*find_hpa(to_yaml(document)) == document);
}

TEST_CASE("A sliding extreme is what a look at all entries would give") {
  Random random(42);
  for (bool largest : {true, false}) {
    SlidingExtreme extreme(largest);
    std::vector<std::pair<std::int32_t, Time>> all;
    for (int i = 1; i < 3000; ++i) {
      Time now = seconds(i);
      Time cutoff = now - seconds(1 + random.next() % 40);
      if (i % 7 != 0) {
        auto value = static_cast<std::int32_t>(random.next() % 50);
        extreme.push(value, now);
        all.emplace_back(value, now);
      }
      std::erase_if(all,
                    [&](const auto& entry) { return entry.second <= cutoff; });  // windows only move forward
      extreme.forget_until(cutoff, true);
      REQUIRE(extreme.empty() == all.empty());
      if (all.empty()) continue;
      auto best = all.front().first;
      for (const auto& [value, at] : all) best = largest ? std::max(best, value) : std::min(best, value);
      REQUIRE(extreme.value() == best);
    }
  }
}

TEST_CASE("Replicas stay between min and max whatever the metric does") {
  Random random(7);
  for (int round = 0; round < 200; ++round) {
    Document document = walkthrough({"spec.minReplicas=2", "spec.maxReplicas=37"});
    if (round % 2 == 0)
      REQUIRE(set_field(document,
                        "spec.behavior={scaleUp: {stabilizationWindowSeconds: 30}, scaleDown: {policies: "
                        "[{type: Percent, value: 30, periodSeconds: 60}]}}"));
    Drive drive(document, 2 + static_cast<std::int32_t>(random.next() % 36));
    for (int i = 0; i < 60; ++i) {
      std::int32_t before = drive.replicas;
      auto value = static_cast<std::int64_t>(random.next() % 40'000);
      drive.sync(value);
      REQUIRE(drive.replicas >= 2);
      REQUIRE(drive.replicas <= 37);
      if (value > 11'000) REQUIRE(drive.replicas >= before);  // never down while the metric asks for more
      if (round % 2 == 1) REQUIRE(drive.replicas <= std::max(2 * before, 4));
    }
  }
}

TEST_CASE("A sync comes one period after the last one's end, or after a resync that fell into it") {
  Time period = seconds(15);
  auto next = [&](Time start, Time status, Time end) {
    SyncQueue queue(period);
    queue.delay_until(start);
    CHECK(queue.next(Time(0)) == start);
    put_back(queue, start, status, end, seconds(7), period);
    return queue.next(end);
  };
  CHECK(next(seconds(0), milliseconds(40), milliseconds(50)) == seconds(15) + milliseconds(40));
  Time before = seconds(7) - milliseconds(10), after = seconds(7) + milliseconds(30);
  CHECK(next(before, after, after) == seconds(22));
  before = seconds(22) + milliseconds(10), after = seconds(22) + milliseconds(50);
  CHECK(next(before, after, after) == seconds(37) + milliseconds(50));
  CHECK(next(seconds(0), seconds(40), seconds(40)) == seconds(40));  // it took longer than a period
}

TEST_CASE("A changed HPA that is looked at at once is also looked at when its turn comes") {
  SyncQueue queue(seconds(15));
  queue.delay_until(seconds(15));
  CHECK(queue.next(Time(0), seconds(4)) == seconds(4));
  queue.put_back(seconds(5));
  CHECK(queue.next(seconds(5)) == seconds(15));
  queue.put_back(seconds(16));
  CHECK(queue.next(seconds(16), seconds(30)) == seconds(30));
  queue.put_back(seconds(32));  // its turn came while it was looked at: once more, when that has ended
  CHECK(queue.next(seconds(32)) == seconds(32));
  queue.put_back(seconds(33));
  CHECK(queue.next(seconds(33), seconds(60)) == seconds(47));
}

TEST_CASE("What the controller remembers of an HPA outlives a change of it") {
  auto down = [](int window) {
    return walkthrough(
        {"spec.behavior={}", fmt::format("spec.behavior.scaleDown.stabilizationWindowSeconds={}", window)});
  };
  Drive drive(down(300), 1);
  CHECK(drive.syncs(50'000, 2) == Sequence{5, 10});
  CHECK(drive.syncs(2'000, 2) == Sequence{10, 10});
  drive.controller.change(spec_of(down(0)));
  CHECK(drive.sync(2'000) == 2);
  drive.controller.change(spec_of(down(300)));
  drive.replicas = 8;             // a person
  CHECK(drive.sync(2'500) == 8);  // by a recommendation that the window of 0 did not count any more
  CHECK(drive.last.rule == Rule::stabilized_down);
}

TEST_CASE("A change of an HPA counts its scaling events by the new policies") {
  auto up = [](std::string_view policies) {
    return walkthrough({"spec.maxReplicas=100", fmt::format("spec.behavior.scaleUp.policies={}", policies)});
  };
  Drive drive(up("[{type: Pods, value: 3, periodSeconds: 15}]"), 1);
  CHECK(drive.syncs(500'000, 2) == Sequence{4, 7});
  drive.controller.change(spec_of(up("[{type: Pods, value: 8, periodSeconds: 60}]")));
  // 8 in a minute, of which 3 have been; the 3 before them were forgotten when their slot was used again.
  CHECK(drive.sync(500'000) == 12);
  CHECK(drive.last.conditions.limited == Limited::ScaleUpLimit);
}

TEST_CASE("The recommendations are kept in the controller's own slots") {
  struct Slot {
    std::int32_t replicas;
    Time at;
  };
  std::vector<Slot> list;  // as the controller writes it
  Recommendations ours;
  Random random(7);
  Time now{0}, window = seconds(60);
  for (int i = 0; i < 3000; ++i) {
    now += seconds(1 + static_cast<int>(random.next() % 30));
    auto replicas = static_cast<std::int32_t>(random.next() % 100);
    Slot* old = nullptr;
    for (Slot& slot : list) {
      if (slot.at < now - window) old = &slot;
    }
    if (old != nullptr) {
      *old = {replicas, now};
    } else {
      list.push_back({replicas, now});
    }
    ours.put(replicas, now, now - window);
    if (i % 50 != 0) continue;
    std::vector<Slot> expected = list;
    std::sort(expected.begin(), expected.end(), [](const Slot& a, const Slot& b) { return a.at < b.at; });
    std::vector<Recommendations::Entry> entries = ours.by_age();
    REQUIRE(entries.size() == expected.size());
    for (std::size_t k = 0; k < entries.size(); ++k) {
      REQUIRE(entries[k].at == expected[k].at);
      REQUIRE(entries[k].replicas == expected[k].replicas);
    }
    window = seconds(10 + static_cast<int>(random.next() % 300));
  }
}

TEST_CASE("A Kubernetes version is read in the usual spellings") {
  CHECK(rules_for("1.34")->minor == 34);
  CHECK(rules_for("v1.32.13")->tolerance_is_absolute);
  CHECK(rules_for("36")->zero_by_condition);
  CHECK(minor_of("v1.34.4-gke.1") == 34);
  CHECK(minor_of("v1.33.1+k3s1") == 33);
  for (std::string_view bad : {"", "2.0", "1.22", "latest", "1.38"}) CHECK_FALSE(rules_for(bad));
}

TEST_CASE("What nobody says is as in the newest version that is known") {
  Rules newest = rules_of_minor(newest_minor), silent;
  CHECK(newest.minor == silent.minor);
  CHECK(newest.tolerance_is_absolute == silent.tolerance_is_absolute);
  CHECK(newest.tolerance_from_spec == silent.tolerance_from_spec);
  CHECK(newest.external_saturates == silent.external_saturates);
  CHECK(newest.ratio_saturates == silent.ratio_saturates);
  CHECK(newest.pod_level_requests == silent.pod_level_requests);
  CHECK(newest.zero_by_condition == silent.zero_by_condition);
  CHECK(newest.zero_allowed == silent.zero_allowed);
  CHECK(newest.first_sync_at_once == silent.first_sync_at_once);
  CHECK(newest.tolerance_gate_locked == silent.tolerance_gate_locked);
  CHECK(minor_of(newest_version) == newest_minor);
}
