// A short name for a text's content: 16 hexadecimal digits. To notice changes, not attacks.
#pragma once

#include <string>
#include <string_view>

namespace hpawalk {

std::string fingerprint(std::string_view text);

}  // namespace hpawalk
