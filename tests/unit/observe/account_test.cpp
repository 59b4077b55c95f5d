// What is told of an HPA's past: the same decisions as were made, what was injected into the record, and
// nothing else.
#include "observe/account.hpp"

#include <cmath>
#include <functional>

#include <doctest/doctest.h>

#include "hpasim/outcome.hpp"
#include "tests/fakes/sample.hpp"

using namespace hpawalk;
using namespace hpawalk::observe;
using hpasim::Profile;
using hpasim::Step;
using hpasim::Time;
using hpasim::Timeline;
using std::chrono::minutes;
using std::chrono::seconds;
using Kind = Entry::Kind;

namespace {

constexpr Time epoch = seconds(1'800'000'000);

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

const std::string average =
    "  - {type: External, external: {metric: {name: depth}, target: {type: AverageValue, averageValue: "
    "10}}}\n";
const std::string value =
    "  - {type: Object, object: {metric: {name: v}, describedObject: {apiVersion: v1, kind: Service, name: "
    "s}, "
    "target: {type: Value, value: 10}}}\n";
const std::string cpu =
    "  - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}\n";
const std::string behavior = R"(  behavior:
    scaleUp: {stabilizationWindowSeconds: 30, policies: [{type: Pods, value: 3, periodSeconds: 70}]}
    scaleDown: {stabilizationWindowSeconds: 100, policies: [{type: Percent, value: 50, periodSeconds: 40}]}
)";
const std::string quick_down = "  behavior:\n    scaleDown: {stabilizationWindowSeconds: 40}\n";

// A world that is scraped: what each series was at a time of the simulation.
struct World {
  hpasim::Spec spec;
  hpasim::Setup setup;
  Time duration{0}, scrape = seconds(15), step = seconds(15);
  std::function<std::optional<double>(Time)> metric = {};
  std::function<std::int32_t(Time)> replicas = {}, desired = {}, pods = {}, ready = {};
  std::function<std::int32_t(Time)> max = {};
  std::function<bool(Time)> seen = [](Time) { return true; };  // is anything scraped then?
  bool has_spec_replicas = true, has_ready = true;
};

// A range query sees the value of the last scrape.
Samples samples(const World& world, const std::function<std::optional<double>(Time)>& series, Time scrape) {
  Samples all;
  // The query's times are no scrapes.
  for (Time at = std::min<Time>(seconds(7), world.step / 2); at <= world.duration; at += world.step) {
    const Time scraped = at - at % scrape;
    if (!world.seen(at)) continue;
    if (std::optional<double> seen = series(scraped)) all.push_back({epoch + at, *seen});
  }
  return all;
}

Trace trace_of(const World& world) {
  auto counted = [&](const std::function<std::int32_t(Time)>& series) {
    return samples(
        world, [&](Time at) { return std::optional<double>(series(at)); }, world.scrape);
  };
  Trace trace;
  trace.from = trace.begin = epoch;
  trace.to = epoch + world.duration;
  trace.step = world.step, trace.scrape = world.scrape;
  trace.metrics = {{"sum(load)",
                    samples(world, world.metric, std::max(world.setup.pipeline.scrape_interval, Time(1))),
                    false, false}};
  trace.desired = counted(world.desired);
  trace.current = counted(world.pods);
  if (world.has_spec_replicas) trace.replicas = counted(world.replicas), trace.pods = counted(world.pods);
  if (world.has_ready) trace.ready = counted(world.ready);
  trace.min = counted([&](Time) { return world.spec.min; });
  trace.max = counted(world.max ? world.max : [&](Time) { return world.spec.max; });
  trace.rollout = RolloutLimits{};
  return trace;
}

// The world of a simulation, as it is scraped.
World world_of(const hpasim::Spec& spec, const hpasim::Setup& setup, const Profile& load,
               const Timeline& timeline) {
  World world{spec, setup, timeline.duration};
  world.metric = [load](Time at) { return std::optional<double>(load.at(at)); };
  world.replicas = world.desired =
      world.pods = [steps = timeline.replicas](Time at) { return hpasim::count_at(steps, at); };
  world.ready = [steps = timeline.ready](Time at) { return hpasim::count_at(steps, at); };
  return world;
}

std::string time_of(Time at) {
  return hpasim::time_text(at - epoch);
}

Account told(const World& world, const Trace& trace) {
  return account_of({world.spec, world.setup.rules, world.setup.flags, world.setup.keda}, trace, time_of);
}
Account told(const World& world) {
  return told(world, trace_of(world));
}

std::string text_of(const Account& account) {
  std::string text;
  for (const Entry& e : account.entries) {
    text += "\n" + time_of(e.from) + " " + time_of(e.to) + " " + std::string(name_of(e.kind)) + " " +
            std::to_string(e.before) + " " + std::to_string(e.after) + " [" + e.rule + "] " + e.why;
    for (const std::string& line : e.evidence) text += " | " + line;
  }
  return text;
}

std::string text_of(const std::vector<std::int32_t>& counts) {
  std::string text;
  for (std::int32_t count : counts) text += std::to_string(count) + " ";
  return text;
}

std::vector<Entry> entries(const Account& account, Kind kind) {
  std::vector<Entry> all;
  for (const Entry& entry : account.entries) {
    if (entry.kind == kind) all.push_back(entry);
  }
  return all;
}

std::vector<std::int32_t> sequence(const Account& account, std::int32_t first) {
  std::vector<std::int32_t> all = {first};
  for (const Entry& entry : entries(account, Kind::change)) all.push_back(entry.after);
  return all;
}

int contradictions(const Account& account) {
  int count = 0;
  for (const Entry& entry : account.entries) count += contradicts(entry.kind);
  return count;
}

hpasim::Setup usual_setup(std::uint64_t seed = 1) {
  hpasim::Setup setup;
  setup.meaning = hpasim::Meaning::whole;
  setup.first_sync = seconds(1 + 4 * static_cast<int>(seed));  // against the scrapes
  setup.pipeline.scrape_interval = seconds(15);
  return setup;
}

// Of a steady metric: replicas that others set.
World steady(const std::string& metric, double of_it, std::int32_t replicas, Time duration) {
  World world{spec_of(metric), usual_setup(), duration};
  world.metric = [=](Time) { return std::optional<double>(of_it); };
  world.replicas = world.desired = world.pods = world.ready = [=](Time) { return replicas; };
  return world;
}

}  // namespace

