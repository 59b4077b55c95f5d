// A spec and a load -> replicas over time. Puts the parts together: the load, the pipeline between a value
// and what the HPA sees of it, the controller, its clock, and pods that take time to become ready. Knows
// nothing about clusters, files or how a result is shown.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "hpasim/controller.hpp"
#include "hpasim/keda.hpp"
#include "hpasim/profile.hpp"

namespace hpawalk::hpasim {

// What a load means for the metric.
enum class Meaning : std::uint8_t {
  usual,  // `whole` for a Value target of an Object or External metric, else `shared`
  whole,  // the metric is the load, however many pods there are (a queue's length; prom-fake)
  shared  // the pods share the load: each sees load / ready pods
};

// Between the value and the HPA.
struct Pipeline {
  Time scrape_interval{0};  // the HPA sees the value of the last scrape; 0: of this moment
  Time window{0};           // the query averages over it, as rate() does; 0: the last sample
  Time relist{0};           // a new metric appears in the API at the adapter's next relist; 0: it is there
};

// What a pod requests, in milli-units.
struct Requests {
  std::optional<std::int64_t> each;          // of every resource
  std::map<std::string, std::int64_t> of{};  // "cpu": over that
  std::optional<std::int64_t> find(const std::string& resource) const;
};

struct Pods {
  Time pending = std::chrono::seconds(2);  // scheduling, pulling, starting: Pending, an unready pod
  Time warming{0};                         // then running, but not ready and without a sample
  Time terminating{0};                     // a removed pod stays ready, but serves nothing
  // The load of a Utilization target is of the resource (cores, bytes); without a request, it is the
  // percentage of one.
  Requests requests;
};

// How long the controller's calls take, drawn between the two (more often near the first).
struct Delays {
  Time read_least = std::chrono::milliseconds(8),
       read_most = std::chrono::milliseconds(60);  // scale and metrics
  Time write_least = std::chrono::milliseconds(5), write_most = std::chrono::milliseconds(30);  // the scale
  Time status_least = std::chrono::milliseconds(4), status_most = std::chrono::milliseconds(20);
  Time wake_most = std::chrono::milliseconds(1);  // a timer or a resync is noticed so much later
};

// Delays with which a sync that changes nothing takes so long on average.
inline Delays delays_of(Time sync) {
  return {
      sync / 5, sync * 8 / 5, sync / 10, sync * 4 / 5, sync / 10, sync * 4 / 5, std::chrono::milliseconds(1)};
}

// Somebody changes the HPA.
struct SpecChange {
  Time at{0};
  Spec spec;
};

// From when to when the metrics' source does not answer.
struct Outage {
  Time from{0}, to{0};
};

struct Setup {
  Rules rules;
  Flags flags;
  Meaning meaning = Meaning::usual;
  Pipeline pipeline;
  std::vector<Outage> outages;
  std::optional<Keda> keda;  // the HPA is KEDA's
  Pods pods;
  Delays delays;
  std::optional<std::int32_t> replicas;  // at the start; usually minReplicas (of KEDA's object: its own)
  bool own_zero = true;                  // where that is 0: the HPA itself scaled to 0
  Time duration{0};                      // 0: as long as the profile
  // With jitter every delay and phase is drawn from the seed; without, they have typical values, and the
  // first sync comes `first_sync` after the start (usually one period; see Rules::first_sync_at_once).
  bool jitter = false;
  std::uint64_t seed = 0;
  std::optional<Time> first_sync;
  std::vector<double> carries;      // load that a ready pod carries, a metric each; empty: its target
  bool details = true;              // keep every sync, not only the changes
  std::vector<SpecChange> changes;  // of the HPA, by time; the figures are those of the last spec
};

// A sync of the HPA's controller, or a poll of KEDA.
struct Sync {
  Time at{0};  // when the metrics had been read
  Decision decision;
  Proposal proposal;  // of the metric that won (or failed first)
  std::int32_t ready = 0;
};

struct Step {
  Time at{0};
  std::int32_t count = 0;
};

struct Figures {
  double pod_hours = 0;
  int changes = 0;
  int reversals = 0;  // changes in the other direction than the one before: flapping
  std::int32_t lowest = 0, highest = 0;
  Time time_short{0};  // fewer ready pods than the load needs to be within its target's tolerance
  Time longest_short{0};
  Time first_short{0};        // how long the first shortage lasted: the time to reach enough
  double share_short = 0;     // of the load, beyond what the ready pods carry within the tolerance
  double idle_pod_hours = 0;  // ready pods beyond what the load needs
};

struct Timeline {
  std::vector<Sync> syncs;     // with details; otherwise only those that changed something
  std::vector<Step> replicas;  // from time 0
  std::vector<Step> ready;
  Figures figures;
  Time duration{0};
  std::vector<double> carried;  // load that a ready pod carries within the tolerance, a metric each
  std::vector<std::int32_t> sequence() const;  // 1, 4, 8, 10
};

// One profile for all metrics, or one each.
Timeline simulate(const Spec& spec, const std::vector<Profile>& profiles, const Setup& setup);

// Replicas and ready pods that were seen elsewhere, with the figures that simulate() gives.
Timeline timeline_of(const Spec& spec, const std::vector<Profile>& profiles, const Setup& setup,
                     std::vector<Step> replicas, std::vector<Step> ready, Time duration);

struct Spread {
  double least = 0, median = 0, p95 = 0, most = 0;
};

// Many runs with jitter: which sequences of replicas come out, how often, and how far the figures spread.
struct Runs {
  int count = 0;
  struct Outcome {
    std::vector<std::int32_t> sequence;
    int times = 0;
    std::uint64_t seed = 0;  // of one run that has it
  };
  std::vector<Outcome> outcomes;  // the most frequent first
  Spread pod_hours, changes, time_short, first_short, share_short;
};

// Told now and then how many are done; false: stop here (what has been done so far is the result).
using KeepOn = std::function<bool(int done)>;

Runs simulate_runs(const Spec& spec, const std::vector<Profile>& profiles, Setup setup, int runs,
                   unsigned threads, const KeepOn& keep_on = {});

// The seed of run `i` of many. Alone, it gives that run again; seed_of_all gives back the common one.
std::uint64_t seed_of_run(std::uint64_t seed, int i);
std::uint64_t seed_of_all(std::uint64_t seed);

bool is_shared(const MetricSpec& metric, Meaning meaning);

// How much of the load one ready pod carries at the target, in the profile's unit.
double per_pod(const MetricSpec& metric, const Requests& requests = {});

}  // namespace hpawalk::hpasim
