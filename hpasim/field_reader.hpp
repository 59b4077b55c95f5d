// Reads an object's fields as the API server does, strictly, and collects all that is wrong with them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/quantity.hpp"
#include "base/text.hpp"
#include "hpasim/spec.hpp"

namespace hpawalk::hpasim {

// Reads fields out of a document and collects what is wrong with them.
class FieldReader {
 public:
  std::vector<Mistake> mistakes;

  static constexpr size_t most_mistakes = 30;  // mistakes that are told; who has more begins with these

  void wrong(const std::string& path, const std::string& what) {
    if (mistakes.size() < most_mistakes) mistakes.push_back({shortened(path), shortened(what)});
  }

  // All of them, a line each, as an error's reason.
  std::string reason() const {
    std::vector<std::string> lines;
    for (const Mistake& mistake : mistakes) lines.push_back(mistake.path + ": " + mistake.what);
    return text::join(lines, "\n");
  }

  static std::string shortened(const std::string& text) {
    return text.size() <= 300 ? text : text.substr(0, 300) + "...";
  }

  // The object's fields, all of them known.
  void known(const Document& object, const std::string& path, const std::vector<std::string>& names) {
    if (!object.is_object()) return wrong(path, "must be a map of fields");
    for (const auto& [key, value] : object.items()) {
      if (std::find(names.begin(), names.end(), key) != names.end()) continue;
      auto nearest = text::nearest(key, names);
      const std::string here = path.empty() ? key : path + "." + key;
      if (const char* newer = replaced_by(key)) {
        wrong(here, fmt::format("no such field in autoscaling/v2; {} replaces it", newer));
        continue;
      }
      wrong(here, "no such field" +
                      (nearest ? "; did you mean " + *nearest + "?" : "; it has " + text::join(names, ", ")));
    }
  }

  // What autoscaling/v2beta1 called otherwise.
  static const char* replaced_by(const std::string& key) {
    static constexpr std::pair<std::string_view, const char*> fields[] = {
        {"metricName", "metric.name"},
        {"metricSelector", "metric.selector"},
        {"targetValue", "target.value"},
        {"targetAverageValue", "target.averageValue"},
        {"targetAverageUtilization", "target.averageUtilization"}};
    auto found = std::find_if(std::begin(fields), std::end(fields),
                              [&](const auto& field) { return field.first == key; });
    return found == std::end(fields) ? nullptr : found->second;
  }

  const Document* find(const Document& object, const std::string& key) {
    if (!object.is_object()) return nullptr;
    auto found = object.find(key);
    return found == object.end() || found->is_null() ? nullptr : &*found;
  }

  std::string string(const Document& object, const std::string& path, const std::string& key,
                     bool required = true) {
    const Document* value = find(object, key);
    if (value != nullptr && value->is_string() && !value->get<std::string>().empty())
      return value->get<std::string>();
    if (value != nullptr && !value->is_string()) {
      wrong(path + "." + key, "must be a string, not " + value->dump());
    } else if (required) {
      wrong(path + "." + key, "is required");
    }
    return {};
  }

  // Of what becomes a step of a request's path.
  std::string segment(const Document& object, const std::string& path, const std::string& key) {
    std::string value = string(object, path, key);
    if (value == "." || value == "..") wrong(path + "." + key, "may not be '" + value + "'");
    for (const char* part : {"/", "%"}) {
      if (value.find(part) != std::string::npos)
        wrong(path + "." + key, fmt::format("may not contain '{}'", part));
    }
    return value;
  }

  std::optional<std::int32_t> integer(const Document& object, const std::string& path, const std::string& key,
                                      std::int64_t least, std::int64_t most, bool required = false) {
    const Document* value = find(object, key);
    if (value == nullptr) {
      if (required) wrong(path + "." + key, "is required");
      return std::nullopt;
    }
    // 10.0 is a whole number to YAML's readers in Go.
    bool whole = value->is_number_float() && std::trunc(value->get<double>()) == value->get<double>() &&
                 std::abs(value->get<double>()) < 1e15;
    if (!value->is_number_integer() && !whole) {
      wrong(path + "." + key, "must be a whole number, not " + value->dump());
      return std::nullopt;
    }
    auto number = value->get<std::int64_t>();
    if (number < least || number > most) {
      wrong(path + "." + key,
            number < least && most == INT32_MAX ? fmt::format("must be at least {}, not {}", least, number)
            : most == INT32_MAX                 ? fmt::format("must be at most {}, not {}", most, number)
                                : fmt::format("must be from {} to {}, not {}", least, most, number));
      return std::nullopt;
    }
    return static_cast<std::int32_t>(number);
  }

  std::optional<Quantity> quantity(const Document& object, const std::string& path, const std::string& key) {
    const Document* value = find(object, key);
    if (value == nullptr) return std::nullopt;
    std::string written = value->is_string() ? value->get<std::string>() : value->dump();
    auto parsed = parse_quantity(text::trim(written));  // as the API server does
    if (!parsed) {
      wrong(path + "." + key, parsed.error().what + ": " + parsed.error().because);
      return std::nullopt;
    }
    return *parsed;
  }

  std::string one_of(const Document& object, const std::string& path, const std::string& key,
                     const std::vector<std::string>& names) {
    std::string value = string(object, path, key);
    if (value.empty() || std::find(names.begin(), names.end(), value) != names.end()) return value;
    auto nearest = text::nearest(value, names);
    wrong(path + "." + key, fmt::format("\"{}\" is not one of {}{}", value, text::join(names, ", "),
                                        nearest ? "; did you mean " + *nearest + "?" : ""));
    return {};
  }
};

}  // namespace hpawalk::hpasim
