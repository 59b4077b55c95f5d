// KEDA, and what other rules ask about it. Inside diagnose/.
#pragma once

#include "diagnose/rules.hpp"
#include "diagnose/view_keda.hpp"

namespace hpawalk::diagnose {

// Does hpawalk ask the same Prometheus as this trigger?
bool follows(const Context& c, const PrometheusTrigger& trigger);

std::string scaled_object_title(const Json& scaled_object);  // "ScaledObject shop/web"
Fix look_at_scaled_object(const Json& scaled_object, std::string says);

// Does the trigger of this metric fail, as far as the metrics API and KEDA's conditions say?
bool fails(const Context& c, const Json& scaled_object);
// Why, in KEDA's own words.
struct Said {
  std::string text, evidence;
};
std::optional<Said> said_by_keda(const Context& c, const Json& scaled_object);

void judge_operator(const Context& c, Report& report);
void judge_conditions(const Context& c, const Json& scaled_object, Report& report);
void judge_said(Report& report, const Json& scaled_object, const Said& said);
// True: what the trigger authenticates with, or does not, is why it fails.
bool judge_login(const Context& c, Report& report, const Json& scaled_object,
                 const std::optional<Said>& said);
void judge_one_of_several(const Context& c, Report& report, const Json& scaled_object,
                          std::vector<std::string> evidence);
void judge_intervals(Report& report, const Json& scaled_object);

// A ScaledObject for which KEDA has made no HPA: true, and there is nothing else to judge.
bool judge_without_hpa(const Context& c, Report& report);
// Another HPA of the same workload, where one of the two is KEDA's and the other is not; null: none.
const Hpa* not_taken_over(const Context& c);
void judge_not_taken_over(const Context& c, Report& report, const Hpa& other,
                          std::vector<std::string> evidence);
// This HPA is not KEDA's, and a ScaledObject that KEDA does not accept is to scale the same workload.
void judge_beside_keda(const Context& c, Report& report);

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
