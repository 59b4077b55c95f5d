// A drive's recording: written line by line, read back, compared with the simulator, shown.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "cli/recording_report.hpp"
#include "cli/run.hpp"
#include "tests/fakes/fakes.hpp"
#include "tests/fakes/sample.hpp"

using namespace hpawalk;
using namespace hpawalk::world;
using namespace hpawalk::observe;
using namespace hpawalk::cli;

namespace {

const Json kHpa = Json::parse(
    R"({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "nginx", "namespace": "default"},
  "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "nginx"}, "minReplicas": 1, "maxReplicas": 10,
    "metrics": [{"type": "Object", "object": {"metric": {"name": "prom_fake_value"}, "describedObject": {"apiVersion": "v1", "kind": "Service", "name": "prom-fake"},
      "target": {"type": "Value", "value": "10"}}}]}})");

RecordingHead head() {
  RecordingHead h;
  h.began = WallTime(std::chrono::milliseconds(1'800'000'000'250));
  h.hpawalk = "0.1.0", h.cluster = "local cluster local", h.kubernetes = "v1.34.4",
  h.profile = "step 5..50 at 10s for 2m";
  h.duration = 120, h.space = "default", h.metric = "prom_fake_value", h.service = "prom-fake",
  h.scrape_interval = 5;
  h.flags_seen = true;
  h.hpa = kHpa;
  return h;
}

Hops hops_with(double value, int wanted, int ready) {
  Hops hops;
  hops.source = {fmt::format("{:g}", value), value, {}, {}, WallTime(Duration(1)), {}};
  hops.prometheus = hops.api = hops.source;
  hops.hpa.known = hops.hpa.there = true;
  hops.hpa.metric = hops.source;
  hops.hpa.target = "10", hops.hpa.max = 10, hops.hpa.current = wanted, hops.hpa.desired = wanted;
  hops.hpa.conditions["AbleToScale"] = {
      "True", "ReadyForNewScale", "recommended size matches current size", {}};
  hops.workload = {true, true, {}, wanted, wanted, ready, {}};
  return hops;
}

