#include "observe/forecast.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/text.hpp"
#include "diagnose/past.hpp"
#include "world/kube_list.hpp"
#include "world/kube_resource.hpp"
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
    if (hops.has_source && hops.source.text.empty())
      return Outlook{State::broken, "prom-fake", hops.source.missing, {}, {}};
    if (hops.has_prometheus && hops.prometheus.text.empty())
      return Outlook{State::broken, "prometheus", hops.prometheus.missing, {}, {}};
    if (hops.has_api && hops.api.text.empty())
      return Outlook{State::broken, "metrics-api", hops.api.missing, {}, {}};
    if (hops.hpa.target.empty())
      return Outlook{State::broken, "hpa", "the HPA does not use this metric", {}, {}};
    return std::nullopt;
  }

  // Only of a value that somebody sets: any other changes all the time, and is never at all hops at once.
  std::optional<Outlook> travelling() const {
    if (!hops.has_source) return std::nullopt;
    if (!same_number(hops.source.number, hops.prometheus.number)) {
      return Outlook{State::travelling,
                     "prometheus",
                     fmt::format("prom-fake shows {}; Prometheus has {}, scraped at {}", hops.source.text,
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
    if (!read_by_hpa()) {
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

  // Has the HPA read what the API returns? Of an average it shows the total over the replicas of its sync,
  // rounded up to a thousandth.
  bool read_by_hpa() const {
    if (!hops.hpa.average) return same_number(hops.api.number, hops.hpa.metric.number);
    if (!hops.api.number || !hops.hpa.metric.number) return false;
    auto is_average_over = [&](int replicas) {
      return std::abs(*hops.api.number / std::max(1, replicas) - *hops.hpa.metric.number) < 0.0011;
    };
    return is_average_over(hops.hpa.current) || is_average_over(hops.workload.replicas);
  }

  ConditionSeen condition(const std::string& type) const {
    auto found = hops.hpa.conditions.find(type);
    return found == hops.hpa.conditions.end() ? ConditionSeen{} : found->second;
  }

  std::optional<Outlook> rollout() const {
    const WorkloadSeen& w = hops.workload;
    if (hops.hpa.desired != w.wanted && condition("ScalingActive").status == "True") {
      return Outlook{
          State::moving,
          "rollout",
          fmt::format("the HPA's desired replicas are {}, the workload's are {}", hops.hpa.desired, w.wanted),
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
  hpasim::State state(const hpasim::Spec& spec) const {
    hpasim::State s = hpasim::with_replicas(hpasim::state_of(hops.hpa.object), spec, hops.workload.wanted);
    s.desired = hops.hpa.desired;
    s.ready_pods = hops.workload.ready;
    for (const auto& [type, c] : hops.hpa.conditions) s.conditions[type] = {c.status, c.reason, c.message};
    return s;
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
    if (!reason.held->strongest && !reason.at_latest) {
      return {State::moving, reason.rule,
              fmt::format("{}: no recommendation of the last {} holds it any more; the next sync is at about "
                          "{}{}",
                          why, length, in_time(next_look(hops.hpa, controller, now), now),
                          reason.next ? fmt::format(", then {}", *reason.next) : ""),
              next_look(hops.hpa, controller, now), reason.next};
    }
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
    std::vector<hpasim::Reason> reasons = hpasim::why_unchanged(
        spec, controller.rules, controller.flags, state(spec), memory.recommendations(), sim_time(now));
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
    if (is({"at-max", "at-min", "within-tolerance", "metric", "disabled", "keda-zero"})) {
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

void Memory::remember(const std::vector<hpasim::PastRecommendation>& past) {
  recommendations_ = past;
}

void Memory::note(const Hops& hops, const diagnose::ControllerSettings& controller) {
  if (!hops.hpa.there || hops.hpa.synced == world::WallTime{} || hops.hpa.synced == synced_) return;
  std::optional<hpasim::Spec> spec = hpasim::spec_of(hops.hpa.object);
  if (!spec) return;
  hpasim::State state = hpasim::state_of(hops.hpa.object);
  if (hops.workload.known) state.ready_pods = hops.workload.ready;
  std::optional<std::int32_t> recommended =
      hpasim::recommendation_of(*spec, controller.rules, controller.flags, state);
  if (!recommended) return;
  world::WallTime at = hops.hpa.synced;
  if (synced_ == world::WallTime{}) {
    // The HPA's own syncs tell more than what was read of the past.
    std::erase_if(recommendations_, [&](const auto& p) { return p.at > sim_time(at); });
  } else {
    // What did not change the status was recommended again at every sync in between.
    hpasim::Time before = sim_time(at) - controller.flags.sync_period;
    recommendations_.back().at = std::max(recommendations_.back().at, before);
  }
  recommendations_.push_back({sim_time(at), *recommended});
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
  if (hops.has_prometheus && hops.has_api && adapter_distorts(hops.prometheus.number.value_or(0))) {
    found.text += fmt::format("; prometheus-adapter makes {} of {}", hops.api.text, hops.prometheus.text);
  }
  return found;
}

std::vector<hpasim::PastRecommendation> read_past(world::KubeApi& api, const LiveChain& chain,
                                                  const diagnose::ControllerSettings& controller,
                                                  world::WallTime now) {
  using world::kube_kind;
  // It only makes the forecast more exact: what cannot be read leaves it as it is.
  Result<Json> hpa =
      world::kube_get(api, kube_kind("HorizontalPodAutoscaler").object(chain.space, chain.hpa));
  std::optional<hpasim::Spec> spec = hpa ? hpasim::spec_of(*hpa) : std::nullopt;
  if (!spec || !chain.prometheus || spec->metrics.size() != chain.metrics.size()) return {};
  world::Duration length = std::max(in_ms(hpasim::window_of(*spec, controller.flags, true)),
                                    in_ms(hpasim::window_of(*spec, controller.flags, false))) +
                           1min;  // a few syncs more
  double end = static_cast<double>(now.time_since_epoch().count()) / 1000.0;
  double seconds = static_cast<double>(length.count()) / 1000.0;
  constexpr double most_points = 720;
  world::PrometheusApi prometheus = world::prometheus_behind(api, *chain.prometheus, chain.prometheus_prefix);
  hpasim::Past past;
  for (size_t i = 0; i < chain.metrics.size(); ++i) {
    const ChainMetric& metric = chain.metrics[i];
    if (metric.expression.empty()) return {};
    Result<Json> rows = prometheus.range(metric.expression, end - seconds, end,
                                         std::max(1.0, std::round(seconds / most_points)));
    if (!rows) return {};
    past.metrics.push_back(diagnose::past_samples(*rows, metric.kind));
  }
  std::vector<const Json*> events;
  Result<Json> rescales = world::kube_list(
      api, kube_kind("Event").collection(chain.space) + "?fieldSelector=reason%3DSuccessfulRescale");
  if (rescales) {
    for (const Json& event : list_at(*rescales, "items")) events.push_back(&event);
  }
  past.replicas = diagnose::past_replicas(*hpa, events);
  return hpasim::replay(*spec, controller.rules, controller.flags, past,
                        static_cast<std::int32_t>(int_at(*hpa, "status.currentReplicas")));
}

}  // namespace hpawalk::observe