TEST_CASE("A simulated past is told with its own rules") {
  const Profile load = hpasim::parse_profile("steps 5,90,160,40,5 every 8m").value();
  for (const std::string& more : {std::string(), behavior}) {
    const hpasim::Spec spec = spec_of(average, more);
    const Timeline timeline = hpasim::simulate(spec, {load}, usual_setup());
    const Account account = told(world_of(spec, usual_setup(), load, timeline));
    CAPTURE(text_of(account));
    CHECK(text_of(sequence(account, 1)) == text_of(timeline.sequence()));
    CHECK(contradictions(account) == 0);
    CHECK(!entries(account, Kind::stays).empty());
  }
}

TEST_CASE("What holds the replicas is told from when to when, and until when it holds") {
  const hpasim::Spec spec = spec_of(average);
  const Profile load = hpasim::parse_profile("steps 60,10,10 every 6m").value();
  hpasim::Setup setup = usual_setup();
  setup.replicas = 6;
  const Account account = told(world_of(spec, setup, load, hpasim::simulate(spec, {load}, setup)));
  CAPTURE(text_of(account));
  const std::vector<Entry> held = entries(account, Kind::stays);
  REQUIRE(held.size() >= 1);
  CHECK(held[0].rule == "stabilized-down");
  CHECK(held[0].before == 6);
  CHECK(held[0].why.find("held by a higher recommendation in the scale-down window until 10:") !=
        std::string::npos);
  CHECK(std::abs(hpasim::in_seconds(held[0].to - held[0].from) - 300) < 40);
}

