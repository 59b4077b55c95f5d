#include "diagnose/adapter_text.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include <fmt/format.h>

#include "base/pattern.hpp"
#include "base/text.hpp"
#include "diagnose/adapter_config.hpp"

namespace hpawalk::diagnose {

namespace {

// The fields that the adapter has, below each path; it refuses all others when it starts. "*": of a list's
// entries, and of a map with names of the user's.
using Fields = std::map<std::string, std::vector<std::string>, std::less<>>;
const Fields& known_fields() {
  static const Fields fields = [] {
    Fields all = {{"", {"rules", "resourceRules", "externalRules"}},
                  {"resourceRules", {"cpu", "memory", "window"}}};
    auto add_resources = [&](const std::string& path) {
      all[path] = {"overrides", "template", "namespaced"};
      all[path + ".overrides.*"] = {"group", "resource"};
    };
    for (const std::string rule : {"rules.*", "externalRules.*"}) {
      all[rule] = {"seriesQuery", "seriesFilters", "resources", "name", "metricsQuery"};
      all[rule + ".seriesFilters.*"] = {"is", "isNot"};
      all[rule + ".name"] = {"matches", "as"};
      add_resources(rule + ".resources");
    }
    for (const std::string rule : {"resourceRules.cpu", "resourceRules.memory"}) {
      all[rule] = {"containerQuery", "nodeQuery", "resources", "containerLabel"};
      add_resources(rule + ".resources");
    }
    return all;
  }();
  return fields;
}

// The first field that the adapter does not know: its path, and the name that may have been meant.
std::optional<UnknownField> unknown_below(const Json& node, const std::string& pattern,
                                          const std::string& path) {
  auto below = [](const std::string& above, const std::string& name) {
    return above.empty() ? name : above + "." + name;
  };
  if (node.is_array()) {
    for (size_t i = 0; i < node.size(); ++i) {
      if (auto found = unknown_below(node[i], below(pattern, "*"), fmt::format("{}[{}]", path, i)))
        return found;
    }
    return std::nullopt;
  }
  if (!node.is_object()) return std::nullopt;
  auto fields = known_fields().find(pattern);
  for (const auto& [name, value] : node.items()) {
    bool listed = fields != known_fields().end();
    if (listed && std::find(fields->second.begin(), fields->second.end(), name) == fields->second.end())
      return UnknownField{below(path, name), text::nearest(name, fields->second)};
    if (auto found = unknown_below(value, below(pattern, listed ? name : "*"), below(path, name)))
      return found;
  }
  return std::nullopt;
}

// Without what stands in braces: matchers can hold any text.
std::string without_matchers(const std::string& query) {
  std::string rest;
  bool inside = false, quoted = false;
  for (char c : query) {
    if (inside && c == '"') quoted = !quoted;
    if (c == '{') inside = true;
    if (!inside) rest += c;
    if (c == '}' && !quoted) inside = false;
  }
  return rest;
}

}  // namespace

std::string UnknownField::sentence() const {
  return fmt::format("{}: no such field; the adapter refuses it when it starts{}", path,
                     near ? ". Did you mean " + *near + "?" : "");
}

std::optional<UnknownField> unknown_field(const Json& adapter_config) {
  return unknown_below(adapter_config, "", "");
}

std::string function_before_by(const std::string& query) {
  static const Pattern by = Pattern::constant(R"(\)\s*by\s*\()");
  std::optional<Pattern::Groups> found = by.search(query);
  if (!found) return {};
  size_t close = static_cast<size_t>((*found)[0].data() - query.data());
  int depth = 0;
  for (size_t i = close + 1; i-- > 0;) {
    if (query[i] == ')') ++depth;
    if (query[i] == '(' && --depth == 0) {
      size_t start = i;
      while (start > 0 && in_metric_name(query[start - 1])) --start;
      std::string name = query.substr(start, i - start);
      return name.ends_with("_over_time") || name == "rate" || name == "irate" || name == "increase" ||
                     name == "clamp_min" || name == "clamp_max"
                 ? name
                 : std::string();
    }
  }
  return {};
}

bool keeps_growing(const std::string& query) {
  static constexpr std::array<std::string_view, 6> growing = {"sum", "max", "min", "avg", "by", "without"};
  static constexpr std::array<std::string_view, 4> operators = {"and", "or", "unless", "offset"};
  const std::string rest = without_matchers(query);
  for (size_t i = 0; i < rest.size();) {
    size_t end = i;
    while (end < rest.size() && in_metric_name(rest[end])) ++end;
    if (end == i) {
      if (std::string_view("(), \t\n").find(rest[i]) == std::string_view::npos) return false;
      ++i;
      continue;
    }
    std::string_view word = std::string_view(rest).substr(i, end - i);
    size_t next = rest.find_first_not_of(" \t\n", end);
    bool called = next != std::string::npos && rest[next] == '(';
    bool of = std::find(growing.begin(), growing.end(), word) != growing.end();
    if (std::find(operators.begin(), operators.end(), word) != operators.end() || (called && !of))
      return false;
    i = end;
  }
  return true;
}

}  // namespace hpawalk::diagnose
