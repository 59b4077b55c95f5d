// Findings that a person knows and accepts: by an annotation of the object, or by a comment in the file.
// Inside lint/.
#pragma once

#include <vector>

#include "lint/lint.hpp"

namespace hpawalk::lint {

// Marks what is ignored, and adds what is wrong with the ignoring itself: no reason, or nothing to ignore.
void suppress(const Contents& contents, std::vector<Finding>& findings);

}  // namespace hpawalk::lint
