// Follows a chain until a condition holds, a limit is reached or the chain stays broken: what `watch` and
// `set-value --watch` have in common. Knows nothing about how the hops are shown: a LiveView does that.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "observe/forecast.hpp"
#include "observe/goal.hpp"
#include "world/clock.hpp"

namespace hpawalk::observe {

// How the hops are shown.
class LiveView {
 public:
  virtual ~LiveView() = default;
  virtual void show(const Hops& hops, const Change& change, const Outlook& outlook) = 0;
  virtual void end() = 0;  // nothing more comes
};

struct Follow {
  std::optional<Goal> goal = {};              // ends well when it is reached
  std::optional<world::Duration> limit = {};  // ends then: badly if there is a goal
  // Called once, when every hop has been read: sets the value. From then on `goal` counts.
  std::function<Status(const Hops&)> begin = {};
  bool give_up = false;  // ends badly when a hop is broken for half a minute
};

struct Followed {
  Hops hops;
  Outlook outlook;
  world::WallTime began{};  // when `begin` had been called
  // After `began`, when each was first seen to have prom-fake's value.
  std::optional<world::WallTime> in_prometheus, in_api, in_hpa;
  std::vector<std::pair<world::WallTime, int>> replicas;  // each number of replicas that there was
  std::optional<world::WallTime> ready;  // when as many pods were ready as there are replicas, last
};

// The error `until-timeout` (with the last reason), `chain-broken`, or what observe says.
Result<Followed> follow(world::Clock& clock, world::KubeApi& api, const LiveChain& chain,
                        const diagnose::ControllerSettings& controller, const Follow& what, LiveView& view);

}  // namespace hpawalk::observe
