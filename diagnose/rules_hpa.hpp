// The HPA's own view, and who judges what about it. Inside diagnose/.
#pragma once

#include <cstdint>

#include "diagnose/rules.hpp"
#include "hpasim/why.hpp"

namespace hpawalk::diagnose {

struct HpaSide {
  const Context& c;
  const Json& hpa;
  Report& report;
  long long replicas = 0;            // current ones
  std::string ref;                   // "NAMESPACE/NAME"
  std::optional<hpasim::Spec> spec;  // absent: hpawalk does not support it
  hpasim::State state;
  // What this metric asks for with that state; absent: the status does not tell.
  std::optional<hpasim::Proposal> proposal_of(const hpasim::MetricState& seen) const;
};

void judge_numbers(const HpaSide& s);  // how they read, and whether they are within the tolerance
void judge_limits(const HpaSide& s);   // what keeps the controller from the size that the metric asks for

bool may_scale_to_zero(const Context& c);   // minReplicas is 0
std::string asleep_text(const Context& c);  // at 0 replicas by its metrics: who did that, and what ends it

// At maxReplicas: did the metric fall at all while pods were added?
void judge_total(const HpaSide& s);
// What Prometheus has of this metric's last minutes; a null: it was not asked.
const Reading* history_of(const Context& c, const MetricNeed& need);

long long whole_seconds(hpasim::Time time);
// What follows a value of the controller that could only be assumed.
std::string if_assumed(const Context& c);
std::string flag_evidence(const Context& c, const std::string& flag, const std::string& value);

}  // namespace hpawalk::diagnose
