#include "value.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>

#include "text.hpp"

using namespace promfake;

static std::string reprinted(std::string_view text) {
  auto value = parse_value(text);
  return value ? format_value(*value) : "refused: " + value.why;
}

TEST_CASE("every float that Prometheus knows is read, and printed so that it reads back the same") {
  CHECK(reprinted("50") == "50");
  CHECK(reprinted("0.1") == "0.1");
  CHECK(reprinted("-0") == "-0");
  CHECK(reprinted("+3.50") == "3.5");
  CHECK(reprinted("1e300") == "1e+300");
  CHECK(reprinted(".5") == "0.5");
  CHECK(reprinted("5.") == "5");
  CHECK(reprinted("NaN") == "NaN");
  CHECK(reprinted("nan") == "NaN");
  CHECK(reprinted("Inf") == "+Inf");
  CHECK(reprinted("+inf") == "+Inf");
  CHECK(reprinted("-Infinity") == "-Inf");
  CHECK(reprinted("5e-324") == "5e-324");
  CHECK(reprinted("1e-400") == "0");
  CHECK(reprinted("1.7976931348623157e308") == "1.7976931348623157e+308");
}

TEST_CASE("what is not a number is refused with the reason") {
  for (const char* text :
       {"",    " ", "x",  "1x",     "1e",   "1e+",  "0x10",    "0x1p4", "1_000", "1,5",   "--1",
        "+-1", ".", "e5", "nan(1)", "-nan", "+nan", "infinit", "1 2",   "1e400", "-1e400"}) {
    CAPTURE(text);
    auto value = parse_value(text);
    CHECK_FALSE(value);
    CHECK_FALSE(value.why.empty());
  }
  CHECK_FALSE(parse_value(std::string("1\0", 2)));
  CHECK_FALSE(parse_value(std::string(100000, '1')));
}

TEST_CASE("a hundred thousand random bit patterns survive printing and reading") {
  std::mt19937_64 random(20261124);
  for (int i = 0; i < 100000; ++i) {
    auto value = std::bit_cast<double>(random());
    if (std::isnan(value)) continue;
    auto again = parse_value(format_value(value));
    REQUIRE(again);
    REQUIRE(std::bit_cast<std::uint64_t>(*again) == std::bit_cast<std::uint64_t>(value));
  }
}

TEST_CASE("a body is a plain number or the JSON object with one value") {
  auto body = [](std::string_view text) {
    auto value = parse_value_body(text);
    return value ? format_value(*value) : "refused";
  };
  CHECK(body("50") == "50");
  CHECK(body(" 50\r\n") == "50");
  CHECK(body(R"({"value": 50})") == "50");
  CHECK(body(R"( { "value" : -0.5e1 } )") == "-5");
  CHECK(body(R"({"value": "NaN"})") == "NaN");
  CHECK(body(R"({"value":"+Inf"})") == "+Inf");
  for (const char* bad : {"{}",
                          "{",
                          R"({"value"})",
                          R"({"value":})",
                          R"({"value":50)",
                          R"({"value":50}x)",
                          R"({"value":50,"x":1})",
                          R"({"Value":50})",
                          R"({"value":NaN})",
                          R"({"value":+5})",
                          R"({"value":05})",
                          R"({"value":.5})",
                          R"({"value":5.})",
                          R"({"value":null})",
                          R"({"value":true})",
                          R"({"value":[5]})",
                          R"({"value":"a\"b"})",
                          "[50]",
                          "\"50\"",
                          "value=50"}) {
    CAPTURE(bad);
    CHECK(body(bad) == "refused");
  }
}

TEST_CASE("messages never repeat what a client sent unescaped or at length") {
  CHECK(quoted("a\"b\\c\n\x1b[31m\xff") == R"("a\"b\\c\x0a\x1b[31m\xff")");
  CHECK(quoted(std::string(1000, 'a')).size() < 80);
}

TEST_CASE("UTF-8 is told from what is not") {
  CHECK(is_utf8("plain"));
  CHECK(is_utf8("gr\xc3\xbc\xc3\x9f \xf0\x9f\x99\x82"));
  CHECK_FALSE(is_utf8("\xff"));
  CHECK_FALSE(is_utf8("\xc3"));
  CHECK_FALSE(is_utf8("\xc0\xaf"));
  CHECK_FALSE(is_utf8("\xed\xa0\x80"));
  CHECK_FALSE(is_utf8("\xf4\x90\x80\x80"));
}
