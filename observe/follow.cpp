#include "observe/follow.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace hpawalk::observe {
namespace {

using namespace std::chrono_literals;

constexpr world::Duration give_up_after = 30s;  // two looks of the HPA
constexpr world::Duration first_readings = 5s;  // after that `begin` goes on with what has been read

class Follower {
 public:
  Follower(world::Clock& clock, world::KubeApi& api, const LiveChain& chain,
           const diagnose::ControllerSettings& controller, const Follow& what, LiveView& view)
      : clock_(clock),
        api_(api),
        chain_(chain),
        what_(what),
        controller_(controller),
        view_(view),
        start_(clock.now()) {
    memory_.remember(read_past(api_, chain_, controller_, clock_.wall_now()));
  }

  Result<Followed> run() {
    Status seen = watch_chain(api_, clock_, chain_, [this](const Hops& hops, const Change& change) {
      return on_change(hops, change);
    });
    view_.end();
    if (error_) return failure(*error_);
    if (!seen) return failure(seen.error());
    return std::move(result_);
  }

 private:
  bool on_change(const Hops& hops, const Change& change) {
    memory_.note(hops, controller_);
    result_.hops = hops;
    result_.outlook = outlook(hops, memory_, controller_, clock_.wall_now());
    view_.show(hops, change, result_.outlook);
    if (result_.began == world::WallTime{} && (hops.known() || clock_.now() - start_ > first_readings) &&
        !begin(hops))
      return false;
    if (result_.began != world::WallTime{}) note(hops);
    return !ended(hops);
  }

  bool begin(const Hops& hops) {
    if (what_.begin) {
      result_.began = clock_.wall_now();
      if (Status begun = what_.begin(hops); !begun) return error_ = begun.error(), false;
    }
    result_.began = clock_.wall_now();
    return true;
  }

  // When what was set is first seen where.
  void note(const Hops& hops) {
    if (hops.source.asked >= result_.began && hops.source.number) {
      double sent = *hops.source.number;
      auto arrived = [&](const Seen& seen, double value) {
        return seen.asked >= result_.began && same_number(seen.number, value);
      };
      if (!result_.in_prometheus && arrived(hops.prometheus, sent))
        result_.in_prometheus = std::max(hops.prometheus.changed, result_.began);
      if (!result_.in_api && result_.in_prometheus && arrived(hops.api, as_adapter_serves(sent)))
        result_.in_api = clock_.wall_now();
      if (!result_.in_hpa && result_.in_api && hops.hpa.metric.number == hops.api.number)
        result_.in_hpa = clock_.wall_now();
    }
    const WorkloadSeen& w = hops.workload;
    if (!w.there) return;
    if (result_.replicas.empty() || result_.replicas.back().second != w.wanted)
      result_.replicas.emplace_back(w.changed, w.wanted);
    if (w.ready != w.wanted) {
      result_.ready.reset();
    } else if (!result_.ready) {
      result_.ready = w.changed;
    }
  }

  bool ended(const Hops& hops) {
    if (result_.began == world::WallTime{}) return false;
    bool current = hops.source.asked >= result_.began || !what_.begin;  // what was set has been read back
    std::optional<std::string> reason =
        what_.goal ? missing(*what_.goal, hops, result_.outlook) : std::nullopt;
    if (what_.goal && !reason && current) return true;
    world::TimePoint now = clock_.now();
    if (what_.limit && now - start_ >= *what_.limit) {
      if (what_.goal)
        error_ =
            Error{ErrorClass::check_failed,
                  "until-timeout",
                  fmt::format("{} was not reached within {}", what_.goal->text, text::duration(*what_.limit)),
                  reason.value_or(result_.outlook.text),
                  {},
                  {},
                  {}};
      return true;
    }
    if (result_.outlook.state != Outlook::State::broken)
      broken_since_.reset();
    else if (!broken_since_)
      broken_since_ = now;
    if (!what_.give_up || !broken_since_ || now - *broken_since_ < give_up_after) return false;
    error_ = Error{ErrorClass::check_failed,
                   "chain-broken",
                   "The value does not reach the HPA",
                   result_.outlook.text,
                   "hpawalk verify   names the first failing check and its cause",
                   {},
                   {}};
    return true;
  }

  world::Clock& clock_;
  world::KubeApi& api_;
  const LiveChain& chain_;
  const Follow& what_;
  const diagnose::ControllerSettings& controller_;
  LiveView& view_;
  Memory memory_;
  world::TimePoint start_;
  Followed result_;
  std::optional<Error> error_;
  std::optional<world::TimePoint> broken_since_;
};

}  // namespace

Result<Followed> follow(world::Clock& clock, world::KubeApi& api, const LiveChain& chain,
                        const diagnose::ControllerSettings& controller, const Follow& what, LiveView& view) {
  return Follower(clock, api, chain, controller, what, view).run();
}

}  // namespace hpawalk::observe
