#include "base/quantity.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include <fmt/format.h>

namespace hpawalk {

namespace {

enum class Format : std::uint8_t { decimal, exponent, binary };

struct Suffix {
  int exponent = 0;  // of 10, or of 2
  Format format = Format::decimal;
};

// The letters are those of quantity.go's parseQuantityString.
constexpr std::string_view letters = "eEinumkKMGTP";
constexpr int finest = -9;  // a nano
constexpr int int64_digits = 18;
// The API server computes with integers of that many digits, and takes its time.
constexpr int most_exponent = 10'000;
constexpr size_t most_characters = 10'000;

struct Named {
  std::string_view name;
  int exponent;
};
constexpr Named decimals[] = {{"n", -9}, {"u", -6}, {"m", -3}, {"", 0},   {"k", 3},
                              {"M", 6},  {"G", 9},  {"T", 12}, {"P", 15}, {"E", 18}};
constexpr Named binaries[] = {{"Ki", 10}, {"Mi", 20}, {"Gi", 30}, {"Ti", 40}, {"Pi", 50}, {"Ei", 60}};

std::optional<Suffix> find_suffix(std::string_view suffix) {
  for (const Named& known : decimals) {
    if (known.name == suffix) return Suffix{known.exponent, Format::decimal};
  }
  for (const Named& known : binaries) {
    if (known.name == suffix) return Suffix{known.exponent, Format::binary};
  }
  if (suffix.size() < 2 || (suffix[0] != 'e' && suffix[0] != 'E')) return std::nullopt;
  std::string_view digits = suffix.substr(suffix[1] == '+' ? 2 : 1);
  std::int64_t exponent = 0;
  auto [end, bad] = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
  if (bad != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  // Go cuts it to an int32.
  return Suffix{static_cast<std::int32_t>(exponent), Format::exponent};
}

// A whole number of any size: its decimal digits, without leading zeros.
using Digits = std::string;

Digits without_leading_zeros(std::string_view digits) {
  size_t first = digits.find_first_not_of('0');
  return first == std::string_view::npos ? "0" : Digits(digits.substr(first));
}

void multiply(Digits& digits, int factor) {
  int carry = 0;
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) {
    int product = (*digit - '0') * factor + carry;
    *digit = static_cast<char>('0' + product % 10);
    carry = product / 10;
  }
  if (carry > 0) digits.insert(0, std::to_string(carry));
}

void add_one(Digits& digits) {
  auto digit = digits.rbegin();
  for (; digit != digits.rend() && *digit == '9'; ++digit) *digit = '0';
  if (digit == digits.rend()) {
    digits.insert(0, "1");
  } else {
    ++*digit;
  }
}

bool longer(const Digits& a, std::string_view b) {
  return a.size() != b.size() ? a.size() > b.size() : a > b;
}

constexpr std::string_view int64_max = "9223372036854775807";

// digits * 10^exponent.
struct Amount {
  bool negative = false;
  Digits digits = "0";
  int exponent = 0;
  bool small = true;  // Go has it as an int64 with a scale, else as a big integer
  Format format = Format::decimal;
  bool zero() const { return digits == "0"; }
};

// Rounded away from zero to so many decimals.
void round_up(Amount& amount, int exponent) {
  if (amount.exponent >= exponent) {
    if (!amount.zero()) amount.digits.append(static_cast<size_t>(amount.exponent - exponent), '0');
  } else {
    size_t cut = static_cast<size_t>(exponent - amount.exponent), size = amount.digits.size();
    std::string_view dropped = std::string_view(amount.digits).substr(size - std::min(cut, size));
    bool more = dropped.find_first_not_of('0') != std::string_view::npos;
    amount.digits = cut >= size ? "0" : amount.digits.substr(0, size - cut);
    if (more) add_one(amount.digits);
  }
  amount.exponent = exponent;
}

struct Scanned {
  bool negative = false;
  std::string_view number, decimals, suffix;  // number: without leading zeros; "0" at least
  bool digits = false;                        // it has some
};

// parseQuantityString; nothing: it does not have that form.
std::optional<Scanned> scan(std::string_view text) {
  Scanned found;
  size_t at = 0;
  if (text[0] == '-' || text[0] == '+') at = 1;
  found.negative = text[0] == '-';
  auto run = [&](std::string_view of) {
    size_t from = at;
    at = std::min(text.find_first_not_of(of, at), text.size());
    return text.substr(from, at - from);
  };
  found.digits = !run("0").empty();
  found.number = run("0123456789");
  found.digits = found.digits || !found.number.empty();
  if (found.number.empty()) found.number = "0";
  if (at < text.size() && text[at] == '.') {
    ++at;
    found.decimals = run("0123456789");
    found.digits = found.digits || !found.decimals.empty();
  }
  size_t suffix = at;
  run(letters);
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  run("0123456789");
  found.suffix = text.substr(suffix);
  return at == text.size() ? std::optional(found) : std::nullopt;
}

// Go's fast path: what certainly fits into an int64.
bool fits(const Scanned& scanned, const Suffix& suffix, Amount& amount) {
  const int number = static_cast<int>(scanned.number.size()),
            places = static_cast<int>(scanned.decimals.size());
  if (suffix.format == Format::binary) {
    if (places > 0) return false;
    if (15 - number - static_cast<int>(static_cast<float>(suffix.exponent) * 3 / 10) - 1 < 0) return false;
    for (int i = 0; i < suffix.exponent; ++i) multiply(amount.digits, 2);
    return true;
  }
  if (int64_digits - number - places < 0 || suffix.exponent - places < finest) return false;
  amount.exponent = suffix.exponent - places;
  return true;
}

Amount amount_of(const Scanned& scanned, const Suffix& suffix) {
  Amount amount{scanned.negative,
                without_leading_zeros(std::string(scanned.number) + std::string(scanned.decimals)), 0, true,
                suffix.format};
  if (fits(scanned, suffix, amount)) return amount;
  amount.small = false;
  amount.exponent = -static_cast<int>(scanned.decimals.size());
  if (suffix.format == Format::binary) {
    for (int i = 0; i < suffix.exponent; ++i) multiply(amount.digits, 2);
  } else {
    amount.exponent += suffix.exponent;
  }
  if (!amount.zero()) round_up(amount, finest);
  if (suffix.format != Format::binary) return amount;
  Amount whole = amount;
  round_up(whole, 0);
  const bool exact = amount.exponent >= 0 || amount.digits.ends_with("000000000");
  if (longer(whole.digits, int64_max) || (whole.digits == int64_max && !exact)) {
    amount.digits = int64_max, amount.exponent = 0;
  } else if (!whole.zero() && whole.digits == "1" && !exact) {
    amount.format = Format::decimal;  // less than 1
  }
  return amount;
}

struct Read {
  Amount amount;
  std::string kept;  // the text that Go keeps as the canonical one; empty: it makes one
};

std::optional<Read> read(std::string_view text, std::string& because) {
  if (text == "0") return Read{{}, "0"};
  std::optional<Scanned> scanned = scan(text);
  if (!scanned) {
    const size_t rest = text.find_first_not_of("+-.0123456789");
    const bool digits = text.find_first_of("0123456789") < rest;
    because = !digits ? "It has no digits"
              : rest == std::string_view::npos
                  ? "It is no number"
                  : "\"" + std::string(text.substr(rest)) + "\" is not a suffix of a quantity";
    return std::nullopt;
  }
  std::optional<Suffix> suffix = find_suffix(scanned->suffix);
  if (!suffix) {
    because = "\"" + std::string(scanned->suffix) + "\" is not a suffix of a quantity";
    return std::nullopt;
  }
  if (std::abs(static_cast<long>(suffix->exponent)) > most_exponent || text.size() > most_characters) {
    because = "It is implausibly large or small";
    return std::nullopt;
  }
  Read result{amount_of(*scanned, *suffix), {}};
  if (!result.amount.small && !scanned->digits) {
    because = "It has no digits";
    return std::nullopt;
  }
  if (!result.amount.small) return result;
  const std::string shifted = std::string(scanned->number) + std::string(scanned->decimals);
  const bool canonical =
      suffix->format == Format::binary
          ? suffix->exponent % 10 == 0 && ((shifted.back() - '0') % 2 != 0 || std::stoll(shifted) % 8 != 0)
          : result.amount.exponent % 3 == 0 && !shifted.ends_with("000") && shifted[0] != '0';
  if (canonical) result.kept = text;
  return result;
}

// CanonicalizeBytes: the text that the API server stores.
std::string canonical(Amount amount) {
  if (amount.zero()) return "0";
  const std::string sign = amount.negative ? "-" : "";
  if (amount.format == Format::binary) {
    Amount whole = amount;
    round_up(whole, 0);
    const bool exact = amount.exponent >= 0 ||
                       amount.digits.ends_with(std::string(static_cast<size_t>(-amount.exponent), '0'));
    if (exact && longer(whole.digits, "1023")) {
      std::int64_t number = std::stoll(whole.digits);
      size_t times = 0;
      while (number % 1024 == 0) number /= 1024, ++times;
      return sign + std::to_string(number) + (times == 0 ? "" : std::string(binaries[times - 1].name));
    }
    amount.format = Format::decimal;
  }
  while (amount.digits.size() > 1 && amount.digits.ends_with('0')) {
    amount.digits.pop_back();
    ++amount.exponent;
  }
  while (amount.exponent % 3 != 0) {
    amount.digits += '0';
    --amount.exponent;
  }
  std::string suffix;
  if (amount.format == Format::exponent) {
    if (amount.exponent != 0) suffix = "e" + std::to_string(amount.exponent);
  } else {
    // What is above E has no suffix, and gets none: 1000E is stored as 1.
    for (const Named& known : decimals) {
      if (known.exponent == amount.exponent) suffix = known.name;
    }
  }
  return sign + amount.digits + suffix;
}

std::uint64_t low_bits(const Digits& digits) {
  std::uint64_t low = 0;
  for (char digit : digits) low = low * 10 + static_cast<std::uint64_t>(digit - '0');
  return low;
}

std::int64_t signed_bits(std::uint64_t bits, bool negative) {
  return static_cast<std::int64_t>(negative ? 0 - bits : bits);
}

// int64(math.Pow10(exponent)) on amd64: what does not fit is the smallest.
std::uint64_t power_of_10(int exponent) {
  if (exponent > int64_digits) return std::uint64_t(1) << 63;
  std::uint64_t power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

// Quantity.MilliValue.
std::int64_t milli_value(const Amount& amount) {
  const int more = amount.exponent + 3;
  if (more >= 0) {
    Digits digits = amount.digits;
    if (!amount.zero()) digits.append(static_cast<size_t>(more), '0');
    // In positiveScaleInt64, what does not fit wraps for these powers, and is 0 for the others.
    const bool at_once = more < 4 || more == 6 || more == 9;
    if (amount.small && !at_once && longer(digits, int64_max)) return 0;
    return signed_bits(low_bits(amount.digits) * power_of_10(more), amount.negative);
  }
  if (amount.negative && !amount.small) {
    // Go takes the low bits of a negative big integer, and rounds them up.
    const std::int64_t bits = signed_bits(low_bits(amount.digits), true);
    const std::int64_t divisor = static_cast<std::int64_t>(power_of_10(-more));
    return bits / divisor + (bits % divisor != 0 ? 1 : 0);
  }
  Amount rounded = amount;
  round_up(rounded, -3);
  return signed_bits(low_bits(rounded.digits), amount.negative);
}

// math.Pow10: of two tables.
double float_power_of_10(int exponent) {
  auto table = [](int n) { return std::strtod(("1e" + std::to_string(n)).c_str(), nullptr); };
  if (exponent > 308) return std::numeric_limits<double>::infinity();
  if (exponent >= 0) return table(exponent / 32 * 32) * table(exponent % 32);
  if (exponent < -323) return 0;
  return table(exponent / 32 * 32) / table(-exponent % 32);
}

// Quantity.AsApproximateFloat64.
double float_value(const Amount& amount) {
  const double base = std::strtod(((amount.negative ? "-" : "") + amount.digits).c_str(), nullptr);
  return amount.exponent == 0 ? base : base * float_power_of_10(amount.exponent);
}

}  // namespace

namespace {

auto wrong(std::string_view text, std::string because) {
  return failure(ErrorClass::usage, "quantity", "\"" + std::string(text) + "\" is not a quantity",
                 std::move(because), "Examples: 10, 1.5, 500m, 2k, 64Mi");
}

}  // namespace

Result<Quantity> parse_quantity(std::string_view text) {
  std::string because = "It is empty";
  std::optional<Read> written = text.empty() ? std::nullopt : read(text, because);
  if (!written) return wrong(text, std::move(because));
  const Amount& amount = written->amount;
  const std::string stored = written->kept.empty() ? canonical(amount) : written->kept;
  std::optional<Read> again = read(stored, because);
  const Amount& value = again ? again->amount : amount;
  return Quantity{amount.zero() ? 0 : amount.negative ? -1 : 1, milli_value(value), float_value(value)};
}

Result<Quantity> typed_quantity(std::string_view text) {
  if (text.find_first_of("0123456789") == std::string_view::npos) return wrong(text, "It has no digits");
  Result<Quantity> quantity = parse_quantity(text);
  if (!quantity) return quantity;
  constexpr double rounding = 1e6;  // of doubles near the end of an int64
  if (std::abs(quantity->number * 1000 - static_cast<double>(quantity->milli)) > rounding)
    return wrong(text, "It is too large");
  std::string because;
  const Amount amount = read(text, because)->amount;
  quantity->number = std::strtod(
      fmt::format("{}{}e{}", amount.negative ? "-" : "", amount.digits, amount.exponent).c_str(), nullptr);
  return quantity;
}

std::optional<std::int64_t> milli_of(std::string_view text) {
  Result<Quantity> quantity = parse_quantity(text);
  return quantity ? std::optional(to_milli(*quantity)) : std::nullopt;
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
