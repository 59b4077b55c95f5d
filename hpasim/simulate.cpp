#include "hpasim/simulate.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <future>
#include <limits>
#include <map>

#include "hpasim/keda_loop.hpp"
#include "hpasim/sync_clock.hpp"

namespace hpawalk::hpasim {

namespace {

// --- the pods behind the scale

struct Batch {
  std::int32_t count;
  Time created, running, ready;
  bool counted = false;  // among the ready ones
};

class PodSet {
 public:
  PodSet(std::int32_t count, const Pods& options) : options_(options), settled_(count) {
    steps_.push_back({Time(0), count});
  }

  void add(std::int32_t count, Time at) {
    Time running = at + options_.pending;
    batches_.push_back({count, at, running, running + options_.warming, false});
  }

  // As the ReplicaSet controller chooses: those that are not ready first, and among equals the youngest.
  void remove(std::int32_t count, Time at) {
    advance(at);
    std::int32_t was_ready = ready_;
    for (bool only_unready : {true, false}) {
      for (auto batch = batches_.rbegin(); batch != batches_.rend() && count > 0; ++batch) {
        bool is_ready = batch->counted;
        if (only_unready && is_ready) continue;
        std::int32_t taken = std::min(count, batch->count);
        batch->count -= taken;
        count -= taken;
        if (is_ready) ready_ -= taken;
      }
    }
    std::int32_t taken = std::min(count, settled_);
    settled_ -= taken;
    ready_ -= taken;
    std::erase_if(batches_, [](const Batch& b) { return b.count == 0; });
    if (ready_ == was_ready) return;
    if (options_.terminating > Time(0))
      leaving_.push_back({was_ready - ready_, at, at, at + options_.terminating, true});
    steps_.push_back({at, ready_});
  }

  // Pods that became ready up to `now`; old ones join the settled group.
  void advance(Time now) {
    for (;;) {
      Batch* next = nullptr;
      for (Batch& batch : batches_) {
        if (!batch.counted && batch.ready <= now && (next == nullptr || batch.ready < next->ready))
          next = &batch;
      }
      if (next == nullptr) break;
      Time at = next->ready;
      for (Batch& batch : batches_) {
        if (batch.counted || batch.ready != at) continue;
        batch.counted = true;
        ready_ += batch.count;
      }
      steps_.push_back({at, ready_});
    }
    std::erase_if(leaving_, [&](const Batch& b) { return b.ready <= now; });
  }

  void settle(Time older_than, Time sampled) {
    std::erase_if(batches_, [&](const Batch& b) {
      bool settled = b.counted && b.ready <= sampled && b.created <= older_than;
      if (settled) settled_ += b.count;
      return settled;
    });
  }

  std::int32_t ready() const { return ready_; }
  std::int32_t ready_at(Time t) const {
    for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
      if (step->at <= t) return step->count;
    }
    return steps_.front().count;
  }

  // The groups that the controller finds, and for each the time since when it has samples (none: nullopt).
  void groups(Time now, std::vector<PodGroup>& groups, std::vector<Time>& ready_since) const {
    groups.clear(), ready_since.clear();
    Time ages = Time(-1) - std::chrono::hours(24);
    groups.push_back({settled_, Phase::running, false, true, true, ages, ages});
    ready_since.push_back(ages);
    for (const Batch& b : batches_) {
      bool is_ready = b.ready <= now;
      groups.push_back({b.count, b.running <= now ? Phase::running : Phase::pending, false, is_ready, true,
                        b.created, is_ready ? b.ready : b.running});
      ready_since.push_back(b.ready);
    }
    for (const Batch& b : leaving_) {
      groups.push_back({b.count, Phase::running, true, true, true, ages, ages});
      ready_since.push_back(ages);
    }
  }

  std::vector<Step> take_steps() { return std::move(steps_); }

