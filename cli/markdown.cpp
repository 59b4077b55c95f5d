#include "cli/markdown.hpp"

#include <algorithm>
#include <cctype>

namespace hpawalk::cli::markdown {
namespace {

std::string one_line(std::string_view s) {
  std::string out(s);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return out;
}

// One backtick more than stand side by side in it, and at least `least`.
std::string fence_around(std::string_view s, size_t least) {
  size_t run = 0, longest = 0;
  for (char c : s) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return std::string(std::max(least, longest + 1), '`');
}

}  // namespace

std::string text(std::string_view s) {
  constexpr std::string_view special = "\\`*[]<>|&~#";
  auto word = [&](size_t i) { return i < s.size() && std::isalnum(static_cast<unsigned char>(s[i])) != 0; };
  std::string out;
  const std::string line = one_line(s);
  for (size_t i = 0; i < line.size(); ++i) {
    // Inside of a word an underscore is one.
    bool underscore = line[i] == '_' && !(i > 0 && word(i - 1) && word(i + 1));
    if (underscore || special.find(line[i]) != std::string_view::npos) out += '\\';
    out += line[i];
  }
  return out;
}

std::string code(std::string_view s) {
  std::string line = one_line(s), fence = fence_around(s, 1);
  // Blanks inside of the fence where it would else grow, or nothing stood between.
  bool apart = line.empty() || line.front() == '`' || line.back() == '`' ||
               (line.front() == ' ' && line.back() == ' ');
  return fence + (apart ? " " + line + " " : line) + fence;
}

std::string block(std::string_view s, std::string_view language) {
  std::string fence = fence_around(s, 3), lines(s);
  // A line end of another kind would show two lines where the shell reads one.
  std::replace(lines.begin(), lines.end(), '\r', ' ');
  return fence + std::string(language) + "\n" + lines + (lines.ends_with('\n') ? "" : "\n") + fence + "\n";
}

}  // namespace hpawalk::cli::markdown
