#include "observe/forecast.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/text.hpp"
#include "hpasim/why.hpp"
#include "world/prometheus_api.hpp"
#include "world/times.hpp"

namespace hpawalk::observe {

using namespace std::chrono_literals;
using State = Outlook::State;

std::string_view name_of(State state) {
  switch (state) {
    case State::broken: return "broken";
    case State::travelling: return "travelling";
    case State::moving: return "moving";
    case State::held: return "held";
    case State::settled: return "settled";
  }
  return "broken";
}

namespace {

world::Duration in_ms(hpasim::Time t) {
  return std::chrono::duration_cast<world::Duration>(t);
}

std::string in_time(world::WallTime until, world::WallTime now) {
  world::Duration left = std::max<world::Duration>(0ms, std::chrono::ceil<std::chrono::seconds>(until - now));
  return fmt::format("{} (in {})", world::clock_time(until), text::duration(left));
}

hpasim::Time sim_time(world::WallTime at) {
  return at.time_since_epoch();
}

world::WallTime wall_time(hpasim::Time at) {
  return world::WallTime(in_ms(at));
}

struct Judge {
  const Hops& hops;
  const Memory& memory;
  const diagnose::ControllerSettings& controller;
  world::WallTime now;

  std::optional<Outlook> missing() const {
    if (!hops.lost.empty())
      return Outlook{State::broken,
                     "api-server",
                     fmt::format("the API server has not responded since {}: {}",
                                 world::clock_time(hops.lost_since), hops.lost),
                     {},
                     {}};
    if (!hops.known())
      return Outlook{State::travelling, "start", "not every value has been read yet", {}, {}};
    if (!hops.hpa.there) return Outlook{State::broken, "hpa", hops.hpa.missing, {}, {}};
    if (!hops.workload.there) return Outlook{State::broken, "workload", hops.workload.missing, {}, {}};
    if (hops.prom_fake.text.empty())
      return Outlook{State::broken, "prom-fake", hops.prom_fake.missing, {}, {}};
    if (hops.prometheus.text.empty())
      return Outlook{State::broken, "prometheus", hops.prometheus.missing, {}, {}};
    if (hops.api.text.empty()) return Outlook{State::broken, "metrics-api", hops.api.missing, {}, {}};
    if (hops.hpa.target.empty())
      return Outlook{State::broken, "hpa", "the HPA does not use this metric", {}, {}};
    return std::nullopt;
  }

  std::optional<Outlook> travelling() const {
    if (!same_number(hops.prom_fake.number, hops.prometheus.number)) {
      return Outlook{State::travelling,
                     "prometheus",
                     fmt::format("prom-fake shows {}; Prometheus has {}, scraped at {}", hops.prom_fake.text,
                                 hops.prometheus.text, world::clock_time(hops.prometheus.at)),
                     {},
                     {}};
    }
    if (hops.api.asked < hops.prometheus.changed + 200ms) {  // it was asked before Prometheus had the value
      return Outlook{State::travelling,
                     "metrics-api",
                     fmt::format("Prometheus has {}; the custom metrics API said {}", hops.prometheus.text,
                                 hops.api.text),
                     {},
                     {}};
    }
    if (!same_number(hops.api.number, hops.hpa.metric.number)) {
      const ConditionSeen active = condition("ScalingActive");
      world::WallTime look = next_look(hops.hpa, controller, now);
      if (active.status == "False") {
        return Outlook{State::broken,
                       "hpa",
                       fmt::format("{}: {}; the metric is in the API now, and the next sync is at about {}",
                                   active.reason, active.message, in_time(look, now)),
                       look,
                       {}};
      }
      std::string has = hops.hpa.metric.text.empty() ? "none yet" : hops.hpa.metric.text;
      return Outlook{State::travelling,
                     "hpa",
                     fmt::format("the API returns {}, the HPA has read {}: the next sync is at about {}",
                                 hops.api.text, has, in_time(look, now)),
                     look,
                     {}};
    }
    return std::nullopt;
  }

  ConditionSeen condition(const std::string& type) const {
    auto found = hops.hpa.conditions.find(type);
    return found == hops.hpa.conditions.end() ? ConditionSeen{} : found->second;
  }