 private:
  Pods options_;
  std::int32_t settled_;
  std::int32_t ready_ = settled_;
  std::vector<Batch> batches_, leaving_;
  std::vector<Step> steps_;
};

// --- what the HPA sees of the load

// A double to an int64 as an amd64 build in Go does it: what does not fit, NaN too, becomes the smallest.
std::int64_t to_int64(double value) {
  return std::abs(value) < 0x1p63 ? static_cast<std::int64_t>(value)
                                  : std::numeric_limits<std::int64_t>::min();
}

class Sensor {
 public:
  Sensor(const MetricSpec& metric, const Profile& profile, const Setup& setup)
      : metric_(metric),
        profile_(profile),
        setup_(setup),
        cursor_(profile),
        shared_(is_shared(metric, setup.meaning)),
        percent_(metric.target_kind == TargetKind::utilization && !setup.pods.requests.find(metric.name)),
        request_(setup.pods.requests.find(metric.name).value_or(1000)) {}

  // Milli: of the metric, or of the resource whose utilization counts.
  std::int64_t value(Time sampled, const PodSet& pods) {
    Time window = setup_.pipeline.window;
    double load = window > Time(0) ? profile_.average(sampled - window, sampled) : cursor_.at(sampled);
    if (shared_) load /= std::max(1, pods.ready_at(sampled));
    return percent_ ? to_int64(load / 100.0 * static_cast<double>(request_)) : to_int64(load * 1000.0);
  }

  Reading read(Time sampled, const PodSet& pods, const std::vector<PodGroup>& groups,
               const std::vector<Time>& ready_since) {
    const std::int64_t milli = value(sampled, pods);
    if (metric_.kind == MetricKind::object || metric_.kind == MetricKind::external) {
      value_ = milli;
      return {Failure::none, {&value_, 1}, {}};
    }
    samples_.clear();
    for (std::size_t i = 0; i < groups.size(); ++i) {
      bool present = groups[i].phase == Phase::running && ready_since[i] <= sampled && groups[i].ready;
      samples_.push_back({present, milli, sampled, setup_.pipeline.window, true, request_});
    }
    return {Failure::none, {}, samples_};
  }

 private:
  const MetricSpec& metric_;
  const Profile& profile_;
  const Setup& setup_;
  Profile::Cursor cursor_;
  bool shared_;
  bool percent_;  // the load is the percentage of a request
  std::int64_t request_;
  std::int64_t value_ = 0;
  std::vector<PodSample> samples_;
};

// What the HPA reads of a trigger is KEDA's answer; `told` keeps it.
void told_by_keda(KedaLoop& keda, std::size_t trigger, Reading& reading, std::int64_t& told,
                  std::int32_t replicas, std::int32_t ready) {
  const bool failed = reading.failure != Failure::none;
  const auto answer =
      keda.answer(trigger, failed ? std::nullopt : std::optional(reading.values[0]), replicas, ready);
  told = answer.value_or(0);
  reading = {answer ? Failure::none : Failure::unavailable, {&told, 1}, {}};
}

// --- the controller's delays

class Pace {
 public:
  explicit Pace(const Setup& setup)
      : setup_(setup),
        random_(setup.seed),
        period_(setup.flags.sync_period),
        resync_(setup.jitter ? drawn(Time(0), period_) : period_ / 2),
        queue_(period_) {}
  // The start of the first sync, and of the next one after another has ended. `change`: when the HPA changes
  // next.
  Time first(std::optional<Time> change) {
    queue_.delay_until(setup_.first_sync                 ? *setup_.first_sync
                       : setup_.jitter                   ? drawn(Time(0), period_)
                       : setup_.rules.first_sync_at_once ? Time(0)
                                                         : period_);
    return next(Time(0), change);
  }
  Time next(Time end, std::optional<Time> change) {
    if (!setup_.rules.first_sync_at_once) change.reset();
    return queue_.next(end, change) + wake_;
  }
  Time read() { return delay(setup_.delays.read_least, setup_.delays.read_most); }
  Time write() { return delay(setup_.delays.write_least, setup_.delays.write_most); }
  Time status() { return delay(setup_.delays.status_least, setup_.delays.status_most); }
  Time scrape_phase() {
    return setup_.jitter && setup_.pipeline.scrape_interval > Time(0)
               ? drawn(Time(0), setup_.pipeline.scrape_interval)
               : Time(0);
  }
  Time first_poll() { return setup_.jitter ? drawn(Time(0), setup_.keda->polling_interval) : Time(0); }
  Time relist() { return setup_.jitter ? drawn(Time(0), setup_.pipeline.relist) : setup_.pipeline.relist; }

