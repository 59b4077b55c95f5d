#include "base/yaml.hpp"

#include <doctest/doctest.h>

using namespace hpawalk;

TEST_CASE("A text that YAML 1.1 or 1.2 would take for something else is written in quotes") {
  for (const char* text : {"yes", "No", "on", "y", "true", "null", "~", "", "10", "1e3", "0x1F", "1:30", ".inf", "-", "a: b",
                           "a #b", "{a}", "[a]", "*a", "&a", "!a", "%a", "@a", "`a", "'a", "a\nb", " a", "a ", "3.11", "a:"}) {
    CAPTURE(text);
    std::string written = yaml::scalar(yaml::Value(text));
    CHECK(written.front() == '"');
    CHECK(yaml::parse(written).value() == yaml::Value(text));
  }
  for (const char* text : {"nginx", "nginx:stable", "/metrics", "registry.k8s.io/a/b:v1.2", "hpawalk", "a-b_c", "5s", "100ms", "8Mi", "1.2.3"}) {
    CAPTURE(text);
    CHECK(yaml::scalar(yaml::Value(text)) == text);
    CHECK(yaml::parse(text).value() == yaml::Value(text));
  }
}

TEST_CASE("What is written as a block is read back the same") {
  yaml::Value value = {{"a", {{"b", {1, "two", {{"c", true}}, yaml::Value::array({1, 2})}}, {"empty", yaml::Value::object()}}},
                       {"none", nullptr},
                       {"list", yaml::Value::array()},
                       {"text", "line\nline \"quoted\" \\ \t end"},
                       {"yes", 1.5}};
  std::string text = yaml::block(value);
  CHECK(yaml::parse(text).value() == value);
  CHECK(yaml::parse("x:\n" + yaml::block(value, 4)).value()["x"] == value);
}

TEST_CASE("A mistake in YAML names its line") {
  CHECK(yaml::parse("a: 1\nb: [1\n").error().what.find("line") != std::string::npos);
  CHECK(yaml::parse("a: 1\na: 2\n").error().because == "`a` is there twice");
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
}
