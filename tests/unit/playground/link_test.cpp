// The link that `playground --hpa` makes.
#include <doctest/doctest.h>

#include "playground/link.hpp"

using namespace hpawalk;

TEST_CASE("What the page begins with is base64url in its address") {
  CHECK(playground::link_fragment({{"a", 1}}) == "j=eyJhIjoxfQ");
  CHECK(playground::link_fragment({{"a", 12}}) == "j=eyJhIjoxMn0");
  CHECK(playground::link_fragment({{"a", 123}}) == "j=eyJhIjoxMjN9");
  CHECK(playground::link_fragment({{"a", "\u00bf\u00fe>?"}}) == "j=eyJhIjoiwr_Dvj4_In0");
}