  // Resyncs and timers are noticed a little later than they happen.
  void synced(Time start, Time end) {
    if (!setup_.jitter) return put_back(queue_, start, end, end, resync_, period_);
    Time::rep index = (start - setup_.delays.wake_most - resync_).count() / period_.count();
    for (Time tick = resync_ + period_ * index; tick < end; tick += period_) {
      Time noticed = tick + drawn(Time(0), setup_.delays.wake_most);
      if (noticed > start && noticed < end) queue_.put_back(noticed);
    }
    queue_.put_back(end);
    wake_ = drawn(Time(0), setup_.delays.wake_most);
  }

 private:
  Time drawn(Time least, Time most) {
    return least + Time(static_cast<Time::rep>(static_cast<double>((most - least).count()) * random_.unit()));
  }
  Time delay(Time least, Time most) {
    double u = setup_.jitter ? random_.unit() : 0.5;
    return least + Time(static_cast<Time::rep>(static_cast<double>((most - least).count()) * u * u));
  }
  const Setup& setup_;
  Random random_;
  Time period_, resync_;
  Time wake_{0};
  SyncQueue queue_;
};

// --- figures

// The part of [a, b] in which a line from `from` to `to` is above `limit`: at its beginning, its end, or all.
struct Above {
  double head = 0, tail = 0;  // shares of the interval
  double excess = 0;          // mean height above the limit over the whole interval
};

Above above(double from, double to, double limit) {
  if (from <= limit && to <= limit) return {};
  if (from > limit && to > limit) return {1, 1, (from + to) / 2 - limit};
  double share = (std::max(from, to) - limit) / std::abs(to - from);
  double excess = share * (std::max(from, to) - limit) / 2;
  return from > limit ? Above{share, 0, excess} : Above{0, share, excess};
}

struct Shortage {
  Figures& figures;
  Time since{-1};
  bool seen_one = false;

  void add(Time from, Time to) {
    if (to <= from) return;
    figures.time_short += to - from;
    if (since < Time(0)) since = from;
    longest(to);
  }
  void longest(Time to) {
    figures.longest_short = std::max(figures.longest_short, to - since);
    if (!seen_one) figures.first_short = to - since;
  }
  void over() {
    if (since >= Time(0)) seen_one = true;
    since = Time(-1);
  }
};

// The times at which the number of ready pods or a load's slope changes. All of them come sorted already.
std::vector<Time> breakpoints(const Timeline& timeline, const std::vector<Profile>& profiles) {
  std::vector<Time> cuts = {Time(0)}, merged;
  for (const Step& step : timeline.ready) cuts.push_back(step.at);
  for (const Profile& profile : profiles) {
    merged.clear();
    merged.reserve(cuts.size() + profile.points().size());
    auto cut = cuts.begin();
    for (const Profile::Point& point : profile.points()) {
      if (point.at > timeline.duration) break;
      while (cut != cuts.end() && *cut <= point.at) merged.push_back(*cut++);
      if (merged.empty() || merged.back() != point.at) merged.push_back(point.at);
    }
    merged.insert(merged.end(), cut, cuts.end());
    cuts.swap(merged);
  }
  if (cuts.back() < timeline.duration) cuts.push_back(timeline.duration);
  return cuts;
}

void measure_load(Timeline& timeline, const std::vector<Profile>& profiles, double tolerance_up) {
  Figures& f = timeline.figures;
  std::vector<Time> cuts = breakpoints(timeline, profiles);
  Shortage shortage{f};
  std::size_t step = 0;
  double load_sum = 0, beyond = 0;
  std::vector<Profile::Cursor> cursors;
  for (const Profile& profile : profiles) cursors.emplace_back(profile);
  for (std::size_t i = 0; i + 1 < cuts.size() && cuts[i] < timeline.duration; ++i) {
    Time a = cuts[i], b = std::min(cuts[i + 1], timeline.duration);
    while (step + 1 < timeline.ready.size() && timeline.ready[step + 1].at <= a) ++step;
    double ready = timeline.ready[step].count;
    double width = static_cast<double>((b - a).count());
    double head = 0, tail = 0, needed = 0;
    for (std::size_t m = 0; m < timeline.carried.size(); ++m) {
      auto& cursor = cursors[m % cursors.size()];
      double from = cursor.at(a), to = cursor.at(b - Time(1));
      Above part = above(from, to, ready * timeline.carried[m]);
      head = std::max(head, part.head), tail = std::max(tail, part.tail);
      needed = std::max(needed, (from + to) / 2 / timeline.carried[m] * (1 + tolerance_up));
      if (m > 0) continue;
      load_sum += (from + to) / 2 * width;
      beyond += part.excess * width;
    }
    f.idle_pod_hours += std::max(0.0, ready - std::ceil(needed - 1e-9)) * width / 3.6e9;
    auto share = [&](double x) { return Time(std::llround(x * width)); };
    if (head + tail >= 1) {
      shortage.add(a, b);
    } else {
      if (head > 0) shortage.add(a, a + share(head));
      if (tail < 1) shortage.over();
      if (tail > 0) shortage.add(b - share(tail), b);
    }
  }
  f.share_short = load_sum > 0 ? beyond / load_sum : 0;
}

void measure(Timeline& timeline, const std::vector<Profile>& profiles, double tolerance_up) {
  Figures& f = timeline.figures;
  f.lowest = f.highest = timeline.replicas.front().count;
  int direction = 0;
  for (std::size_t i = 0; i < timeline.replicas.size(); ++i) {
    const Step& step = timeline.replicas[i];
    Time until = i + 1 < timeline.replicas.size() ? timeline.replicas[i + 1].at : timeline.duration;
    f.pod_hours += static_cast<double>(step.count) * static_cast<double>((until - step.at).count()) / 3.6e9;
    f.lowest = std::min(f.lowest, step.count);
    f.highest = std::max(f.highest, step.count);
    if (i == 0) continue;
    int now = step.count > timeline.replicas[i - 1].count ? 1 : -1;
    ++f.changes;
    f.reversals += direction != 0 && now != direction;
    direction = now;
  }
  measure_load(timeline, profiles, tolerance_up);
}

}  // namespace

