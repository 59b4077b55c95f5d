#include "base/fingerprint.hpp"

#include <fmt/format.h>

namespace hpawalk {

std::uint64_t fnv1a(std::string_view text, std::uint64_t hash) {
  for (unsigned char c : text) hash = (hash ^ c) * 0x100000001b3U;
  return hash;
}

std::string fingerprint(std::string_view text) {
  return fmt::format("{:016x}", fnv1a(text));
}

}  // namespace hpawalk
