#include "diagnose/selector.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "base/text.hpp"

namespace hpawalk::diagnose {

static std::vector<std::string> texts(const Json& list) {
  std::vector<std::string> all;
  for (const Json& item : list) {
    if (item.is_string()) all.push_back(item);
  }
  return all;
}

static const std::string* label(const Json& labels, const std::string& name) {
  if (!labels.is_object()) return nullptr;
  auto found = labels.find(name);
  return found != labels.end() && found->is_string() ? found->get_ptr<const std::string*>() : nullptr;
}

std::optional<std::string> mismatch(const Json& selector, const Json& labels) {
  const Json& equals = at(selector, "matchLabels");
  if (equals.is_object()) {
    for (const auto& [name, wanted] : equals.items()) {
      const std::string* has = label(labels, name);
      if (has == nullptr) return fmt::format("label {} is missing (required: {})", name, text_at(wanted, ""));
      if (*has != wanted)
        return fmt::format("label {} is {} (required: {})", name, *has, text_at(wanted, ""));
    }
  }
  for (const Json& e : list_at(selector, "matchExpressions")) {
    std::string name = text_at(e, "key"), op = text_at(e, "operator");
    std::vector<std::string> values = texts(list_at(e, "values"));
    const std::string* has = label(labels, name);
    bool in = has != nullptr && std::find(values.begin(), values.end(), *has) != values.end();
    bool fine = op == "In"             ? in
                : op == "NotIn"        ? !in
                : op == "Exists"       ? has != nullptr
                : op == "DoesNotExist" ? has == nullptr
                                       : false;
    if (!fine) {
      return fmt::format("label {} is {} (required: {}{})", name, has == nullptr ? "missing" : *has, op,
                         values.empty() ? "" : " " + text::join(values, ", "));
    }
  }
  return std::nullopt;
}

// Asked for each pair of a selector and an object: without the words for what does not match.
static bool all_equal(const Json& map, const Json& labels) {
  if (!map.is_object()) return true;
  for (const auto& [name, wanted] : map.items()) {
    const std::string* has = label(labels, name);
    if (has == nullptr || *has != wanted) return false;
  }
  return true;
}

bool matches(const Json& selector, const Json& labels) {
  if (!all_equal(at(selector, "matchLabels"), labels)) return false;
  return list_at(selector, "matchExpressions").empty() || !mismatch(selector, labels);
}

Json from_map(const Json& map) {
  return {{"matchLabels", map.is_object() ? map : Json::object()}};
}

bool map_matches(const Json& map, const Json& labels) {
  return map.is_object() && !map.empty() && all_equal(map, labels);
}

std::string labels_text(const Json& labels) {
  if (!labels.is_object() || labels.empty()) return "no labels";
  std::vector<std::string> parts;
  for (const auto& [name, value] : labels.items())
    parts.push_back(name + "=" + (value.is_string() ? value.get<std::string>() : value.dump()));
  return text::join(parts, ",");
}

std::string selector_text(const Json& selector) {
  std::vector<std::string> parts;
  const Json& equals = at(selector, "matchLabels");
  if (equals.is_object() && !equals.empty()) parts.push_back(labels_text(equals));
  for (const Json& e : list_at(selector, "matchExpressions")) {
    std::string values = text::join(texts(list_at(e, "values")), ",");
    parts.push_back(fmt::format("{} {}{}", text_at(e, "key"), text_at(e, "operator"),
                                values.empty() ? "" : " (" + values + ")"));
  }
  return parts.empty() ? "everything" : text::join(parts, ",");
}

}  // namespace hpawalk::diagnose
