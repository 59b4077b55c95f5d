#include "manifests/template.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/json_text.hpp"
#include "base/text.hpp"

namespace hpawalk::manifests {
namespace {

tl::unexpected<Error> mistake(int line, const std::string& because) {
  return failure(ErrorClass::internal, "template", fmt::format("Line {} of a template is wrong", line),
                 because);
}

struct Place {
  size_t begin, end;  // of "${name}" in its line
  std::string name;
};

Result<std::optional<Place>> next_place(const std::string& line, size_t from, int number) {
  size_t begin = line.find("${", from);
  if (begin == std::string::npos) return std::optional<Place>();
  size_t end = line.find('}', begin);
  if (end == std::string::npos) return mistake(number, "`${` without `}`");
  return std::optional(Place{begin, end + 1, line.substr(begin + 2, end - begin - 2)});
}

bool inside_quotes(std::string_view before) {
  size_t count = 0;
  for (size_t i = 0; i < before.size(); ++i) {
    if (before[i] == '\\') {
      ++i;
    } else if (before[i] == '"') {
      ++count;
    }
  }
  return count % 2 == 1;
}

// The line with a structured value in its only place: entries alone on the line, or a map below `key:`.
Result<std::string> with_map(const std::string& line, const Place& place, const yaml::Value& value,
                             int number) {
  std::string before = line.substr(0, place.begin);
  if (text::trim(line.substr(place.end)) != "") return mistake(number, "text after a map");
  if (value.empty()) return std::string();
  size_t indent = before.find_first_not_of(' ');
  if (indent == std::string::npos) return yaml::block(value, static_cast<int>(before.size()));
  if (!before.ends_with(": ")) return mistake(number, "a map can only follow a key");
  while (before[indent] == '-' || before[indent] == ' ') ++indent;
  before.pop_back();
  return before + "\n" + yaml::block(value, static_cast<int>(indent) + 2);
}

Result<std::string> scalar_at(const std::string& line, const Place& place, const yaml::Value& value,
                              int number) {
  std::string before = line.substr(0, place.begin);
  if (inside_quotes(before))
    return yaml::escaped(value.is_string() ? value.get<std::string>() : json_text(value));
  std::string behind = line.substr(place.end);
  bool starts = before.ends_with(": ") || before.ends_with("- ");
  bool ends = behind.empty() || behind.starts_with("  # ");
  if (!starts || !ends)
    return mistake(number, fmt::format("`${{{}}}` needs double quotes around it", place.name));
  return yaml::scalar(value);
}

Result<std::string> fill_line(const std::string& line, int number, const Values& values) {
  std::string out;
  size_t done = 0;
  while (true) {
    Result<std::optional<Place>> place = next_place(line, done, number);
    if (!place) return failure(place.error());
    if (!*place) break;
    auto value = values.find((*place)->name);
    if (value == values.end()) return mistake(number, fmt::format("`{}` is not a value", (*place)->name));
    if (value->second.is_structured()) {
      if (done > 0) return mistake(number, "a map beside another value");
      return with_map(line, **place, value->second, number);
    }
    Result<std::string> scalar = scalar_at(line, **place, value->second, number);
    if (!scalar) return scalar;
    out += line.substr(done, (*place)->begin - done) + *scalar;
    done = (*place)->end;
  }
  return out + line.substr(done) + "\n";
}

}  // namespace

Result<std::string> fill_in(std::string_view text, const Values& values) {
  std::string out;
  int number = 0;
  for (const std::string& line : text::lines(text)) {
    ++number;
    if (text::trim(line).starts_with('#')) {
      out += line + "\n";
      continue;
    }
    Result<std::string> filled = fill_line(line, number, values);
    if (!filled) return filled;
    out += *filled;
  }
  return out;
}

}  // namespace hpawalk::manifests
