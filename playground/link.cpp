#include "playground/link.hpp"

#include <cstdint>

#include "base/json_text.hpp"

namespace hpawalk::playground {

// base64url (RFC 4648, section 5), without padding.
std::string link_fragment(const nlohmann::ordered_json& state) {
  static constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out = "j=";
  std::uint32_t bits = 0;
  int held = 0;
  for (unsigned char byte : json_text(state)) {
    bits = bits << 8 | byte;
    for (held += 8; held >= 6; held -= 6) out += digits[bits >> (held - 6) & 63];
  }
  if (held > 0) out += digits[bits << (6 - held) & 63];
  return out;
}

}  // namespace hpawalk::playground
