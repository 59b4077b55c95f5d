// One HPA's chain as it lives: what each hop shows, as it comes. For set-value, watch and drive.
//
// Kubernetes objects and Events are watched. What has no watch (prom-fake's value, Prometheus, the metrics
// API) is asked at the scrape interval, and twice a second while a new value travels; prom-fake once a
// second. Every value carries the time stamp of the place that it was read from. Judges nothing: forecast.hpp
// says what it means. Where the names come from is not its business (steps/chain_names.hpp,
// observe/any_chain.hpp).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "hpasim/spec.hpp"
#include "world/clock.hpp"
#include "world/kube_api.hpp"

namespace hpawalk::observe {

// prom-fake's pods: what exposes the metric, and can be asked for its value and be given another one.
struct Source {
  std::string space, service;
  std::string pod_selector;
  std::string port;  // of its pods
};

// The scale target.
struct Workload {
  std::string kind, name;
  std::string collection;    // the path of its kind's list in its namespace
  bool counts_ready = true;  // a status without readyReplicas has no ready pod
};

// One entry of spec.metrics, and where its value can be read.
struct ChainMetric {
  hpasim::MetricKind kind = hpasim::MetricKind::object;
  std::string name;       // of a resource metric the resource's
  std::string container;  // of a ContainerResource metric
  std::string path;       // what the HPA controller asks the metrics API; empty: no API serves the metric
  // The adapter's query; empty: hpawalk does not know it. Of a Pods metric it names the pods of one moment,
  // so only its past is asked for.
  std::string expression;
};

// One HPA's chain. What a chain does not have is not asked: only the walkthrough's has a source.
struct LiveChain {
  std::string space, hpa;  // the workload is in the same namespace
  Workload workload;
  std::vector<ChainMetric> metrics;  // in the spec's order
  size_t followed = 0;               // the one that is shown hop by hop
  std::optional<Source> source;
  std::optional<world::Backend> prometheus;
  std::string prometheus_prefix;                       // of its paths: "/prometheus", or empty
  world::Duration interval = std::chrono::seconds(5);  // between two questions

  const ChainMetric& metric() const { return metrics.at(followed); }
  bool in_prometheus() const;  // its value there can be asked again and again
};

// The value at one hop.
struct Seen {
  std::string text;  // as the place writes it; of several pods or series "50 + 5"; empty: there is none
  std::optional<double> number;  // of several their sum
  std::string missing;           // why there is none
  world::WallTime at{};          // the place's own: asked at, scraped at, answered at
  world::WallTime asked{};       // when hpawalk asked or was told, by its own clock
  world::WallTime changed{};     // `at` of the first sight of this text
  bool known() const { return asked != world::WallTime{}; }  // it was read or refused once
};

struct ConditionSeen {
  std::string status, reason, message;
  world::WallTime since{};
  bool operator==(const ConditionSeen&) const = default;
};

struct HpaSeen {
  bool known = false, there = false;
  std::string missing;  // why it cannot be read
  Json object;          // as the API server has it
  Seen metric;          // in status.currentMetrics
  int min = 1, max = 0, current = 0, desired = 0;
  std::string target;    // quantity, or "80%"
  bool average = false;  // the target is an AverageValue
  std::map<std::string, ConditionSeen> conditions;
  world::WallTime synced{};  // when its status last changed, so at a sync; exact once one was watched
};

struct WorkloadSeen {
  bool known = false, there = false;
  std::string missing;
  int wanted = 0;  // spec.replicas
  int replicas = 0, ready = 0;
  world::WallTime changed{};
};

struct EventSeen {
  world::WallTime at{};
  std::string kind, name, type, reason, message;  // kind and name of the object; type: Normal or Warning
  long long count = 1;
  bool before = false;  // it was there when the observation began
};

struct Hops {
  bool has_source = true, has_prometheus = true, has_api = true;  // of the chain
  Seen source;
  std::map<std::string, std::string> pods;  // of the source, that answered -> value
  Seen prometheus, api;
  HpaSeen hpa;
  WorkloadSeen workload;
  std::vector<EventSeen> events;  // of the HPA and its workload, in the order in which they came
  std::string lost;               // the API server does not answer: its error
  world::WallTime lost_since{};
  bool known() const {  // every hop was asked at least once
    return (!has_source || source.known()) && (!has_prometheus || prometheus.known()) &&
           (!has_api || api.known()) && hpa.known && workload.known;
  }
  // Where the value shows first.
  const Seen& first() const {
    return has_source ? source : has_prometheus ? prometheus : has_api ? api : hpa.metric;
  }
};

enum class Hop { source, prometheus, api, hpa, workload, event, lost, tick };
std::string_view name_of(Hop hop);  // "prom-fake", "metrics-api": stable

struct Change {
  Hop hop = Hop::tick;   // tick: about once a second, whatever happens
  world::WallTime at{};  // when hpawalk saw it
  std::optional<EventSeen> event = {};
  world::TimePoint seen{};  // `at` by the steady clock, for times that are compared with one another
};

// Observes until `on_change` returns false. It is called on the caller's own thread, with the state after the
// change, for every hop that shows something new, every Event that comes, and the ticks. An error when
// hpawalk was interrupted, or when the API server did not answer for a minute (`chain-lost`).
Status watch_chain(world::KubeApi& api, world::Clock& clock, const LiveChain& chain,
                   const std::function<bool(const Hops&, const Change&)>& on_change);

// The value of each of the source's pods: pod -> what it says. Asked once.
Result<std::map<std::string, std::string>> source_values(world::KubeApi& api, const Source& source);
// Sets the value on every pod of the source. `value` as prom-fake takes it.
Status set_source(world::KubeApi& api, const Source& source, const std::string& value);

bool same_number(std::optional<double> a, std::optional<double> b);  // both there, and equal; NaN is NaN

// What prometheus-adapter makes of a sample on its way to the metrics API: NaN becomes 0, everything else
// whole thousandths in 64 bits; what does not fit there, infinity too, becomes the smallest of these numbers,
// -9.2e15. Source: prometheus-adapter v0.12, pkg/custom-provider/provider.go metricFor, int64(value*1000.0)
// as amd64 converts it.
double as_adapter_serves(double sample);
bool adapter_distorts(double sample);  // as_adapter_serves differs by more than the cut to thousandths

}  // namespace hpawalk::observe
