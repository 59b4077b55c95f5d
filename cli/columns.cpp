#include "cli/columns.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "base/printable.hpp"
#include "base/text.hpp"

namespace hpawalk::cli {

static bool starts_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

size_t shown_width(std::string_view s) {
  return static_cast<size_t>(std::count_if(s.begin(), s.end(), starts_character));
}

std::vector<std::string> wrap(std::string_view s, size_t width) {
  std::vector<std::string> all;
  std::string line;
  for (const std::string& word : text::split(printable_line(s), ' ')) {
    if (!line.empty() && shown_width(line) + 1 + shown_width(word) > width) {
      all.push_back(std::move(line));
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  if (!line.empty()) all.push_back(std::move(line));
  return all;
}

std::string wrapped(std::string_view s, size_t width, size_t indent) {
  std::vector<std::string> all;
  for (const std::string& line : text::lines(s)) {
    std::vector<std::string> parts = width == 0 ? std::vector<std::string>{line} : wrap(line, width);
    if (parts.empty()) parts.emplace_back();
    all.insert(all.end(), parts.begin(), parts.end());
  }
  return text::join(all, "\n" + std::string(indent, ' '));
}

std::string number(double value) {
  return fmt::format("{:.6g}", value);
}

std::string narrow_number(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e6) return fmt::format("{:.0f}", value);
  return fmt::format("{:.4g}", value);
}

std::string indented(std::string_view s, size_t indent) {
  return text::join(text::lines(s), "\n" + std::string(indent, ' '));
}

std::string fit(std::string_view raw, size_t width) {
  std::string s = printable_line(raw);
  size_t end = 0;
  for (size_t shown = 0; end < s.size(); ++end) {
    if (starts_character(s[end]) && shown++ == width) break;
  }
  std::string out = s.substr(0, end);
  out.append(width - std::min(width, shown_width(out)), ' ');
  return out;
}

static std::string cell(double share, int height, int row, bool unicode) {  // row 0: the lowest
  static constexpr std::array<std::string_view, 9> eighths = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  if (std::isnan(share)) return " ";
  double filled = std::clamp(share, 0.0, 1.0) * height - row;
  if (!unicode) return filled >= 0.5 ? "#" : filled > 0 && row == 0 ? "." : " ";
  return std::string(eighths[static_cast<size_t>(
      std::clamp(static_cast<int>(std::lround(filled * 8)), filled > 0 ? 1 : 0, 8))]);
}

std::vector<std::string> bars(const std::vector<double>& shares, int height, bool unicode) {
  std::vector<std::string> rows;
  for (int row = height - 1; row >= 0; --row) {
    rows.emplace_back();
    for (double share : shares) rows.back() += cell(share, height, row, unicode);
  }
  return rows;
}

}  // namespace hpawalk::cli
