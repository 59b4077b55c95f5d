#include "observe/account.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "base/text.hpp"
#include "hpasim/explain.hpp"
#include "observe/seen_then.hpp"

namespace hpawalk::observe {

using hpasim::Decision;
using hpasim::Rule;
using hpasim::Time;
using Kind = Entry::Kind;

namespace {

std::string names(const std::vector<std::string>& all) {
  return text::join(all, ", ");
}

// The least and the most in a time; nothing where there is no sample.
struct Hull {
  std::int32_t least = 0, most = 0;
  bool holds(std::int32_t value) const { return least <= value && value <= most; }
};

std::optional<Hull> hull_of(const Samples& samples, Time from, Time to) {
  auto first = std::lower_bound(samples.begin(), samples.end(), from,
                                [](const hpasim::PastSample& s, Time t) { return s.at < t; });
  std::optional<Hull> hull;
  for (; first != samples.end() && first->at <= to; ++first) {
    const std::int32_t value = whole(first->value);
    if (!hull) hull = Hull{value, value};
    hull->least = std::min(hull->least, value);
    hull->most = std::max(hull->most, value);
  }
  return hull;
}

class Accountant {
 public:
  Accountant(const Subject& subject, const Trace& trace, const hpasim::TimeText& when)
      : subject_(subject), trace_(trace), when_(when), course_(retrace(subject, trace)) {}

  Account run() {
    account_.exact = course_.tolerance;
    for (const Retraced& one : course_.all) add(entry_of(one));
    add_limits();
    add_gaps();
    add_other_pods();
    std::stable_sort(account_.entries.begin(), account_.entries.end(),
                     [](const Entry& a, const Entry& b) { return a.from < b.from; });
    name_resets();
    add_timeline();
    add_notes();
    return std::move(account_);
  }

 private:
  void add(Entry entry) {
    if (entry.to <= trace_.from) return;
    entry.from = std::max(entry.from, trace_.from);
    entry.to = std::min(entry.to, trace_.to);
    account_.entries.push_back(std::move(entry));
  }

  // --- what the replay says

  std::string explained(const hpasim::Sync& sync) const {
    return hpasim::explain(course_.spec, sync.decision, sync.proposal, when_);
  }

  Entry entry_of(const Retraced& one) const {
    Entry entry;
    entry.from = one.from, entry.to = one.to;
    entry.before = one.before, entry.after = one.after;
    const Decision& d = one.sync.decision;
    if (!course_.spec.metrics.empty()) {
      entry.rule = hpasim::rule_name(d.rule);
      entry.proposed = d.proposed;
      if (d.metric >= 0) entry.metric = course_.spec.metrics[static_cast<std::size_t>(d.metric)].name;
    }
    switch (one.kind) {
      case Retraced::Kind::change: changed(entry, one); break;
      case Retraced::Kind::stay: stays(entry, one); break;
      case Retraced::Kind::missed: not_scaled(entry, one); break;
      case Retraced::Kind::forced: forced(entry, one); break;
    }
    return entry;
  }

  void changed(Entry& entry, const Retraced& one) const {
    entry.kind = Kind::change;
    entry.why = explained(one.sync);
  }

  void stays(Entry& entry, const Retraced& one) const {
    entry.kind = Kind::stays;
    entry.why = explained(one.sync);
    const Decision& d = one.sync.decision;
    if (one.lowest != one.highest && d.rule != Rule::no_metric)
      entry.evidence.push_back(
          fmt::format("The metrics asked for {} to {} in this time.", one.lowest, one.highest));
    if (d.rule != Rule::no_metric) return;
    if (missing(one.from))
      entry.evidence.push_back("Prometheus has no sample of the metric in this time.");
    else
      entry.evidence.push_back("The HPA's condition ScalingActive is False in this time.");
    add_causes(entry);
  }