  std::optional<Outlook> rollout() const {
    const WorkloadSeen& w = hops.workload;
    if (hops.hpa.desired != w.wanted && condition("ScalingActive").status == "True") {
      return Outlook{State::moving,
                     "rollout",
                     fmt::format("the HPA's desired replicas are {}, the Deployment's are {}",
                                 hops.hpa.desired, w.wanted),
                     {},
                     {}};
    }
    if (w.ready != w.wanted || w.replicas != w.wanted) {
      return Outlook{State::moving,
                     "rollout",
                     fmt::format("{} desired, {} ready", text::count(w.wanted, "replica"), w.ready),
                     {},
                     {}};
    }
    return std::nullopt;
  }

  // The HPA as its controller sees it, with the pods that were watched.
  hpasim::State state() const {
    hpasim::State s = hpasim::state_of(hops.hpa.object);
    s.current = hops.workload.wanted;
    s.desired = hops.hpa.desired;
    s.ready_pods = hops.workload.ready;
    for (const auto& [type, c] : hops.hpa.conditions) s.conditions[type] = {c.status, c.reason, c.message};
    if (hops.hpa.metric.number && !s.metrics.empty()) {
      s.metrics.front().value = std::llround(*hops.hpa.metric.number * 1000);
      s.metrics.front().average = s.metrics.front().value;
    }
    return s;
  }

  // What the metric asked for at the syncs that are known.
  std::vector<hpasim::PastRecommendation> past(const hpasim::Spec& spec) const {
    std::vector<hpasim::PastRecommendation> all;
    for (const Memory::Proposal& p : memory.proposals()) {
      std::int64_t milli = std::llround(p.value * 1000);
      std::optional<hpasim::Proposal> then = hpasim::proposal_of(
          spec, 0, {milli, milli, {}}, hops.workload.wanted, p.ready >= 0 ? p.ready : hops.workload.ready,
          controller.rules, controller.flags);
      if (then && then->because != hpasim::Because::failed) all.push_back({sim_time(p.last), then->replicas});
    }
    return all;
  }

  // A recommendation within the stabilization window holds the replicas: until when, and what comes then.
  Outlook held(const hpasim::Spec& spec, const hpasim::Reason& reason) const {
    int current = hops.workload.wanted;
    world::WallTime until = wall_time(*reason.until);
    bool down = reason.rule == "stabilized-down",
         flag = down && !(spec.behavior && spec.behavior->down.window_seconds);
    std::string source =
        controller.seen || !flag
            ? ""
            : ", assumed from Kubernetes' default: the controller's flags are not visible on this cluster";
    std::string length =
        fmt::format("{}s", in_ms(reason.held->window).count() / 1000);  // as the field has it
    std::string why = fmt::format("scale-{} stabilization ({}{})", down ? "down" : "up", length, source);
    if (!reason.held->strongest) {
      return {State::held,
              reason.rule,
              fmt::format("stays at {} because of {}: the current metric would not keep it, but a {} "
                          "recommendation from before this watch began still counts, until {} at the latest",
                          current, why, down ? "higher" : "lower", in_time(until, now)),
              until,
              {}};
    }
    int strongest = *reason.held->strongest, allowed = hpasim::within_limits(spec, strongest);
    std::string most = allowed == strongest ? std::to_string(strongest)
                                            : fmt::format("{}, limited to {} by {}", strongest, allowed,
                                                          down ? "maxReplicas" : "minReplicas");
    return {State::held, reason.rule,
            fmt::format("stays at {} until about {}: {}; the {} recommendation of the last {} was {}, "
                        "until {}; then {}",
                        current, in_time(until, now), why, down ? "highest" : "lowest", length, most,
                        world::clock_time(wall_time(reason.held->last)), reason.next.value_or(current)),
            until, reason.next};
  }

