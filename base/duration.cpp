#include "base/duration.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace hpawalk {

std::optional<std::chrono::milliseconds> read_duration(std::string_view text) {
  static constexpr std::pair<std::string_view, double> units[] = {
      {"ns", 1e-6}, {"us", 1e-3}, {"\u00b5s", 1e-3}, {"ms", 1},      {"s", 1e3},
      {"m", 6e4},   {"h", 3.6e6}, {"d", 8.64e7},     {"w", 6.048e8}, {"y", 3.1536e10}};
  constexpr std::string_view digits = "0123456789.";
  if (text.empty()) return std::nullopt;
  if (text == "0") return std::chrono::milliseconds(0);
  double total = 0;
  while (!text.empty()) {
    std::string number(text.substr(0, std::min(text.find_first_not_of(digits), text.size())));
    bool counts = number.find_first_not_of('.') != std::string::npos && number.size() <= 24 &&
                  std::count(number.begin(), number.end(), '.') <= 1;
    if (!counts) return std::nullopt;
    text.remove_prefix(number.size());
    std::string_view unit = text.substr(0, std::min(text.find_first_of(digits), text.size()));
    text.remove_prefix(unit.size());
    auto known =
        std::find_if(std::begin(units), std::end(units), [&](const auto& u) { return u.first == unit; });
    if (known == std::end(units)) return std::nullopt;
    total += std::stod(number) * known->second;
  }
  if (total >= 9e15) return std::nullopt;
  return std::chrono::milliseconds(static_cast<long long>(total));
}

}  // namespace hpawalk