  void not_scaled(Entry& entry, const Retraced& one) const {
    entry.kind = Kind::not_scaled;
    entry.why = fmt::format("the controller scales to {} ({}), but the replicas stayed at {}",
                            one.sync.decision.to, explained(one.sync), one.before);
    add_causes(entry);
    if (!course_.left_out.empty()) {
      entry.evidence.push_back("Unknown: it can be held by " + names(course_.left_out) + ".");
    } else if (entry.evidence.empty()) {
      std::string why =
          "Unknown: the controller did not run or could not read the metrics API, or the HPA "
          "was another one then";
      if (trace_.ready.empty()) why += ", or pods were not ready, which this Prometheus does not have";
      entry.evidence.push_back(why + ".");
    }
  }

  void forced(Entry& entry, const Retraced& one) const {
    const std::optional<Hull> min = hull_of(trace_.min, one.from, one.to),
                              max = hull_of(trace_.max, one.from, one.to);
    const std::int32_t least = std::min(one.before, min ? min->least : subject_.spec.min),
                       most = std::max(one.before, max ? max->most : subject_.spec.max);
    const std::string instead = instead_of(one);
    const bool blind = !course_.spec.metrics.empty() && one.sync.decision.rule == Rule::no_metric &&
                       one.lowest == one.highest;
    const bool keda = subject_.keda && (one.before == 0 || one.after == 0);
    const bool beyond = one.after < least || one.after > most;
    const bool asked =
        std::min(one.lowest, one.before) <= one.after && one.after <= std::max(one.highest, one.before);
    entry.rule.clear(), entry.metric.clear(), entry.proposed = 0;
    entry.kind = Kind::another_client;
    if (beyond && !keda) {
      entry.why = fmt::format(
          "{} is outside of minReplicas and maxReplicas: another client set spec.replicas", one.after);
    } else if (course_.spec.metrics.empty() || !course_.left_out.empty()) {
      entry.kind = Kind::unknown;
      entry.why = fmt::format("this Prometheus does not have {}, which can ask for {}",
                              names(course_.left_out), one.after);
    } else if (blind) {
      entry.why = "the HPA had no metric to decide by: another client set spec.replicas";
    } else if (asked || keda) {
      entry.kind = Kind::unknown;
      entry.why = fmt::format(
          "{}; the record does not tell why: the HPA was another one then, the controller was restarted, "
          "pods without samples counted, or another client set spec.replicas",
          instead);
    } else {
      entry.why = fmt::format("no recommendation gives {} ({}): another client set spec.replicas", one.after,
                              instead);
    }
    if (entry.kind == Kind::another_client) add_desired(entry);
  }

  std::string instead_of(const Retraced& one) const {
    if (course_.spec.metrics.empty()) return {};
    const Decision& d = one.sync.decision;
    return fmt::format(
        "the controller {}: {}",
        d.rescaled() ? fmt::format("scales {} to {}", d.from, d.to) : fmt::format("keeps {}", d.from),
        explained(one.sync));
  }

  // The workload's spec against what the HPA desired.
  void add_desired(Entry& entry) const {
    if (trace_.replicas.empty()) return;
    const std::optional<Hull> desired = hull_of(trace_.desired, entry.from, entry.to);
    if (desired && !desired->holds(entry.after))
      entry.evidence.push_back(fmt::format("spec.replicas was {}, the HPA desired {}.", entry.after,
                                           desired->least == desired->most
                                               ? std::to_string(desired->least)
                                               : fmt::format("{} to {}", desired->least, desired->most)));
  }

  bool missing(Time at) const {
    return std::any_of(trace_.metrics.begin(), trace_.metrics.end(), [&](const TracedMetric& metric) {
      return !metric.source.empty() && !sample_at(metric.samples, at, trace_.step);
    });
  }

  void add_causes(Entry& entry) const {
    for (const TracedCause& cause : trace_.causes) {
      if (cause.severity != "broken" || cause.to < entry.from || cause.from - trace_.blur() > entry.to)
        continue;
      if (entry.cause.empty()) entry.cause = cause.cause;
      const std::string line = fmt::format("hpawalk exporter: {} ({}).", cause.cause, cause.metric);
      if (std::find(entry.evidence.begin(), entry.evidence.end(), line) == entry.evidence.end())
        entry.evidence.push_back(line);
    }
  }

