#include "observe/seen_then.hpp"

#include <algorithm>
#include <cmath>

namespace hpawalk::observe {

using hpasim::Controller;
using hpasim::Failure;
using hpasim::MetricKind;
using hpasim::MetricSpec;
using hpasim::Phase;
using hpasim::Spec;
using hpasim::Sync;
using hpasim::TargetKind;
using hpasim::Time;

namespace {

constexpr double most_milli = 9e18;                // fits into 64 bits
constexpr Time long_ago = std::chrono::hours(24);  // of a pod whose start plays no part any more

bool over_pods(const MetricSpec& metric) {
  return metric.kind != MetricKind::object && metric.kind != MetricKind::external;
}

std::int64_t milli(double value) {
  const double scaled = value * 1000;
  return std::abs(scaled) < most_milli ? static_cast<std::int64_t>(scaled)
                                       : std::numeric_limits<std::int64_t>::min();
}

}  // namespace

std::int32_t whole(double value) {
  return hpasim::to_int32(std::round(value));
}

std::int32_t SeenThen::ready_at(Time at, std::int32_t replicas, Ready how) const {
  if (how == Ready::all || trace_->ready.empty()) return replicas;
  const Time seen = how == Ready::then ? at : at + trace_->blur();
  const std::optional<double> ready = sample_at(trace_->ready, seen, trace_->step);
  return ready ? std::clamp(whole(*ready), 0, replicas) : replicas;
}

bool SeenThen::inactive_at(Time at) const {
  auto says = [&](Time then) { return sample_at(trace_->inactive, then, trace_->step).value_or(0) > 0; };
  return says(at) && says(at + trace_->blur());
}

ControllerSight SeenThen::at(Time at, Time ahead, std::int32_t replicas, Ready how) const {
  ControllerSight seen;
  const std::int32_t ready = ready_at(at, replicas, how);
  seen.pods.push_back({.count = ready, .started = at - long_ago, .ready_changed = at - long_ago});
  seen.pods.push_back({.count = replicas - ready, .phase = Phase::pending, .ready = false, .started = at});
  seen.values.resize(metrics_.size());
  seen.samples.resize(metrics_.size());
  const bool inactive = inactive_at(at);
  for (std::size_t i = 0; i < metrics_.size(); ++i) {
    const MetricSpec& metric = spec_.metrics[i];
    const TracedMetric& traced = trace_->metrics[metrics_[i]];
    std::optional<double> value = sample_at(traced.samples, at + ahead, trace_->step);
    if (!value && traced.absent_is_zero) value = 0;
    if (!value || inactive) {
      const bool empty = !value && metric.kind != MetricKind::object;
      seen.readings.push_back({empty ? Failure::empty : Failure::unavailable, {}, {}});
      continue;
    }
    if (!over_pods(metric)) {
      const bool average = traced.of_status && metric.target_kind == TargetKind::average_value;
      seen.values[i] = milli(average ? *value * std::max(replicas, 1) : *value);
      seen.readings.push_back({Failure::none, {&seen.values[i], 1}, {}});
      continue;
    }
    hpasim::PodSample sample;
    sample.at = at;
    // A utilization is a percentage of the request: of one of 100.
    sample.milli = metric.target_kind == TargetKind::utilization ? whole(*value) : milli(*value);
    sample.request = 100;
    seen.samples[i] = {sample, sample};
    seen.samples[i][1].present = false;
    seen.readings.push_back({Failure::none, {}, seen.samples[i]});
  }
  return seen;
}

// minReplicas and maxReplicas as they were then.
void SeenThen::take_limits(Controller& controller, Time at) const {
  const std::optional<double> min = sample_at(trace_->min, at, trace_->step),
                              max = sample_at(trace_->max, at, trace_->step);
  const std::int32_t least = min ? whole(*min) : controller.spec().min,
                     most = max ? whole(*max) : controller.spec().max;
  if (least == controller.spec().min && most == controller.spec().max) return;
  Spec spec = controller.spec();
  spec.min = least, spec.max = most;
  controller.change(std::move(spec));
}

Sync SeenThen::sync(Controller& controller, Time at, Time ahead, std::int32_t replicas, Ready how) const {
  take_limits(controller, at);
  const ControllerSight seen = this->at(at, ahead, replicas, how);
  Sync sync;
  sync.at = at;
  sync.ready = seen.pods.front().count;
  sync.decision = controller.sync(seen.readings, seen.pods, {replicas, replicas}, at, at);
  if (sync.decision.metric >= 0)
    sync.proposal = controller.proposals()[static_cast<std::size_t>(sync.decision.metric)];
  return sync;
}

}  // namespace hpawalk::observe
