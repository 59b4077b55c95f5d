#include "observe/shadow.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "hpasim/explain.hpp"
#include "hpasim/outcome.hpp"

namespace hpawalk::observe {

using hpasim::MetricSpec;
using hpasim::Phase;
using hpasim::PodGroup;
using hpasim::PodSample;
using hpasim::Step;
using hpasim::Sync;
using hpasim::Time;

namespace {

bool of_pods(const MetricSpec& metric) {
  return metric.kind != hpasim::MetricKind::object && metric.kind != hpasim::MetricKind::external;
}

bool is_ready(const PodGroup& pod) {
  return pod.phase == Phase::running && pod.ready && !pod.deleting;
}

void add_step(std::vector<Step>& steps, Time at, std::int32_t count) {
  if (steps.empty()) at = Time(0);
  if (steps.empty() || steps.back().count != count) steps.push_back({at, count});
}

// From being created until being ready, the median of those that are.
Time start_of(const std::vector<PodGroup>& pods) {
  std::vector<Time> times;
  for (const PodGroup& pod : pods) {
    if (is_ready(pod) && pod.has_conditions) times.push_back(pod.ready_changed - pod.started);
  }
  if (times.empty()) return hpasim::Pods{}.pending;
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return std::max(Time(0), times[times.size() / 2]);
}

// The sum of the samples that are there, and the mean request of their pods; milli.
struct Total {
  std::int64_t milli = 0, request = 0;
  bool has_request = true;
  Time at{0}, window{0};
};

Total total_of(const std::vector<PodSample>& samples) {
  Total total;
  std::int64_t present = 0;
  for (const PodSample& sample : samples) {
    if (!sample.present) continue;
    ++present;
    total.milli += sample.milli;
    total.request += sample.request;
    total.has_request = total.has_request && sample.has_request;
    total.at = sample.at, total.window = sample.window;
  }
  if (present > 0) total.request /= present;
  return total;
}

}  // namespace

int ShadowLook::ready() const {
  return static_cast<int>(std::count_if(pods.begin(), pods.end(), is_ready));
}

Shadow::Shadow(hpasim::Spec spec, hpasim::Rules rules, hpasim::Flags flags, std::int32_t replicas,
               bool own_zero)
    : spec_(std::move(spec)), controller_(spec_, rules, flags), replicas_(replicas) {
  setup_.rules = rules;
  setup_.flags = flags;
  loads_.resize(spec_.metrics.size());
  if (replicas == 0 && own_zero) controller_.came_to_zero();
  add_step(shadow_, Time(0), replicas);
}

void Shadow::note_load(const ShadowLook& look) {
  for (size_t i = 0; i < spec_.metrics.size(); ++i) {
    const MetricLook& metric = look.metrics[i];
    if (metric.failure != hpasim::Failure::none) continue;  // the last value holds
    double load = 0;
    if (of_pods(spec_.metrics[i])) {
      Total total = total_of(metric.samples);
      bool share = spec_.metrics[i].target_kind == hpasim::TargetKind::utilization;
      if (share && total.request == 0) continue;
      load = static_cast<double>(total.milli) / (share ? static_cast<double>(total.request) / 100 : 1000);
    } else {
      load =
          static_cast<double>(std::accumulate(metric.values.begin(), metric.values.end(), std::int64_t{0})) /
          1000;
    }
    std::vector<hpasim::Profile::Point>& points = loads_[i];
    Time at = points.empty() ? Time(0) : look.at;
    if (!points.empty()) points.push_back({at, points.back().value});
    points.push_back({at, load});
  }
}

ShadowLook Shadow::imagined(const ShadowLook& look) const {
  ShadowLook world = look;
  world.scale = {replicas_, replicas_};
  std::vector<size_t> order(look.pods.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const PodGroup &one = look.pods[a], &other = look.pods[b];
    if (is_ready(one) != is_ready(other)) return is_ready(one);
    return one.started < other.started;
  });
  std::erase_if(order, [&](size_t i) { return look.pods[i].deleting; });
  order.resize(std::min(order.size(), static_cast<size_t>(std::max(0, replicas_))));
  world.pods.clear();
  for (size_t i : order) world.pods.push_back(look.pods[i]);
  // The others are the last that were added.
  const Time start = start_;
  auto missing = replicas_ - static_cast<std::int32_t>(order.size());
  for (auto batch = added_.rbegin(); missing > 0; ++batch) {
    bool oldest = batch == added_.rend();
    std::int32_t count = oldest ? missing : std::min(missing, batch->count);
    Time created = oldest ? look.at - start - std::chrono::hours(1) : batch->at;
    bool ready = created + start <= look.at;
    world.pods.insert(
        world.pods.end(), static_cast<size_t>(count),
        {1, ready ? Phase::running : Phase::pending, false, ready, true, created, created + start});
    missing -= count;
    if (oldest) break;
  }
  int ready = world.ready();
  for (size_t i = 0; i < spec_.metrics.size(); ++i) {
    if (!of_pods(spec_.metrics[i]) || look.metrics[i].failure != hpasim::Failure::none) continue;
    Total total = total_of(look.metrics[i].samples);
    std::vector<PodSample>& samples = world.metrics[i].samples;
    samples.clear();
    for (const PodGroup& pod : world.pods) {
      samples.push_back({is_ready(pod) && ready > 0, ready > 0 ? total.milli / ready : 0, total.at,
                         total.window, total.has_request, total.request});
    }
  }
  return world;
}

