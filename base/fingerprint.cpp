#include "base/fingerprint.hpp"

#include <cstdint>

#include <fmt/format.h>

namespace hpawalk {

std::string fingerprint(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return fmt::format("{:016x}", hash);
}

}  // namespace hpawalk
