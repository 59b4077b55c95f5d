#include "observe/retrace.hpp"

#include <algorithm>
#include <cmath>

#include "hpasim/keda_loop.hpp"
#include "hpasim/why.hpp"
#include "observe/seen_then.hpp"

namespace hpawalk::observe {

using hpasim::Controller;
using hpasim::Decision;
using hpasim::MetricSpec;
using hpasim::Reading;
using hpasim::Rule;
using hpasim::Spec;
using hpasim::Sync;
using hpasim::Time;
using Kind = Retraced::Kind;

namespace {

constexpr int phases = 8;                 // of the syncs, that are tried in a sync period
constexpr std::size_t most_courses = 12;  // that are followed side by side

struct Recorded {
  Time after{0}, until{0};
  std::int32_t from = 0, to = 0;
};

struct Line {
  Controller controller;
  Time next{0}, last{-1};  // syncs
  Time ahead{0};           // the metric that it saw is in the samples so much later
  Ready ready = Ready::then;
  std::int32_t replicas = 0;
  Time settled{0};                    // by then the last recorded change had happened
  double penalty = 0;                 // seconds in which it decided something that was not so
  std::size_t steps = 0;              // by which it came to the last recorded change
  int told = -1;                      // the last of what it says
  std::optional<Retraced> open = {};  // a stay or a miss that goes on
};

// A line that has come to a recorded change, and by which steps.
struct Reached {
  Line line;
  std::vector<Retraced> steps;
};

class Retracer {
 public:
  Retracer(const Subject& subject, const Trace& trace) : subject_(subject), trace_(trace) {
    course_.spec = subject.spec;
    course_.spec.metrics.clear();
    for (std::size_t i = 0; i < subject.spec.metrics.size(); ++i) {
      const MetricSpec& metric = subject.spec.metrics[i];
      if (i < trace.metrics.size() && !trace.metrics[i].source.empty()) {
        course_.spec.metrics.push_back(metric);
        metrics_.push_back(i);
      } else {
        course_.left_out.push_back(hpasim::describe(metric));
      }
    }
    seen_ = SeenThen(trace, course_.spec, metrics_);
    course_.tolerance = subject.flags.sync_period + trace.blur();
  }

  Course run() {
    const Samples& scale = trace_.scale();
    if (scale.empty()) return std::move(course_);
    start(whole(scale.front().value), scale.front().at);
    for (const Recorded& change : recorded()) take(change);
    const Line* best = nullptr;
    for (Line& line : lines_) {
      advance(line, trace_.to);
      close(line);
      if (best == nullptr || line.penalty < best->penalty) best = &line;
    }
    for (int i = best->told; i >= 0; i = told_[static_cast<std::size_t>(i)].first)
      course_.all.push_back(told_[static_cast<std::size_t>(i)].second);
    std::reverse(course_.all.begin(), course_.all.end());
    std::stable_sort(course_.all.begin(), course_.all.end(),
                     [](const Retraced& a, const Retraced& b) { return a.to < b.to; });
    return std::move(course_);
  }

 private:
  Time period() const { return subject_.flags.sync_period; }

  void start(std::int32_t replicas, Time at) {
    for (int i = 0; i < 2 * phases; ++i) {
      Line line{Controller(course_.spec, subject_.rules, subject_.flags)};
      line.next = at + period() * (i / 2) / phases;
      line.ahead = i % 2 == 0 ? Time(0) : trace_.step - Time(1);
      line.replicas = replicas;
      if (replicas == 0) line.controller.came_to_zero();
      lines_.push_back(std::move(line));
    }
  }

  std::vector<Recorded> recorded() const {
    std::vector<Recorded> all;
    for (const SampleChange& change : changes_of(trace_.scale())) {
      const bool gap = change.at - change.before > trace_.step + trace_.step / 2;
      const Time after = (gap ? change.before + trace_.step : change.at) - trace_.blur();
      all.push_back({after, change.at, whole(change.from), whole(change.to)});
    }
    return all;
  }

