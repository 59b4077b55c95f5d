// One thing that a run needs before it may change anything, and how it stands.
#pragma once

#include <string>

#include "base/mark.hpp"

namespace hpawalk::cluster {

struct Precondition {
  std::string name;  // "kubectl"
  Mark mark = Mark::unknown;
  std::string evidence;   // what was seen
  std::string hint = {};  // what to do when it is broken
};

}  // namespace hpawalk::cluster
