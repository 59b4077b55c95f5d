#include "base/quantity.hpp"

#include <cmath>
#include <limits>
#include <optional>

namespace hpawalk {

namespace {

constexpr Int128 kMilli = 1'000'000;                                            // nanos
constexpr Int128 kMaxNano = std::numeric_limits<std::int64_t>::max() * kMilli;  // in milli: an int64

struct Suffix {
  Int128 numerator = 1;  // in units of one nano: value * numerator / denominator
  Int128 denominator = 1;
};

Int128 power(int base, int exponent) {
  Int128 result = 1;
  for (int i = 0; i < exponent; ++i) result *= base;
  return result;
}

Suffix decimal(int exponent) {
  int nano_exponent = exponent + 9;
  if (nano_exponent >= 0) return {power(10, nano_exponent), 1};
  return {1, power(10, -nano_exponent)};
}

std::optional<Suffix> find_suffix(std::string_view suffix) {
  struct Named {
    std::string_view name;
    int exponent;
  };
  static constexpr Named si[] = {{"n", -9}, {"u", -6}, {"m", -3}, {"", 0},   {"k", 3},
                                 {"M", 6},  {"G", 9},  {"T", 12}, {"P", 15}, {"E", 18}};
  static constexpr Named binary[] = {{"Ki", 10}, {"Mi", 20}, {"Gi", 30}, {"Ti", 40}, {"Pi", 50}, {"Ei", 60}};
  for (const Named& s : si) {
    if (s.name == suffix) return decimal(s.exponent);
  }
  for (const Named& s : binary) {
    if (s.name == suffix) return Suffix{power(2, s.exponent) * 1'000'000'000, 1};
  }
  if (suffix.size() < 2 || (suffix[0] != 'e' && suffix[0] != 'E')) return std::nullopt;
  std::string_view digits = suffix.substr(1);
  bool negative = digits[0] == '-';
  if (digits[0] == '-' || digits[0] == '+') digits.remove_prefix(1);
  if (digits.empty() || digits.size() > 2) return std::nullopt;
  int exponent = 0;
  for (char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    exponent = exponent * 10 + (c - '0');
  }
  if (exponent > 18) return std::nullopt;
  return decimal(negative ? -exponent : exponent);
}

auto wrong(std::string_view text, std::string because) {
  return failure(ErrorClass::usage, "quantity", "\"" + std::string(text) + "\" is not a quantity",
                 std::move(because), "Examples: 10, 1.5, 500m, 2k, 64Mi");
}

}  // namespace

Result<Quantity> parse_quantity(std::string_view text) {
  std::string_view rest = text;
  bool negative = !rest.empty() && rest[0] == '-';
  if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) rest.remove_prefix(1);
  Int128 digits = 0;
  int decimals = 0, count = 0;
  bool point = false;
  while (!rest.empty() && ((rest[0] >= '0' && rest[0] <= '9') || (rest[0] == '.' && !point))) {
    if (rest[0] == '.') {
      point = true;
    } else {
      if (++count > 19) return wrong(text, "More than 19 digits");
      digits = digits * 10 + (rest[0] - '0');
      if (point) ++decimals;
    }
    rest.remove_prefix(1);
  }
  if (count == 0) return wrong(text, "It has no digits");
  std::optional<Suffix> suffix = find_suffix(rest);
  if (!suffix) return wrong(text, "\"" + std::string(rest) + "\" is not a suffix of a quantity");
  Int128 denominator = suffix->denominator * power(10, decimals);
  if (digits != 0 && suffix->numerator > (Int128(1) << 126) / digits) return wrong(text, "It is too large");
  Int128 scaled = digits * suffix->numerator;
  Int128 nano = scaled / denominator + (scaled % denominator != 0 ? 1 : 0);
  if (nano > kMaxNano + (negative ? kMilli : 0)) return wrong(text, "It is too large");
  return Quantity{negative ? -nano : nano};
}

std::int64_t to_milli(const Quantity& quantity) {
  Int128 milli = quantity.nano / kMilli;
  if (quantity.nano % kMilli > 0) ++milli;
  return static_cast<std::int64_t>(milli);
}

std::optional<std::int64_t> milli_of(std::string_view text) {
  Result<Quantity> quantity = parse_quantity(text);
  return quantity ? std::optional(to_milli(*quantity)) : std::nullopt;
}

double to_double(const Quantity& quantity) {
  if (quantity.nano == 0) return 0;
  Int128 mantissa = quantity.nano;
  int exponent = -9;
  while (mantissa % 1000 == 0 && exponent < 18) {
    mantissa /= 1000;
    exponent += 3;
  }
  if (exponent == 0) return static_cast<double>(mantissa);
  double scale = exponent > 0 ? static_cast<double>(power(10, exponent))
                              : 1.0 / static_cast<double>(power(10, -exponent));
  return static_cast<double>(mantissa) * scale;
}

std::string milli_text(std::int64_t milli) {
  static constexpr std::string_view suffixes[] = {"m", "", "k", "M", "G", "T", "P"};
  if (milli == 0) return "0";
  size_t i = 0;
  while (milli % 1000 == 0 && i + 1 < std::size(suffixes)) {
    milli /= 1000;
    ++i;
  }
  return std::to_string(milli) + std::string(suffixes[i]);
}

}  // namespace hpawalk
