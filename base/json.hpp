// JSON out of hands that are not ours: read within limits, and looked at without trusting its shape. Pure.
//
// Every JSON text that hpawalk did not make itself (API answers, tools' output, facts, recordings) comes in
// through parse_json: what it returns can be copied, printed and walked through without an end of stack or
// memory. The accessors answer with a default where something is missing or of another type, never with an
// exception.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/error.hpp"

// Compiled once, in json.cpp, and not in each file that uses it: a quarter of the time of many files.
extern template class nlohmann::basic_json<>;

namespace hpawalk {

using Json = nlohmann::json;

struct JsonLimits {
  int depth = 512;  // of lists and maps in one another
  size_t memory =
      384ull << 20;  // bytes that the values take, estimated from the text before anything is built
};

// `what` begins the error's sentence: "The answer to /version". The error is `json`; `because` alone says
// what is wrong with the text.
Result<Json> parse_json(std::string_view text, std::string_view what, JsonLimits limits = {});

// What texts in JSON and YAML must be; a std::string may hold anything.
bool is_utf8(std::string_view text);

// at(object, "spec.selector.matchLabels"): a null when any step is missing. Names with dots: at(object, {"a",
// "b.c"}).
const Json& at(const Json& object, std::string_view dotted);
const Json& at(const Json& object, const std::vector<std::string>& steps);

std::string text_at(const Json& object, std::string_view dotted, std::string_view otherwise = "");
long long int_at(const Json& object, std::string_view dotted, long long otherwise = 0);
double real_at(const Json& object, std::string_view dotted, double otherwise = 0);
bool bool_at(const Json& object, std::string_view dotted, bool otherwise = false);
// The array there, or an empty one.
const Json& list_at(const Json& object, std::string_view dotted);
// A map's field goes; of anything else nothing.
void erase_field(Json& object, std::string_view name);

// The condition of that type in status.conditions, or a null.
const Json& condition(const Json& object, std::string_view type);

}  // namespace hpawalk
