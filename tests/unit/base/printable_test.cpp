#include "base/printable.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "base/json_text.hpp"
#include "base/painted.hpp"
#include "tests/fakes/fakes.hpp"
#include "tests/fakes/mischief.hpp"

using namespace hpawalk;
using namespace hpawalk::world;
using fakes::harmless;
using fakes::mischief;

TEST_CASE(
    "What would steer a terminal or turn the order of letters is spelled out, and the rest stays as it is") {
  CHECK(printable("\x1b[31m\x07\r") == R"(\x1b[31m\x07\x0d)");
  CHECK(printable("a\x7f"
                  "b\xC2\x85\xC2\x9B") == R"(a\u007fb\u0085\u009b)");
  CHECK(printable("\xE2\x80\xAE\xE2\x81\xA6\xE2\x80\x8F\xD8\x9C") == R"(\u202e\u2066\u200f\u061c)");
  CHECK(printable("\xFF \xE2\x82 \xC0\xAF \xED\xA0\x80 \xF4\x90\x80\x80") ==
        R"(\xff \xe2\x82 \xc0\xaf \xed\xa0\x80 \xf4\x90\x80\x80)");
  CHECK(printable(std::string("a\0b", 3)) == R"(a\x00b)");
  for (std::string_view fine : {"", "line\n\tindented\n", "Grüße → ▁▂█ 日本語 🚀 e\xCC\x81", R"(\x1b)"})
    CHECK(printable(fine) == fine);
  CHECK(printable("one\r\ntwo\r\n") == "one\ntwo\n");
  CHECK(printable(printable(mischief)) == printable(mischief));
  CHECK(printable_line("one\ntwo\tthree\r\n") == "one two three ");
}

TEST_CASE("A text is never cut inside of a character") {
  CHECK(shortened("abc", 3) == "abc");
  CHECK(shortened("a\xE2\x82\xAC"
                  "b",
                  3) == "a");
  CHECK(shortened("a\xE2\x82\xAC"
                  "b",
                  4) == "a\xE2\x82\xAC");
  CHECK(shortened("\xF0\x9F\x9A\x80", 3).empty());
}

TEST_CASE("Text becomes printable when it is painted, and paint around it stays") {
  Painted red = Painted::control("\x1b[31m") + "x\x1b[2J" + Painted::control("\x1b[0m");
  CHECK(red.bytes() == "\x1b[31mx\\x1b[2J\x1b[0m");
  CHECK(painted("{:<6}|{}|{}", "a\x07", red, 3).bytes() == "a\\x07 |" + red.bytes() + "|3");
  fakes::FakeWorld fake;
  fake.terminal.out(std::string("raw \x1b[2J\n"));
  fake.terminal.err("raw \x1b[2J\n");
  CHECK(fake.terminal.output == "raw \\x1b[2J\n");
  CHECK(fake.terminal.errors == "raw \\x1b[2J\n");
}

TEST_CASE(
    "A JSON document means the same behind a terminal as before it, and is one whatever bytes are in it") {
  nlohmann::json document = {{"text", "DEL \x7f, C1 \xC2\x9B, bidi \xE2\x80\xAE, ESC \x1b"}};
  fakes::FakeWorld fake;
  fake.terminal.out(json_text(document, 2) + "\n");
  CHECK(harmless(fake.terminal.output));
  CHECK(nlohmann::json::parse(fake.terminal.output) == document);
  CHECK(json_text(nlohmann::json("half \xE2\x82")) == "\"half \xEF\xBF\xBD\"");
}
