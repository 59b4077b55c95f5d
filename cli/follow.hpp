// Follows the chain's hops and shows them as they change: redrawn in place on a terminal, time-stamped lines elsewhere,
// JSON lines with `-o json`. What `watch` and `set-value --watch` have in common.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "chain/outlook.hpp"
#include "cli/goal.hpp"
#include "cli/open_chain.hpp"

namespace hpawalk {

// How the hops are shown.
class LiveView {
 public:
  virtual ~LiveView() = default;
  virtual void show(const Hops& hops, const Change& change, const Outlook& outlook) = 0;
  virtual void end() = 0;  // nothing more comes
};
std::unique_ptr<LiveView> make_live_view(Session& session, const LiveChain& chain, const ControllerSettings& controller,
                                         const std::string& where);

struct Follow {
  std::optional<Goal> goal = {};       // ends well when it is reached
  std::optional<Duration> limit = {};  // ends then: badly if there is a goal
  // Called once, when every hop has been read: sets the value. From then on `goal` counts.
  std::function<Status(const Hops&)> begin = {};
  bool give_up = false;                // ends badly when a hop is broken for half a minute
};

struct Followed {
  Hops hops;
  Outlook outlook;
  WallTime began{};                    // when `begin` had been called
  // After `began`, when each was first seen to have prom-fake's value.
  std::optional<WallTime> in_prometheus, in_api, in_hpa;
  std::vector<std::pair<WallTime, int>> replicas;  // each number of replicas that there was
  std::optional<WallTime> ready;       // when as many pods were ready as there are replicas, last
};

// The error `until-timeout` (with the last reason), `chain-broken`, or what observe says.
Result<Followed> follow(Session& session, OpenChain& chain, const Follow& what);

}  // namespace hpawalk