  // --- what a line says

  void tell(Line& line, Retraced what) {
    told_.emplace_back(line.told, std::move(what));
    line.told = static_cast<int>(told_.size()) - 1;
  }

  // What lasted no longer than two looks at the record differ says nothing.
  void close(Line& line) {
    if (!line.open) return;
    // A miss must be one whenever the last change was.
    if (line.open->kind == Kind::missed) line.open->from = std::max(line.open->from, line.settled);
    const Time least = line.open->kind == Kind::missed ? course_.tolerance : period();
    if (line.open->to - line.open->from >= least) tell(line, *line.open);
    line.open.reset();
  }

  void go_on(Line& line, Kind kind, const Sync& sync) {
    const Decision& d = sync.decision;
    const bool same = line.open && line.open->kind == kind &&
                      (kind == Kind::missed || (line.open->sync.decision.rule == d.rule &&
                                                line.open->sync.decision.metric == d.metric));
    if (!same) {
      if (line.open) line.open->to = sync.at;
      close(line);
      line.open = Retraced{kind, sync.at, sync.at, d.from, d.from, sync, d.proposed, d.proposed};
    }
    line.open->to = sync.at;
    line.open->lowest = std::min(line.open->lowest, d.proposed);
    line.open->highest = std::max(line.open->highest, d.proposed);
  }

  // A sync in a time in which the record has no change.
  void sync_unchanged(Line& line) {
    const Sync now = seen_.sync(line.controller, line.next, line.ahead, line.replicas, line.ready);
    line.last = line.next;
    line.next += period();
    const Decision& d = now.decision;
    if (d.rescaled()) {
      line.penalty += hpasim::in_seconds(period());
      return go_on(line, Kind::missed, now);
    }
    const bool on_target =
        d.rule == Rule::metric && now.proposal.because == hpasim::Because::within_tolerance;
    const bool asleep = d.rule == Rule::zero && subject_.keda;  // KEDA decides when it wakes up
    if (!on_target && !asleep) return go_on(line, Kind::stay, now);
    if (line.open) line.open->to = now.at;
    close(line);
  }

  void advance(Line& line, Time until) {
    while (line.next < until) {
      if (metrics_.empty()) {
        line.next += period();
      } else {
        sync_unchanged(line);
      }
    }
  }

  // --- at a recorded change

  static Retraced changed(const Recorded& change, const Sync& sync) {
    const Decision& d = sync.decision;
    return {Kind::change, change.after, change.until, d.from, d.to, sync, d.proposed, d.proposed};
  }

  // Syncs from the beginning of the time in which the change was on; nothing if it is not reached.
  std::optional<Reached> reached(const Line& from, const Recorded& change, int phase, Ready how) const {
    Reached reached{from, {}};
    Line& line = reached.line;
    line.ready = how;
    line.settled = change.until;
    line.next = std::max(change.after - trace_.step, from.last + Time(1)) + period() * phase / phases;
    const bool up = change.to > change.from;
    for (; line.next <= change.until + trace_.step; line.next += period()) {
      const Sync now = seen_.sync(line.controller, line.next, line.ahead, line.replicas, line.ready);
      line.last = line.next;
      if (!now.decision.rescaled()) continue;
      const std::int32_t to = now.decision.to;
      if (up ? to <= line.replicas || to > change.to : to >= line.replicas || to < change.to)
        return std::nullopt;
      line.controller.wrote(now.decision, now.at);
      line.replicas = to;
      reached.steps.push_back(changed(change, now));
      if (to != change.to) continue;
      line.next += period();
      return reached;
    }
    return std::nullopt;
  }

  std::vector<Ready> ways() const {
    if (trace_.ready.empty()) return {Ready::all};
    return {Ready::then, Ready::next, Ready::all};
  }

