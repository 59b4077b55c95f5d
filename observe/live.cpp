#include "observe/live.hpp"

#include <atomic>
#include <cmath>
#include <deque>
#include <mutex>
#include <set>

#include <fmt/format.h>

#include "base/quantity.hpp"
#include "base/text.hpp"
#include "hpasim/why.hpp"
#include "world/kube_list.hpp"
#include "world/kube_path.hpp"
#include "world/kube_resource.hpp"
#include "world/prometheus_api.hpp"
#include "world/times.hpp"
#include "world/workers.hpp"

namespace hpawalk::observe {

std::string_view name_of(Hop hop) {
  switch (hop) {
    case Hop::source: return "prom-fake";
    case Hop::prometheus: return "prometheus";
    case Hop::api: return "metrics-api";
    case Hop::hpa: return "hpa";
    case Hop::workload: return "workload";
    case Hop::event: return "event";
    case Hop::lost: return "lost";
    case Hop::tick: return "tick";
  }
  return "tick";
}

bool LiveChain::in_prometheus() const {
  return prometheus && !metric().expression.empty() && metric().kind != hpasim::MetricKind::pods;
}

bool same_number(std::optional<double> a, std::optional<double> b) {
  if (!a || !b) return false;
  return *a == *b || (std::isnan(*a) && std::isnan(*b));
}

bool adapter_distorts(double sample) {
  return std::isnan(sample) || std::abs(sample * 1000) >= 0x1p63;
}

double as_adapter_serves(double sample) {
  if (std::isnan(sample)) return 0;
  const std::int64_t milli = adapter_distorts(sample) ? std::numeric_limits<std::int64_t>::min()
                                                      : static_cast<std::int64_t>(sample * 1000);
  const auto quantity = parse_quantity(std::to_string(milli) + "m");
  return quantity ? to_double(*quantity) : 0;
}

namespace {

using namespace std::chrono_literals;

constexpr world::Duration patience = 60s;  // with an API server that does not answer

std::string because(const Error& error) {
  return error.because.empty() ? error.what : error.what + ": " + error.because;
}

std::string pods_path(const Source& source) {
  return world::kube_kind("Pod").collection(source.space) +
         "?labelSelector=" + world::query_value(source.pod_selector);
}

std::string only(const std::string& name) {
  return "?fieldSelector=" + world::query_value("metadata.name=" + name);
}

// A pod that can be asked: it runs, and is not on its way out.
bool answers(const Json& pod) {
  return text_at(pod, "status.phase") == "Running" && at(pod, "metadata.deletionTimestamp").is_null();
}

Result<std::string> value_of_pod(world::KubeApi& api, const Source& source, const std::string& pod) {
  world::Backend backend{source.space, pod, source.port, "http", true};
  world::KubeRequest request{"GET", world::proxy_path(backend, "/value"), {}, 5s};
  Result<world::HttpResponse> answer = api.send(request);
  if (!answer) return failure(answer.error());
  if (!answer->ok()) return failure(world::kube_error(request, *answer));
  return std::string(text::trim(answer->body));
}

world::WallTime time_at(const Json& object, std::string_view field) {
  return world::parse_time(text_at(object, field)).value_or(world::WallTime{});
}

world::WallTime event_time(const Json& event, world::WallTime now) {
  for (const char* field : {"series.lastObservedTime", "lastTimestamp", "eventTime", "firstTimestamp",
                            "metadata.creationTimestamp"}) {
    if (world::WallTime time = time_at(event, field); time != world::WallTime{}) return time;
  }
  return now;
}

// When the controller last wrote the HPA's status, to the second.
world::WallTime status_written(const Json& hpa) {
  world::WallTime last{};
  for (const Json& entry : list_at(hpa, "metadata.managedFields")) {
    if (text_at(entry, "subresource") == "status") last = std::max(last, time_at(entry, "time"));
  }
  return last;
}

// The new reading in place of the old one; `changed` stays with a value that stays.
bool replace(Seen& old, Seen now) {
  bool same = old.text == now.text && old.missing == now.missing && old.known();
  now.changed = old.known() && old.text == now.text ? old.changed : now.at;
  old = std::move(now);
  return !same;
}

Seen missing(const Error& error, world::WallTime asked) {
  return {{}, {}, because(error), asked, asked, {}};
}

// Few of them one by one, as "50 + 5".
std::string sum_text(const std::vector<std::string>& texts, double sum) {
  constexpr size_t few = 4;
  if (texts.size() <= few) return text::join(texts, " + ");
  return fmt::format("{:.6g} in {} series", sum, texts.size());
}

std::optional<double> quantity_number(const std::string& text) {
  auto quantity = parse_quantity(text);
  return quantity ? std::optional(to_double(*quantity)) : std::nullopt;
}

// What the containers of one PodMetrics use of the resource.
std::optional<double> usage_of(const ChainMetric& metric, const Json& pod) {
  std::optional<double> sum;
  for (const Json& container : list_at(pod, "containers")) {
    if (!metric.container.empty() && text_at(container, "name") != metric.container) continue;
    const Json& used = at(container, {"usage", metric.name});  // its name may have dots in it
    std::optional<double> number = used.is_string() ? quantity_number(used) : std::nullopt;
    if (number) sum = sum.value_or(0) + *number;
  }
  return sum;
}

// What a metrics API answered, as one value: the average over pods, the sum of an External metric's series.
Seen served_value(const ChainMetric& metric, const Json& answer) {
  using hpasim::MetricKind;
  bool resource = metric.kind == MetricKind::resource || metric.kind == MetricKind::container_resource;
  bool pods = resource || metric.kind == MetricKind::pods;
  Seen seen{{}, {}, "the metrics API has no value of " + metric.name, {}, {}, {}};
  double sum = 0;
  std::vector<std::string> texts;
  for (const Json& item : list_at(answer, "items")) {
    std::string text = text_at(item, "value");
    std::optional<double> number = resource ? usage_of(metric, item) : quantity_number(text);
    if (!number) continue;
    sum += *number;
    texts.push_back(text);
    seen.at = std::max(seen.at, time_at(item, "timestamp"));
  }
  if (texts.empty()) return seen;
  seen.missing.clear();
  seen.number = pods ? sum / static_cast<double>(texts.size()) : sum;
  seen.text = pods ? fmt::format("{:.6g} on average of {}", *seen.number, text::count(texts.size(), "pod"))
                   : sum_text(texts, sum);
  return seen;
}

class Observation {
 public:
  Observation(world::KubeApi& api, world::Clock& clock, const LiveChain& chain)
      : api_(api), clock_(clock), chain_(chain) {
    hops_.has_source = chain.source.has_value();
    hops_.has_prometheus = chain.in_prometheus();
    hops_.has_api = !chain.metric().path.empty();
  }

