// A short name for a text's content: 16 hexadecimal digits. To notice changes, not attacks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hpawalk {

// FNV-1a, 64 bits, with the offset basis and prime of draft-eastlake-fnv; `hash` goes on with an earlier
// text's.
std::uint64_t fnv1a(std::string_view text, std::uint64_t hash = 0xcbf29ce484222325U);

std::string fingerprint(std::string_view text);

}  // namespace hpawalk
