// The scale target, and who judges what about it. Inside diagnose/.
#pragma once

#include "diagnose/rules.hpp"

namespace hpawalk::diagnose {

struct TargetSide {
  const Context& c;
  Report& report;
  std::string ref;  // "Deployment web"
};

void judge_rollout(const TargetSide& s);
void judge_resets(const TargetSide& s);  // does somebody else set spec.replicas?

}  // namespace hpawalk::diagnose