  Status run(const std::function<bool(const Hops&, const Change&)>& on_change) {
    world::Workers workers([this] { stop_ = true; });
    workers.start([this] { watch_hpa(); });
    workers.start([this] { watch_workload(); });
    workers.start([this] { watch_events("HorizontalPodAutoscaler", chain_.hpa); });
    workers.start([this] { watch_events(chain_.workload.kind, chain_.workload.name); });
    if (hops_.has_source) {
      workers.start([this] { watch_pods(); });
      workers.start([this] { poll(1s, [this] { ask_source(); }); });
    }
    if (hops_.has_prometheus) workers.start([this] { poll(chain_.interval, [this] { ask_prometheus(); }); });
    if (hops_.has_api) workers.start([this] { poll(chain_.interval, [this] { ask_api(); }); });
    Status end = consume(on_change);
    stop_ = true;
    Status worked = workers.join();
    return worked ? end : worked;
  }

 private:
  // ---- the consumer's side, on the caller's thread

  Status consume(const std::function<bool(const Hops&, const Change&)>& on_change) {
    world::TimePoint tick = clock_.now();
    while (!stop_) {
      std::deque<Change> changes;
      Hops hops;
      {
        std::lock_guard lock(mutex_);
        if (fatal_) return failure(*fatal_);
        changes.swap(changes_);
        hops = hops_;
      }
      if (clock_.now() - tick >= 1s) {
        tick = clock_.now();
        changes.push_back({Hop::tick, clock_.wall_now(), {}, tick});
      }
      for (const Change& change : changes) {
        if (!on_change(hops, change)) return {};
      }
      if (!clock_.sleep(50ms)) return interrupted("watching the chain");
    }
    return {};  // a worker failed
  }