namespace {

void fill_figures(Timeline& timeline, const Controller& controller, const std::vector<Profile>& profiles,
                  const Setup& setup) {
  const std::vector<MetricSpec>& metrics = controller.spec().metrics;
  double up = controller.tolerance().up;
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    const std::vector<double>& carries = setup.carries;
    timeline.carried.push_back(
        (carries.empty() ? per_pod(metrics[i], setup.pods.requests) : carries[i % carries.size()]) *
        (1 + up));
  }
  measure(timeline, profiles, up);
}

}  // namespace

bool is_shared(const MetricSpec& metric, Meaning meaning) {
  bool whole_target = metric.kind == MetricKind::object || metric.kind == MetricKind::external;
  if (whole_target && metric.target_kind == TargetKind::average_value)
    return false;  // the HPA itself divides
  if (meaning != Meaning::usual) return meaning == Meaning::shared;
  return !whole_target;
}

std::optional<std::int64_t> Requests::find(const std::string& resource) const {
  auto own = of.find(resource);
  return own == of.end() ? each : own->second;
}

double per_pod(const MetricSpec& metric, const Requests& requests) {
  const double target = static_cast<double>(metric.target);
  if (metric.target_kind != TargetKind::utilization) return target / 1000.0;
  auto request = requests.find(metric.name);
  return request ? target / 100.0 * static_cast<double>(*request) / 1000.0 : target;
}

std::vector<std::int32_t> Timeline::sequence() const {
  std::vector<std::int32_t> counts;
  for (const Step& step : replicas) counts.push_back(step.count);
  return counts;
}

