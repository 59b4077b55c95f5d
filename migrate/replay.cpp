#include "migrate/replay.hpp"

#include <algorithm>
#include <cmath>

#include "hpasim/keda.hpp"

namespace hpawalk::migrate {

using hpasim::Document;
using hpasim::MetricSpec;
using hpasim::Outage;
using hpasim::Profile;
using hpasim::Time;

namespace {

Time time_of(double seconds) {
  return Time(std::llround(seconds * 1e6));
}

bool of_resource(const MetricSpec& metric) {
  return metric.kind == hpasim::MetricKind::resource || metric.kind == hpasim::MetricKind::container_resource;
}

struct Scaler {
  hpasim::Spec spec;
  std::optional<hpasim::Keda> keda;
};

Result<Scaler> scaler_of(const Document& document) {
  Document hpa = document;
  std::optional<hpasim::Keda> keda;
  if (hpasim::is_scaled_object(document)) {
    Result<hpasim::ScaledObject> object = hpasim::read_scaled_object(document);
    if (!object) return failure(object.error());
    hpa = object->hpa;
    keda = object->keda;
  }
  Result<hpasim::Spec> spec = hpasim::parse_spec(hpa);
  if (!spec) return failure(spec.error());
  return Scaler{std::move(*spec), std::move(keda)};
}

// 0 where the query had no result.
Profile with_zeros(const Past& past) {
  std::vector<Profile::Point> points;
  size_t gap = 0;
  for (const Profile::Point& point : past.values.points()) {
    for (; gap < past.gaps.size() && past.gaps[gap].from <= point.at; ++gap) {
      points.push_back({past.gaps[gap].from, points.empty() ? 0 : points.back().value});
      points.push_back({past.gaps[gap].from, 0});
      points.push_back({past.gaps[gap].to, 0});
    }
    if (points.empty() || points.back().at <= point.at) points.push_back(point);
  }
  for (; gap < past.gaps.size(); ++gap) {
    points.push_back({past.gaps[gap].from, points.empty() ? 0 : points.back().value});
    points.push_back({past.gaps[gap].from, 0});
    points.push_back({past.gaps[gap].to, 0});
  }
  return Profile(std::move(points));
}

// The metrics with a past, in the spec's order. A side's metrics are those of the plan, but sorted: KEDA puts
// External ones first. Both keep the order within what has a query.
hpasim::Timeline run(Scaler scaler, const Plan& plan, const std::vector<std::optional<Past>>& pasts,
                     const ReplaySetup& with, Time duration) {
  hpasim::Setup setup;
  setup.rules = with.rules;
  setup.flags = with.flags;
  setup.duration = duration;
  setup.details = true;
  setup.replicas = std::clamp(with.replicas, scaler.keda ? 0 : scaler.spec.min, scaler.spec.max);
  std::vector<Profile> profiles;
  std::vector<MetricSpec> metrics;
  std::vector<hpasim::Trigger> triggers;
  size_t next = 0;  // of the plan's metrics
  for (size_t i = 0; i < scaler.spec.metrics.size(); ++i) {
    if (of_resource(scaler.spec.metrics[i])) continue;
    while (next < plan.metrics.size() && plan.metrics[next].query.empty()) ++next;
    if (next >= plan.metrics.size()) break;
    const size_t at = next++;
    if (!pasts[at]) continue;
    const bool zero = scaler.keda && plan.metrics[at].empty_is_zero;
    profiles.push_back(zero ? with_zeros(*pasts[at]) : pasts[at]->values);
    if (!zero) setup.outages.insert(setup.outages.end(), pasts[at]->gaps.begin(), pasts[at]->gaps.end());
    metrics.push_back(scaler.spec.metrics[i]);
    if (scaler.keda) triggers.push_back(scaler.keda->triggers[i]);
  }
  scaler.spec.metrics = std::move(metrics);
  if (scaler.keda) {
    scaler.keda->triggers = std::move(triggers);
    setup.keda = scaler.keda;
  }
  std::sort(setup.outages.begin(), setup.outages.end(),
            [](const Outage& a, const Outage& b) { return a.from < b.from; });
  return hpasim::simulate(scaler.spec, profiles, setup);
}

}  // namespace

std::optional<Past> past_of(const std::vector<world::Point>& points, double start, double end, double step) {
  Past past;
  std::vector<Profile::Point> values;
  double last = start - step;  // the last moment with a value
  for (const world::Point& point : points) {
    if (!std::isfinite(point.value) || point.time < last) continue;
    const Time at = time_of(std::max(0.0, point.time - start));
    if (point.time - last > 1.5 * step)
      past.gaps.push_back({time_of(std::max(0.0, last + step - start)), at});
    if (!values.empty()) values.push_back({at, values.back().value});
    values.push_back({at, std::max(0.0, point.value)});
    last = point.time;
  }
  if (values.empty()) return std::nullopt;
  if (end - last > 1.5 * step) past.gaps.push_back({time_of(last + step - start), time_of(end - start)});
  if (values.back().at < time_of(end - start)) values.push_back({time_of(end - start), values.back().value});
  past.values = Profile(std::move(values));
  return past;
}

Result<Replayed> replay(const Plan& plan, const Document& before, const Document& after,
                        const std::vector<std::optional<Past>>& pasts, const ReplaySetup& setup) {
  Result<Scaler> first = scaler_of(before), second = scaler_of(after);
  if (!first) return failure(first.error());
  if (!second) return failure(second.error());
  Replayed result;
  Time duration{0};
  for (size_t i = 0; i < plan.metrics.size(); ++i) {
    if (pasts[i])
      duration = std::max(duration, pasts[i]->values.end());
    else
      result.left_out.push_back(plan.metrics[i].from);
  }
  if (duration == Time(0)) return result;
  result.before = run(std::move(*first), plan, pasts, setup, duration);
  result.after = run(std::move(*second), plan, pasts, setup, duration);
  const Time period = setup.flags.sync_period;
  for (const hpasim::Apart& span : hpasim::apart(result.before.replicas, result.after.replicas, duration)) {
    if (span.to - span.from > period + period / 2) result.differences.push_back(span);
  }
  return result;
}

}  // namespace hpawalk::migrate