  // ---- what all sources share

  void tell(Hop hop, std::optional<EventSeen> event = {}) {  // with the mutex held
    changes_.push_back({hop, clock_.wall_now(), std::move(event), clock_.now()});
  }

  void answered() {
    std::lock_guard lock(mutex_);
    if (hops_.lost.empty()) return;
    hops_.lost.clear();
    tell(Hop::lost);
  }

  // What an error says about the API server itself.
  void failed(const Error& error) {
    if (error.kind == ErrorClass::interrupted) return;
    bool busy = world::about_one_question(error) && !error.is("kube-slow");
    if (busy || (error.kind != ErrorClass::environment && !error.is("http"))) {
      // Prometheus's client cannot tell whether it was Prometheus or the way to it that refused.
      if (error.id.starts_with("kube-")) answered();
      return;
    }
    std::lock_guard lock(mutex_);
    if (error.is("kube-proxy-ended")) fatal_ = error;
    if (hops_.lost.empty()) {
      hops_.lost = because(error);
      hops_.lost_since = clock_.wall_now();
      lost_since_ = clock_.now();
      tell(Hop::lost);
    } else if (clock_.now() - lost_since_ > patience && !fatal_) {
      fatal_ = Error{ErrorClass::environment,
                     "chain-lost",
                     "The API server has not responded for " + text::duration(patience),
                     hops_.lost,
                     "Does the cluster still exist?  hpawalk status",
                     {},
                     {}};
    }
  }

  // While a new value travels everybody is asked more often.
  void hurry() { busy_until_ = clock_.now() + 2 * chain_.interval + 2s; }

  bool pause(world::Duration d) {
    for (world::TimePoint begin = clock_.now(); clock_.now() - begin < d;) {
      if (stop_ || !clock_.sleep(100ms)) return false;
    }
    return !stop_;
  }

  void poll(world::Duration idle, const std::function<void()>& ask) {
    while (!stop_) {
      ask();
      world::TimePoint asked = clock_.now();
      auto due = [&] {
        return asked + (clock_.now() < busy_until_.load() ? std::min<world::Duration>(idle, 500ms) : idle);
      };
      while (clock_.now() < due()) {
        if (stop_ || !clock_.sleep(100ms)) return;
      }
    }
  }

  // Watches for good; `refused` hears of a list or watch that is not allowed, and it is tried again.
  void watch_for_good(const std::string& path, const std::function<void(const world::WatchEvent&)>& on_event,
                      const std::function<void(const Error&)>& refused) {
    do {
      Status end = world::watch(api_, clock_, path, [&](const world::WatchEvent& event) {
        if (!stop_ && event.type != "IDLE") {
          answered();
          on_event(event);
        }
        return !stop_;
      });
      if (end || end.error().kind == ErrorClass::interrupted) return;
      failed(end.error());
      refused(end.error());
    } while (pause(2s));
  }

  // ---- watched

  void watch_hpa() {
    bool listed = false;  // this one object, in the list that is being read
    watch_for_good(
        world::kube_kind("HorizontalPodAutoscaler").collection(chain_.space) + only(chain_.hpa),
        [&](const world::WatchEvent& event) {
          if (event.type == "RELISTED") listed = false;
          if (event.type == "ADDED" || event.type == "MODIFIED") listed = true, take_hpa(event.object);
          if (event.type == "DELETED" || (event.type == "SYNCED" && !listed)) no_hpa({});
        },
        [&](const Error& error) { no_hpa(because(error)); });
  }

  void no_hpa(const std::string& why) {
    std::lock_guard lock(mutex_);
    HpaSeen gone;
    gone.known = true;
    gone.missing =
        why.empty() ? fmt::format("HPA {} not found in namespace {}", chain_.hpa, chain_.space) : why;
    gone.metric.missing = gone.missing;
    gone.metric.asked = clock_.wall_now();
    if (hops_.hpa.known && !hops_.hpa.there && hops_.hpa.missing == gone.missing) return;
    hops_.hpa = std::move(gone);
    tell(Hop::hpa);
  }