TEST_CASE("Of every simulated past each change is found with its rule, and nothing is invented") {
  fakes::Sample some(13);
  int changes = 0, same_rule = 0, runs = 0;
  for (int scrape : {5, 15, 60}) {
    for (const std::string& metric : {average, value}) {
      for (const std::string& more : {std::string(), behavior, quick_down}) {
        for (const char* profile :
             {"steps 5,90,160,40,5 every 8m", "sine 5..150 every 10m for 30m",
              "ramp 5..180 over 10m; ramp 180..5 over 20m", "steps 12,60,12,60,12 every 3m",
              "hold 8 for 2m; hold 100 for 1m; hold 8 for 20m"}) {
          for (std::uint64_t seed : {1, 2}) {
            if (!some.takes()) continue;
            // A value that the pods share, or it would scale without end.
            const bool shared = metric == value;
            const hpasim::Spec spec = spec_of(metric, more);
            hpasim::Setup setup = usual_setup(seed);
            if (shared) setup.meaning = hpasim::Meaning::shared;
            setup.pipeline.scrape_interval = seconds(std::min(scrape, 15));
            const Profile load = hpasim::parse_profile(profile).value();
            const Timeline timeline = hpasim::simulate(spec, {load}, setup);
            World world = world_of(spec, setup, load, timeline);
            world.scrape = seconds(scrape);
            world.step = seconds(std::min(scrape, 15));
            if (shared)
              world.metric = [&](Time at) {
                return std::optional<double>(load.at(at) / std::max(1, hpasim::count_at(timeline.ready, at)));
              };
            world.has_spec_replicas = seed != 2;
            const Account account = told(world);
            ++runs;
            CAPTURE(scrape);
            CAPTURE(more);
            CAPTURE(metric);
            CAPTURE(profile);
            CAPTURE(seed);
            CAPTURE(text_of(account));
            // With a Value target, what the pods share depends on each step; from four syncs on between two
            // scrapes one can stay unknown.
            CHECK(contradictions(account) <= (scrape > 15 && shared ? 1 : 0));
            CHECK(contradictions(account) == static_cast<int>(entries(account, Kind::unknown).size()));
            // Several changes between two scrapes are one in the record; the last can be after the last
            // scrape.
            std::string changed = text_of(sequence(account, 1)), simulated = text_of(timeline.sequence());
            CAPTURE(changed);
            CAPTURE(simulated);
            if (scrape < 15) CHECK(simulated.starts_with(changed));
            if (scrape < 15) CHECK(simulated.size() - changed.size() < 4);
            for (const hpasim::Sync& sync : timeline.syncs) {
              if (!sync.decision.rescaled()) continue;
              ++changes;
              for (const Entry& entry : entries(account, Kind::change)) {
                const bool near = entry.from - account.exact <= epoch + sync.at &&
                                  epoch + sync.at <= entry.to + account.exact;
                if (near && entry.before == sync.decision.from && entry.after == sync.decision.to &&
                    entry.rule == hpasim::rule_name(sync.decision.rule)) {
                  ++same_rule;
                  break;
                }
              }
            }
          }
        }
      }
    }
  }
  MESSAGE(runs, " runs, ", changes, " changes, ", same_rule, " with the same rule at the same time");
  CHECK(runs > 10);
  CHECK(same_rule > changes * 9 / 10);
}

TEST_CASE(
    "Replicas that no recommendation gives were set by another client, and what came of it is the HPA's") {
  World world = steady(average, 40, 4, minutes(30));
  world.replicas = [](Time at) { return at >= minutes(10) && at < minutes(10) + seconds(20) ? 9 : 4; };
  const Account account = told(world);
  CAPTURE(text_of(account));
  REQUIRE(entries(account, Kind::another_client).size() == 1);
  const Entry by_hand = entries(account, Kind::another_client)[0];
  CHECK(by_hand.before == 4);
  CHECK(by_hand.after == 9);
  CHECK(by_hand.why.find("no recommendation gives 9") != std::string::npos);
  CHECK(by_hand.evidence.at(0) == "spec.replicas was 9, the HPA desired 4.");
  CHECK(by_hand.from <= epoch + minutes(10));
  CHECK(by_hand.to >= epoch + minutes(10));
  REQUIRE(entries(account, Kind::change).size() == 1);
  CHECK(entries(account, Kind::change)[0].after == 4);
  CHECK(contradictions(account) == 1);
}

TEST_CASE("At its target a Value metric keeps what another client set, and that is told") {
  World world = steady(value, 10, 4, minutes(30));
  world.has_spec_replicas = false;
  world.desired = world.pods = world.ready = [](Time at) { return at >= minutes(10) ? 7 : 4; };
  const Account account = told(world);
  CAPTURE(text_of(account));
  REQUIRE(entries(account, Kind::another_client).size() == 1);
  CHECK(entries(account, Kind::another_client)[0].after == 7);
  CHECK(entries(account, Kind::another_client)[0].cause.empty());
  CHECK(account.entries.size() == 1);
}

TEST_CASE("The same number set again and again is a reset") {
  World world = steady(average, 40, 4, minutes(30));
  world.replicas = [](Time at) {
    return at % minutes(8) >= minutes(5) && at % minutes(8) < minutes(5) + seconds(20) ? 1 : 4;
  };
  const Account account = told(world);
  CAPTURE(text_of(account));
  const std::vector<Entry> resets = entries(account, Kind::another_client);
  REQUIRE(resets.size() == 4);
  for (const Entry& entry : resets) {
    CHECK(entry.cause == "replicas-reset");
    CHECK(entry.after == 1);
  }
  CHECK(entries(account, Kind::change).size() == 4);
}

