// What is asked of a Prometheus about an HPA's past, and what its answers mean.
#include "oncall/read_trace.hpp"

#include <map>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "hpasim/why.hpp"
#include "oncall/exposition.hpp"
#include "tests/fakes/facts_files.hpp"

using namespace hpawalk;
using namespace hpawalk::oncall;
using hpasim::Time;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

// A Prometheus that has these series: for each the values over the whole period, and its job.
class Prometheus {
 public:
  std::map<std::string, std::string> values;  // a part of the query -> the value of each time; "": no series
  std::map<std::string, std::string> intervals = {{"ksm", "30s"}, {"web", "15s"}, {"hpawalk", "20s"}};
  std::map<std::string, std::string> jobs;  // of each series
  std::string renamed;                      // its label namespace was renamed
  std::vector<std::string> asked;

  world::PrometheusApi api() {
    return world::PrometheusApi(
        [this](const std::string& path, world::Duration) -> Result<world::HttpResponse> {
          asked.push_back(path);
          Json answer = {{"status", "success"}, {"data", data(path)}};
          return world::HttpResponse{200, answer.dump(), {}};
        });
  }

 private:
  Json data(const std::string& path) {
    if (path.starts_with("/api/v1/targets")) {
      Json targets = Json::array();
      for (const auto& [job, interval] : intervals)
        targets.push_back({{"scrapeInterval", interval}, {"labels", {{"job", job}}}});
      return {{"activeTargets", targets}};
    }
    if (path.starts_with("/api/v1/query?")) {
      Json rows = Json::array();
      for (const auto& [series, job] : jobs) {
        Json labels = {{"__name__", series}, {"job", job}};
        if (series == renamed) labels["exported_namespace"] = "shop";
        rows.push_back({{"metric", labels}, {"value", {1, "1"}}});
      }
      return {{"resultType", "vector"}, {"result", rows}};
    }
    REQUIRE(path.starts_with("/api/v1/query_range?"));
    Json rows = Json::array();
    for (const auto& [part, value] : values) {
      if (path.find(world::query_value(part)) == std::string::npos) continue;
      auto number = [&](const char* name) {
        size_t at = path.find(name) + std::string(name).size();
        return std::stod(path.substr(at));
      };
      Json points = Json::array();
      for (double t = number("&start="); t <= number("&end="); t += number("&step="))
        points.push_back({t, value});
      rows.push_back({{"metric", {{"cause", "target-down"}, {"metric", "lab_value"}, {"severity", "broken"}}},
                      {"values", points}});
      break;
    }
    return {{"resultType", "matrix"}, {"result", rows}};
  }
};

constexpr Time now = seconds(1'800'000'000);

struct Read {
  Result<ReadTrace> result;
  std::vector<std::string> asked;
  bool asks(const std::string& query) const {
    for (const std::string& path : asked) {
      if (path.find(world::query_value(query)) != std::string::npos) return true;
    }
    return false;
  }
};

Read read_from(Prometheus& prometheus, Time length = minutes(60)) {
  Result<diagnose::Facts> facts = diagnose::facts_from(fakes::healthy_document().dump());
  REQUIRE(facts);
  const diagnose::StillFacts still(*facts);
  const diagnose::Parts parts = diagnose::parts_of(*facts);
  const diagnose::Hpa* hpa = nullptr;
  for (const diagnose::Hpa& one : parts.hpas) {
    if (one.name == "object-value") hpa = &one;
  }
  REQUIRE(hpa != nullptr);
  const observe::Subject subject{*hpasim::spec_of(*hpa->object), {}, {}, {}};
  auto result = read_trace(prometheus.api(), {*facts, parts, *hpa, subject, now - length, now},
                           [](const std::string&) {});
  return {std::move(result), prometheus.asked};
}

Prometheus with_kube_state_metrics() {
  Prometheus prometheus;
  for (const char* name :
       {"kube_horizontalpodautoscaler_status_desired_replicas", "kube_deployment_spec_replicas"})
    prometheus.jobs[name] = "ksm";
  prometheus.jobs["lab_value"] = "web";
  prometheus.values = {{"max(kube_horizontalpodautoscaler_status_desired_replicas{", "3"},
                       {"max(kube_horizontalpodautoscaler_status_current_replicas{", "3"},
                       {"max(kube_deployment_spec_replicas{", "4"},
                       {"max(kube_deployment_status_replicas{", "5"},
                       {"max(kube_deployment_status_replicas_ready{", "2"},
                       {"lab_value{", "7"}};
  return prometheus;
}

Prometheus with_exporter() {
  Prometheus prometheus;
  for (std::string_view name : {desired_replicas_metric, last_success_metric})
    prometheus.jobs[std::string(name)] = "hpawalk";
  prometheus.jobs["lab_value"] = "web";
  prometheus.values = {{"max(hpawalk_hpa_status_desired_replicas{", "3"},
                       {"max(hpawalk_hpa_status_current_replicas{", "3"},
                       {"timestamp(hpawalk_exporter_last_success", "12.5"},
                       {"(hpawalk_hpa_cause{", "1"},
                       {"lab_value{", "7"}};
  return prometheus;
}

}  // namespace