  // All courses that come to the change.
  std::vector<Line> explained(const std::vector<Line>& lines, const Recorded& change) {
    std::vector<Line> found;
    for (const Line& line : lines) {
      for (Ready how : ways()) {
        for (int phase = 0; phase < phases; ++phase) {
          std::optional<Reached> to = reached(line, change, phase, how);
          if (!to) continue;
          Line& there = to->line;
          if (there.open) there.open->to = std::max(there.open->from, to->steps.front().sync.at);
          close(there);
          for (const Retraced& step : to->steps) tell(there, step);
          there.steps = to->steps.size();
          found.push_back(std::move(there));
        }
      }
    }
    return found;
  }

  // The best ones, and of those that are as good some from each time at which the change may have been.
  void keep(std::vector<Line> found) {
    double best = found.front().penalty;
    for (const Line& line : found) best = std::min(best, line.penalty);
    const double worst = best + 2 * hpasim::in_seconds(period());
    std::erase_if(found, [&](const Line& line) { return line.penalty > worst; });
    std::size_t fewest = found.front().steps;
    for (const Line& line : found) fewest = std::min(fewest, line.steps);
    std::erase_if(found, [&](const Line& line) { return line.steps > fewest; });
    std::stable_sort(found.begin(), found.end(),
                     [](const Line& a, const Line& b) { return a.last < b.last; });
    lines_.clear();
    const std::size_t kept = std::min(found.size(), most_courses);
    for (std::size_t i = 0; i < kept; ++i) lines_.push_back(std::move(found[i * found.size() / kept]));
  }

  // Lines that remember what the record says of the time that a controller remembers, each read in another
  // way: where the lines so far have rounded otherwise than the controller did.
  std::vector<Line> anew(Time until) {
    Line best = lines_.front();
    for (const Line& line : lines_) {
      if (line.penalty < best.penalty) best = line;
    }
    close(best);
    best.penalty += hpasim::in_seconds(period());
    const Time first = until - memory_of(course_.spec, subject_.flags) - period();
    std::vector<Line> lines;
    for (Ready how : ways()) {
      for (int i = 0; i < 2 * phases; ++i) {
        Line line = best;
        line.controller = Controller(best.controller.spec(), subject_.rules, subject_.flags);
        line.ready = how;
        line.ahead = i % 2 == 0 ? Time(0) : trace_.step - Time(1);
        std::optional<std::int32_t> before;
        for (line.next = first + period() * (i / 2) / phases; line.next < until; line.next += period()) {
          const std::optional<double> then = sample_at(trace_.scale(), line.next, trace_.step);
          if (!then) continue;
          Decision made;
          made.from = before.value_or(whole(*then)), made.to = whole(*then);
          line.controller.wrote(made, line.next);
          before = made.to;
          seen_.sync(line.controller, line.next, line.ahead, made.to, how);
          line.last = line.next;
        }
        lines.push_back(std::move(line));
      }
    }
    return lines;
  }

  // KEDA's own step, from or to the replicas of a workload that is not active.
  std::optional<Retraced> by_keda(const Recorded& change) const {
    if (!subject_.keda || metrics_.size() != subject_.spec.metrics.size()) return std::nullopt;
    hpasim::Keda keda = *subject_.keda;
    keda.last_active.reset();
    const Time first = change.after - keda.cooldown - 2 * keda.polling_interval;
    keda.created = first;
    hpasim::KedaLoop loop(keda, course_.spec.metrics);
    loop.start_at(first);
    while (loop.next() <= change.until + trace_.step + keda.polling_interval) {
      const Time at = loop.next();
      const ControllerSight seen = seen_.at(at, Time(0), std::max(change.from, 1), Ready::all);
      hpasim::KedaLoop::Values values;
      for (const Reading& reading : seen.readings)
        values.push_back(reading.values.empty() ? std::nullopt : std::optional(reading.values[0]));
      Sync sync;
      sync.at = at;
      sync.decision = loop.poll(values, change.from, change.from);
      if (sync.decision.to != change.to || at < change.after - trace_.step) continue;
      if (sync.decision.metric >= 0)
        sync.proposal.current = values[static_cast<std::size_t>(sync.decision.metric)].value_or(0);
      return changed(change, sync);
    }
    return std::nullopt;
  }

