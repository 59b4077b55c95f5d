// A total with a target of type Value: the HPA adds pods, the value does not fall, and so it adds pods.
#include <algorithm>

#include "diagnose/past.hpp"
#include "diagnose/rules_hpa.hpp"

namespace hpawalk::diagnose {

const Cause cause::total_as_value = {
    .id = "total-as-value",
    .link = Link::hpa,
    .symptom = "The HPA runs to maxReplicas and stays there",
    .reason =
        "The target's type is Value, which the HPA multiplies by the replicas, but more pods do not make the "
        "metric smaller: it is a total",
    .detection = "The metric's history against the HPA's own rescales",
    .fix = "A target of type AverageValue"};

namespace {

struct Moment {
  hpasim::Time at{0};
  std::int32_t replicas = 0;
  double value = 0;
};

std::optional<double> value_at(const std::vector<hpasim::PastSample>& samples, hpasim::Time at) {
  auto after = std::find_if(samples.begin(), samples.end(),
                            [&](const hpasim::PastSample& sample) { return sample.at > at; });
  if (after == samples.begin()) return std::nullopt;
  return std::prev(after)->value;
}

// The first rescale of which there is a sample.
std::optional<Moment> beginning(const std::vector<hpasim::PastReplicas>& rescales,
                                const std::vector<hpasim::PastSample>& samples) {
  for (const hpasim::PastReplicas& rescale : rescales) {
    if (std::optional<double> value = value_at(samples, rescale.at))
      return Moment{rescale.at, rescale.replicas, *value};
  }
  return std::nullopt;
}

}  // namespace

void judge_total(const HpaSide& s) {
  const MetricNeed& need = s.c.need;
  if (!at_limit(s.hpa) || !asks_for_value(need) || !s.spec || need.index >= s.spec->metrics.size()) return;
  const Reading* history = history_of(s.c, need);
  if (history == nullptr || !history->read()) return;
  std::vector<hpasim::PastSample> samples = past_samples(history->value, s.spec->metrics[need.index].kind);
  std::optional<Moment> first = beginning(past_replicas(s.hpa, s.c.facts.items("rescales")), samples);
  // Twice the pods would halve what one pod gets.
  if (!first || s.replicas < 2 * first->replicas || samples.back().value < 0.9 * first->value) return;
  std::string field = need.external() ? "external" : "object";
  s.report.note(
      cause::total_as_value,
      fmt::format(
          "{} did not fall while the replicas rose from {} to {}: if it is a total, AverageValue is "
          "meant, because the HPA compares a target of type Value with the value as if more pods made "
          "it smaller",
          need.title(), first->replicas, s.replicas),
      {fmt::format("Prometheus: {:.6g} at {} ({} replicas), {:.6g} now ({} replicas)", first->value,
                   world::clock_time(world::WallTime(std::chrono::duration_cast<world::Duration>(first->at))),
                   first->replicas, samples.back().value, s.replicas),
       fmt::format("HPA {}: spec.metrics[{}] has a target of type Value, {}", s.ref, need.index,
                   need.target)},
      advice_with(fmt::format("If it is a total, set spec.metrics[{}].{}.target to what one pod can handle, "
                              "for example",
                              need.index, field),
                  {{"type", "AverageValue"}, {"averageValue", need.target}},
                  look_at("get", ref_of("hpa", s.hpa))));
}

}  // namespace hpawalk::diagnose