  void take_hpa(const Json& object) {
    std::lock_guard lock(mutex_);
    world::WallTime now = clock_.wall_now();
    HpaSeen& hpa = hops_.hpa;
    bool first = !hpa.there;
    if (first) hpa = {}, hpa.synced = status_written(object);
    if (!first && at(object, "status") != at(hpa.object, "status")) hpa.synced = now;
    if (!first && at(object, "status") == at(hpa.object, "status") &&
        at(object, "spec") == at(hpa.object, "spec"))
      return;
    hpa.known = hpa.there = true;
    hpa.object = object;
    hpa.min = static_cast<int>(int_at(object, "spec.minReplicas", 1));
    hpa.max = static_cast<int>(int_at(object, "spec.maxReplicas"));
    hpa.current = static_cast<int>(int_at(object, "status.currentReplicas"));
    hpa.desired = static_cast<int>(int_at(object, "status.desiredReplicas"));
    hpa.conditions.clear();
    for (const Json& c : list_at(object, "status.conditions")) {
      hpa.conditions[text_at(c, "type")] = {text_at(c, "status"), text_at(c, "reason"), text_at(c, "message"),
                                            time_at(c, "lastTransitionTime")};
    }
    take_metric(hpa, object, now);
    tell(Hop::hpa);
  }

  void take_metric(HpaSeen& hpa, const Json& object, world::WallTime now) const {
    std::optional<hpasim::ShownMetric> shown =
        hpasim::shown_metric(object, chain_.metric().kind, chain_.metric().name);
    hpa.target = shown ? shown->target : "";
    hpa.average = shown && shown->average;
    Seen seen{{}, {}, "the HPA has not read the metric yet", now, now, {}};
    const ConditionSeen& active = hpa.conditions["ScalingActive"];
    if (active.status == "False") seen.missing = active.reason + ": " + active.message;
    if (shown && !shown->current.empty()) seen = {shown->current, shown->number, {}, now, now, {}};
    replace(hpa.metric, std::move(seen));
  }

  void watch_workload() {
    bool listed = false;
    const Workload& workload = chain_.workload;
    auto none = [&](std::string why) { take_workload({true, false, std::move(why), 0, 0, 0, {}}); };
    watch_for_good(
        workload.collection + only(workload.name),
        [&](const world::WatchEvent& event) {
          if (event.type == "RELISTED") listed = false;
          if (event.type == "ADDED" || event.type == "MODIFIED") {
            listed = true;
            take_workload(seen_workload(event.object));
          }
          if (event.type == "DELETED" || (event.type == "SYNCED" && !listed))
            none(fmt::format("{} {} not found in namespace {}", workload.kind, workload.name, chain_.space));
        },
        [&](const Error& error) { none(because(error)); });
  }

  WorkloadSeen seen_workload(const Json& object) const {
    // A custom resource need not count its ready pods: then all that run are taken to be ready.
    bool counts = at(object, "status.readyReplicas").is_number() || chain_.workload.counts_ready;
    auto number = [&](const char* path, long long otherwise) {
      return static_cast<int>(int_at(object, path, otherwise));
    };
    int replicas = number("status.replicas", 0);
    return {true,     true,
            {},       number("spec.replicas", 1),
            replicas, counts ? number("status.readyReplicas", 0) : replicas,
            {}};
  }

  void take_workload(WorkloadSeen now) {
    std::lock_guard lock(mutex_);
    const WorkloadSeen& old = hops_.workload;
    bool same = old.known && old.there == now.there && old.missing == now.missing &&
                old.wanted == now.wanted && old.replicas == now.replicas && old.ready == now.ready;
    if (same) return;
    now.changed = clock_.wall_now();
    hops_.workload = std::move(now);
    tell(Hop::workload);
  }

