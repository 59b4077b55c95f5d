// Reading JSON whose shape is not ours: what is missing or of another type becomes a default, never an exception.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace hpawalk {

using Json = nlohmann::json;

// at(object, "spec.selector.matchLabels"): a null when any step is missing. Names with dots: at(object, {"a", "b.c"}).
const Json& at(const Json& object, std::string_view dotted);
const Json& at(const Json& object, const std::vector<std::string>& steps);

std::string text_at(const Json& object, std::string_view dotted, std::string_view otherwise = "");
long long int_at(const Json& object, std::string_view dotted, long long otherwise = 0);
bool bool_at(const Json& object, std::string_view dotted, bool otherwise = false);
// The array there, or an empty one.
const Json& list_at(const Json& object, std::string_view dotted);

// The condition of that type in status.conditions, or a null.
const Json& condition(const Json& object, std::string_view type);

}  // namespace hpawalk
