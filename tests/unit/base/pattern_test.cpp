#include "base/pattern.hpp"

#include <doctest/doctest.h>

using namespace hpawalk;

static std::string whole(const Pattern& pattern, std::string_view text) {
  auto groups = pattern.search(text);
  return groups ? std::string(groups->front()) : "-";
}

TEST_CASE("A pattern matches a whole text, or is found in one, with its groups") {
  Pattern name = Pattern::constant("^(?P<base>[a-z]+)_(total|sum)$");
  CHECK(name.matches("http_total"));
  CHECK_FALSE(name.matches("http_count"));
  auto groups = name.match("http_sum");
  REQUIRE(groups);
  CHECK(*groups == Pattern::Groups{"http_sum", "http", "sum"});
  CHECK(name.group_names() == std::vector<std::string>{"", "base", ""});
  Pattern digits = Pattern::constant("[0-9]+");
  CHECK(digits.found_in("a1"));
  CHECK_FALSE(digits.matches("a1"));
  CHECK(digits.search_all("1, 22 and 333").size() == 3);
  CHECK(Pattern::constant("x*").search_all("axb").size() == 4);  // also the empty ones
}

TEST_CASE("A pattern that does not compile is an error, not one that matches nothing") {
  for (const char* wrong : {"(", "a{2,1}", "(?=x)", "\\1", "[b-a]", "a{1001}", "(?<n", "\xff"}) {
    Result<Pattern> pattern = Pattern::compile(wrong);
    CHECK_MESSAGE(!pattern, wrong);
    if (!pattern) CHECK(pattern.error().id == "pattern");
  }
  CHECK(Pattern::compile(std::string(20'000, '(') + std::string(20'000, ')')).error().id == "pattern");
  CHECK_THROWS(Pattern::constant("("));
}

TEST_CASE("Groups may be named as Go 1.22 allows it") {
  Pattern pattern = Pattern::constant(R"(\(?<[(?<]\Q(?<\E(?<n>x))");
  CHECK(pattern.group_names() == std::vector<std::string>{"", "n"});
  CHECK(whole(pattern, "(<?(?<x") == "(<?(?<x");
}

TEST_CASE("No pattern takes long on any text, or ends the stack") {
  CHECK_FALSE(Pattern::constant("^([a-z]+_?)+_total$").found_in(std::string(5'000, 'a')));
  CHECK(Pattern::constant("^(.+)_total$").found_in(std::string(500'000, 'a') + "_total"));
  CHECK(Pattern::constant("[0-9]+").matches(std::string(500'000, '1')));
}