TEST_CASE("Replicas outside of the HPA's limits were set by another client") {
  World world = steady(average, 400, 20, minutes(20));
  world.replicas = [](Time at) { return at >= minutes(10) && at < minutes(10) + seconds(20) ? 25 : 20; };
  const Account account = told(world);
  CAPTURE(text_of(account));
  REQUIRE(entries(account, Kind::another_client).size() == 1);
  CHECK(entries(account, Kind::another_client)[0].why.starts_with(
      "25 is outside of minReplicas and maxReplicas"));
  REQUIRE(entries(account, Kind::change).size() == 1);
  CHECK(entries(account, Kind::change)[0].rule == "above-max");
}

TEST_CASE("A gap in the metric is told as the time in which there was no decision") {
  World world = steady(average, 40, 4, minutes(30));
  world.metric = [](Time at) {
    return at >= minutes(10) && at < minutes(13) ? std::nullopt : std::optional<double>(40);
  };
  const Account account = told(world);
  CAPTURE(text_of(account));
  REQUIRE(account.entries.size() == 1);
  const Entry& gap = account.entries[0];
  CHECK(gap.kind == Kind::stays);
  CHECK(gap.rule == "no-metric");
  CHECK(gap.evidence.at(0) == "Prometheus has no sample of the metric in this time.");
  CHECK(std::abs(hpasim::in_seconds(gap.from - epoch) - 600) <= 30);
  CHECK(std::abs(hpasim::in_seconds(gap.to - epoch) - 780) <= 30);
}

TEST_CASE("A change in a gap of the metric is not the HPA's") {
  World world = steady(average, 40, 4, minutes(30));
  world.metric = [](Time at) {
    return at >= minutes(5) && at < minutes(20) ? std::nullopt : std::optional<double>(40);
  };
  world.replicas = world.desired = world.pods =
      world.ready = [](Time at) { return at >= minutes(15) && at < minutes(20) + seconds(10) ? 2 : 4; };
  const Account account = told(world);
  CAPTURE(text_of(account));
  REQUIRE(entries(account, Kind::another_client).size() == 1);
  CHECK(entries(account, Kind::another_client)[0].after == 2);
  CHECK(entries(account, Kind::change).size() == 1);
}

TEST_CASE("While the HPA says that it cannot read the metric, the exporter's cause is told") {
  World world = steady(average, 80, 4, minutes(30));
  world.replicas = world.desired = world.pods =
      world.ready = [](Time at) { return at >= minutes(20) + seconds(10) ? 8 : 4; };
  world.metric = [](Time at) { return std::optional<double>(at >= minutes(10) ? 80 : 40); };
  Trace trace = trace_of(world);
  for (const hpasim::PastSample& s : trace.desired) {
    if (s.at >= epoch + minutes(10) && s.at < epoch + minutes(20)) trace.inactive.push_back({s.at, 1});
  }
  trace.causes = {{"adapter-not-ready", "depth", "broken", epoch + minutes(10), epoch + minutes(20)}};
  const Account account = told(world, trace);
  CAPTURE(text_of(account));
  REQUIRE(entries(account, Kind::stays).size() == 1);
  const Entry stays = entries(account, Kind::stays)[0];
  CHECK(stays.rule == "no-metric");
  CHECK(stays.cause == "adapter-not-ready");
  CHECK(stays.evidence.at(0) == "The HPA's condition ScalingActive is False in this time.");
  CHECK(contradictions(account) == 0);
  CHECK(sequence(account, 4) == std::vector<std::int32_t>{4, 8});
}

TEST_CASE("A rollout's surge is no change, and is told where spec.replicas is known") {
  World world = steady(average, 40, 4, minutes(30));
  world.pods = [](Time at) { return at >= minutes(10) && at < minutes(12) ? 5 : 4; };
  const Account account = told(world);
  CAPTURE(text_of(account));
  REQUIRE(account.entries.size() == 1);
  CHECK(account.entries[0].kind == Kind::surge);
  CHECK(account.entries[0].why ==
        "5 pods with spec.replicas 4: a rollout adds pods before it removes others");
  world.has_spec_replicas = false;
  const Account unknown = told(world);
  REQUIRE(unknown.entries.size() == 1);
  CHECK(unknown.entries[0].kind == Kind::unknown);
  CHECK(unknown.entries[0].why.find("only kube-state-metrics has spec.replicas") != std::string::npos);
  // More than a rollout adds: that was somebody.
  world.pods = [](Time at) { return at >= minutes(10) && at < minutes(10) + seconds(20) ? 9 : 4; };
  const Account by_hand = told(world);
  REQUIRE(by_hand.entries.size() == 1);
  CHECK(by_hand.entries[0].kind == Kind::another_client);
  CHECK(by_hand.entries[0].after == 9);
}