  void watch_events(const std::string& kind, const std::string& name) {
    std::set<std::string> told;  // an Event counts up: it is told once for each count
    bool before = true;
    std::string of = world::query_value("involvedObject.kind=" + kind + ",involvedObject.name=" + name);
    watch_for_good(
        world::kube_kind("Event").collection(chain_.space) + "?fieldSelector=" + of,
        [&](const world::WatchEvent& event) {
          if (event.type == "SYNCED") before = false;
          if (event.type != "ADDED" && event.type != "MODIFIED") return;
          const Json& e = event.object;
          long long count = std::max({1LL, int_at(e, "count"), int_at(e, "series.count")});
          if (!told.insert(
                       fmt::format("{} {}", text_at(e, "metadata.uid", text_at(e, "metadata.name")), count))
                   .second)
            return;
          EventSeen seen{event_time(e, clock_.wall_now()),
                         kind,
                         name,
                         text_at(e, "type"),
                         text_at(e, "reason"),
                         text_at(e, "message"),
                         count,
                         before};
          std::lock_guard lock(mutex_);
          hops_.events.push_back(seen);
          if (hops_.events.size() > 200) hops_.events.erase(hops_.events.begin());
          if (!before) tell(Hop::event, seen);
        },
        [](const Error&) {});  // Events are told as a help; nothing is judged by them
  }

  void watch_pods() {
    std::set<std::string> running;
    auto publish = [&](std::string why) {
      std::lock_guard lock(mutex_);
      pods_ = running;
      pods_known_ = true;
      no_pods_ = std::move(why);
    };
    watch_for_good(
        pods_path(*chain_.source),
        [&](const world::WatchEvent& event) {
          std::string name = text_at(event.object, "metadata.name");
          if (event.type == "RELISTED") running.clear();
          if (event.type == "ADDED" || event.type == "MODIFIED" || event.type == "DELETED") {
            running.erase(name);
            if (event.type != "DELETED" && answers(event.object)) running.insert(name);
          }
          if (event.type != "RELISTED" && event.type != "ADDED") publish({});
        },
        [&](const Error& error) { publish(because(error)); });
  }

  // ---- asked

  void take(Hop hop, Seen Hops::*where, Seen seen) {
    std::lock_guard lock(mutex_);
    bool first = !(hops_.*where).known();
    std::string before = (hops_.*where).text;
    if (!replace(hops_.*where, std::move(seen))) return;
    if (!first && hop != Hop::api && (hops_.*where).text != before) hurry();
    tell(hop);
  }

  void ask_source() {
    std::set<std::string> pods;
    std::string none;
    {
      std::lock_guard lock(mutex_);
      if (!pods_known_) return;
      pods = pods_;
      none = no_pods_;
    }
    const Source& source = *chain_.source;
    world::WallTime asked = clock_.wall_now();
    Seen seen{{},
              {},
              none.empty() ? fmt::format("no pod of {} ({}) is running in namespace {}", source.service,
                                         source.pod_selector, source.space)
                           : none,
              asked,
              asked,
              {}};
    std::map<std::string, std::string> values;
    std::vector<std::string> texts;
    double sum = 0;
    for (const std::string& pod : pods) {
      Result<std::string> value = value_of_pod(api_, source, pod);
      if (!value) {
        failed(value.error());
        seen.missing = because(value.error());
        continue;
      }
      answered();
      values[pod] = *value;
      texts.push_back(*value);
      sum += text::number(*value).value_or(std::nan(""));
    }
    if (!texts.empty()) seen = {text::join(texts, " + "), sum, {}, asked, asked, {}};
    {
      std::lock_guard lock(mutex_);
      hops_.pods = std::move(values);
    }
    take(Hop::source, &Hops::source, std::move(seen));
  }

  // The samples, and in the same query when each was scraped.
  void ask_prometheus() {
    world::WallTime asked = clock_.wall_now();
    const std::string& expression = chain_.metric().expression;
    std::string both =
        fmt::format("{0} or label_replace(timestamp({0}), \"hpawalk\", \"scraped\", \"\", \"\")", expression);
    Result<std::vector<world::Sample>> samples =
        world::prometheus_behind(api_, *chain_.prometheus, chain_.prometheus_prefix).query(both);
    if (!samples) {
      failed(samples.error());
      if (samples.error().kind == ErrorClass::interrupted) return;
      return take(Hop::prometheus, &Hops::prometheus, missing(samples.error(), asked));
    }
    answered();
    Seen seen{{}, {}, expression + " has no sample in Prometheus", asked, asked, {}};
    std::map<std::string, std::string> values;  // by the labels: always in the same order
    double sum = 0;
    world::WallTime scraped{};
    for (const world::Sample& sample : *samples) {
      double number = text::number(sample.value).value_or(std::nan(""));
      if (sample.labels.contains("hpawalk")) {
        scraped = std::max(scraped, world::WallTime(world::Duration(static_cast<long long>(number * 1000))));
        continue;
      }
      std::string labels;
      for (const auto& [name, text] : sample.labels) labels += name + "=" + text + ",";
      values[labels] = sample.value;
      sum += number;
    }
    std::vector<std::string> texts;
    for (const auto& [labels, value] : values) texts.push_back(value);
    if (!texts.empty()) seen = {sum_text(texts, sum), sum, {}, scraped, asked, {}};
    take(Hop::prometheus, &Hops::prometheus, std::move(seen));
  }

