#include "observe/forecast.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "hpasim/explain.hpp"
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

std::string replicas(int n) {
  return fmt::format("{} {}", n, n == 1 ? "replica" : "replicas");
}

std::string in_time(world::WallTime until, world::WallTime now) {
  world::Duration left = std::max<world::Duration>(0ms, std::chrono::ceil<std::chrono::seconds>(until - now));
  return fmt::format("{} (in {})", world::clock_time(until), text::duration(left));
}

std::optional<hpasim::Spec> spec_of(Json hpa) {
  hpa["apiVersion"] = "autoscaling/v2";  // the entries of a list do not say it
  hpa["kind"] = "HorizontalPodAutoscaler";
  auto spec = hpasim::parse_spec(hpasim::Document::parse(json_text(hpa)));
  return spec ? std::optional(*spec) : std::nullopt;
}

// What so much of the metric asks for: the proposal of the HPA's first metric, as calculator.hpp has it.
int asked_for(const hpasim::Spec& spec, const diagnose::ControllerSettings& controller, double value,
              int ready, int current) {
  const hpasim::MetricSpec& metric = spec.metrics.front();
  double ratio = std::trunc(value * 1000) / static_cast<double>(metric.target);
  hpasim::Tolerance tolerance = hpasim::Controller(spec, controller.rules, controller.flags).tolerance();
  if (metric.target_kind != hpasim::TargetKind::value) {
    return tolerance.within(ratio / std::max(1, current)) ? current : hpasim::to_int32(std::ceil(ratio));
  }
  return tolerance.within(ratio) ? current : hpasim::to_int32(std::ceil(ratio * ready));
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
      return Outlook{
          State::moving, "rollout", fmt::format("{} desired, {} ready", replicas(w.wanted), w.ready), {}, {}};
    }
    return std::nullopt;
  }

  hpasim::State state() const {
    hpasim::State s;
    s.current = hops.workload.wanted;
    s.desired = hops.hpa.desired;
    s.ready_pods = hops.workload.ready;
    hpasim::MetricState metric;
    if (hops.hpa.metric.number) {
      metric.value = std::llround(*hops.hpa.metric.number * 1000);
      metric.average = metric.value;
    }
    s.metrics.push_back(metric);
    for (const auto& [type, c] : hops.hpa.conditions) s.conditions[type] = {c.status, c.reason, c.message};
    return s;
  }

  world::Duration window(const hpasim::Spec& spec) const {
    if (spec.behavior && spec.behavior->down.window_seconds)
      return std::chrono::seconds(*spec.behavior->down.window_seconds);
    return in_ms(controller.flags.downscale_stabilization);
  }

  // A higher recommendation within the window holds the replicas: which one lasts longest, and what is left
  // then.
  Outlook held(const hpasim::Spec& spec) const {
    int current = hops.workload.wanted, ready = hops.workload.ready;
    int asked = asked_for(spec, controller, hops.hpa.metric.number.value_or(0), ready, current);
    world::Duration length = window(spec);
    auto allowed = [&](int n) { return std::clamp(n, spec.min, spec.max); };
    auto of = [&](const Memory::Proposal& p) {
      return asked_for(spec, controller, p.value, p.ready >= 0 ? p.ready : ready, current);
    };
    int highest = 0;
    world::WallTime last{};
    for (const Memory::Proposal& p : memory.proposals()) {
      if (p.last <= now - length || allowed(of(p)) < current) continue;
      highest = std::max(highest, of(p));
      last = std::max(last, p.last);
    }
    int next = allowed(asked);
    if (next >= current) {
      return {State::settled,
              "at-min",
              fmt::format("stays at {}: {} of {} needs {}, and minReplicas is {}", current,
                          hops.hpa.metric.text, hops.hpa.target, replicas(asked), spec.min),
              {},
              current};
    }
    for (const Memory::Proposal& p : memory.proposals()) {
      if (p.last > last && p.last > now - length) next = std::max(next, std::min(allowed(of(p)), current));
    }
    std::string source =
        controller.seen || (spec.behavior && spec.behavior->down.window_seconds)
            ? ""
            : ", assumed from Kubernetes' default: the controller's flags are not visible on this cluster";
    std::string why = fmt::format("scale-down stabilization ({}s{})", length.count() / 1000, source);
    if (last == world::WallTime{}) {
      return {State::held,
              "stabilized-down",
              fmt::format("stays at {} because of {}: the current metric needs only {}, but a higher "
                          "recommendation from before this watch began still counts, until {} at the latest",
                          current, why, allowed(asked), in_time(now + length, now)),
              now + length,
              {}};
    }
    std::string most = allowed(highest) == highest
                           ? std::to_string(highest)
                           : fmt::format("{}, limited to {} by maxReplicas", highest, allowed(highest));
    return {State::held, "stabilized-down",
            fmt::format("stays at {} until about {}: {}; the highest recommendation of the last {}s was {}, "
                        "until {}; then {}",
                        current, in_time(last + length, now), why, length.count() / 1000, most,
                        world::clock_time(last), next),
            last + length, next};
  }

  Outlook acts(const hpasim::Spec& spec) const {
    ConditionSeen able = condition("AbleToScale");
    if (able.reason == "ScaleDownStabilized" && able.status == "True") return held(spec);
    world::WallTime look = next_look(hops.hpa, controller, now);
    std::vector<hpasim::Reason> reasons =
        hpasim::why_unchanged(spec, controller.rules, controller.flags, state(), {}, hpasim::Time(0));
    if (reasons.empty())
      return {State::moving,
              "unknown",
              fmt::format("the next sync is at about {}", in_time(look, now)),
              look,
              {}};
    const hpasim::Reason& reason = reasons.front();
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
    int current = hops.workload.wanted;
    int wanted = std::clamp(
        asked_for(spec, controller, hops.hpa.metric.number.value_or(0), hops.workload.ready, current),
        spec.min, spec.max);
    if (!spec.behavior && wanted > current) {
      int step = std::min(wanted, std::max(2 * current, 4));
      std::string limit =
          step < wanted
              ? ", because without `behavior` one sync at most doubles the replicas (or scales to 4)"
              : "";
      return {State::moving, "doubling",
              fmt::format("{} of {} needs {}: at its next sync, at about {}, the HPA scales to {}{}",
                          hops.hpa.metric.text, hops.hpa.target, replicas(wanted), in_time(look, now), step,
                          limit),
              look, step};
    }
    return {State::moving,
            reason.rule,
            fmt::format("{}; the next sync is at about {}", reason.text, in_time(look, now)),
            look,
            {}};
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
  std::optional<hpasim::Spec> spec = spec_of(hops.hpa.object);
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
