#include "hpasim/replay.hpp"

#include <cmath>

#include <doctest/doctest.h>

using namespace hpawalk::hpasim;
using namespace std::chrono_literals;

namespace {

Spec spec_with(std::vector<MetricSpec> metrics) {
  Spec spec;
  spec.max = 10;
  spec.metrics = std::move(metrics);
  return spec;
}

MetricSpec metric(MetricKind kind, TargetKind target_kind, std::int64_t target) {
  MetricSpec metric;
  metric.kind = kind;
  metric.target_kind = target_kind;
  metric.target = target;
  metric.name = "load";
  return metric;
}

std::vector<std::int32_t> replayed(const Spec& spec, const Past& past, std::int32_t now) {
  std::vector<std::int32_t> all;
  for (const PastRecommendation& p : replay(spec, Rules{}, Flags{}, past, now)) all.push_back(p.replicas);
  return all;
}

const MetricSpec value_10 = metric(MetricKind::object, TargetKind::value, 10'000);
const MetricSpec average_10 = metric(MetricKind::object, TargetKind::average_value, 10'000);

}  // namespace

TEST_CASE("A past value asks for the replicas that there were then, not for those of now") {
  Past past{{{{10s, 20}, {20s, 20}, {30s, 5}}}, {{5s, 2}, {15s, 4}}};
  CHECK(replayed(spec_with({value_10}), past, 4) == std::vector<std::int32_t>{4, 8, 2});
}

TEST_CASE("An average target asks for the same whatever the replicas were") {
  Past past{{{{10s, 40}, {20s, 40}}}, {{5s, 2}, {15s, 8}}};
  CHECK(replayed(spec_with({average_10}), past, 8) == std::vector<std::int32_t>{4, 4});
}

TEST_CASE(
    "Without a rescale in sight the replicas were those of now; before the first one they are unknown") {
  Past past{{{{10s, 20}, {20s, 20}}}, {}};
  CHECK(replayed(spec_with({value_10}), past, 3) == std::vector<std::int32_t>{6, 6});
  past.replicas = {{15s, 3}};
  CHECK(replayed(spec_with({value_10}), past, 3) == std::vector<std::int32_t>{6});
}

TEST_CASE("Of several metrics the highest counts, at the times of which all are known") {
  Spec spec = spec_with({value_10, average_10});
  CHECK(replayed(spec, {{{{10s, 5}, {20s, 5}}, {{20s, 70}}}, {}}, 2) == std::vector<std::int32_t>{7});
  CHECK(replayed(spec, {{{{10s, 5}}, {}}, {}}, 2).empty());
}

TEST_CASE("A sample that is no number of the API's is no recommendation") {
  Past past{{{{10s, HUGE_VAL}, {20s, 1e300}, {30s, std::nan("")}, {40s, 20}}}, {}};
  CHECK(replayed(spec_with({value_10}), past, 1) == std::vector<std::int32_t>{2});
}
