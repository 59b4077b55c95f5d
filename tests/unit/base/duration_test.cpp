#include "base/duration.hpp"

#include <doctest/doctest.h>

#include <string_view>

using namespace hpawalk;
using namespace std::chrono_literals;

TEST_CASE("Durations of Go and Prometheus are read, and nothing else") {
  CHECK(read_duration("0") == 0ms);
  CHECK(read_duration("1m30s") == 90s);
  CHECK(read_duration("1.5h") == 90min);
  CHECK(read_duration("500ms") == 500ms);
  CHECK(read_duration("1500us") == 1ms);
  CHECK(read_duration("2\u00b5s") == 0ms);
  CHECK(read_duration("1d") == 24h);
  CHECK(read_duration("1w") == 168h);
  CHECK(read_duration("1y") == 8760h);
  for (std::string_view bad : {"", "5", "s", "5x", "-5s", "+5s", ".s", "1.2.3s", "1e3s", "inf s", "0x5s",
                               "nan", "5 s", "999999999999999999999y"}) {
    CAPTURE(bad);
    CHECK_FALSE(read_duration(bad));
  }
}
