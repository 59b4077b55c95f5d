#include "hpasim/keda_loop.hpp"

#include <algorithm>

namespace hpawalk::hpasim {

KedaLoop::KedaLoop(const Keda& keda, const std::vector<MetricSpec>& metrics)
    : keda_(keda),
      metrics_(metrics),
      last_active_(keda.last_active),
      failures_(keda.triggers.size()),
      last_poll_(keda.triggers.size()) {}

KedaLoop::Observed KedaLoop::observe(std::size_t trigger, std::optional<std::int64_t> value,
                                     std::int32_t replicas, std::int32_t ready) {
  if (value) {
    failures_[trigger] = 0;
    return {value, false};
  }
  if (!keda_.fallback || ++failures_[trigger] <= keda_.fallback->failures) return {};
  const std::int32_t fixed = keda_.fallback->replicas;
  std::int32_t wanted = fixed;
  switch (keda_.fallback->behavior) {
    case Fallback::Behavior::fixed: break;
    case Fallback::Behavior::current: wanted = replicas; break;
    case Fallback::Behavior::current_if_higher: wanted = std::max(replicas, fixed); break;
    case Fallback::Behavior::current_if_lower: wanted = std::min(replicas, fixed); break;
  }
  const MetricSpec& metric = metrics_[trigger];
  double value_for = static_cast<double>(metric.target) * wanted;
  if (metric.target_kind == TargetKind::value) {
    if (ready == 0) return {};  // KEDA cannot compute it then, and the error stays
    value_for /= ready;
  }
  return {static_cast<std::int64_t>(value_for), true};
}

std::optional<std::int64_t> KedaLoop::answer(std::size_t trigger, std::optional<std::int64_t> value,
                                             std::int32_t replicas, std::int32_t ready) {
  if (keda_.triggers[trigger].cached && last_poll_[trigger]) value = last_poll_[trigger]->value;
  return observe(trigger, value, replicas, ready).value;
}

bool KedaLoop::cooled_down() const {
  return last_active_ ? *last_active_ + keda_.cooldown <= next_
                      : keda_.created + keda_.initial_cooldown <= next_;
}

Decision KedaLoop::poll(const Values& values, std::int32_t replicas, std::int32_t ready) {
  Decision d;
  d.from = d.to = d.proposed = replicas;
  d.rule = Rule::keda_unchanged;
  bool error = false, external = false;
  for (std::size_t i = 0; i < keda_.triggers.size(); ++i) {
    if (!keda_.triggers[i].external) continue;
    external = true;
    const Observed seen = observe(i, values[i], replicas, ready);
    if (keda_.triggers[i].cached) last_poll_[i] = seen;
    error = error || !seen.value;
    if (d.metric < 0 && seen.value && (seen.fallback || *seen.value > keda_.triggers[i].activation))
      d.metric = static_cast<std::int16_t>(i);
  }
  const bool active = d.metric >= 0 || keda_.forced || !external;  // only cpu and memory: always
  auto to = [&](std::int32_t count, Rule rule) { d.to = d.proposed = count, d.rule = rule; };
  if (active) {
    if (replicas == 0 || (keda_.idle && replicas < keda_.min)) {
      if (!keda_.scale_out_paused) {
        to(keda_.active_replicas(), Rule::activated);
        last_active_ = next_;
      }
    } else if (!error) {
      last_active_ = next_;
    }
  } else if (!error || (keda_.fallback && keda_.fallback->replicas == 0)) {
    if ((keda_.idle && replicas > *keda_.idle) || (replicas > 0 && keda_.min == 0)) {
      if (!keda_.scale_in_paused && cooled_down()) to(keda_.inactive_replicas(), Rule::deactivated);
    } else if (!keda_.idle && replicas < keda_.min) {
      to(keda_.min, Rule::keda_minimum);
    }
  }
  next_ += keda_.polling_interval;
  return d;
}

}  // namespace hpawalk::hpasim
