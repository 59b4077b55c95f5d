#include "base/yaml.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace hpawalk;

TEST_CASE("A text that YAML 1.1 or 1.2 would take for something else is written in quotes") {
  for (const char* text :
       {"yes",  "No",   "on",         "y",   "true", "null",  "~",    "",     "10",  "1e3",
        "0x1F", "1:30", ".inf",       "-",   "a: b", "a #b",  "012",  "0o17", "0b1", "1_000",
        "+5",   "-5",   "2020-01-01", "NO",  "Off",  "+.INF", ".NaN", "=",    "<<",  "190:20:30",
        "1.",   ".5",   "{a}",        "[a]", "*a",   "&a",    "!a",   "%a",   "@a",  "`a",
        "'a",   "a\nb", " a",         "a ",  "3.11", "a:"}) {
    CAPTURE(text);
    std::string written = yaml::scalar(yaml::Value(text));
    CHECK(written.front() == '"');
    CHECK(yaml::parse(written).value() == yaml::Value(text));
  }
  for (const char* text : {"nginx", "nginx:stable", "/metrics", "registry.k8s.io/a/b:v1.2", "hpawalk",
                           "a-b_c", "5s", "100ms", "8Mi", "1.2.3"}) {
    CAPTURE(text);
    CHECK(yaml::scalar(yaml::Value(text)) == text);
    CHECK(yaml::parse(text).value() == yaml::Value(text));
  }
}

TEST_CASE("What is written as a block is read back the same") {
  yaml::Value value = {
      {"a", {{"b", {1, "two", {{"c", true}}, yaml::Value::array({1, 2})}}, {"empty", yaml::Value::object()}}},
      {"none", nullptr},
      {"list", yaml::Value::array()},
      {"text", "line\nline \"quoted\" \\ \t end"},
      {"yes", 1.5}};
  std::string text = yaml::block(value);
  CHECK(yaml::parse(text).value() == value);
  CHECK(yaml::parse("x:\n" + yaml::block(value, 4)).value()["x"] == value);
}

TEST_CASE("A number is written so that YAML 1.1 takes it for a number") {
  CHECK(yaml::scalar(1e300) == "1.0e+300");
  CHECK(yaml::scalar(1.5e-7) == "1.5e-07");
  CHECK(yaml::scalar(10) == "10");
  for (double number : {1e300, 1.5e-7, 0.1, -2e20})
    CHECK(yaml::parse(yaml::scalar(number)).value() == yaml::Value(number));
}

