#include "base/error.hpp"

#include <doctest/doctest.h>

#include <set>

#include "base/text.hpp"
#include "tests/fakes/golden.hpp"

using namespace hpawalk;

TEST_CASE("docs/errors.md is what the list says") {
  CHECK(fakes::golden_difference("../../docs/errors.md", errors_page()) == "");
}

TEST_CASE("Each error id is listed once, in lower case, with an exit code and a meaning") {
  std::set<std::string> seen;
  for (const ErrorEntry& entry : error_entries) {
    CHECK_FALSE(entry.means.empty());
    CHECK_FALSE(entry.exits.empty());
    for (std::string id : text::split(std::string(entry.ids), ' ')) {
      CAPTURE(id);
      CHECK(seen.insert(id).second);
      if (id.ends_with("NAME")) id.resize(id.size() - 4);
      CHECK(id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos);
    }
  }
}

TEST_CASE("An id of a family is known by its family") {
  Error error = named(Error{ErrorClass::check_failed, "stage-NAME", "x"}, "adapter");
  CHECK(error.id == "stage-adapter");
  CHECK(error.in("stage-NAME"));
  CHECK_FALSE(error.in("preflight-NAME"));
}
