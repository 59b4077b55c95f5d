// Reads what a Prometheus recorded of an HPA, for observe's replay: the metrics by the queries of the adapter
// or of KEDA, the replicas and limits from kube-state-metrics or from hpawalk's exporter, whichever it has.
#pragma once

#include "diagnose/view.hpp"
#include "observe/retrace.hpp"
#include "oncall/alert_series.hpp"

namespace hpawalk::oncall {

struct TraceRequest {
  const diagnose::Facts& facts;
  const diagnose::Parts& parts;
  const diagnose::Hpa& hpa;
  const observe::Subject& subject;
  hpasim::Time from{0}, to{0};  // since the epoch
};

struct ReadTrace {
  observe::Trace trace;
  std::string states;  // "kube-state-metrics": who exports the replicas
  std::vector<std::string> notes;
};

// Error `no-history`: nobody exports the HPA's states. `now` is told what is read.
Result<ReadTrace> read_trace(const world::PrometheusApi& prometheus, const TraceRequest& request,
                             const std::function<void(const std::string&)>& now);

// What the strategy of a Deployment allows, as the API server has it. Absent: it is of another kind.
std::optional<observe::RolloutLimits> rollout_limits(const Json& workload);

}  // namespace hpawalk::oncall
