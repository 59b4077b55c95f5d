#include "value.hpp"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "text.hpp"

namespace promfake {
namespace {

constexpr size_t longest_number = 512;  // more digits than any double needs

bool digits_at(std::string_view text, size_t& at) {
  size_t begin = at;
  while (at < text.size() && is_digit(text[at])) ++at;
  return at > begin;
}

// [digits][.[digits]][e[sign]digits], with at least one digit before the exponent.
bool is_decimal(std::string_view text) {
  size_t at = 0;
  bool whole = digits_at(text, at), fraction = false;
  if (at < text.size() && text[at] == '.') fraction = digits_at(text, ++at);
  if (!whole && !fraction) return false;
  if (at == text.size()) return true;
  if (lower(text[at]) != 'e') return false;
  if (++at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
  return digits_at(text, at) && at == text.size();
}

Outcome<double> not_a_number(std::string_view text) {
  return Outcome<double>::fail("not a number: " + quoted(text));
}

// A reader of exactly the JSON that the body may hold; a whole JSON library would be larger than the program.
struct JsonReader {
  std::string_view rest;

  void skip_space() {
    while (!rest.empty() && std::string_view(" \t\r\n").find(rest[0]) != std::string_view::npos)
      rest.remove_prefix(1);
  }
  bool take(char c) {
    skip_space();
    if (rest.empty() || rest[0] != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  // A string without escapes: neither the key nor a number needs any.
  Outcome<std::string_view> string() {
    if (!take('"')) return Outcome<std::string_view>::fail("a string in double quotes was expected");
    size_t end = rest.find_first_of("\"\\");
    if (end == std::string_view::npos || rest[end] == '\\')
      return Outcome<std::string_view>::fail("expected a plain string without escapes");
    std::string_view text = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    return Outcome<std::string_view>::ok(text);
  }
  std::string_view bare() {
    skip_space();
    std::string_view text = rest.substr(0, rest.find_first_of(" \t\r\n,}"));
    rest.remove_prefix(text.size());
    return text;
  }
};

// JSON knows no leading zero, no plus sign, no bare NaN; in quotes everything that parse_value takes is fine.
bool is_json_number(std::string_view text) {
  if (!text.empty() && text[0] == '-') text.remove_prefix(1);
  if (text.empty() || !is_digit(text[0])) return false;
  if (text[0] == '0' && text.size() > 1 && is_digit(text[1])) return false;
  size_t point = text.find('.');
  if (point != std::string_view::npos && (point + 1 == text.size() || !is_digit(text[point + 1])))
    return false;
  return is_decimal(text);
}

}  // namespace

Outcome<double> parse_value(std::string_view text) {
  if (text.empty()) return Outcome<double>::fail("empty; expected a number");
  if (text.size() > longest_number) return Outcome<double>::fail("too long for a number");
  std::string_view magnitude = text;
  bool negative = text[0] == '-';
  if (negative || text[0] == '+') magnitude.remove_prefix(1);
  double sign = negative ? -1.0 : 1.0;
  if (equal_ignoring_case(magnitude, "inf") || equal_ignoring_case(magnitude, "infinity"))
    return Outcome<double>::ok(sign * std::numeric_limits<double>::infinity());
  if (equal_ignoring_case(text, "nan")) return Outcome<double>::ok(std::numeric_limits<double>::quiet_NaN());
  if (!is_decimal(magnitude)) return not_a_number(text);
  double value =
      std::strtod(std::string(magnitude).c_str(), nullptr);  // the program never leaves the C locale
  if (std::isinf(value))
    return Outcome<double>::fail("too large for a 64-bit float: " + quoted(text) + " (write +Inf or -Inf)");
  return Outcome<double>::ok(std::copysign(value, sign));
}

Outcome<double> parse_value_body(std::string_view body) {
  body = trimmed(body);
  if (body.empty() || body[0] != '{') return parse_value(body);
  JsonReader json{body.substr(1)};
  auto key = json.string();
  if (!key) return Outcome<double>::fail("not the JSON object {\"value\": NUMBER}: " + key.why);
  if (*key != "value")
    return Outcome<double>::fail("unknown member " + quoted(*key) +
                                 "; only {\"value\": NUMBER} is supported");
  if (!json.take(':')) return Outcome<double>::fail("invalid JSON: expected a colon after \"value\"");
  json.skip_space();
  auto value = Outcome<double>::fail("");
  if (!json.rest.empty() && json.rest[0] == '"') {
    auto text = json.string();
    value = text ? parse_value(*text) : Outcome<double>::fail(text.why);
  } else {
    std::string_view text = json.bare();
    value =
        is_json_number(text)
            ? parse_value(text)
            : Outcome<double>::fail("not a JSON number: " + quoted(text) + " (write NaN and +Inf in quotes)");
  }
  if (!value) return value;
  if (!json.take('}')) return Outcome<double>::fail("expected one member and a closing brace");
  json.skip_space();
  if (!json.rest.empty())
    return Outcome<double>::fail("unexpected text after the JSON object: " + quoted(json.rest));
  return value;
}

void append_value(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
  } else {
    char digits[32];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  }
}

std::string format_value(double value) {
  std::string out;
  append_value(out, value);
  return out;
}

}  // namespace promfake
