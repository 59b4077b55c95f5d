// The one renderer: a text with ${name} in it, and values, make a text. Pure, tiny and strict.
//
// A value cannot break out of its place: a scalar is quoted when it must be, and a map is written as a block
// under its key. A name that is not among the values is an error, and so is a place where no value can be
// safe.
//   key: ${name}              a scalar; or a map, written below the key; an empty map takes the line away
//   key: "a ${name} b"        a scalar inside double quotes
//       ${name}               alone on its line: the entries of a map
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/yaml.hpp"

namespace hpawalk::manifests {

using Values = std::map<std::string, yaml::Value, std::less<>>;

Result<std::string> fill_in(std::string_view text, const Values& values);

}  // namespace hpawalk::manifests
