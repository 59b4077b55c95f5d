#include "world/times.hpp"

#include <cmath>
#include <cstdlib>
#include <ctime>

#include <fmt/format.h>

namespace hpawalk::world {

std::optional<WallTime> parse_time(std::string_view rfc3339) {
  std::string copy(rfc3339);
  std::tm tm{};
  const char* rest = strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &tm);
  if (rest == nullptr || tm.tm_year < 70) return std::nullopt;  // year 1 is Go's "never"
  long long millis = timegm(&tm) * 1000LL;
  if (*rest == '.') {
    int digits = 0;
    long long fraction = 0;
    for (++rest; *rest >= '0' && *rest <= '9'; ++rest) {
      if (digits++ < 3) fraction = fraction * 10 + (*rest - '0');
    }
    for (; digits < 3; ++digits) fraction *= 10;
    millis += fraction;
  }
  int hours = 0, minutes = 0;
  if ((*rest == '+' || *rest == '-') && std::sscanf(rest + 1, "%2d:%2d", &hours, &minutes) == 2) {
    millis += (*rest == '+' ? -1 : 1) * (hours * 60LL + minutes) * 60'000LL;
  }
  return WallTime(Duration(millis));
}

std::optional<Duration> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  if (text == "0") return Duration(0);
  std::string copy(text);
  const char* here = copy.c_str();
  double total = 0;
  while (*here != '\0') {
    char* end = nullptr;
    double number = std::strtod(here, &end);
    if (end == here) return std::nullopt;
    std::string unit;
    for (; *end != '\0' && (*end < '0' || *end > '9') && *end != '.'; ++end) unit += *end;
    double factor = unit == "ms"                   ? 1
                    : unit == "s"                  ? 1e3
                    : unit == "m"                  ? 6e4
                    : unit == "h"                  ? 3.6e6
                    : unit == "d"                  ? 8.64e7
                    : unit == "w"                  ? 6.048e8
                    : unit == "y"                  ? 3.1536e10
                    : unit == "us" || unit == "µs" ? 1e-3
                    : unit == "ns"                 ? 1e-6
                                                   : -1;
    if (factor < 0) return std::nullopt;
    total += number * factor;
    here = end;
  }
  if (!(std::abs(total) < 9e15)) return std::nullopt;  // also NaN
  return Duration(static_cast<long long>(total));
}

static std::string formatted(WallTime t, const char* format) {
  std::time_t seconds = std::chrono::system_clock::to_time_t(t);
  std::tm tm{};
  gmtime_r(&seconds, &tm);
  char buffer[64];
  size_t n = std::strftime(buffer, sizeof buffer, format, &tm);
  return std::string(buffer, n);
}

std::string clock_time(WallTime t) {
  return formatted(t, "%H:%M:%S UTC");
}
std::string rfc3339(WallTime t) {
  return formatted(t, "%Y-%m-%dT%H:%M:%SZ");
}

}  // namespace hpawalk::world
