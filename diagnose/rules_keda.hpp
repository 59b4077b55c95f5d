// KEDA, and what other rules ask about it. Inside diagnose/.
#pragma once

#include "diagnose/rules.hpp"
#include "diagnose/view_keda.hpp"

namespace hpawalk::diagnose {

// Does hpawalk ask the same Prometheus as this trigger?
bool follows(const Context& c, const PrometheusTrigger& trigger);

// The one series that the metric's query reads; empty: several, or it is not known.
std::string series_of(const Context& c);

// The metric is a ScaledObject's, but who serves its API group is not KEDA, as far as can be seen.
bool elsewhere_than_keda(const Context& c);
void judge_elsewhere(const Context& c, Report& report);  // instead of what judges the adapter

// A ScaledObject made the HPA, and was not read.
bool scaled_object_unread(const Context& c);

// KEDA has scaled the target to 0, because no trigger is active.
bool idle_by_keda(const Context& c);

}  // namespace hpawalk::diagnose