  void ask_api() {
    world::WallTime asked = clock_.wall_now();
    Result<Json> answer = world::kube_get(api_, chain_.metric().path);
    if (!answer) {
      failed(answer.error());
      if (answer.error().kind == ErrorClass::interrupted) return;
      return take(Hop::api, &Hops::api, missing(answer.error(), asked));
    }
    answered();
    Seen seen = served_value(chain_.metric(), *answer);
    seen.asked = asked;
    if (seen.at == world::WallTime{}) seen.at = asked;
    take(Hop::api, &Hops::api, std::move(seen));
  }

  world::KubeApi& api_;
  world::Clock& clock_;
  const LiveChain& chain_;
  std::atomic<bool> stop_ = false;
  std::atomic<world::TimePoint> busy_until_ = world::TimePoint{};
  std::mutex mutex_;  // of everything below
  Hops hops_;
  world::TimePoint lost_since_{};  // the machine's time of day may be set meanwhile
  std::deque<Change> changes_;
  std::optional<Error> fatal_;
  std::set<std::string> pods_;  // the source's, that run
  bool pods_known_ = false;
  std::string no_pods_;
};

Result<std::vector<std::string>> running_pods(world::KubeApi& api, const Source& source) {
  Result<Json> list = world::kube_list(api, pods_path(source));
  if (!list) return failure(list.error());
  std::vector<std::string> names;
  for (const Json& pod : list_at(*list, "items")) {
    if (answers(pod)) names.push_back(text_at(pod, "metadata.name"));
  }
  if (!names.empty()) return names;
  return failure(
      ErrorClass::check_failed, "no-prom-fake",
      fmt::format("No pod of {} is running in namespace {}", source.service, source.space),
      fmt::format("{} pods have the labels {}", list_at(*list, "items").size(), source.pod_selector),
      "hpawalk up   builds what is missing; hpawalk verify   names the first failing check");
}

}  // namespace

Status watch_chain(world::KubeApi& api, world::Clock& clock, const LiveChain& chain,
                   const std::function<bool(const Hops&, const Change&)>& on_change) {
  return Observation(api, clock, chain).run(on_change);
}

Result<std::map<std::string, std::string>> source_values(world::KubeApi& api, const Source& source) {
  Result<std::vector<std::string>> pods = running_pods(api, source);
  if (!pods) return failure(pods.error());
  std::map<std::string, std::string> values;
  for (const std::string& pod : *pods) {
    Result<std::string> value = value_of_pod(api, source, pod);
    if (!value) return failure(value.error());
    values[pod] = *value;
  }
  return values;
}

Status set_source(world::KubeApi& api, const Source& source, const std::string& value) {
  Result<std::vector<std::string>> pods = running_pods(api, source);
  if (!pods) return failure(pods.error());
  for (const std::string& pod : *pods) {
    world::Backend backend{source.space, pod, source.port, "http", true};
    Result<world::HttpResponse> answer = world::backend_put(api, backend, "/value", value);
    if (!answer) return failure(answer.error());
    if (answer->ok()) continue;
    Error error = world::kube_error({"PUT", world::proxy_path(backend, "/value")}, *answer);
    if (answer->status == 400) {
      error = Error{ErrorClass::usage,
                    "prom-fake-value",
                    "prom-fake rejects " + value,
                    std::string(text::trim(answer->body)),
                    {},
                    {},
                    {}};
    }
    return failure(std::move(error));
  }
  return {};
}

}  // namespace hpawalk::observe