  Outlook acts(const hpasim::Spec& spec) const {
    world::WallTime look = next_look(hops.hpa, controller, now);
    std::vector<hpasim::Reason> reasons =
        hpasim::why_unchanged(spec, controller.rules, controller.flags, state(), past(spec), sim_time(now));
    if (reasons.empty())
      return {State::moving,
              "unknown",
              fmt::format("the next sync is at about {}", in_time(look, now)),
              look,
              {}};
    const hpasim::Reason& reason = reasons.front();
    if (reason.held) return held(spec, reason);
    auto is = [&](std::initializer_list<std::string_view> rules) {
      return std::find(rules.begin(), rules.end(), reason.rule) != rules.end();
    };
    if (is({"scale", "no-metric", "zero"})) return {State::broken, reason.rule, reason.text, {}, {}};
    if (is({"at-max", "at-min", "within-tolerance", "metric", "disabled"})) {
      return {State::settled,
              reason.rule,
              fmt::format("stays at {}: {}", hops.workload.wanted, reason.text),
              {},
              hops.workload.wanted};
    }
    std::string next = reason.next ? fmt::format("at its next sync, at about {}, the HPA scales to {}",
                                                 in_time(look, now), *reason.next)
                                   : fmt::format("the next sync is at about {}", in_time(look, now));
    return {State::moving, reason.rule, reason.text + "; " + next, look, reason.next};
  }
};

}  // namespace

world::WallTime next_look(const HpaSeen& hpa, const diagnose::ControllerSettings& controller,
                          world::WallTime now) {
  world::Duration period = std::max<world::Duration>(1ms, in_ms(controller.flags.sync_period));
  if (hpa.synced == world::WallTime{} || hpa.synced > now) return now + period;
  return hpa.synced + ((now - hpa.synced) / period + 1) * period;
}

void Memory::remember(world::WallTime at, double value) {
  proposals_.push_back({at, at, value, -1});
}

void Memory::note(const Hops& hops, const diagnose::ControllerSettings& controller) {
  if (!hops.hpa.there || !hops.hpa.metric.number || hops.hpa.synced == world::WallTime{} ||
      hops.hpa.synced == synced_)
    return;
  world::Duration period = in_ms(controller.flags.sync_period);
  world::WallTime at = hops.hpa.synced;
  // What did not change the status was seen again at every look in between.
  if (!watched_)
    std::erase_if(proposals_,
                  [&](const Proposal& p) { return p.last > at; });  // the HPA's own looks tell more
  if (watched_) proposals_.back().last = std::max(proposals_.back().first, at - period);
  proposals_.push_back({at, at, *hops.hpa.metric.number, hops.workload.known ? hops.workload.ready : -1});
  watched_ = true;
  synced_ = at;
}

Outlook outlook(const Hops& hops, const Memory& memory, const diagnose::ControllerSettings& controller,
                world::WallTime now) {
  Judge judge{hops, memory, controller, now};
  if (std::optional<Outlook> found = judge.missing()) return *found;
  if (std::optional<Outlook> found = judge.travelling()) return *found;
  if (std::optional<Outlook> found = judge.rollout()) return *found;
  std::optional<hpasim::Spec> spec = hpasim::spec_of(hops.hpa.object);
  if (!spec || spec->metrics.empty())
    return {State::broken, "hpa", "hpawalk does not support this HPA's spec", {}, {}};
  Outlook found = judge.acts(*spec);
  if (adapter_distorts(*hops.prometheus.number)) {
    found.text += fmt::format("; prometheus-adapter makes {} of {}", hops.api.text, hops.prometheus.text);
  }
  return found;
}

void remember_past(Memory& memory, world::KubeApi& api, const LiveChain& chain,
                   const diagnose::ControllerSettings& controller, world::WallTime now) {
  world::Duration length = std::max<world::Duration>(in_ms(controller.flags.downscale_stabilization), 60s);
  double end = static_cast<double>(now.time_since_epoch().count()) / 1000.0;
  std::string path = fmt::format("/api/v1/query_range?query={}&start={:.3f}&end={:.3f}&step={}",
                                 world::query_value("sum(" + chain.expression + ")"),
                                 end - static_cast<double>(length.count()) / 1000.0, end,
                                 std::max<long long>(1, chain.interval.count() / 1000));
  Result<Json> data = world::prometheus_behind(api, chain.prometheus).get(path);
  if (!data) return;  // it only makes the explanation more exact
  for (const Json& row : list_at(*data, "result")) {
    for (const Json& point : list_at(row, "values")) {
      if (point.size() != 2 || !point[0].is_number() || !point[1].is_string()) continue;
      double at = point[0].get<double>();
      auto value = number_of(point[1].get<std::string>());
      if (value && at > 0 && at < 1e11)
        memory.remember(world::WallTime(world::Duration(static_cast<long long>(at * 1000))), *value);
    }
  }
}

}  // namespace hpawalk::observe
