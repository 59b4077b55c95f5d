// What a Prometheus recorded of an HPA and of its workload. Plain data: oncall/read_trace.hpp reads it,
// retrace.hpp replays the controller along it. Times are since the epoch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hpasim/replay.hpp"

namespace hpawalk::observe {

// By time, a Trace's `step` apart; where one is missing, Prometheus had no sample.
using Samples = std::vector<hpasim::PastSample>;

struct TracedMetric {
  std::string source;  // the query, or the series; empty: this Prometheus has nothing of the metric
  Samples samples;  // of an Object or External metric the total, of a Pods metric the average over the pods
  // They are what the HPA's status showed: the average of an AverageValue target, the percentage of a
  // Utilization.
  bool of_status = false;
  bool absent_is_zero = false;  // where there is no sample, the HPA reads 0 (KEDA's ignoreNullValues)
};

// A cause that hpawalk's exporter named.
struct TracedCause {
  std::string cause, metric, severity;
  hpasim::Time from{0}, to{0};
};

// What the workload's update strategy allows beside spec.replicas.
struct RolloutLimits {
  double surge = 0.25, unavailable = 0.25;                   // shares, or
  std::optional<std::int32_t> surge_pods, unavailable_pods;  // numbers
  bool recreate = false;
  std::int32_t most_above(std::int32_t replicas) const;
  std::int32_t most_below(std::int32_t replicas) const;
};

struct Trace {
  hpasim::Time from{0}, to{0};        // the period that is told about
  hpasim::Time begin{0};              // of the samples: earlier by what windows and policies look back
  hpasim::Time step{0};               // from one sample to the next
  hpasim::Time scrape{0};             // from one scrape of the states to the next
  hpasim::Time age{0};                // how old a state can be when it is scraped
  std::vector<TracedMetric> metrics;  // in the spec's order
  Samples desired, current;           // of the HPA's status
  Samples replicas;                   // the workload's spec.replicas; empty: nothing exports it
  Samples pods;                       // the workload's status.replicas; empty: nothing exports it
  Samples ready;                      // its ready pods; empty: nothing exports them
  Samples min, max;                   // of the HPA's spec
  Samples inactive;                   // above 0: the condition ScalingActive is False
  std::vector<TracedCause> causes;
  std::optional<RolloutLimits> rollout;  // absent: the workload's kind has none

  // What says how many replicas there were: the workload's spec, else what the HPA desired.
  const Samples& scale() const { return replicas.empty() ? desired : replicas; }
  // An event of which the first sample is at a time happened in so long before that time.
  hpasim::Time blur() const { return step + scrape + age; }
};

// The last sample at or before that time, unless the next one is missing.
std::optional<double> sample_at(const Samples& samples, hpasim::Time at, hpasim::Time step);

// From one sample to the next with another value.
struct SampleChange {
  hpasim::Time before{0}, at{0};  // the last sample with the old value, and the first with the new one
  double from = 0, to = 0;
};
std::vector<SampleChange> changes_of(const Samples& samples);

}  // namespace hpawalk::observe
