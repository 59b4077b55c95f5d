// A text that would steer a terminal, for tests of what is printed.
#pragma once

#include <string>

#include "base/printable.hpp"

namespace hpawalk::fakes {

// A title, a cleared screen, a colour, DEL, C1 as UTF-8 and as a byte, a right-to-left override, half a
// character.
inline const std::string mischief =
    "a\x1b]0;TITLE\x07\x1b[2J\x1b[32m b\x7f c\xC2\x9B"
    "d \x9B"
    "31m \xE2\x80\xAE"
    "cod \xE2\x82 e";

inline bool harmless(const std::string& text) {
  for (unsigned char c : text) {
    if ((c < 0x20 && c != '\n') || c == 0x7F) return false;
  }
  return printable(text) == text;
}

}  // namespace hpawalk::fakes
