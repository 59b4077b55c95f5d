// Golden files: what a text looked like when somebody last agreed with it. UPDATE_GOLDEN=1 rewrites them.
#pragma once

#include <string>

namespace hpawalk::fakes {

// Empty when `text` is what tests/golden/NAME holds; otherwise the first line that differs, for people.
std::string golden_difference(const std::string& name, const std::string& text);

}  // namespace hpawalk::fakes