TEST_CASE("YAML that means more than it is long is refused") {
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 8; ++i) {
    bomb +=
        fmt::format("a{0}: &a{0} [*a{1},*a{1},*a{1},*a{1},*a{1},*a{1},*a{1},*a{1},*a{1},*a{1}]\n", i, i - 1);
  }
  CHECK(yaml::parse(bomb).error().because == "it expands to more than 500000 values");
  std::string texts = "a: &a " + std::string(100'000, 'x') + "\nb: [*a";
  for (int i = 0; i < 5'000; ++i) texts += ",*a";
  CHECK(yaml::parse(texts + "]").error().because == "it expands to more than 500000 values");
  CHECK(yaml::parse("&a [*a]").error().because ==
        "it is nested more than 64 levels deep, or an anchor contains itself");
  CHECK(yaml::parse("&a {b: *a}").error().because ==
        "it is nested more than 64 levels deep, or an anchor contains itself");
  CHECK(yaml::parse("a: &a {b: 1}\nc: *a").value()["c"]["b"] == 1);
  CHECK(yaml::parse("[" + std::string(9 << 20, ' ') + "]")
            .error()
            .because.ends_with("more than the limit of hpawalk for YAML"));
  CHECK(yaml::parse("a: \xff").error().because == "it is not UTF-8");
  for (const char* stray : {"{a: 1}\n},\n", "}", "]", "a: 1\n]", "{a: b}}", "[a]]", "--- a\n--- }"})
    CHECK_FALSE_MESSAGE(yaml::parse_all(stray), stray);
  CHECK(yaml::parse_all("---\n---\na: 1\n---\n").value().size() == 1);
}

TEST_CASE("A merge key brings the entries that a map does not have itself") {
  auto parse_text = [](const std::string& text) { return yaml::parse(text).value().dump(); };
  CHECK(parse_text("a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  x: 3\n") ==
        R"({"a":{"x":1,"y":2},"b":{"x":3,"y":2}})");
  CHECK(parse_text("a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc: {<<: [*a, *b]}\n") ==
        R"({"a":{"x":1},"b":{"x":2,"y":2},"c":{"x":1,"y":2}})");
  CHECK(parse_text("\"<<\": 1\n") == R"({"<<":1})");
  CHECK(yaml::parse("<<: 1\n").error().because == "a merge key (<<) needs a map, or a list of maps");
}

TEST_CASE("A mistake in YAML names its line") {
  CHECK(yaml::parse("a: 1\nb: [1\n").error().what.find("line") != std::string::npos);
  CHECK(yaml::parse("a: 1\na: 2\n").error().because == "duplicate key `a`");
  CHECK(yaml::parse("a: 1\na: 2\n").error().what == "line 2 is not valid YAML");
  CHECK_FALSE(yaml::parse("a: 1\n---\nb: 2\n"));
  CHECK(yaml::parse_all("a: 1\n---\n---\nb: 2\n").value().size() == 2);
  std::string deep(3000, '[');
  CHECK_FALSE(yaml::parse(deep));
}

TEST_CASE("Each entry's line is known by its path") {
  yaml::Lines lines;
  REQUIRE(yaml::parse("# head\nhpa:\n  min: 1\n\n  max: 3\n", &lines));
  CHECK(lines == yaml::Lines{{"hpa", 2}, {"hpa.min", 3}, {"hpa.max", 5}});
  lines.clear();
  REQUIRE(yaml::parse("a:\n- b: 1\n  c: 2\n- [3,\n   4]\n", &lines));
  CHECK(
      lines ==
      yaml::Lines{
          {"a", 1}, {"a[0]", 2}, {"a[0].b", 2}, {"a[0].c", 3}, {"a[1]", 4}, {"a[1][0]", 4}, {"a[1][1]", 5}});
}

TEST_CASE("Of several documents each has its lines, and a mistake has its own") {
  yaml::Places places;
  REQUIRE(yaml::parse_all("a: 1\n---\n---\n\nb: 2\n", &places));
  CHECK(places.documents == std::vector<yaml::Lines>{{{"a", 1}}, {{"b", 5}}});
  CHECK_FALSE(yaml::parse_all("a: 1\n---\nb: {c: 1, c: 2}\n", &places));
  CHECK(places.mistake == 3);
  CHECK(places.because == "duplicate key `b.c`");
}

TEST_CASE("A manifest's plain texts are what kubectl takes them for") {
  auto read = [](const std::string& text) {
    return yaml::parse(text, nullptr, yaml::Scalars::kubectl)->dump();
  };
  // Written by sigs.k8s.io/yaml 1.6.0: YAMLToJSON.
  for (auto [text, value] : {std::pair{"010", "8"},
                             {"0o12", "10"},
                             {"0x2", "2"},
                             {"-0x1F", "-31"},
                             {"0b101", "5"},
                             {"1_000", "1000"},
                             {"+10", "10"},
                             {"08", "8.0"},
                             {"1e1", "10.0"},
                             {".5", "0.5"},
                             {"1.", "1.0"},
                             {"yes", "true"},
                             {"y", "true"},
                             {"off", "false"},
                             {"~", "null"},
                             {"18446744073709551615", "18446744073709551615"},
                             {"2026-01-31", "\"2026-01-31\""},
                             {"0x", "\"0x\""},
                             {"1e", "\"1e\""},
                             {".", "\".\""},
                             {"1.2.3", "\"1.2.3\""},
                             {"'010'", "\"010\""}}) {
    CAPTURE(text);
    CHECK(read(text) == value);
  }
}

TEST_CASE("A plain text is a number by YAML 1.2's rules, else a text") {
  for (const auto& [text, value] :
       std::vector<std::pair<std::string, yaml::Value>>{{"0", 0},
                                                        {"-12", -12},
                                                        {"+7", 7},
                                                        {"1.50", 1.5},
                                                        {"-0.25e2", -25.0},
                                                        {"1e3", 1e3},
                                                        {"1E-3", 1e-3},
                                                        {"007", "007"},

                                                        {"1.", "1."},
                                                        {".5", ".5"},
                                                        {"1e", "1e"},
                                                        {"1e+", "1e+"},
                                                        {"1.2.3", "1.2.3"},
                                                        {"0x10", "0x10"},
                                                        {"10m", "10m"},
                                                        {"1e999", "1e999"},
                                                        {"1_000", "1_000"},
                                                        {"00.5", "00.5"},
                                                        {"+-1", "+-1"},
                                                        {"9223372036854775807", 9223372036854775807},
                                                        {"9223372036854775808", 9223372036854775808.0}}) {
    CHECK_MESSAGE(yaml::parse(text).value() == value, text);
    CHECK_MESSAGE(yaml::parse(text).value().type() == value.type(), text);
  }
}