TEST_CASE("Pods that are missing are told, and are no change") {
  World world = steady(average, 40, 4, minutes(30));
  world.pods = [](Time at) { return at >= minutes(10) && at < minutes(15) ? 2 : 4; };
  const Account account = told(world);
  CAPTURE(text_of(account));
  REQUIRE(account.entries.size() == 1);
  CHECK(account.entries[0].kind == Kind::pods_missing);
}

TEST_CASE("A changed maxReplicas is told, and the replay goes by it") {
  World world = steady(average, 400, 20, minutes(30));
  world.max = [](Time at) { return at >= minutes(10) ? 12 : 20; };
  world.replicas = world.desired = world.pods =
      world.ready = [](Time at) { return at >= minutes(10) + seconds(10) ? 12 : 20; };
  const Account account = told(world);
  CAPTURE(text_of(account));
  REQUIRE(entries(account, Kind::limits).size() == 1);
  CHECK(entries(account, Kind::limits)[0].why == "maxReplicas of the HPA was changed from 20 to 12");
  REQUIRE(entries(account, Kind::change).size() == 1);
  CHECK(entries(account, Kind::change)[0].rule == "above-max");
  CHECK(contradictions(account) == 0);
}

TEST_CASE("Where the controller would scale and the replicas stay, that is told with why it is unknown") {
  World world = steady(average, 40, 4, minutes(30));
  world.metric = [](Time at) { return std::optional<double>(at >= minutes(10) ? 90 : 40); };
  const Account account = told(world);
  CAPTURE(text_of(account));
  REQUIRE(account.entries.size() == 1);
  CHECK(account.entries[0].kind == Kind::not_scaled);
  CHECK(account.entries[0].before == 4);
  CHECK(account.entries[0].evidence.at(0).starts_with("Unknown: the controller did not run"));
  CHECK(std::abs(hpasim::in_seconds(account.entries[0].from - epoch) - 600) < 60);
}

TEST_CASE("An earlier scale-down than the window allows is unknown, not somebody's") {
  World world = steady(average, 80, 8, minutes(30));
  world.metric = [](Time at) { return std::optional<double>(at >= minutes(10) ? 30 : 80); };
  world.replicas = world.desired = world.pods =
      world.ready = [](Time at) { return at >= minutes(11) ? 3 : 8; };
  const Account account = told(world);
  CAPTURE(text_of(account));
  REQUIRE(entries(account, Kind::unknown).size() == 1);
  CHECK(entries(account, Kind::unknown)[0].why.find("the controller was restarted") != std::string::npos);
  CHECK(entries(account, Kind::another_client).empty());
}

TEST_CASE("A time without any record is told as that, and what changed in it is explained where it can be") {
  World world = steady(average, 40, 4, minutes(40));
  world.metric = [](Time at) { return std::optional<double>(at >= minutes(15) ? 80 : 40); };
  world.replicas = world.desired = world.pods =
      world.ready = [](Time at) { return at >= minutes(15) ? 8 : 4; };
  Trace trace = trace_of(world);
  for (Samples* series : {&trace.replicas, &trace.desired, &trace.pods, &trace.ready, &trace.current})
    std::erase_if(*series, [](const hpasim::PastSample& s) {
      return s.at >= epoch + minutes(12) && s.at < epoch + minutes(18);
    });
  const Account account = told(world, trace);
  CAPTURE(text_of(account));
  REQUIRE(entries(account, Kind::not_recorded).size() == 1);
  CHECK(sequence(account, 4) == std::vector<std::int32_t>{4, 8});
  CHECK(contradictions(account) == 0);
}