void Shadow::change_to(std::int32_t replicas, Time at) {
  if (replicas > replicas_) added_.push_back({replicas - replicas_, at, false});
  add_step(shadow_ready_, at, std::min(shadow_ready_.back().count, replicas));
  for (std::int32_t less = replicas_ - replicas; less > 0 && !added_.empty();) {
    std::int32_t taken = std::min(less, added_.back().count);
    added_.back().count -= taken;
    less -= taken;
    if (added_.back().count == 0) added_.pop_back();
  }
  replicas_ = replicas;
  add_step(shadow_, at, replicas);
}

std::vector<Step> Shadow::ready_steps(Time until) const {
  std::vector<Step> steps = shadow_ready_;
  for (const Added& added : added_) {
    const Time at = added.at + start_;
    if (!added.counted && at <= until && !steps.empty())
      add_step(steps, std::max(at, steps.back().at), steps.back().count + added.count);
  }
  return steps;
}

const Sync& Shadow::take(const ShadowLook& look) {
  start_ = start_of(look.pods);
  shadow_ready_ = ready_steps(look.at);
  for (Added& added : added_) added.counted = added.counted || added.at + start_ <= look.at;
  add_step(real_, look.at, look.scale.spec_replicas);
  add_step(real_ready_, look.at, look.ready());
  note_load(look);
  const ShadowLook seen = look.scale.spec_replicas == replicas_ ? look : imagined(look);
  add_step(shadow_ready_, look.at, seen.ready());
  std::vector<hpasim::Reading> readings;
  for (const MetricLook& metric : seen.metrics)
    readings.push_back({metric.failure, metric.values, metric.samples});
  hpasim::Decision decision = controller_.sync(readings, seen.pods, seen.scale, seen.scale_read, seen.at);
  if (decision.rescaled()) {
    controller_.wrote(decision, seen.at);
    change_to(decision.to, seen.at);
  }
  hpasim::Proposal proposal;
  if (decision.metric >= 0) proposal = controller_.proposals()[static_cast<size_t>(decision.metric)];
  syncs_.push_back({seen.at, decision, proposal, seen.ready()});
  return syncs_.back();
}

std::vector<hpasim::Profile> Shadow::loads() const {
  std::vector<hpasim::Profile> profiles;
  for (const auto& points : loads_)
    profiles.emplace_back(points.empty() ? std::vector<hpasim::Profile::Point>{{Time(0), 0}} : points);
  return profiles;
}

hpasim::Timeline Shadow::timeline(std::vector<Step> replicas, std::vector<Step> ready, Time end) const {
  return hpasim::timeline_of(spec_, loads(), setup_, std::move(replicas), std::move(ready), end);
}

hpasim::Timeline Shadow::real_timeline(Time end) const {
  return timeline(real_, real_ready_, end);
}

hpasim::Timeline Shadow::shadow_timeline(Time end) const {
  hpasim::Timeline made = timeline(shadow_, ready_steps(end), end);
  made.syncs = syncs_;
  return made;
}

std::vector<ShadowDifference> Shadow::differences(Time end) const {
  std::vector<ShadowDifference> all;
  for (const hpasim::Apart& span : hpasim::apart(real_, shadow_, end)) {
    ShadowDifference d{span.from, span.to, span.first, span.second, {}};
    // The sync that made the shadow's number, or else the first that kept it.
    auto sync = std::find_if(syncs_.begin(), syncs_.end(), [&](const Sync& s) { return s.at >= d.from; });
    if (sync == syncs_.end()) --sync;
    d.why = hpasim::explain(spec_, sync->decision, sync->proposal);
    all.push_back(std::move(d));
  }
  // By the clock of the looks: one period, and what a look may come late.
  const Time period = setup_.flags.sync_period;
  std::erase_if(all, [&](const ShadowDifference& d) { return d.to - d.from <= period + period / 2; });
  return all;
}

}  // namespace hpawalk::observe
