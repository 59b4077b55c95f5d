// The objects that a fix would create, so that somebody can look whether they exist. Pure.
#pragma once

#include <string>
#include <vector>

#include "diagnose/fix.hpp"

namespace hpawalk::diagnose {

struct CreatedObject {
  std::string kind;
  ObjectRef ref;            // with the plural
  std::string path;         // in the API
  std::string key() const;  // of the reading that says whether it exists
};
// Of a fix that creates nothing: none.
std::vector<CreatedObject> created_by(const Fix& fix);

}  // namespace hpawalk::diagnose
