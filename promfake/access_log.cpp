#include "access_log.hpp"

#include "text.hpp"

namespace promfake {

static std::string formatted(std::time_t time, const char* format) {
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[64];
  return {text, std::strftime(text, sizeof text, format, &parts)};
}

std::string http_date(std::time_t time) {
  return formatted(time, "%a, %d %b %Y %H:%M:%S GMT");
}
std::string log_time(std::time_t time) {
  return formatted(time, "%Y-%m-%dT%H:%M:%SZ");
}

std::string log_line(std::time_t time, std::string_view peer, std::string_view method,
                     std::string_view target, const Reply& reply) {
  std::string out = log_time(time) + " ";
  out += peer;
  out += " ";
  out += method;
  out += " " + quoted(target, 200) + " " + std::to_string(reply.code) + " " +
         std::to_string(reply.body().size()) + "\n";
  return out;
}

}  // namespace promfake
