// The replay of both sides: equal where the code is equal, and different where a difference is listed.
#include <doctest/doctest.h>

#include "hpasim/profile.hpp"
#include "migrate/replay.hpp"
#include "migrate/to_keda.hpp"
#include "tests/unit/migrate/chain.hpp"

using namespace hpawalk;
using namespace hpawalk::migrate;
using hpasim::Time;
using std::chrono::seconds;

namespace {

std::vector<world::Point> points(std::initializer_list<std::pair<int, double>> values) {
  std::vector<world::Point> all;
  for (auto [time, value] : values) all.push_back({static_cast<double>(time), value});
  return all;
}

// 5 s apart, `value` each; without those from `gap_from` to `gap_to`.
Past past(int end, const std::function<double(int)>& value, int gap_from = -1, int gap_to = -1) {
  std::vector<world::Point> all;
  for (int t = 0; t <= end; t += 5) {
    if (t < gap_from || t >= gap_to) all.push_back({static_cast<double>(t), value(t)});
  }
  std::optional<Past> made = past_of(all, 0, end, 5);
  REQUIRE(made);
  return *made;
}

hpasim::Document document(const Json& json) {
  return hpasim::Document::parse(json.dump());
}

Replayed replayed(const Plan& plan, const Json& before, const Past& load) {
  Result<Replayed> result = replay(plan, document(before), plan.manifest, {load}, {{}, {}, 1});
  REQUIRE_MESSAGE(result, (result ? "" : result.error().because));
  return *result;
}

}  // namespace

TEST_CASE("A past has its values and the gaps between, before and after them") {
  std::optional<Past> whole = past_of(points({{100, 1}, {105, 2}, {110, 2}}), 100, 110, 5);
  REQUIRE(whole);
  CHECK(whole->gaps.empty());
  CHECK(whole->values.at(seconds(4)) == 1);
  CHECK(whole->values.at(seconds(5)) == 2);
  std::optional<Past> gaps = past_of(points({{120, 1}, {125, 2}, {150, 3}}), 100, 170, 5);
  REQUIRE(gaps);
  REQUIRE(gaps->gaps.size() == 3);
  CHECK(gaps->gaps[0].from == Time(0));
  CHECK(gaps->gaps[0].to == seconds(20));
  CHECK(gaps->gaps[1].from == seconds(30));
  CHECK(gaps->gaps[1].to == seconds(50));
  CHECK(gaps->gaps[2].from == seconds(55));
  CHECK(gaps->gaps[2].to == seconds(70));
  CHECK_FALSE(past_of({}, 0, 10, 5));
}

TEST_CASE("The same values without a gap give the same replicas on both sides") {
  const Json hpa = adapter_hpa();
  const Plan plan = plan_to_keda(hpa, facts_with(hpa));
  Replayed result = replayed(plan, hpa, past(1800, [](int t) { return t % 600 < 300 ? 120.0 : 20.0; }));
  CHECK(result.differences.empty());
  CHECK(result.before.sequence() == result.after.sequence());
  CHECK(result.before.sequence().size() > 1);
}

TEST_CASE("An empty result is no value with ignoreNullValues false, and 0 by KEDA's default") {
  const Past load = past(
      2400, [](int) { return 200.0; }, 300, 1500);
  const std::string query = "sum(lab_requests_total)";
  Json object = scaled_object(prometheus_trigger(query));
  CHECK(replayed(to_adapter(object), object, load).differences.empty());
  object["spec"]["triggers"][0]["metadata"].erase("ignoreNullValues");
  Replayed by_default = replayed(to_adapter(object), object, load);
  REQUIRE_FALSE(by_default.differences.empty());
  CHECK(by_default.differences[0].first < by_default.differences[0].second);
}

TEST_CASE("KEDA's way to 0 shows as a difference") {
  const Past load = past(3600, [](int t) { return t < 600 ? 200.0 : 0.0; });
  Json object = scaled_object(prometheus_trigger("sum(lab_requests_total)"));
  object["spec"].erase("minReplicaCount");
  Replayed result = replayed(to_adapter(object), object, load);
  REQUIRE_FALSE(result.differences.empty());
  CHECK(result.differences.back().first == 0);
  CHECK(result.differences.back().second == 1);
}

TEST_CASE("Resource metrics are left out on both sides, and named") {
  const Json hpa = hpa_with(
      "[{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}}, {type: "
      "Object, "
      "object: {describedObject: {apiVersion: v1, kind: Service, name: object-value}, metric: {name: "
      "lab_value}, "
      "target: {type: Value, value: '50'}}}]");
  const Plan plan = plan_to_keda(hpa, facts_with(hpa));
  const Past load = past(1800, [](int t) { return t < 900 ? 120.0 : 20.0; });
  Result<Replayed> result = replay(plan, document(hpa), plan.manifest, {std::nullopt, load}, {{}, {}, 1});
  REQUIRE(result);
  CHECK(result->left_out == std::vector<std::string>{"cpu (Resource)"});
  CHECK(result->differences.empty());
  CHECK(result->before.sequence().size() > 1);
}
