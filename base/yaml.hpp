// YAML as values: text in, ordered JSON out, and back in a form that every YAML reader takes the same way.
// Pure.
//
// Knows nothing about settings. Scalars are read by YAML 1.2's core rules (`yes` is a text), those of
// manifests as kubectl reads them; they are written so that YAML 1.1 readers, which kubectl and helm have,
// cannot take a text for anything else. What is read has limits: of bytes, of depth, and of values after
// aliases were replaced. The same key twice in one map is an error.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/error.hpp"

namespace hpawalk::yaml {

using Value = nlohmann::ordered_json;

// Where each entry of a document's maps and lists was written, by its path ("hpa.min", "items[0].name");
// lines count from 1.
using Lines = std::map<std::string, int>;

// How a plain scalar becomes a value.
enum class Scalars {
  core,    // YAML 1.2
  kubectl  // YAML 1.1, as sigs.k8s.io/yaml has it: `yes` is true, 010 is 8, 0x10 and 1_6 are 16
};

// Exactly one document; an empty text is null. The error `yaml` names the line.
Result<Value> parse(std::string_view text, Lines* lines = nullptr, Scalars scalars = Scalars::core);

// Every document that is not empty, and where its entries are.
struct Places {
  std::vector<Lines> documents;
  int mistake = 0;      // the line that is not valid YAML, if that is known
  std::string because;  // and why
};
Result<std::vector<Value>> parse_all(std::string_view text, Places* places = nullptr,
                                     Scalars scalars = Scalars::core);

// One scalar on its own: plain where that is safe, double-quoted otherwise.
std::string scalar(const Value& value);

// The text of a double-quoted scalar, without its quotes.
std::string escaped(std::string_view text);

// Block style, each line behind `indent` spaces and ended by a line end. An empty map is "{}".
std::string block(const Value& value, int indent = 0);

}  // namespace hpawalk::yaml