TEST_CASE("The replicas of a past come from kube-state-metrics, with the workload's own and its ready pods") {
  Prometheus prometheus = with_kube_state_metrics();
  const Read read = read_from(prometheus);
  REQUIRE(read.result);
  const observe::Trace& trace = read.result->trace;
  CHECK(read.result->states == "kube-state-metrics");
  CHECK(trace.scrape == Time(seconds(30)));
  CHECK(trace.step == Time(seconds(15)));
  CHECK(trace.age == Time(0));
  CHECK(trace.begin == now - minutes(60) - minutes(5) - seconds(4 * 15 + 60));
  CHECK(trace.replicas.front().value == 4);
  CHECK(&trace.scale() == &trace.replicas);
  CHECK(trace.pods.front().value == 5);
  CHECK(trace.ready.front().value == 2);
  CHECK(trace.desired.size() == static_cast<size_t>((trace.to - trace.begin) / trace.step + 1));
  CHECK(trace.causes.empty());
  REQUIRE(trace.metrics.size() == 1);
  CHECK(trace.metrics[0].samples.front().value == 7);
  CHECK(trace.metrics[0].source.find("lab_value{") != std::string::npos);
  CHECK(
      read.asks("kube_horizontalpodautoscaler_status_condition{namespace=\"shop\",horizontalpodautoscaler="
                "\"object-value\",condition=\"ScalingActive\",status=\"false\"}"));
  CHECK(read.asks("kube_deployment_spec_replicas{namespace=\"shop\",deployment="));
}

TEST_CASE("Without kube-state-metrics the exporter's states count, with their age and the causes") {
  Prometheus prometheus = with_exporter();
  const Read read = read_from(prometheus);
  REQUIRE(read.result);
  const observe::Trace& trace = read.result->trace;
  CHECK(read.result->states == "hpawalk exporter");
  CHECK(trace.age == Time(std::chrono::milliseconds(12'500)));
  CHECK(trace.replicas.empty());
  CHECK(&trace.scale() == &trace.desired);
  REQUIRE(trace.causes.size() == 1);
  CHECK(trace.causes[0].cause == "target-down");
  CHECK(trace.causes[0].from == trace.begin);
  CHECK(read.asks("status=\"False\""));
}

TEST_CASE("A scrape that renames the label namespace is asked by the other name") {
  Prometheus prometheus = with_kube_state_metrics();
  prometheus.renamed = "kube_horizontalpodautoscaler_status_desired_replicas";
  CHECK(read_from(prometheus)
            .asks("kube_horizontalpodautoscaler_status_desired_replicas{exported_namespace=\"shop\""));
}

TEST_CASE("A Prometheus without the HPA's states has no history, and says what exports them") {
  Prometheus prometheus;
  prometheus.jobs["lab_value"] = "web";
  const Read read = read_from(prometheus);
  REQUIRE(!read.result);
  CHECK(read.result.error().is("no-history"));
  CHECK(read.result.error().hint.find("kube-state-metrics") != std::string::npos);
  // It exports them, but not of this HPA.
  prometheus = with_kube_state_metrics();
  prometheus.values.clear();
  CHECK(!read_from(prometheus).result);
}

TEST_CASE("A metric that the query does not find is unknown; one that the HPA's status showed is not") {
  Prometheus prometheus = with_kube_state_metrics();
  prometheus.values.erase("lab_value{");
  const Read none = read_from(prometheus);
  REQUIRE(none.result);
  CHECK(none.result->trace.metrics.at(0).source.empty());
  REQUIRE(none.result->notes.size() == 1);
  CHECK(none.result->notes[0].starts_with("Prometheus has no sample in this time of "));
}

TEST_CASE("A period of weeks has values that are further apart, never more than Prometheus returns") {
  Prometheus prometheus = with_kube_state_metrics();
  const Read read = read_from(prometheus, std::chrono::hours(24 * 14));
  REQUIRE(read.result);
  CHECK(read.result->trace.desired.size() <= 10'001);
  CHECK(read.result->trace.step > Time(seconds(100)));
}

TEST_CASE("A Deployment's strategy says how many pods a rollout adds and takes away") {
  auto limits = [](const Json& strategy) {
    return *rollout_limits({{"kind", "Deployment"}, {"spec", {{"strategy", strategy}}}});
  };
  CHECK(limits({{"type", "RollingUpdate"}}).most_above(5) == 2);  // 25%, rounded up
  CHECK(limits({{"type", "RollingUpdate"}}).most_below(5) == 1);  // rounded down
  CHECK(limits({{"rollingUpdate", {{"maxSurge", 3}, {"maxUnavailable", "50%"}}}}).most_above(5) == 3);
  CHECK(limits({{"rollingUpdate", {{"maxSurge", 3}, {"maxUnavailable", "50%"}}}}).most_below(5) == 2);
  CHECK(limits({{"type", "Recreate"}}).most_below(5) == 5);
  CHECK(limits({{"type", "Recreate"}}).most_above(5) == 0);
  CHECK(!rollout_limits({{"kind", "StatefulSet"}}));
}

TEST_CASE("A metric of KEDA's is asked by its trigger's query, and what it does not find is 0") {
  std::filesystem::path keda;
  for (const auto& file : fakes::facts_files()) {
    if (file.filename() == "healthy@keda.json") keda = file;
  }
  Result<diagnose::Facts> facts = diagnose::facts_from(fakes::facts_document(keda).dump());
  REQUIRE(facts);
  const diagnose::StillFacts still(*facts);
  const diagnose::Parts parts = diagnose::parts_of(*facts);
  for (const diagnose::Hpa& hpa : parts.hpas) {
    if (hpa.needs.empty() || !hpa.needs.front().external()) continue;
    const observe::Subject subject{*hpasim::spec_of(*hpa.object), {}, {}, {}};
    Prometheus prometheus = with_kube_state_metrics();
    auto read = read_trace(prometheus.api(), {*facts, parts, hpa, subject, now - minutes(60), now},
                           [](const std::string&) {});
    REQUIRE(read);
    REQUIRE(!read->trace.metrics.empty());
    CHECK(!read->trace.metrics[0].source.empty());
    CHECK(read->trace.metrics[0].absent_is_zero);
    return;
  }
  FAIL("healthy@keda.json has no HPA of KEDA's");
}
