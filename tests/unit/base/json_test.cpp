#include "base/json.hpp"

#include <doctest/doctest.h>

using namespace hpawalk;

static std::string repeated(size_t count, std::string_view text) {
  std::string all;
  for (size_t i = 0; i < count; ++i) all += text;
  return all;
}

TEST_CASE("JSON is read, and what is not JSON is an error that says where") {
  CHECK(parse_json(R"({"a": [1, "}]\""]})", "It")->at("a").size() == 2);
  for (const char* wrong : {"", "  ", "{", "[1,]", "nul", "{\"a\":1}x", "\"\xff\"", "1e999", "<html>"}) {
    auto json = parse_json(wrong, "The answer");
    REQUIRE_MESSAGE(!json, wrong);
    CHECK(json.error().id == "json");
    CHECK(json.error().what == "The answer cannot be read");
  }
  CHECK(parse_json("{\"a\":x}", "It").error().because == "invalid JSON at byte 6");
}

TEST_CASE("JSON that is too deep or too large is refused before anything is built") {
  CHECK(parse_json(repeated(512, "[") + repeated(512, "]"), "It"));
  auto deep = parse_json(repeated(200'000, "[") + repeated(200'000, "]"), "It");
  REQUIRE_FALSE(deep);
  CHECK(deep.error().because == "its lists and maps are nested deeper than 512 levels");
  CHECK_FALSE(parse_json(repeated(100'000, "{\"a\":") + "1" + repeated(100'000, "}"), "It"));
  CHECK(parse_json(R"({"a": "[[[[[["})", "It", {.depth = 1}));
  auto large = parse_json("[" + repeated(10'000, "{},") + "{}]", "It", {.memory = 100'000});
  REQUIRE_FALSE(large);
  CHECK(large.error().because.starts_with("it has 29 KiB"));
}

TEST_CASE("What is missing or of another type becomes a default") {
  Json json = {{"a", {{"n", 7}, {"t", "x"}, {"l", {1}}, {"big", 1e300}}}, {"list", Json::array()}};
  CHECK(text_at(json, "a.t") == "x");
  CHECK(text_at(json, "a.t.more", "-") == "-");
  CHECK(text_at(json, "list.t", "-") == "-");
  CHECK(int_at(json, "a.n") == 7);
  CHECK(int_at(json, "a.t", 3) == 3);
  CHECK(int_at(json, "a.big") == std::numeric_limits<long long>::max());
  CHECK(real_at(json, "a.big") == 1e300);
  CHECK(list_at(json, "a").empty());
  for (Json other : {Json(), Json(5), Json("x"), Json::array({1})}) {
    Json before = other;
    erase_field(other, "a");
    CHECK(other == before);
  }
  erase_field(json, "a");
  CHECK(at(json, "a").is_null());
}