  // --- what only the record says

  void add_limits() {
    const struct {
      const Samples& samples;
      const char* name;
    } limits[] = {{trace_.min, "minReplicas"}, {trace_.max, "maxReplicas"}};
    for (const auto& [samples, name] : limits) {
      for (const SampleChange& change : changes_of(samples)) {
        Entry entry;
        entry.kind = Kind::limits;
        entry.from = change.at - trace_.blur(), entry.to = change.at;
        entry.before = whole(change.from), entry.after = whole(change.to);
        entry.why = fmt::format("{} of the HPA was changed from {} to {}", name, entry.before, entry.after);
        add(std::move(entry));
      }
    }
  }

  void add_gap(Time from, Time to, double before, double after) {
    Entry entry;
    entry.kind = Kind::not_recorded;
    entry.from = from, entry.to = to;
    entry.before = whole(before), entry.after = whole(after);
    entry.why = "this Prometheus has no record of the replicas in this time";
    add(std::move(entry));
  }

  void add_gaps() {
    const Samples& scale = trace_.scale();
    if (scale.empty()) return;
    const Time least = trace_.blur() + trace_.step;
    auto gap = [&](Time from, Time to, double before, double after) {
      if (to - from > least) add_gap(from, to, before, after);
    };
    gap(trace_.from, scale.front().at, scale.front().value, scale.front().value);
    for (std::size_t i = 1; i < scale.size(); ++i)
      gap(scale[i - 1].at + trace_.step, scale[i].at, scale[i - 1].value, scale[i].value);
    gap(scale.back().at + trace_.step, trace_.to, scale.back().value, scale.back().value);
  }

  // Times in which the workload had another number of pods than it was told to have, longer than a change
  // takes to be seen everywhere.
  void add_other_pods() {
    const Samples& scale = trace_.scale();
    const Samples& pods = trace_.pods.empty() ? trace_.current : trace_.pods;
    std::vector<Entry> found;
    bool goes_on = false;  // the sample before belongs to the last entry
    for (const hpasim::PastSample& sample : pods) {
      const std::int32_t count = whole(sample.value);
      // The HPA's status has the pods of its last sync.
      const std::optional<Hull> told = hull_of(
          scale, sample.at - course_.tolerance - subject_.flags.sync_period, sample.at + course_.tolerance);
      if (!told || told->holds(count)) {
        goes_on = false;
        continue;
      }
      const std::int32_t nearest = count > told->most ? told->most : told->least;
      if (goes_on && found.back().after == count && found.back().before == nearest)
        found.back().to = sample.at;
      else
        found.push_back(other_pods(sample.at, nearest, count));
      goes_on = true;
    }
    for (Entry& entry : found) add(std::move(entry));
  }

  Entry other_pods(Time at, std::int32_t told, std::int32_t count) const {
    Entry entry;
    entry.from = at - trace_.blur(), entry.to = at;
    entry.before = told, entry.after = count;
    const bool more = count > told;
    const bool by_rollout =
        trace_.rollout && std::abs(count - told) <=
                              (more ? trace_.rollout->most_above(told) : trace_.rollout->most_below(told));
    if (!trace_.replicas.empty()) {
      entry.kind = more ? Kind::surge : Kind::pods_missing;
      entry.why = more ? fmt::format("{} with spec.replicas {}: a rollout adds pods before it removes others",
                                     text::count(count, "pod"), told)
                       : fmt::format("{} with spec.replicas {}: pods could not be created, or were replaced",
                                     text::count(count, "pod"), told);
      if (more && !by_rollout)
        entry.why = fmt::format("{} with spec.replicas {}, more than a rollout of this workload adds",
                                text::count(count, "pod"), told);
      return entry;
    }
    const char* only = "; only kube-state-metrics has spec.replicas of the workload, and would tell";
    if (more && !by_rollout) {
      entry.kind = Kind::another_client;
      entry.why = fmt::format(
          "{} while the HPA desired {}, more than a rollout of this workload adds: another client set "
          "spec.replicas, and the HPA set it back",
          text::count(count, "pod"), told);
    } else {
      entry.kind = Kind::unknown;
      entry.why =
          fmt::format("{} while the HPA desired {}: {}{}", text::count(count, "pod"), told,
                      more         ? "a rollout adds pods, or another client set spec.replicas"
                      : by_rollout ? "a rollout replaced pods, pods could not be created or were deleted, "
                                     "or another client set spec.replicas"
                                   : "pods could not be created or were deleted, or another client set "
                                     "spec.replicas",
                      only);
    }
    return entry;
  }