TEST_CASE("A metric that Prometheus does not have makes what it can have asked for unknown") {
  World world = steady(average + cpu, 40, 4, minutes(30));
  world.replicas = world.desired = world.pods =
      world.ready = [](Time at) { return at >= minutes(10) ? 9 : 4; };
  Trace trace = trace_of(world);
  trace.metrics.push_back({});
  const Account account = told(world, trace);
  CAPTURE(text_of(account));
  CHECK(entries(account, Kind::another_client).empty());
  REQUIRE(!entries(account, Kind::unknown).empty());
  CHECK(entries(account, Kind::unknown)[0].why == "this Prometheus does not have cpu, which can ask for 9");
  CHECK(account.notes.at(0) == "This Prometheus does not have cpu: what it asked for is unknown.");
  // Nothing at all.
  trace.metrics = {{}, {}};
  const Account blind = told(world, trace);
  REQUIRE(blind.entries.size() == 1);
  CHECK(blind.entries[0].kind == Kind::unknown);
}

TEST_CASE("What the HPA's status showed of a resource is as good as a query") {
  World world = steady(cpu, 50, 4, minutes(30));
  world.metric = [](Time at) { return std::optional<double>(at >= minutes(10) ? 100 : 50); };
  world.replicas = world.desired = world.pods =
      world.ready = [](Time at) { return at >= minutes(10) + seconds(20) ? 8 : 4; };
  world.metric = [](Time at) {
    return std::optional<double>(at >= minutes(10) && at < minutes(10) + seconds(30) ? 100 : 50);
  };
  Trace trace = trace_of(world);
  trace.metrics[0].of_status = true;
  const Account account = told(world, trace);
  CAPTURE(text_of(account));
  CHECK(sequence(account, 4) == std::vector<std::int32_t>{4, 8});
  CHECK(entries(account, Kind::change)[0].why == "100% / 50% = 2 x 4 ready = 8");
  CHECK(contradictions(account) == 0);
}

TEST_CASE("From and to 0, KEDA's own rules are told") {
  World world = steady(average, 0, 0, minutes(30));
  hpasim::Keda keda;
  keda.triggers = {{"prometheus", true, 0, false}};
  world.setup.keda = keda;
  world.metric = [](Time at) { return std::optional<double>(at >= minutes(10) && at < minutes(16) ? 5 : 0); };
  world.replicas = world.desired = world.pods = world.ready = [](Time at) {
    return at >= minutes(10) + seconds(20) && at < minutes(21) + seconds(10) ? 1 : 0;
  };
  const Account account = told(world);
  CAPTURE(text_of(account));
  const std::vector<Entry> changes = entries(account, Kind::change);
  REQUIRE(changes.size() == 2);
  CHECK(changes[0].rule == "activated");
  CHECK(changes[1].rule == "deactivated");
  CHECK(contradictions(account) == 0);
}

TEST_CASE("Only the period that was asked for is told, with what came before it in mind") {
  World world = steady(average, 80, 8, minutes(30));
  world.metric = [](Time at) { return std::optional<double>(at >= minutes(8) ? 30 : 80); };
  world.replicas = world.desired = world.pods =
      world.ready = [](Time at) { return at >= minutes(13) + seconds(5) ? 3 : 8; };
  Trace trace = trace_of(world);
  trace.from = epoch + minutes(10);
  const Account account = told(world, trace);
  CAPTURE(text_of(account));
  CHECK(sequence(account, 8) == std::vector<std::int32_t>{8, 3});
  REQUIRE(entries(account, Kind::stays).size() == 1);
  CHECK(entries(account, Kind::stays)[0].from == trace.from);
  CHECK(account.replicas.front().at == Time(0));
  CHECK(account.replicas.size() == 2);
}

TEST_CASE("Coarse scrapes make the times less exact, not the reasons wrong") {
  const hpasim::Spec spec = spec_of(average);
  const Profile load = hpasim::parse_profile("steps 5,90,90,5,5 every 5m").value();
  const Timeline timeline = hpasim::simulate(spec, {load}, usual_setup());
  World world = world_of(spec, usual_setup(), load, timeline);
  world.scrape = minutes(2);
  const Account account = told(world);
  CAPTURE(text_of(account));
  CHECK(contradictions(account) == 0);
  CHECK(account.exact == Time(minutes(2) + seconds(30)));
  CHECK(text_of(sequence(account, 1)) == text_of(timeline.sequence()));
}

TEST_CASE("A Trace without any record of the replicas tells nothing") {
  World world = steady(average, 40, 4, minutes(5));
  Trace trace = trace_of(world);
  trace.replicas.clear(), trace.desired.clear(), trace.current.clear(), trace.pods.clear();
  CHECK(told(world, trace).entries.empty());
}