Timeline simulate(const Spec& spec, const std::vector<Profile>& profiles, const Setup& setup) {
  Timeline timeline;
  for (const Profile& profile : profiles) timeline.duration = std::max(timeline.duration, profile.end());
  if (setup.duration > Time(0)) timeline.duration = setup.duration;
  Controller controller(spec, setup.rules, setup.flags);
  Pace pace(setup);
  std::int32_t replicas = setup.replicas.value_or(setup.keda ? setup.keda->min : spec.min);
  if (replicas == 0 && setup.own_zero && !setup.keda) controller.came_to_zero();
  PodSet pods(replicas, setup.pods);
  timeline.replicas.push_back({Time(0), replicas});
  std::vector<Sensor> sensors;
  std::vector<Reading> readings;
  bool cpu = false;
  auto watch_metrics = [&] {
    const std::vector<MetricSpec>& metrics = controller.spec().metrics;
    sensors.clear();
    for (std::size_t i = 0; i < metrics.size(); ++i)
      sensors.emplace_back(metrics[i], profiles[i % profiles.size()], setup);
    readings.assign(metrics.size(), {});
    cpu = std::any_of(metrics.begin(), metrics.end(), [](const MetricSpec& m) { return m.name == "cpu"; });
  };
  watch_metrics();
  auto change = setup.changes.begin();
  auto next_change = [&] {
    return change == setup.changes.end() ? std::nullopt : std::optional<Time>(change->at);
  };
  std::vector<std::int64_t> told(sensors.size());  // by KEDA, milli
  std::vector<PodGroup> groups;
  std::vector<Time> ready_since;
  Time scrape = setup.pipeline.scrape_interval, phase = pace.scrape_phase(), relisted = pace.relist();
  if (setup.details)
    timeline.syncs.reserve(static_cast<std::size_t>(timeline.duration / setup.flags.sync_period) + 2);

  auto sampled_at = [&](Time now) {
    Time sampled = scrape > Time(0) ? now - (now - phase) % scrape : now;
    return scrape > Time(0) && sampled > now ? sampled - scrape : sampled;
  };
  auto answers = [&](Time now) {
    return std::none_of(setup.outages.begin(), setup.outages.end(),
                        [&](const Outage& outage) { return outage.from <= now && now < outage.to; });
  };
  auto scale_to = [&](std::int32_t count, Time at) {
    count > replicas ? pods.add(count - replicas, at) : pods.remove(replicas - count, at);
    replicas = count;
    timeline.replicas.push_back({at, replicas});
  };
  std::optional<KedaLoop> keda;
  KedaLoop::Values polled;
  if (setup.keda) {
    keda.emplace(*setup.keda, controller.spec().metrics);
    keda->start_at(pace.first_poll());
    polled.resize(sensors.size());
  }
  // KEDA's polls up to that moment.
  auto poll = [&](Time until) {
    while (keda && keda->next() <= until && keda->next() < timeline.duration) {
      const Time at = keda->next();
      pods.advance(at);
      for (std::size_t i = 0; i < sensors.size(); ++i) {
        if (setup.keda->triggers[i].external)
          polled[i] = answers(at) ? std::optional(sensors[i].value(sampled_at(at), pods)) : std::nullopt;
      }
      Decision d = keda->poll(polled, replicas, pods.ready());
      d.conditions = controller.conditions();
      const std::int32_t ready = pods.ready();
      if (d.rescaled()) scale_to(d.to, at);
      Proposal proposal;
      if (d.metric >= 0) {
        const std::optional<std::int64_t>& value = polled[static_cast<std::size_t>(d.metric)];
        proposal.current = value.value_or(0);
        if (!value) proposal.failure = Failure::unavailable;
      }
      if (d.rescaled()) timeline.syncs.push_back({at, d, proposal, ready});
    }
  };

  for (Time start = pace.first(next_change()); start < timeline.duration;) {
    for (; change != setup.changes.end() && change->at <= start; ++change) {
      controller.change(change->spec);
      watch_metrics();
    }
    Time now = start + pace.read();
    poll(now);
    pods.advance(now);
    const Time sampled = sampled_at(now);
    pods.settle(cpu ? now - setup.flags.cpu_initialization_period : now, sampled);
    pods.groups(now, groups, ready_since);
    // Outside of its bounds, the HPA does not look at metrics.
    const bool asks_keda = keda && replicas >= controller.spec().min && replicas <= controller.spec().max;
    for (std::size_t i = 0; i < sensors.size(); ++i) {
      readings[i] = sensors[i].read(sampled, pods, groups, ready_since);
      if (now < relisted || !answers(now)) readings[i].failure = Failure::unavailable;
      if (asks_keda && setup.keda->triggers[i].external)
        told_by_keda(*keda, i, readings[i], told[i], replicas, pods.ready());
    }
    Decision d = controller.sync(readings, groups, {replicas, replicas}, start, now);
    Time end = now;
    std::int32_t ready = pods.ready();
    if (d.rescaled()) {
      end += pace.write();
      controller.wrote(d, end);
      scale_to(d.to, end);
    }
    if (setup.details || d.rescaled()) {
      timeline.syncs.push_back(
          {now, d, d.metric >= 0 ? controller.proposals()[static_cast<std::size_t>(d.metric)] : Proposal{},
           ready});
    }
    end += pace.status();
    pace.synced(start, end);
    start = pace.next(end, next_change());
  }
  poll(timeline.duration);
  pods.advance(timeline.duration);
  timeline.ready = pods.take_steps();
  fill_figures(timeline, controller, profiles, setup);
  return timeline;
}

