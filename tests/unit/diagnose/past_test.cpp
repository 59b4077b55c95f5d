#include "diagnose/past.hpp"

#include <cmath>

#include <doctest/doctest.h>

using namespace hpawalk;
using namespace hpawalk::diagnose;
using namespace std::chrono_literals;

namespace {

Json rescale(const std::string& message, const std::string& first, const std::string& last,
             const std::string& hpa = "web") {
  return {{"involvedObject", {{"name", hpa}, {"namespace", "shop"}}},
          {"message", message},
          {"firstTimestamp", first},
          {"lastTimestamp", last}};
}

std::vector<std::pair<long long, int>> seconds(const std::vector<hpasim::PastReplicas>& all) {
  std::vector<std::pair<long long, int>> out;
  for (const hpasim::PastReplicas& r : all)
    out.emplace_back(std::chrono::duration_cast<std::chrono::seconds>(r.at).count() - 1'800'000'000,
                     r.replicas);
  return out;
}

}  // namespace

TEST_CASE("Series of an object are added up, those of pods averaged, and NaN is 0 as in the adapter") {
  Json rows = {{{"values", {{100, "2"}, {105, "NaN"}}}}, {{"values", {{100, "4"}, {105, "6"}, {110, "x"}}}}};
  std::vector<hpasim::PastSample> sum = past_samples(rows, hpasim::MetricKind::object);
  REQUIRE(sum.size() == 2);
  CHECK(sum[0].at == 100s);
  CHECK(sum[0].value == 6);
  CHECK(sum[1].value == 6);
  CHECK(past_samples(rows, hpasim::MetricKind::pods)[0].value == 3);
  CHECK(past_samples(Json(), hpasim::MetricKind::pods).empty());
}

TEST_CASE("The HPA's rescales are read off its Events, each time that one was counted") {
  Json hpa = {{"metadata", {{"name", "web"}, {"namespace", "shop"}}}};
  Json up = rescale("New size: 4; reason: x above target", "2027-01-15T08:00:00Z", "2027-01-15T08:00:30Z");
  Json down = rescale("New size: 2; reason: All metrics below target", "2027-01-15T08:00:10Z", "");
  Json other = rescale("New size: 9; reason: x", "2027-01-15T08:00:10Z", "", "api");
  Json strange = rescale("New size: many", "2027-01-15T08:00:10Z", "");
  CHECK(seconds(past_replicas(hpa, {&up, &down, &other, &strange})) ==
        std::vector<std::pair<long long, int>>{{0, 4}, {10, 2}, {30, 4}});
}

TEST_CASE("An Event that is missing shows in lastScaleTime") {
  Json hpa = {{"metadata", {{"name", "web"}, {"namespace", "shop"}}},
              {"status", {{"lastScaleTime", "2027-01-15T08:01:00Z"}, {"desiredReplicas", 7}}}};
  CHECK(seconds(past_replicas(hpa, {})) == std::vector<std::pair<long long, int>>{{60, 7}});
  Json same = rescale("New size: 7; reason: x", "2027-01-15T08:00:59Z", "2027-01-15T08:00:59Z");
  CHECK(seconds(past_replicas(hpa, {&same})) == std::vector<std::pair<long long, int>>{{59, 7}, {59, 7}});
}

TEST_CASE("Events of an HPA of the same name that was deleted do not count") {
  Json hpa = {{"metadata", {{"name", "web"}, {"namespace", "shop"}, {"uid", "new"}}}};
  Json old = rescale("New size: 4", "2027-01-15T08:00:00Z", "");
  old["involvedObject"]["uid"] = "old";
  CHECK(past_replicas(hpa, {&old}).empty());
}
