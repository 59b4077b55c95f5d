#include "world/times.hpp"

#include "base/duration.hpp"

#include <doctest/doctest.h>

using namespace hpawalk;
using namespace hpawalk::world;

TEST_CASE("Time stamps and durations of Kubernetes, Go and Prometheus are read") {
  CHECK(parse_time("1970-01-01T00:01:00.25Z")->time_since_epoch().count() == 60'250);
  CHECK(parse_time("1970-01-01T01:00:00+01:00")->time_since_epoch().count() == 0);
  CHECK_FALSE(parse_time("0001-01-01T00:00:00Z"));
  CHECK_FALSE(parse_time("yesterday"));
  CHECK(read_duration("1m30s")->count() == 90'000);
  CHECK(read_duration("500ms")->count() == 500);
  CHECK(read_duration("1d")->count() == 86'400'000);
  CHECK_FALSE(read_duration("5 apples"));
}
