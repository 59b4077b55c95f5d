#include "observe/prediction.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "base/json_text.hpp"
#include "hpasim/explain.hpp"
#include "observe/simulation_parts.hpp"

namespace hpawalk::observe {
namespace {

using hpasim::Profile;
using hpasim::Time;
using hpasim::Timeline;

Time time_of(double seconds) {
  return Time(std::llround(seconds * 1e6));
}
double seconds_of(Time t) {
  return static_cast<double>(t.count()) / 1e6;
}

std::vector<hpasim::Step> steps_of(const Recording& r, int WorkloadMoment::*count) {
  std::vector<hpasim::Step> steps;
  for (const WorkloadMoment& m : r.workload) {
    if (steps.empty() || steps.back().count != m.*count)
      steps.push_back({steps.empty() ? Time(0) : time_of(m.at), m.*count});
  }
  return steps;
}

// What prom-fake had at the start, then what was set; each holds until the next.
std::optional<Profile> load_of(const Recording& r) {
  std::optional<double> first;
  for (const ValueMoment& m : r.prom_fake) {
    if (!first) first = m.value;
  }
  if (!r.set.empty() && (!first || r.set.front().at <= 0.5)) first = r.set.front().value;
  if (!first) return std::nullopt;
  std::vector<Profile::Point> points = {{Time(0), *first}};
  for (const ValueMoment& m : r.set) {
    points.push_back({time_of(m.at), points.back().value});
    points.push_back({time_of(m.at), m.value.value_or(0)});
  }
  points.push_back({time_of(r.length), points.back().value});
  return Profile(std::move(points));
}

// The median time from a scale-up until all its pods were ready.
std::optional<double> measured_pod_start(const Recording& r) {
  std::vector<double> times;
  for (size_t i = 1; i < r.workload.size(); ++i) {
    int wanted = r.workload[i].wanted;
    if (wanted <= r.workload[i - 1].wanted) continue;
    for (size_t j = i; j < r.workload.size() && r.workload[j].wanted == wanted; ++j) {
      if (r.workload[j].ready < wanted) continue;
      times.push_back(r.workload[j].at - r.workload[i].at);
      break;
    }
  }
  if (times.empty()) return std::nullopt;
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

Result<hpasim::Setup> setup_of(const Recording& r, double pod_start) {
  const RecordingHead& h = r.head;
  auto rules = hpasim::rules_of_cluster(h.kubernetes);
  if (!rules) return failure(hpasim::rules_for(h.kubernetes).error());
  hpasim::Setup setup;
  setup.rules = *rules;
  setup.rules.tolerance_from_spec = h.tolerance_from_spec;
  setup.rules.zero_allowed = h.zero_allowed;
  setup.flags.sync_period = time_of(h.sync_period);
  setup.flags.downscale_stabilization = time_of(h.downscale_stabilization);
  setup.flags.tolerance = h.tolerance;
  setup.pipeline.scrape_interval = time_of(h.scrape_interval);
  setup.pods.pending = time_of(pod_start);
  setup.meaning = hpasim::Meaning::whole;
  setup.duration = time_of(r.length);
  if (!h.scaled_object.is_null()) {
    auto read = hpasim::read_scaled_object(hpasim::Document::parse(json_text(h.scaled_object)));
    if (!read) return failure(read.error());
    setup.keda = read->keda;
    take_past(h.scaled_object, h.began, *setup.keda);
  }
  return setup;
}

struct Fit {
  size_t common = 0;  // changes that are the same, from the first on
  bool same = false;
  double worst = 0;  // seconds, over the common ones
  bool better_than(const Fit& other) const {
    if (same != other.same) return same;
    if (common != other.common) return common > other.common;
    return worst < other.worst;
  }
};

Fit fit(const std::vector<hpasim::Step>& real, const std::vector<hpasim::Step>& steps) {
  Fit f;
  while (f.common < std::min(real.size(), steps.size()) && real[f.common].count == steps[f.common].count) {
    if (f.common > 0)
      f.worst = std::max(f.worst, std::abs(seconds_of(real[f.common].at - steps[f.common].at)));
    ++f.common;
  }
  f.same = f.common == real.size() && f.common == steps.size();
  return f;
}

void pair_up(Prediction& p, const Happened& h) {
  const auto& real = h.timeline.replicas;
  std::vector<const hpasim::Sync*> syncs;
  for (const hpasim::Sync& sync : p.timeline.syncs) {
    if (sync.decision.rescaled()) syncs.push_back(&sync);
  }
  const auto& steps = p.timeline.replicas;
  bool agree = true;  // after the first difference nothing belongs together any more
  for (size_t i = 1; i < std::max(real.size(), steps.size()); ++i) {
    PredictedChange simulated, seen;
    if (i < steps.size()) {
      simulated = {{}, seconds_of(steps[i].at), steps[i - 1].count, steps[i].count, {}};
      // Of KEDA's own steps no sync knows.
      if (i - 1 < syncs.size() && !h.setup.keda)
        simulated.why = hpasim::explain(h.spec, syncs[i - 1]->decision, syncs[i - 1]->proposal);
    }
    if (i < real.size()) seen = {seconds_of(real[i].at), {}, real[i - 1].count, real[i].count, {}};
    agree = agree && seen.real && simulated.predicted && seen.to == simulated.to;
    if (agree) {
      simulated.real = seen.real;
      p.changes.push_back(simulated);
      continue;
    }
    if (seen.real) p.changes.push_back(seen);
    if (simulated.predicted) p.changes.push_back(simulated);
  }
}

std::vector<std::string> notes_of(const Recording& r) {
  std::vector<std::string> notes;
  if (!r.head.flags_seen)
    notes.push_back("Assumes Kubernetes' defaults, because the controller's flags could not be read.");
  if (!r.hpa.empty()) {
    const ConditionSeen* able = r.hpa.front().condition("AbleToScale");
    if (able != nullptr && able->reason.ends_with("Stabilized")) {
      notes.push_back(
          "When the recording began, an earlier recommendation was still in the stabilization window; the "
          "simulation does not know its value.");
    }
  }
  if (!r.lost.empty()) notes.push_back("The API server did not respond during part of the recording.");
  if (r.end != "finished") notes.push_back("The recording ends early.");
  return notes;
}

}  // namespace

Result<Happened> happened(const Recording& r) {
  auto spec = hpasim::parse_spec(hpasim::Document::parse(json_text(r.head.hpa)));
  if (!spec) return failure(spec.error());
  auto load = load_of(r);
  if (!load || r.workload.empty()) {
    return failure(ErrorClass::check_failed, "recording-empty",
                   load ? "The recording has no replicas" : "The recording has no value",
                   fmt::format("It is {:.0f}s long", r.length), "There is nothing to show");
  }
  constexpr double most_syncs = 200'000;
  if (r.length / r.head.sync_period > most_syncs) {
    return failure(ErrorClass::usage, "recording", "The recording is too long to show",
                   fmt::format("It has {:.0f} syncs of the controller, one every {:g}s; the limit is {:.0f}",
                               r.length / r.head.sync_period, r.head.sync_period, most_syncs));
  }
  auto setup = setup_of(r, measured_pod_start(r).value_or(2));
  if (!setup) return failure(setup.error());
  Happened h{*spec, *setup, *load, {}, notes_of(r)};
  h.setup.replicas = r.workload.front().wanted;
  h.timeline = hpasim::timeline_of(h.spec, {h.load}, h.setup, steps_of(r, &WorkloadMoment::wanted),
                                   steps_of(r, &WorkloadMoment::ready), h.setup.duration);
  return h;
}

Prediction predict(const Happened& h, int runs) {
  // Fewer runs of what has very many syncs: it is to take seconds, not minutes.
  double syncs = seconds_of(h.setup.duration) / seconds_of(h.setup.flags.sync_period);
  runs = std::clamp(static_cast<int>(4e6 / std::max(1.0, syncs)), std::min(runs, 10), runs);
  Prediction p;
  p.runs = runs;
  hpasim::Setup setup = h.setup;
  setup.jitter = true;
  setup.details = false;
  std::map<std::vector<std::int32_t>, int> sequences;
  std::optional<Fit> best;
  std::uint64_t best_seed = 0;
  for (int i = 0; i < runs; ++i) {
    setup.seed = hpasim::seed_of_run(1, i);
    Timeline timeline = hpasim::simulate(h.spec, {h.load}, setup);
    ++sequences[timeline.sequence()];
    Fit here = fit(h.timeline.replicas, timeline.replicas);
    p.same += here.same;
    if (!best || here.better_than(*best)) best = here, best_seed = setup.seed;
  }
  p.sequences = static_cast<int>(sequences.size());
  auto most = std::max_element(sequences.begin(), sequences.end(),
                               [](const auto& a, const auto& b) { return a.second < b.second; });
  p.likeliest = most->first;
  p.worst = best->worst;
  setup.seed = best_seed;
  setup.details = true;
  p.timeline = hpasim::simulate(h.spec, {h.load}, setup);
  pair_up(p, h);
  return p;
}

Result<Recorded> looked_at(Recording recording, bool compare) {
  auto happened_there = happened(recording);
  if (!happened_there) return failure(happened_there.error());
  Recorded recorded{std::move(recording), *std::move(happened_there), {}};
  if (compare) recorded.prediction = predict(recorded.happened);
  return recorded;
}

}  // namespace hpawalk::observe