  // The same number again and again, which the HPA changes each time: a manifest that is applied.
  void name_resets() {
    std::map<std::int32_t, int> times;
    for (const Entry& entry : account_.entries) {
      if (entry.kind == Kind::another_client) ++times[entry.after];
    }
    for (Entry& entry : account_.entries) {
      if (entry.kind != Kind::another_client || times[entry.after] < 2) continue;
      entry.cause = "replicas-reset";
      entry.evidence.push_back(
          fmt::format("It was set to {} {} times in this period.", entry.after, times[entry.after]));
    }
  }

  // --- the whole

  void add_steps(const Samples& samples, std::vector<hpasim::Step>& steps) const {
    for (const hpasim::PastSample& sample : samples) {
      const std::int32_t count = whole(sample.value);
      const Time at = std::max(Time(0), sample.at - trace_.from);
      if (sample.at <= trace_.from) steps.clear();
      if (steps.empty() || steps.back().count != count)
        steps.push_back({steps.empty() ? Time(0) : at, count});
    }
    if (steps.empty()) steps.push_back({Time(0), 0});
  }

  void add_timeline() {
    add_steps(trace_.scale(), account_.replicas);
    account_.ready = account_.replicas;
    if (!trace_.ready.empty()) {
      account_.ready.clear();
      add_steps(trace_.ready, account_.ready);
    }
    for (const Retraced& one : course_.all) {
      if (one.to <= trace_.from || one.kind == Retraced::Kind::forced) continue;
      hpasim::Sync sync = one.sync;
      sync.at = std::clamp(sync.at, trace_.from, trace_.to) - trace_.from;
      account_.syncs.push_back(sync);
    }
  }

  void add_notes() {
    for (const std::string& metric : course_.left_out)
      account_.notes.push_back(
          fmt::format("This Prometheus does not have {}: what it asked for is unknown.", metric));
    if (trace_.replicas.empty())
      account_.notes.push_back(
          "This Prometheus does not have spec.replicas of the workload (kube-state-metrics does): a change "
          "by "
          "another client that the HPA set back before the next scrape is not seen.");
    if (trace_.ready.empty())
      account_.notes.push_back("This Prometheus does not have the ready pods: all are taken to be ready.");
    if (trace_.min.empty() || trace_.max.empty())
      account_.notes.push_back(
          "This Prometheus does not have minReplicas and maxReplicas of the HPA: those of now are assumed.");
  }

  const Subject& subject_;
  const Trace& trace_;
  const hpasim::TimeText& when_;
  Course course_;
  Account account_;
};

}  // namespace

std::string_view name_of(Kind kind) {
  static constexpr std::string_view all[] = {"change",     "stays",        "another-client",
                                             "surge",      "pods-missing", "limits",
                                             "not-scaled", "unknown",      "not-recorded"};
  return all[static_cast<std::size_t>(kind)];
}

bool contradicts(Kind kind) {
  return kind != Kind::change && kind != Kind::stays && kind != Kind::limits && kind != Kind::not_recorded;
}

Account account_of(const Subject& subject, const Trace& trace, const hpasim::TimeText& when) {
  return Accountant(subject, trace, when).run();
}

}  // namespace hpawalk::observe
