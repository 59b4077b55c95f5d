// What the hops mean together: where a new value is on its way, what the HPA makes of it, whether anything is
// still going to change, and if it is held back, by what and until when. Pure; live.hpp delivers the hops.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "diagnose/controller.hpp"
#include "hpasim/replay.hpp"
#include "observe/live.hpp"

namespace hpawalk::observe {

struct Outlook {
  enum class State {
    broken,      // a hop has no value, or something is missing: waiting alone may not help
    travelling,  // the value has not come to the HPA yet
    moving,      // the HPA acts, or will at its next look
    held,        // nothing happens until `until`: a stabilization window
    settled      // nothing more will change with this value
  };
  State state = State::broken;
  std::string rule;  // stable: "prom-fake", "prometheus", "metrics-api", "hpa", "rollout", or hpasim's rule
  std::string text;  // one sentence
  std::optional<world::WallTime> until;  // when it ends by itself
  std::optional<int> next;               // how many replicas there will be then
  bool at_rest() const { return state == State::held || state == State::settled; }
};
std::string_view name_of(Outlook::State state);

// What the metrics asked for at the HPA's syncs, as far as it is known: the stabilization window counts it.
class Memory {
 public:
  // What was before the observation, by time.
  void remember(const std::vector<hpasim::PastRecommendation>& past);
  // The hops at every change.
  void note(const Hops& hops, const diagnose::ControllerSettings& controller);

  // By time; of each the last sync that made it.
  const std::vector<hpasim::PastRecommendation>& recommendations() const { return recommendations_; }

 private:
  std::vector<hpasim::PastRecommendation> recommendations_;
  world::WallTime synced_{};  // the last sync that was watched
};

Outlook outlook(const Hops& hops, const Memory& memory, const diagnose::ControllerSettings& controller,
                world::WallTime now);

// What the metrics asked for in the last stabilization window: from Prometheus, and the HPA's Events. Empty
// where one of the metrics is not in Prometheus.
std::vector<hpasim::PastRecommendation> read_past(world::KubeApi& api, const LiveChain& chain,
                                                  const diagnose::ControllerSettings& controller,
                                                  world::WallTime now);

// When the HPA will look again: every sync period after its last look that showed.
world::WallTime next_look(const HpaSeen& hpa, const diagnose::ControllerSettings& controller,
                          world::WallTime now);

}  // namespace hpawalk::observe