Timeline timeline_of(const Spec& spec, const std::vector<Profile>& profiles, const Setup& setup,
                     std::vector<Step> replicas, std::vector<Step> ready, Time duration) {
  Timeline timeline;
  timeline.replicas = std::move(replicas);
  timeline.ready = std::move(ready);
  timeline.duration = duration;
  fill_figures(timeline, Controller(spec, setup.rules, setup.flags), profiles, setup);
  return timeline;
}

namespace {

Spread spread(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  auto at = [&](double share) {
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5)];
  };
  return {values.front(), at(0.5), at(0.95), values.back()};
}

constexpr std::uint64_t kMostRuns = 1'000'003;

}  // namespace

std::uint64_t seed_of_run(std::uint64_t seed, int i) {
  return seed * kMostRuns + static_cast<std::uint64_t>(i);
}
std::uint64_t seed_of_all(std::uint64_t seed) {
  return seed < kMostRuns ? seed : seed / kMostRuns;
}

Runs simulate_runs(const Spec& spec, const std::vector<Profile>& profiles, Setup setup, int runs,
                   unsigned threads, const KeepOn& keep_on) {
  setup.details = false;
  setup.jitter = true;
  struct Run {
    std::vector<std::int32_t> sequence;
    Figures figures;
    bool done = false;
  };
  std::vector<Run> all(static_cast<std::size_t>(runs));
  std::atomic<int> next = 0, done = 0;
  std::atomic<bool> stop = false;
  auto work = [&](bool tells) {
    for (int i = next++; i < runs && !stop; i = next++) {
      Setup own = setup;
      own.seed = seed_of_run(setup.seed, i);
      Timeline timeline = simulate(spec, profiles, own);
      all[static_cast<std::size_t>(i)] = {timeline.sequence(), timeline.figures, true};
      int so_far = ++done;
      if (tells && keep_on && !keep_on(so_far)) stop = true;
    }
  };
  std::vector<std::future<void>> others;  // their destructors wait; get() hands over what one threw
  for (unsigned t = 1; t < threads; ++t) others.push_back(std::async(std::launch::async, work, false));
  work(true);
  for (std::future<void>& other : others) other.get();

  Runs result;
  result.count = done;
  std::map<std::vector<std::int32_t>, Runs::Outcome> outcomes;
  std::vector<double> hours, changes, time_short, first_short, share_short;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Run& run = all[i];
    if (!run.done) continue;
    const Figures& f = run.figures;
    Runs::Outcome& outcome = outcomes[run.sequence];
    if (outcome.times++ == 0) outcome = {run.sequence, 1, seed_of_run(setup.seed, static_cast<int>(i))};
    hours.push_back(f.pod_hours), changes.push_back(f.changes), share_short.push_back(f.share_short);
    time_short.push_back(in_seconds(f.time_short)), first_short.push_back(in_seconds(f.first_short));
  }
  for (auto& [sequence, outcome] : outcomes) result.outcomes.push_back(outcome);
  std::stable_sort(result.outcomes.begin(), result.outcomes.end(),
                   [](const auto& a, const auto& b) { return a.times > b.times; });
  result.pod_hours = spread(hours), result.changes = spread(changes),
  result.share_short = spread(share_short);
  result.time_short = spread(time_short), result.first_short = spread(first_short);
  return result;
}

}  // namespace hpawalk::hpasim
