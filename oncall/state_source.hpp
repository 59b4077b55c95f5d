// The series in which a Prometheus has the HPAs' own fields, by who exports them. Inside oncall/.
#pragma once

#include <string_view>

#include "oncall/exposition.hpp"

namespace hpawalk::oncall {

// Where the HPAs' own fields are: the same in kube-state-metrics and in hpawalk's exporter, under other
// names. Source: kube-state-metrics v2.20.0, internal/store/horizontalpodautoscaler.go.
struct StateSource {
  std::string_view says, condition, yes, no, min, max, current, desired;
};
inline constexpr StateSource kube_state_metrics = {"kube-state-metrics",
                                                   "kube_horizontalpodautoscaler_status_condition",
                                                   "true",
                                                   "false",
                                                   "kube_horizontalpodautoscaler_spec_min_replicas",
                                                   "kube_horizontalpodautoscaler_spec_max_replicas",
                                                   "kube_horizontalpodautoscaler_status_current_replicas",
                                                   "kube_horizontalpodautoscaler_status_desired_replicas"};
inline constexpr StateSource own_exporter = {"hpawalk exporter",
                                             hpa_condition_metric,
                                             "True",
                                             "False",
                                             min_replicas_metric,
                                             max_replicas_metric,
                                             current_replicas_metric,
                                             desired_replicas_metric};
// In kube-state-metrics only: what the HPA reads, and its target.
inline constexpr const char *current_metric = "kube_horizontalpodautoscaler_status_target_metric",
                            *target_metric = "kube_horizontalpodautoscaler_spec_target_metric";

}  // namespace hpawalk::oncall
