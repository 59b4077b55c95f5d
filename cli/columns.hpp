// Text in columns of a terminal: wrapped, cut, filled up, and bars. Pure. A character is one column wide.
// What comes out is printable and has no line end inside (base/printable.hpp): the widths hold.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hpawalk::cli {

size_t shown_width(std::string_view s);                           // characters, not bytes
std::vector<std::string> wrap(std::string_view s, size_t width);  // at blanks; a longer word stays whole
// Each of its lines wrapped; all but the first begin with `indent` blanks. Width 0: not wrapped.
std::string wrapped(std::string_view s, size_t width, size_t indent);
std::string indented(
    std::string_view s,
    size_t indent);  // its second and later lines, so that none begins where the report's own do
std::string fit(std::string_view s, size_t width);  // cut or filled up to so many characters

std::string number(double value);         // "50", "0.125", "1.5e+06": six digits
std::string narrow_number(double value);  // whole numbers below a million, else four digits

// A bar a column, `height` rows from the top: shares from 0 to 1; NaN draws nothing.
std::vector<std::string> bars(const std::vector<double>& shares, int height, bool unicode);

}  // namespace hpawalk::cli
