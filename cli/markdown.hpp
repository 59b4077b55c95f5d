// Text of others inside of Markdown: whatever it holds, it stays where it was put and is shown as it is.
// Pure. Control characters are the terminal's affair, not this module's.
#pragma once

#include <string>
#include <string_view>

namespace hpawalk::cli::markdown {

std::string text(std::string_view s);  // in a sentence, a heading or a cell of a table: one line
std::string code(std::string_view s);  // `s`, in one line
std::string block(std::string_view s, std::string_view language = "");  // between fences, with its lines

}  // namespace hpawalk::cli::markdown
