// One metric -> a proposal for the number of replicas, in the controller's own integer and double arithmetic.
//
// Source of every formula: pkg/controller/podautoscaler/replica_calculator.go and metrics/utilization.go of
// Kubernetes 1.34.4 (version.hpp lists what differs elsewhere). The order of the expressions is theirs,
// because it decides the last bit. Pods in the same state are one group, so that a thousand replicas cost as
// much as one. Knows nothing about history, limits or min and max.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "hpasim/spec.hpp"
#include "hpasim/version.hpp"

namespace hpawalk::hpasim {

enum class Phase : std::uint8_t { pending, running, failed, unlisted };  // unlisted: only its sample is known

struct PodGroup {
  std::int32_t count = 0;
  Phase phase = Phase::running;
  bool deleting = false;
  bool ready = true;           // the Ready condition is True
  bool has_conditions = true;  // it has a Ready condition and a start time at all
  Time started{0};
  Time ready_changed{0};  // when the Ready condition last changed
};

// What the metrics API says of each pod of a group.
struct PodSample {
  bool present = true;
  std::int64_t milli = 0;
  Time at{0};
  Time window{0};
  bool has_request = true;
  std::int64_t request = 0;  // milli, for a utilization
};

enum class Failure : std::uint8_t {
  none,
  unavailable,       // the API gave an error
  empty,             // the API gave no sample
  no_pods,           // the selector matches none
  no_usable_sample,  // all samples are of pods that do not count (yet)
  no_request,        // a pod's container has no request for the resource
  no_match           // no sample belongs to a known pod
};

// What the metrics APIs answer about one metric at one sync.
struct Reading {
  Failure failure = Failure::none;            // unavailable or empty: nothing below counts
  std::span<const std::int64_t> values = {};  // Object: one; External: one an item (milli)
  std::span<const PodSample> samples = {};    // Pods and resources: one a group
};

struct Tolerance {
  double down = 0.1, up = 0.1;
  bool absolute = false;
  bool within(double ratio) const {
    if (absolute) {
      double distance = 1.0 - ratio;
      return (distance < 0 ? -distance : distance) <= up;
    }
    return (1.0 - down) <= ratio && ratio <= (1.0 + up);
  }
};

// Why the proposal is what it is.
enum class Because : std::uint8_t {
  ratio,               // the ratio asked for it
  within_tolerance,    // the ratio is near enough to 1
  unready_or_missing,  // with unready or missing pods counted in, the ratio says "stay"
  from_zero,
  failed
};

struct Proposal {
  std::int32_t replicas = 0;
  Because because = Because::ratio;
  Failure failure = Failure::none;
  double ratio = 0;  // of the measured value to the target; of the sum, where there is no pod for an average
  double corrected = 0;      // after counting in unready and missing pods; the same where there are none
  std::int64_t current = 0;  // what the status shows: milli, the average where the target is one
  std::int32_t utilization = 0;
  std::int32_t pods = 0;  // that the ratio was multiplied with
};

struct Scale {
  std::int32_t spec_replicas = 0, status_replicas = 0;
};

Proposal propose(const MetricSpec& metric, const Reading& reading, std::span<const PodGroup> pods,
                 Scale scale, const Tolerance& tolerance, const Rules& rules, const Flags& flags, Time now);

// The reason of the ScalingActive condition when this metric fails: "FailedGetPodsMetric".
std::string failure_reason(MetricKind kind);
std::string_view failure_text(Failure failure);

// A double to an int32 as the controller's amd64 build does it: what does not fit becomes the smallest int32.
std::int32_t to_int32(double value);

}  // namespace hpawalk::hpasim
