#include "observe/shadow_look.hpp"

#include <map>

#include <fmt/format.h>

#include "base/quantity.hpp"
#include "hpasim/profile.hpp"
#include "world/kube_list.hpp"
#include "world/kube_resource.hpp"
#include "world/times.hpp"

namespace hpawalk::observe {

using hpasim::Failure;
using hpasim::MetricKind;
using hpasim::Phase;
using hpasim::PodGroup;
using hpasim::PodSample;
using hpasim::Time;

namespace {

std::int64_t milli_at(const Json& object, std::string_view field) {
  const Json& value = at(object, field);
  if (value.is_number()) return milli_of(value.dump()).value_or(0);
  return milli_of(text_at(object, field)).value_or(0);
}

struct Clocked {
  world::WallTime began;
  Time operator()(const std::string& text) const {
    return std::chrono::duration_cast<Time>(world::parse_time(text).value_or(began) - began);
  }
};

PodGroup group_of(const Json& pod, const Clocked& time) {
  PodGroup group{1, Phase::running, false, false, false, {}, {}};
  const std::string phase = text_at(pod, "status.phase");
  if (phase == "Pending") group.phase = Phase::pending;
  if (phase == "Failed") group.phase = Phase::failed;
  group.deleting = !at(pod, "metadata.deletionTimestamp").is_null();
  const Json& ready = condition(pod, "Ready");
  const std::string started = text_at(pod, "status.startTime");
  group.has_conditions = !ready.is_null() && !started.empty();
  group.ready = text_at(ready, "status") == "True";
  group.started = time(started);
  group.ready_changed = time(text_at(ready, "lastTransitionTime"));
  return group;
}

// The answers of the metrics API by pod.
struct PodValue {
  std::int64_t milli = 0;
  Time at{0}, window{0};
};
using PodValues = std::map<std::string, PodValue>;

PodValues custom_values(const Json& answer, const Clocked& time) {
  PodValues values;
  for (const Json& item : list_at(answer, "items")) {
    // Without a window the controller takes one minute.
    Time window = std::chrono::seconds(int_at(item, "windowSeconds", 60));
    values[text_at(item, "describedObject.name")] = {milli_at(item, "value"),
                                                     time(text_at(item, "timestamp")), window};
  }
  return values;
}

// A pod of which one container has no value has none, if all containers count.
PodValues resource_values(const Json& answer, const ChainMetric& metric, const Clocked& time) {
  PodValues values;
  for (const Json& item : list_at(answer, "items")) {
    PodValue value{0, time(text_at(item, "timestamp")),
                   hpasim::parse_duration(text_at(item, "window", "0s")).value_or(Time(0))};
    bool found = false, missing = false;
    for (const Json& container : list_at(item, "containers")) {
      if (!metric.container.empty() && text_at(container, "name") != metric.container) continue;
      const Json& usage = at(container, {"usage", metric.name});
      missing = missing || usage.is_null();
      found = found || !usage.is_null();
      if (usage.is_string()) value.milli += milli_of(usage.get<std::string>()).value_or(0);
    }
    if (found && !missing) values[text_at(item, "metadata.name")] = value;
  }
  return values;
}

bool of_resource(MetricKind kind) {
  return kind == MetricKind::resource || kind == MetricKind::container_resource;
}

MetricLook look_at_metric(world::KubeApi& api, const ChainMetric& metric, const std::vector<Json>& pods,
                          const ShadowTarget& target) {
  MetricLook look;
  auto failed = [&](Failure failure) {
    look.failure = failure;
    return look;
  };
  if (metric.path.empty()) return failed(Failure::unavailable);
  Result<Json> answer = world::kube_get(api, metric.path);
  if (!answer) return failed(Failure::unavailable);
  const Json& items = list_at(*answer, "items");
  if (items.empty()) return failed(metric.kind == MetricKind::object ? Failure::unavailable : Failure::empty);
  if (metric.kind == MetricKind::object || metric.kind == MetricKind::external) {
    for (const Json& item : items) look.values.push_back(milli_at(item, "value"));
    if (metric.kind == MetricKind::object) look.values.resize(1);
    return look;
  }
  const Clocked time{target.began};
  PodValues values =
      of_resource(metric.kind) ? resource_values(*answer, metric, time) : custom_values(*answer, time);
  for (const Json& pod : pods) {
    auto value = values.find(text_at(pod, "metadata.name"));
    PodSample sample;
    sample.present = value != values.end();
    if (sample.present)
      sample.milli = value->second.milli, sample.at = value->second.at, sample.window = value->second.window;
    if (of_resource(metric.kind)) {
      std::optional<std::int64_t> request = request_of(pod, metric.name, metric.container, target.rules);
      sample.has_request = request.has_value();
      sample.request = request.value_or(0);
    }
    look.samples.push_back(sample);
  }
  return look;
}

}  // namespace

std::optional<std::int64_t> request_of(const Json& pod, const std::string& resource,
                                       const std::string& container, const hpasim::Rules& rules) {
  auto own = [&](const Json& object) -> std::optional<std::int64_t> {
    const Json& request = at(object, {"resources", "requests", resource});
    if (request.is_null()) return std::nullopt;
    return milli_of(request.is_string() ? request.get<std::string>() : request.dump());
  };
  const bool pod_level =
      rules.pod_level_requests && container.empty() && !at(pod, "spec.resources.requests").empty();
  if (pod_level) {
    if (std::optional<std::int64_t> request = own(at(pod, "spec"))) return request;
  }
  std::int64_t sum = 0;
  size_t asked = 0, with = 0;
  auto add = [&](const Json& one) {
    if (!container.empty() && text_at(one, "name") != container) return;
    std::optional<std::int64_t> request = own(one);
    sum += request.value_or(0);
    ++asked;
    with += request.has_value();
  };
  for (const Json& one : list_at(pod, "spec.containers")) add(one);
  for (const Json& one : list_at(pod, "spec.initContainers")) {
    if (text_at(one, "restartPolicy") == "Always") add(one);
  }
  // A pod that has requests of its own for another resource adds up those that there are.
  if (with == 0 || (with < asked && !pod_level)) return std::nullopt;
  return sum;
}

Result<ShadowLook> look(world::KubeApi& api, world::Clock& clock, const ShadowTarget& target) {
  const LiveChain& chain = target.chain;
  auto now = [&] { return std::chrono::duration_cast<Time>(clock.wall_now() - target.began); };
  auto scale = world::kube_get(api, chain.workload.collection + "/" + chain.workload.name + "/scale");
  if (!scale) return failure(scale.error());
  ShadowLook look;
  look.scale_read = now();
  look.scale = {static_cast<std::int32_t>(int_at(*scale, "spec.replicas")),
                static_cast<std::int32_t>(int_at(*scale, "status.replicas"))};
  const std::string selector = text_at(*scale, "status.selector");
  auto listed = world::kube_list(api, world::kube_kind("Pod").collection(chain.space) +
                                          "?labelSelector=" + world::query_value(selector));
  if (!listed) return failure(listed.error());
  std::vector<Json> pods = list_at(*listed, "items").get<std::vector<Json>>();
  for (const Json& pod : pods) look.pods.push_back(group_of(pod, {target.began}));
  for (const ChainMetric& metric : chain.metrics)
    look.metrics.push_back(look_at_metric(api, metric, pods, target));
  look.at = now();
  return look;
}

Result<ShadowRun> follow_shadow(world::KubeApi& api, world::Clock& clock, const ShadowTarget& target,
                                Time length,
                                const std::function<void(const Shadow&, const ShadowLook&)>& on_look) {
  Result<ShadowLook> seen = look(api, clock, target);
  if (!seen) return failure(seen.error());
  ShadowRun run{Shadow(target.spec, target.rules, target.flags, seen->scale.spec_replicas, target.own_zero)};
  const Time period = target.flags.sync_period;
  const world::TimePoint start = clock.now();
  auto elapsed = [&] { return std::chrono::duration_cast<Time>(clock.now() - start); };
  auto sleep_until = [&](Time at) {
    Time pause = std::max(Time(0), at - elapsed());
    run.interrupted = !clock.sleep(std::chrono::duration_cast<world::Duration>(pause));
    return !run.interrupted;
  };
  Time answered{0};
  // As the controller: a period after the look before has ended.
  for (Time next{0}; next <= length; next = elapsed() + period) {
    if (next > Time(0)) {
      if (!sleep_until(next)) break;
      seen = look(api, clock, target);
    }
    if (seen) {
      run.shadow.take(*seen);
      on_look(run.shadow, *seen);
      answered = elapsed();
      continue;
    }
    run.interrupted = seen.error().kind == ErrorClass::interrupted;
    if (run.interrupted) break;
    ++run.missed;
    if (elapsed() - answered >= std::chrono::minutes(1))
      return failure(ErrorClass::environment, "chain-lost", "The API server has not answered for a minute",
                     seen.error().what);
  }
  if (!run.interrupted) sleep_until(length);
  run.length = elapsed();
  return run;
}

}  // namespace hpawalk::observe
