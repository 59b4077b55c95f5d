// What diagnose says of HPAs, as metrics in the Prometheus text format 0.0.4. Pure.
//
// Names and units follow https://prometheus.io/docs/practices/naming/; the labels `namespace` and
// `horizontalpodautoscaler` are those of kube-state-metrics, so that both can be joined. A state is a label,
// and only the state that holds is there, with the value 1: as kube-state-metrics shows why a container
// waits. A series for each state that does not hold would make four of one.
#pragma once

#include <string>
#include <vector>

#include "diagnose/diagnosis.hpp"

namespace hpawalk::oncall {

inline constexpr std::string_view link_state_metric = "hpawalk_hpa_link_state";
inline constexpr std::string_view cause_metric = "hpawalk_hpa_cause";
inline constexpr std::string_view hpa_state_metric = "hpawalk_hpa_state";
inline constexpr std::string_view hpa_condition_metric = "hpawalk_hpa_status_condition";
inline constexpr std::string_view min_replicas_metric = "hpawalk_hpa_spec_min_replicas";
inline constexpr std::string_view max_replicas_metric = "hpawalk_hpa_spec_max_replicas";
inline constexpr std::string_view current_replicas_metric = "hpawalk_hpa_status_current_replicas";
inline constexpr std::string_view desired_replicas_metric = "hpawalk_hpa_status_desired_replicas";
inline constexpr std::string_view last_success_metric = "hpawalk_exporter_last_success_timestamp_seconds";

// Of these HPAs, which are those of the facts.
std::string hpa_metrics(const diagnose::Facts& facts, const std::vector<diagnose::HpaDiagnosis>& hpas);

// How the exporter itself does.
struct Health {
  unsigned long long diagnoses = 0, failures = 0, requests = 0;  // since it started
  bool last_failed = false;
  double last_success = 0;  // when the last diagnosis that succeeded began; seconds since the epoch, 0: never
  double last_seconds = 0;  // how long the last diagnosis took, also one that failed
  std::string version;
};
std::string health_metrics(const Health& health);

}  // namespace hpawalk::oncall