  // What the metrics asked for in the time that a controller remembers, with the replicas before the change.
  void note_asked(const Recorded& change, Retraced& forced) const {
    const Time step = std::max(trace_.step, period());
    for (Time at = change.after - memory_of(course_.spec, subject_.flags); at <= change.until + step;
         at += step) {
      Controller fresh(course_.spec, subject_.rules, subject_.flags);
      const Sync now = seen_.sync(fresh, at, Time(0), change.from, Ready::then);
      if (now.decision.rule == Rule::no_metric || now.decision.metric < 0) continue;
      forced.lowest = std::min(forced.lowest, now.decision.proposed);
      forced.highest = std::max(forced.highest, now.decision.proposed);
    }
  }

  void force(const Recorded& change) {
    for (Line& line : lines_) {
      Retraced forced{Kind::forced, change.after, change.until, change.from,
                      change.to,    {},           change.from,  change.from};
      if (!metrics_.empty()) {
        Controller asked = line.controller;
        forced.sync = seen_.sync(asked, change.until, line.ahead, change.from, Ready::then);
      }
      if (line.open) line.open->to = std::max(line.open->from, change.after);
      close(line);
      tell(line, forced);
      line.replicas = change.to;
      line.settled = change.until;
      while (line.next <= change.until) line.next += period();
    }
    if (metrics_.empty()) return;
    // The same for all lines.
    Retraced asked;
    asked.lowest = asked.highest = change.from;
    note_asked(change, asked);
    for (Line& line : lines_) {
      Retraced& forced = told_[static_cast<std::size_t>(line.told)].second;
      forced.lowest = asked.lowest, forced.highest = asked.highest;
    }
    // It can have been a controller that remembers something else.
    std::stable_sort(lines_.begin(), lines_.end(),
                     [](const Line& a, const Line& b) { return a.penalty < b.penalty; });
    lines_.resize(std::min(lines_.size(), most_courses / 2), lines_.front());
    for (std::size_t i = 0, n = lines_.size(); i < n; ++i) {
      Line fresh = lines_[i];
      fresh.controller = Controller(fresh.controller.spec(), subject_.rules, subject_.flags);
      lines_.push_back(std::move(fresh));
    }
  }

  void take(const Recorded& change) {
    for (Line& line : lines_) advance(line, change.after - trace_.step);
    if (!metrics_.empty()) {
      if (std::vector<Line> found = explained(lines_, change); !found.empty()) return keep(std::move(found));
      if (std::optional<Retraced> step = by_keda(change)) {
        for (Line& line : lines_) {
          close(line);
          tell(line, *step);
          line.replicas = change.to;
          line.settled = change.until;
          while (line.next <= change.until) line.next += period();
        }
        return;
      }
      if (std::vector<Line> found = explained(anew(change.after - trace_.step), change); !found.empty())
        return keep(std::move(found));
    }
    force(change);
  }

  const Subject& subject_;
  const Trace& trace_;
  Course course_;
  SeenThen seen_;
  std::vector<std::size_t> metrics_;  // of the trace, one for each of the course's spec
  std::vector<Line> lines_;
  std::vector<std::pair<int, Retraced>> told_;  // each with what the same line told before
};

}  // namespace

Time memory_of(const Spec& spec, const hpasim::Flags& flags) {
  Time longest = std::max(hpasim::window_of(spec, flags, true), hpasim::window_of(spec, flags, false));
  if (!spec.behavior) return longest;
  for (const hpasim::ScalingRules* rules : {&spec.behavior->up, &spec.behavior->down}) {
    for (const hpasim::Policy& policy : rules->policies)
      longest = std::max<Time>(longest, std::chrono::seconds(policy.period_seconds));
  }
  return longest;
}

Course retrace(const Subject& subject, const Trace& trace) {
  return Retracer(subject, trace).run();
}

}  // namespace hpawalk::observe
