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
void judge_pods(const TargetSide& s);             // those that others own, that ended, or that cannot be had
bool averaged_over_pods(const MetricNeed& need);  // over samples of single pods
// The last pod that cannot start, and why; empty: none.
std::string start_trouble(const Context& c);

// Who owns the pod, if that is not the scale target; empty also where it is unknown.
std::string other_owner(const Context& c, const Json& pod);
// `effect`: what the HPA does with these pods of others.
void report_other_pods(const TargetSide& s, const std::vector<const Json*>& pods, const std::string& effect);
void judge_resets(const TargetSide& s);  // does somebody else set spec.replicas?

}  // namespace hpawalk::diagnose
