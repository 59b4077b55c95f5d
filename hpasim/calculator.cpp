#include "hpasim/calculator.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace hpawalk::hpasim {

namespace {

constexpr std::int64_t kMaxInt64 = std::numeric_limits<std::int64_t>::max();
constexpr std::int32_t kMaxInt32 = std::numeric_limits<std::int32_t>::max();

// Go's integers wrap around.
std::int64_t wrap_add(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
std::int64_t wrap_mul(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
}

std::int64_t to_int64(double value) {
  if (value >= -9223372036854775808.0 && value < 9223372036854775808.0)
    return static_cast<std::int64_t>(value);
  return std::numeric_limits<std::int64_t>::min();
}

Proposal failed(Failure failure) {
  Proposal proposal;
  proposal.because = Because::failed;
  proposal.failure = failure;
  return proposal;
}

bool listed(const PodGroup& group) {
  return group.count > 0 && group.phase != Phase::unlisted;
}

bool any_listed(std::span<const PodGroup> pods) {
  return std::any_of(pods.begin(), pods.end(), listed);
}

// --- Object and External with a Value: getUsageRatioReplicaCount

Proposal by_ratio(double ratio, std::int64_t current, std::span<const PodGroup> pods, Scale scale,
                  const Tolerance& tolerance, const Rules& rules) {
  Proposal p;
  p.ratio = p.corrected = ratio;
  p.current = current;
  if (scale.spec_replicas == 0) {
    p.because = Because::from_zero;
    p.replicas = to_int32(std::ceil(ratio));
    p.pods = 1;
    return p;
  }
  if (tolerance.within(ratio)) {
    p.because = Because::within_tolerance;
    p.replicas = scale.spec_replicas;
    return p;
  }
  if (!any_listed(pods)) return failed(Failure::no_pods);
  // Pods that are being deleted and are still ready count here, unlike below.
  for (const PodGroup& group : pods) {
    if (group.phase == Phase::running && group.ready && group.has_conditions) p.pods += group.count;
  }
  double replicas = ratio * static_cast<double>(p.pods);
  p.replicas = rules.ratio_saturates && replicas > static_cast<double>(kMaxInt32)
                   ? kMaxInt32
                   : to_int32(std::ceil(replicas));
  return p;
}

// --- Object and External with an AverageValue: GetObjectPerPodMetricReplicas,
// GetExternalPerPodMetricReplicas

Proposal per_pod(std::int64_t usage, std::int64_t target, Scale scale, const Tolerance& tolerance,
                 bool saturates) {
  Proposal p;
  p.replicas = scale.status_replicas;
  p.pods = scale.status_replicas;
  p.ratio = p.corrected =
      static_cast<double>(usage) / (static_cast<double>(target) * static_cast<double>(scale.status_replicas));
  p.because = Because::within_tolerance;
  if (!tolerance.within(p.ratio)) {
    p.because = Because::ratio;
    double replicas = std::ceil(static_cast<double>(usage) / static_cast<double>(target));
    p.replicas = saturates && replicas > static_cast<double>(kMaxInt32) ? kMaxInt32 : to_int32(replicas);
  }
  bool huge = saturates && static_cast<double>(usage) >= static_cast<double>(kMaxInt64);
  p.current =
      huge ? kMaxInt64
           : to_int64(std::ceil(static_cast<double>(usage) / static_cast<double>(scale.status_replicas)));
  if (scale.status_replicas == 0) {
    p.because = Because::from_zero;
    p.ratio = p.corrected = static_cast<double>(usage) / static_cast<double>(target);
  }
  return p;
}

std::int64_t sum_external(std::span<const std::int64_t> values, bool average, const Rules& rules) {
  std::int64_t sum = 0;
  for (std::int64_t value : values) {
    if (!average && rules.ratio_saturates && value > 0 && sum > kMaxInt64 - value) return kMaxInt64;
    sum = wrap_add(sum, value);
    if (average && rules.external_saturates && sum < 0) return kMaxInt64;
  }
  return sum;
}

// --- Pods and resources: groupPods and the two-step ratio

enum class Counts : std::uint8_t { ready, unready, missing, ignored, unlisted };

Counts classify(const PodGroup& group, const PodSample& sample, bool cpu, const Flags& flags, Time now) {
  if (group.phase == Phase::unlisted) return sample.present ? Counts::unlisted : Counts::ignored;
  if (group.deleting || group.phase == Phase::failed) return Counts::ignored;
  if (group.phase == Phase::pending) return Counts::unready;
  if (!sample.present) return Counts::missing;
  if (!cpu) return Counts::ready;
  if (!group.has_conditions) return Counts::unready;
  bool unready;
  if (group.started + flags.cpu_initialization_period > now) {
    unready = !group.ready || sample.at < group.ready_changed + sample.window;
  } else {
    unready = !group.ready && group.started + flags.initial_readiness_delay > group.ready_changed;
  }
  return unready ? Counts::unready : Counts::ready;
}

struct Sums {
  std::int64_t metric = 0, request = 0, entries = 0, with_request = 0;
  void add(std::int64_t count, std::int64_t milli, bool known, std::int64_t request_milli) {
    entries += count;
    metric = wrap_add(metric, wrap_mul(count, milli));
    if (!known) return;
    with_request += count;
    request = wrap_add(request, wrap_mul(count, request_milli));
  }
};

struct Usage {
  bool ok = true;
  double ratio = 0;
  std::int64_t average = 0;
  std::int32_t utilization = 0;
};

// GetMetricUsageRatio: the truncated average against the target.
Usage plain_usage(const Sums& sums, std::int64_t target) {
  Usage usage;
  usage.average = sums.metric / sums.entries;
  usage.ratio = static_cast<double>(usage.average) / static_cast<double>(target);
  return usage;
}

// GetResourceUtilizationRatio: the truncated percentage of the requests against the target.
Usage utilization_usage(const Sums& sums, std::int64_t target) {
  Usage usage;
  if (sums.request == 0) return {false, 0, 0, 0};
  usage.utilization = static_cast<std::int32_t>(wrap_mul(sums.metric, 100) / sums.request);
  usage.ratio =
      static_cast<double>(usage.utilization) / static_cast<double>(static_cast<std::int32_t>(target));
  usage.average = sums.metric / sums.with_request;
  return usage;
}

Proposal over_pods(const MetricSpec& metric, const Reading& reading, std::span<const PodGroup> pods,
                   Scale scale, const Tolerance& tolerance, const Flags& flags, Time now) {
  bool resource = metric.kind == MetricKind::resource || metric.kind == MetricKind::container_resource;
  bool cpu = resource && metric.name == "cpu";
  bool utilization = metric.target_kind == TargetKind::utilization;
  if (!any_listed(pods)) return failed(Failure::no_pods);

  Sums sums;
  std::int64_t ready = 0, unready = 0, missing = 0;
  // A sample of a pod that the lister does not know has no request: a utilization passes over its value, but
  // it still counts among the samples (len(metrics)).
  auto add = [&](Sums& to, const PodGroup& group, std::int64_t milli, const PodSample& sample) {
    bool known = utilization && group.phase != Phase::unlisted;
    to.add(group.count, utilization && !known ? 0 : milli, known, sample.request);
  };
  for (size_t i = 0; i < pods.size(); ++i) {
    if (pods[i].count == 0) continue;
    const PodSample& sample = reading.samples[i];
    switch (classify(pods[i], sample, cpu, flags, now)) {
      case Counts::ready: ready += pods[i].count, add(sums, pods[i], sample.milli, sample); break;
      case Counts::unready: unready += pods[i].count; break;
      case Counts::missing: missing += pods[i].count; break;
      case Counts::unlisted: add(sums, pods[i], sample.milli, sample); break;
      case Counts::ignored: break;
    }
  }
  if (sums.entries == 0) return failed(Failure::no_usable_sample);
  if (utilization) {
    for (size_t i = 0; i < pods.size(); ++i) {
      if (listed(pods[i]) && !reading.samples[i].has_request) return failed(Failure::no_request);
    }
  }
  auto usage_of = [&](const Sums& s) {
    return utilization ? utilization_usage(s, metric.target) : plain_usage(s, metric.target);
  };
  Usage usage = usage_of(sums);
  if (!usage.ok) return failed(Failure::no_match);

  Proposal p;
  p.ratio = p.corrected = usage.ratio;
  p.current = usage.average;
  p.utilization = usage.utilization;
  p.replicas = scale.spec_replicas;
  bool count_unready = unready > 0 && usage.ratio > 1.0;
  if (!count_unready && missing == 0) {
    p.pods = static_cast<std::int32_t>(ready);
    p.because = Because::within_tolerance;
    if (tolerance.within(usage.ratio)) return p;
    p.because = Because::ratio;
    p.replicas = to_int32(std::ceil(usage.ratio * static_cast<double>(ready)));
    return p;
  }
  // Missing pods are assumed to be at the target when that slows a scale-down, and idle when that slows a
  // scale-up; unready pods are assumed to be idle in a scale-up.
  for (size_t i = 0; i < pods.size(); ++i) {
    if (pods[i].count == 0) continue;
    const PodSample& sample = reading.samples[i];
    Counts counts = classify(pods[i], sample, cpu, flags, now);
    if (counts == Counts::missing && usage.ratio < 1.0) {
      std::int64_t percent = std::max<std::int64_t>(100, metric.target);
      add(sums, pods[i], utilization ? wrap_mul(sample.request, percent) / 100 : metric.target, sample);
    } else if ((counts == Counts::missing && usage.ratio > 1.0) ||
               (counts == Counts::unready && count_unready)) {
      add(sums, pods[i], 0, sample);
    }
  }
  Usage corrected = usage_of(sums);
  if (!corrected.ok) return failed(Failure::no_match);
  p.corrected = corrected.ratio;
  p.pods = static_cast<std::int32_t>(sums.entries);
  p.because = Because::unready_or_missing;
  bool turned = (usage.ratio < 1.0 && corrected.ratio > 1.0) || (usage.ratio > 1.0 && corrected.ratio < 1.0);
  if (tolerance.within(corrected.ratio) || turned) return p;
  std::int32_t replicas = to_int32(std::ceil(corrected.ratio * static_cast<double>(sums.entries)));
  bool against = (corrected.ratio < 1.0 && replicas > scale.spec_replicas) ||
                 (corrected.ratio > 1.0 && replicas < scale.spec_replicas);
  if (against) return p;
  p.because = Because::ratio;
  p.replicas = replicas;
  return p;
}

}  // namespace

std::int32_t to_int32(double value) {
  if (value > -2147483649.0 && value < 2147483648.0) return static_cast<std::int32_t>(value);
  return std::numeric_limits<std::int32_t>::min();
}

Proposal propose(const MetricSpec& metric, const Reading& reading, std::span<const PodGroup> pods,
                 Scale scale, const Tolerance& tolerance, const Rules& rules, const Flags& flags, Time now) {
  if (reading.failure != Failure::none) return failed(reading.failure);
  switch (metric.kind) {
    case MetricKind::object: {
      std::int64_t usage = reading.values[0];
      if (metric.target_kind == TargetKind::average_value)
        return per_pod(usage, metric.target, scale, tolerance, false);
      return by_ratio(static_cast<double>(usage) / static_cast<double>(metric.target), usage, pods, scale,
                      tolerance, rules);
    }
    case MetricKind::external: {
      bool average = metric.target_kind == TargetKind::average_value;
      std::int64_t usage = sum_external(reading.values, average, rules);
      if (average) return per_pod(usage, metric.target, scale, tolerance, rules.external_saturates);
      return by_ratio(static_cast<double>(usage) / static_cast<double>(metric.target), usage, pods, scale,
                      tolerance, rules);
    }
    default: return over_pods(metric, reading, pods, scale, tolerance, flags, now);
  }
}

std::string failure_reason(MetricKind kind) {
  return "FailedGet" + std::string(kind_name(kind)) + "Metric";
}

std::string_view failure_text(Failure failure) {
  switch (failure) {
    case Failure::none: return "";
    case Failure::unavailable: return "the metrics API returned an error";
    case Failure::empty: return "the metrics API had no sample";
    case Failure::no_pods: return "the scale target's selector matches no pod";
    case Failure::no_usable_sample: return "every sample belongs to a pod that is unready, deleted or failed";
    case Failure::no_request: return "a container has no request for the resource";
    case Failure::no_match: return "no sample belongs to a known pod";
  }
  return "";
}

}  // namespace hpawalk::hpasim
