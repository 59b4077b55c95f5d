// Kubernetes label selectors, evaluated here as the API server and the operator evaluate them.
#pragma once

#include <optional>
#include <string>

#include "base/json.hpp"

namespace hpawalk::diagnose {

// Does a LabelSelector (matchLabels, matchExpressions) match? An empty one matches everything.
bool matches(const Json& selector, const Json& labels);
// The first requirement that the labels do not meet, in words: "label app is web, wanted api".
std::optional<std::string> mismatch(const Json& selector, const Json& labels);
// A Service's selector is a plain map. An empty one selects nothing.
bool map_matches(const Json& map, const Json& labels);
Json from_map(const Json& map);                   // as a LabelSelector
std::string selector_text(const Json& selector);  // "app=web,tier in (a,b)"; "everything"
std::string labels_text(const Json& labels);      // "app=web,tier=a"; "no labels"

}  // namespace hpawalk::diagnose
