// Small helpers on ASCII text. Locales play no part.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace promfake {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
constexpr bool is_letter(char c) {
  return lower(c) >= 'a' && lower(c) <= 'z';
}

bool equal_ignoring_case(std::string_view a, std::string_view b);

// Without blanks and line ends around it.
std::string_view trimmed(std::string_view text);

// The parts between separators, trimmed; a separator inside double quotes does not count.
std::vector<std::string_view> split(std::string_view text, char separator);

// In quotes, cut to a readable length, everything unprintable escaped: for messages and logs.
std::string quoted(std::string_view text, size_t longest = 60);

// As the contents of a JSON string, without the quotes around it.
std::string json_escaped(std::string_view text);

bool is_utf8(std::string_view text);

// %41 becomes A; broken escapes stay as they are, so that they match nothing.
std::string percent_decoded(std::string_view text);

}  // namespace promfake
