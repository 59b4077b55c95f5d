// Text that others wrote, as a terminal, a log or a report may have it: what would steer a terminal, hide
// text or change the order in which letters are read is spelled out. Pure. Knows nothing about colours
// (painted.hpp).
#pragma once

#include <string>
#include <string_view>

namespace hpawalk {

// Control characters below U+0020 become \x1b, the others (DEL, C1, and those that set the direction of
// writing) \u202e, and bytes that are no UTF-8 \xff. Line ends and tabs stay; a line end of CR and LF becomes
// LF. What JSON leaves as it is becomes a valid escape of JSON: a document goes through without a change of
// meaning. Twice is the same as once.
std::string printable(std::string_view text);

// The same as one line: line ends and tabs are blanks.
std::string printable_line(std::string_view text);

// At most so many bytes of it, without half of a character at the end.
std::string_view shortened(std::string_view text, size_t most);

}  // namespace hpawalk
