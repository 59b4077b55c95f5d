#include "base/text.hpp"

#include <doctest/doctest.h>

using namespace hpawalk;

TEST_CASE("A command line is shown so that a shell reads the same words back") {
  CHECK(text::shell_quote({"kubectl", "get", "pods"}) == "kubectl get pods");
  CHECK(text::shell_quote({"echo", "it's", "", "$HOME"}) == R"(echo 'it'\''s' '' '$HOME')");
}

TEST_CASE("A typing mistake finds its neighbour, a different word does not") {
  std::vector<std::string> names = {"workload", "operator", "prometheus", "adapter"};
  CHECK(text::nearest("promethius", names) == "prometheus");
  CHECK(text::nearest("adaptor", names) == "adapter");
  CHECK_FALSE(text::nearest("database", names));
}

TEST_CASE("Durations and sizes read like a person would say them") {
  using namespace std::chrono_literals;
  CHECK(text::duration(420ms) == "0.4s");
  CHECK(text::duration(12'300ms) == "12s");
  CHECK(text::duration(185s) == "3m05s");
  CHECK(text::bytes(900) == "900 B");
  CHECK(text::bytes(1'300'000'000) == "1.2 GiB");
}

TEST_CASE("Splitting keeps empty fields, and lines forget their ends") {
  CHECK(text::split("a,,b", ',') == std::vector<std::string>{"a", "", "b"});
  CHECK(text::split("", ',').empty());
  CHECK(text::lines("one\r\ntwo\n") == std::vector<std::string>{"one", "two"});
  CHECK(text::last_lines("1\n2\n3\n", 2) == "2\n3");
}

TEST_CASE("A tool's colours are taken out of what it says") {
  CHECK(text::uncoloured("\x1b[31mFATA\x1b[0m[0000] no \x1b[1;32mdaemon") == "FATA[0000] no daemon");
  CHECK(text::uncoloured("plain [1m] text") == "plain [1m] text");
  CHECK(text::uncoloured("cut off \x1b[3") == "cut off ");
}
