// KEDA's loop over one ScaledObject in a simulation: it polls the triggers, activates and deactivates the
// workload, and answers the HPA. Source: see keda.hpp.
#pragma once

#include <optional>
#include <vector>

#include "hpasim/controller.hpp"
#include "hpasim/keda.hpp"

namespace hpawalk::hpasim {

class KedaLoop {
 public:
  KedaLoop(const Keda& keda, const std::vector<MetricSpec>& metrics);

  // The next poll. It reads each external trigger: milli, none if its source did not answer.
  Time next() const { return next_; }
  void start_at(Time first) { next_ = first; }
  using Values = std::vector<std::optional<std::int64_t>>;
  // What KEDA does at that poll, with as many replicas and ready pods.
  Decision poll(const Values& values, std::int32_t replicas, std::int32_t ready);

  // What the HPA is told of a trigger, whose source says `value` at this moment: milli, none for an error.
  std::optional<std::int64_t> answer(std::size_t trigger, std::optional<std::int64_t> value,
                                     std::int32_t replicas, std::int32_t ready);

 private:
  struct Observed {
    std::optional<std::int64_t> value;
    bool fallback = false;
  };
  Observed observe(std::size_t trigger, std::optional<std::int64_t> value, std::int32_t replicas,
                   std::int32_t ready);
  bool cooled_down() const;

  const Keda& keda_;
  const std::vector<MetricSpec>& metrics_;
  Time next_{0};
  std::optional<Time> last_active_;
  std::vector<std::int32_t> failures_;              // in a row, a trigger each
  std::vector<std::optional<Observed>> last_poll_;  // of the triggers with useCachedMetrics
};

}  // namespace hpawalk::hpasim
