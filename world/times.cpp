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
