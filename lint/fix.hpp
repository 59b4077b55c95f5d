// Rewrites HPAs of versions that no API server has any more as autoscaling/v2. Pure.
#pragma once

#include <optional>
#include <string>

#include "lint/manifests.hpp"

namespace hpawalk::lint {

// The file's text with its HPAs of v2beta2 and v2beta1 as autoscaling/v2; nothing if it has none. Of v2beta2
// only the version changes; a document of v2beta1 is written anew, without its comments. Items of a List
// stay.
std::optional<std::string> in_v2(const Source& source);

}  // namespace hpawalk::lint
