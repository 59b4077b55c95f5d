// Every cause that `diagnose` can name: what a user sees, why, how it is detected, what to do. Each is a
// constant that its rules define in their own file and name by `cause::`. causes.inc lists them all: a name
// that is not listed does not compile, and one that no rule defines does not link. docs/causes.md is
// generated from these constants.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "diagnose/diagnosis.hpp"

namespace hpawalk::diagnose {

struct Cause {
  std::string_view id;  // "target-down": stable
  Link link;            // where it is usually found
  std::string_view symptom;
  std::string_view reason;
  std::string_view detection;
  std::string_view fix;
  bool also_when_served = false;  // breaks the chain even while the metrics API serves a value
};

namespace cause {
#define CAUSE(name) extern const Cause name;
#include "diagnose/causes.inc"
#undef CAUSE
}  // namespace cause

// In the order in which a value travels.
std::span<const Cause* const> causes();
const Cause* find_cause(std::string_view id);
std::string explain(const Cause& cause);  // for a terminal
std::string causes_page();                // docs/causes.md

}  // namespace hpawalk::diagnose