// 5, then 50 at 10 s; the replicas follow at these seconds.
std::string recorded(const std::vector<std::pair<double, int>>& replicas, std::string_view end = "finished") {
  std::string text = head_line(head());
  auto tell = [&](double at, Hop hop, const Hops& hops) {
    text +=
        change_line(head(), hops, {hop, head().began, {}, TimePoint(Duration(static_cast<int>(at * 1000)))});
  };
  for (Hop hop : {Hop::source, Hop::prometheus, Hop::api, Hop::hpa, Hop::workload})
    tell(0.1, hop, hops_with(5, 1, 1));
  text += set_line(0.05, 5) + set_line(10, 50);
  tell(10.2, Hop::source, hops_with(50, 1, 1));
  tell(13, Hop::prometheus, hops_with(50, 1, 1));
  tell(13.5, Hop::api, hops_with(50, 1, 1));
  int before = 1;
  for (auto [at, count] : replicas) {
    tell(at, Hop::hpa, hops_with(50, count, before));
    tell(at, Hop::workload, hops_with(50, count, before));
    tell(at + 1.5, Hop::workload, hops_with(50, count, count));
    before = count;
  }
  Change event{Hop::event, head().began + Duration(20'000),
               EventSeen{head().began + Duration(20'000), "HorizontalPodAutoscaler", "nginx", "Normal",
                         "SuccessfulRescale", "New size: 4", 1, false},
               TimePoint(Duration(20'000))};
  text += change_line(head(), hops_with(50, 4, 4), event);
  if (!end.empty()) text += end_line(120, end);
  return text;
}

const std::vector<std::pair<double, int>> kAsSimulated = {{20, 4}, {35, 8}, {50, 10}};

}  // namespace

TEST_CASE("A recording is read as it was written") {
  Recording r = *parse_recording(recorded(kAsSimulated));
  CHECK(r.head.profile == "step 5..50 at 10s for 2m");
  CHECK(r.head.began == head().began);
  CHECK(r.head.hpa == kHpa);
  CHECK(r.head.scrape_interval == 5);
  CHECK(r.set.size() == 2);
  CHECK(r.prometheus.back().value == 50);
  CHECK(r.hpa.front().condition("AbleToScale")->reason == "ReadyForNewScale");
  CHECK(r.workload.back().ready == 10);
  CHECK(r.events.front().message == "New size: 4");
  CHECK(r.length == 120);
  CHECK(r.end == "finished");
}

TEST_CASE("A recording that was cut off anywhere behind its first line can be read") {
  std::string text = recorded(kAsSimulated, "");
  fakes::Sample some(7);
  for (size_t length = head_line(head()).size(); length < text.size(); ++length) {
    if (!some.takes()) continue;
    auto r = parse_recording(std::string_view(text).substr(0, length));
    REQUIRE_MESSAGE(r, (r ? "" : r.error().because));
    CHECK(r->end.empty());
  }
}

TEST_CASE("What is no recording is refused with its line") {
  CHECK(parse_recording("").error().because == "It is empty");
  CHECK(parse_recording("{}\n").error().because == "Line 1: Its first line does not identify a recording");
  CHECK(parse_recording("kind: HorizontalPodAutoscaler\n").error().because ==
        "Line 1: invalid JSON at byte 1");
  std::string text = recorded(kAsSimulated);
  CHECK(parse_recording(text + "nonsense\n" + set_line(1, 2)).error().because.starts_with("Line "));
  std::string newer = text;
  newer.replace(newer.find("\"version\":1"), 11, "\"version\":9");
  CHECK(parse_recording(newer).error().because.find("version 9") != std::string::npos);
}

TEST_CASE("A time of day that is set during a drive moves nothing in its recording") {
  RecordingHead h = head();
  h.start = TimePoint(Duration(5'000));
  auto line = [&](Duration time_of_day, Duration steady) {
    return change_line(h, hops_with(5, 1, 1), {Hop::workload, h.began + time_of_day, {}, h.start + steady});
  };
  Recording r = *parse_recording(head_line(h) + line(Duration(0), Duration(0)) +
                                 line(std::chrono::hours(24 * 365 * 50), Duration(1'500)) +
                                 line(-std::chrono::hours(1), Duration(2'000)));
  REQUIRE(r.workload.size() == 3);
  CHECK(r.workload[1].at == 1.5);
  CHECK(r.workload[2].at == 2);
  CHECK(r.length == 2);
}

TEST_CASE("A recording with times that no drive can have is refused") {
  auto because = [](const std::string& from, const std::string& to) {
    std::string text = recorded(kAsSimulated);
    size_t at = text.rfind(from);
    REQUIRE(at != std::string::npos);
    auto r = parse_recording(text.replace(at, from.size(), to));
    return r ? std::string() : r.error().because;
  };
  for (const char* t : {"1e9", "1e15", "1e300", "-1e9"}) {
    CHECK(because("\"t\":120.0", std::string("\"t\":") + t).find("Its time is out of range: a drive takes") !=
          std::string::npos);
  }
  CHECK(because("\"t\":13.0", "\"t\":0.05").find("is before that of an earlier line of prometheus") !=
        std::string::npos);
  for (const char* period : {"5e-324", "0", "-1", "1e300"}) {
    CHECK(because("\"syncPeriodSeconds\":15.0", std::string("\"syncPeriodSeconds\":") + period) ==
          "Line 1: syncPeriodSeconds in its first line must be from 0.1 to 86400");
  }
  CHECK(because("\"scrapeIntervalSeconds\":5.0", "\"scrapeIntervalSeconds\":1e300")
            .find("scrapeIntervalSeconds") != std::string::npos);
}

TEST_CASE("A value that a hop does not have is kept with its reason") {
  Hops hops = hops_with(5, 1, 1);
  hops.api = {{}, {}, "the custom metrics API has no value", {}, WallTime(Duration(1)), {}};
  hops.hpa.metric.number.reset();
  Recording r = *parse_recording(head_line(head()) + change_line(head(), hops, {Hop::api, head().began, {}}) +
                                 change_line(head(), hops, {Hop::hpa, head().began, {}}));
  CHECK_FALSE(r.api.back().value);
  CHECK(r.api.back().missing == "the custom metrics API has no value");
  CHECK(last_happening(r, "hpa")->text.starts_with("reads no value"));
  CHECK(looked_at(r, false).error().id == "recording-empty");
}

TEST_CASE("What happened as the simulator says is found among the possible sequences, with its times") {
  Recorded r = *looked_at(*parse_recording(recorded(kAsSimulated)), true);
  REQUIRE(r.prediction);
  CHECK(r.happened.timeline.sequence() == std::vector<std::int32_t>{1, 4, 8, 10});
  CHECK(r.prediction->possible());
  CHECK(r.prediction->worst < 2);
  CHECK(r.prediction->changes.size() == 3);
  CHECK(r.happened.timeline.figures.changes == 3);
  CHECK(r.happened.notes.empty());
  CHECK(verdict(r).starts_with("Matches the simulation: the only possible sequence"));
}

TEST_CASE("A run that differs from the simulation is reported from the first difference on") {
  Recorded r = *looked_at(*parse_recording(recorded({{20, 4}, {35, 7}})), true);
  CHECK_FALSE(r.prediction->possible());
  CHECK(verdict(r).find(
            "1, 4, 7 occurred in none of 500 simulated runs; the most likely sequence is 1, 4, 8, 10") !=
        std::string::npos);
  REQUIRE(r.prediction->changes.size() == 4);
  CHECK(r.prediction->changes[0].real);
  CHECK(r.prediction->changes[0].predicted);
  CHECK(r.prediction->changes[1].to == 7);
  CHECK_FALSE(r.prediction->changes[1].predicted);
  CHECK_FALSE(r.prediction->changes[2].real);
}

TEST_CASE("When each value arrived at each hop is told in seconds") {
  auto all = arrivals(*parse_recording(recorded(kAsSimulated)));
  REQUIRE(all.size() == 2);
  CHECK(*all[1].prom_fake == doctest::Approx(0.2));
  CHECK(*all[1].prometheus == doctest::Approx(3));
  CHECK(*all[1].api == doctest::Approx(3.5));
  CHECK(*all[1].hpa == doctest::Approx(10));
}

TEST_CASE("report shows a recording as text, JSON and HTML, and ends with 1 when it was not as simulated") {
  fakes::FakeWorld world;
  world.files.content["good.jsonl"] = recorded(kAsSimulated);
  world.files.content["bad.jsonl"] = recorded({{20, 3}});
  auto report = [&](std::vector<std::string> args) {
    world.terminal.output.clear(), world.terminal.errors.clear();
    args.insert(args.begin(), {"hpawalk", "report"});
    return run(args, world.world);
  };
  CHECK(report({"good.jsonl"}) == 0);
  CHECK(world.terminal.output.find("1 to 4 replicas") != std::string::npos);
  CHECK(report({"good.jsonl", "--compare-simulation", "--report", "out.html"}) == 0);
  CHECK(world.terminal.output.find("Matches the simulation") != std::string::npos);
  const std::string& html = world.files.content["out.html"];
  for (std::string_view part : {"The value at every step", "predicted replicas", "When each value arrived",
                                "New size: 4", "Predicted and real"})
    CHECK(html.find(part) != std::string::npos);
  for (std::string_view outside : {"http://", "https://", "<script", "@import", "url("})
    CHECK(html.find(outside) == std::string::npos);
  CHECK(report({"bad.jsonl", "--compare-simulation", "-o", "json"}) == 1);
  CHECK(Json::parse(world.terminal.output)["prediction"]["possible"] == false);
  CHECK(report({"bad.jsonl"}) == 0);
  CHECK(report({"none.jsonl"}) == 2);
  world.files.content["hpa.yaml"] = "kind: x\n";
  CHECK(report({"hpa.yaml"}) == 2);
}
