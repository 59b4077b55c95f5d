// Every cause that `diagnose` can name: what a user sees, why, how it is detected, what to do, and how it is
// tested. docs/causes.md is made of this list; a test keeps list, rules and page together.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "diagnose/diagnosis.hpp"

namespace hpawalk::diagnose {

struct Cause {
  std::string_view id;
  std::string_view number;  // in the list of causes that users met; empty: found since
  Link link;
  std::string_view symptom;
  std::string_view reason;
  std::string_view detection;
  std::string_view fix;
  std::string_view tested;  // "real fault" (on the local cluster) or "facts file"
};

const std::vector<Cause>& causes();
const Cause* find_cause(std::string_view id);
std::string explain(const Cause& cause);  // for a terminal
std::string causes_page();                // docs/causes.md

}  // namespace hpawalk::diagnose
