#include "oncall/read_trace.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/text.hpp"
#include "diagnose/past.hpp"
#include "diagnose/series_source.hpp"
#include "diagnose/view_keda.hpp"
#include "oncall/state_source.hpp"

namespace hpawalk::oncall {
namespace {

using hpasim::MetricKind;
using hpasim::MetricSpec;
using hpasim::Time;
using observe::Samples;
using observe::Trace;
using observe::TracedMetric;

constexpr double most_values = 10'000;  // Prometheus gives at most 11,000 a series
constexpr Time shortest_step = std::chrono::seconds(1);
constexpr world::Duration limit = std::chrono::seconds(60);

// The series of kube-state-metrics about a workload. Source: kube-state-metrics v2.20.0, internal/store.
struct WorkloadSeries {
  std::string_view kind, label, replicas, pods, ready;
};
constexpr WorkloadSeries workload_series[] = {
    {"Deployment", "deployment", "kube_deployment_spec_replicas", "kube_deployment_status_replicas",
     "kube_deployment_status_replicas_ready"},
    {"StatefulSet", "statefulset", "kube_statefulset_replicas", "kube_statefulset_status_replicas",
     "kube_statefulset_status_replicas_ready"},
    {"ReplicaSet", "replicaset", "kube_replicaset_spec_replicas", "kube_replicaset_status_replicas",
     "kube_replicaset_status_ready_replicas"}};
constexpr const char* pod_ready_metric = "kube_pod_status_ready";

Time micros(world::Duration duration) {
  return std::chrono::duration_cast<Time>(duration);
}

// The type of a target as kube-state-metrics names it.
std::string_view type_name(hpasim::TargetKind kind) {
  switch (kind) {
    case hpasim::TargetKind::value: return "value";
    case hpasim::TargetKind::average_value: return "average";
    case hpasim::TargetKind::utilization: return "utilization";
  }
  return "";
}

class TraceReader {
 public:
  TraceReader(const world::PrometheusApi& prometheus, const TraceRequest& request,
              const std::function<void(const std::string&)>& now)
      : prometheus_(prometheus), request_(request), now_(now) {
    for (const WorkloadSeries& known : workload_series) {
      if (known.kind == request.hpa.target_kind) workload_ = &known;
    }
  }

  Result<ReadTrace> run() {
    for (const MetricSpec& metric : request_.subject.spec.metrics) find_query(metric);
    if (Status found = find_series(); !found) return failure(found.error());
    trace().from = request_.from, trace().to = request_.to;
    trace().scrape = micros(interval_of(source_->desired));
    const Time memory = observe::memory_of(request_.subject.spec, request_.subject.flags);
    trace().begin = request_.from - memory - 4 * request_.subject.flags.sync_period - 2 * trace().scrape;
    trace().step = step();
    for (auto read : {&TraceReader::read_states, &TraceReader::read_workload, &TraceReader::read_metrics,
                      &TraceReader::read_causes}) {
      if (Status done = (this->*read)(); !done) return failure(done.error());
    }
    if (trace().desired.empty() && trace().replicas.empty()) return failure(no_states());
    return std::move(read_);
  }

 private:
  Trace& trace() { return read_.trace; }

  // --- what to ask for

  const diagnose::MetricNeed* need_of(const MetricSpec& metric) const {
    for (const diagnose::MetricNeed& need : request_.hpa.needs) {
      if (need.metric == metric.name && need.type == hpasim::kind_name(metric.kind)) return &need;
    }
    return nullptr;
  }

  void find_query(const MetricSpec& metric) {
    TracedMetric& traced = trace().metrics.emplace_back();
    const diagnose::MetricNeed* need = need_of(metric);
    series_.emplace_back();
    if (need == nullptr || need->resource_metric()) return;
    const diagnose::Group& group = request_.parts.groups.at(need->api_group());
    if (auto trigger = diagnose::prometheus_trigger(request_.facts, request_.hpa, *need)) {
      // Another trigger can have another Prometheus; which one --prometheus names, its user knows.
      const bool named = group.prometheus.address && !group.prometheus.address->url.empty();
      if (!named && trigger->url != group.adapter.prometheus_url) return;
      traced.source = trigger->query;
      traced.absent_is_zero = trigger->empty_is_zero;
      const std::vector<std::string> names = diagnose::series_in(trigger->query);
      if (!names.empty()) series_.back() = names.front();
      return;
    }
    const std::vector<diagnose::Candidate> candidates = diagnose::candidates(group, *need);
    if (candidates.empty()) return;
    // The last one wins, as in the adapter.
    Result<std::string> query = diagnose::lasting_expression(request_.hpa, *need, candidates.back());
    if (!query) return;
    traced.source = *query;
    series_.back() = candidates.back().series;
  }

  Status find_series() {
    now_("which series it has");
    std::set<std::string> names = {std::string(kube_state_metrics.desired), std::string(own_exporter.desired),
                                   current_metric, std::string(last_success_metric), pod_ready_metric};
    for (const std::string& name : series_) {
      if (!name.empty()) names.insert(name);
    }
    if (workload_ != nullptr) {
      for (std::string_view name : {workload_->replicas, workload_->pods, workload_->ready})
        names.emplace(name);
    }
    Result<AlertSeries> found = read_alert_series(prometheus_, names);
    if (!found) return failure(found.error());
    known_ = *std::move(found);
    for (const StateSource* source : {&kube_state_metrics, &own_exporter}) {
      if (source_ == nullptr && known_.has(source->desired)) source_ = source;
    }
    if (source_ == nullptr) return failure(no_states());
    read_.states = source_->says;
    return {};
  }

  Error no_states() const {
    return Error{
        ErrorClass::check_failed,
        "no-history",
        "This Prometheus has no record of the HPA's replicas",
        fmt::format("neither {} nor {} of HPA {}/{}", kube_state_metrics.desired, own_exporter.desired,
                    request_.hpa.space, request_.hpa.name),
        "kube-state-metrics exports them, or hpawalk exporter --manifests; the past from before it runs "
        "is not recorded",
        {},
        {}};
  }

  world::Duration interval_of(std::string_view series) const { return known_.interval(series); }

  // As often as anything changes that the replay can use, as far as Prometheus gives so many values.
  Time step() const {
    Time shortest = std::min(read_.trace.scrape, request_.subject.flags.sync_period);
    for (const std::string& name : series_) {
      if (known_.has(name)) shortest = std::min(shortest, micros(interval_of(name)));
    }
    const double seconds = hpasim::in_seconds(request_.to - read_.trace.begin);
    const Time least = std::chrono::seconds(std::llround(std::ceil(seconds / most_values)));
    return std::max({shortest, least, shortest_step});
  }

  std::string labels(std::string_view series, std::string_view object, const std::string& name,
                     const std::string& more = {}) const {
    return fmt::format("{}{{{}={},{}={}{}}}", series, known_.space_label(series),
                       diagnose::in_quotes(request_.hpa.space), object, diagnose::in_quotes(name), more);
  }
  std::string of_hpa(std::string_view series, const std::string& more = {}) const {
    return labels(series, "horizontalpodautoscaler", request_.hpa.name, more);
  }

  // --- ask for it

  Result<Json> range(const std::string& query) const {
    return prometheus_.range(query, hpasim::in_seconds(read_.trace.begin), hpasim::in_seconds(read_.trace.to),
                             hpasim::in_seconds(read_.trace.step), limit);
  }

  Status read_into(Samples& samples, const std::string& query, MetricKind kind = MetricKind::object) {
    now_(query.substr(0, 100));
    Result<Json> rows = range(query);
    if (!rows) return failure(rows.error());
    samples = diagnose::past_samples(*rows, kind);
    return {};
  }

  // One value, however many instances export it.
  static std::string most(const std::string& selected) { return "max(" + selected + ")"; }

  Status read_states() {
    const StateSource& s = *source_;
    const struct {
      Samples& samples;
      std::string query;
    } all[] = {{trace().desired, of_hpa(s.desired)},
               {trace().current, of_hpa(s.current)},
               {trace().min, of_hpa(s.min)},
               {trace().max, of_hpa(s.max)},
               {trace().inactive,
                of_hpa(s.condition, fmt::format(",condition=\"ScalingActive\",status=\"{}\"", s.no))}};
    for (const auto& [samples, query] : all) {
      if (Status done = read_into(samples, most(query)); !done) return done;
    }
    if (source_ != &own_exporter) return {};
    // What the exporter shows is as old as its last diagnosis.
    Samples ages;
    if (Status done = read_into(ages, most(fmt::format("timestamp({0}) - {0}", last_success_metric))); !done)
      return done;
    std::vector<double> seconds;
    for (const hpasim::PastSample& age : ages) seconds.push_back(age.value);
    if (seconds.empty()) return {};
    // A diagnosis that failed makes a gap, and no longer age.
    auto usual = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() * 9 / 10);
    std::nth_element(seconds.begin(), usual, seconds.end());
    trace().age = Time(std::llround(std::max(0.0, *usual) * 1e6));
    return {};
  }

  Status read_workload() {
    if (workload_ != nullptr && known_.has(workload_->replicas)) {
      const struct {
        Samples& samples;
        std::string_view series;
      } all[] = {{trace().replicas, workload_->replicas},
                 {trace().pods, workload_->pods},
                 {trace().ready, workload_->ready}};
      for (const auto& [samples, series] : all) {
        if (Status done =
                read_into(samples, most(labels(series, workload_->label, request_.hpa.target_name)));
            !done)
          return done;
      }
    }
    if (!trace().ready.empty() || !known_.has(pod_ready_metric)) return {};
    const std::string pods = diagnose::in_quotes(diagnose::pattern_of(request_.hpa.target_name) + "-.+");
    return read_into(trace().ready, fmt::format("sum({}{{{}={},pod=~{},condition=\"true\"}})",
                                                pod_ready_metric, known_.space_label(pod_ready_metric),
                                                diagnose::in_quotes(request_.hpa.space), pods));
  }

  Status read_metrics() {
    for (std::size_t i = 0; i < trace().metrics.size(); ++i) {
      const MetricSpec& metric = request_.subject.spec.metrics[i];
      TracedMetric& traced = trace().metrics[i];
      if (traced.source.empty() && known_.has(current_metric)) {
        // What the HPA itself showed.
        traced.source = of_hpa(current_metric,
                               fmt::format(",metric_name={},metric_target_type=\"{}\"",
                                           diagnose::in_quotes(metric.name), type_name(metric.target_kind)));
        traced.of_status = true;
        if (Status done = read_into(traced.samples, most(traced.source)); !done) return done;
        if (traced.samples.empty()) traced.source.clear();
      } else if (!traced.source.empty()) {
        if (Status done = read_into(traced.samples, traced.source, metric.kind); !done) return done;
        // A name or a label that Prometheus has never had, or has lost: then nothing can be said.
        if (traced.samples.empty() && !traced.absent_is_zero) {
          read_.notes.push_back("Prometheus has no sample in this time of " + traced.source + ".");
          traced.source.clear();
        }
      }
    }
    return {};
  }

  Status read_causes() {
    // While nothing is broken, no cause has a series.
    if (!known_.has(last_success_metric)) return {};
    now_("causes");
    Result<Json> rows = range(fmt::format("max by (cause, metric, severity) ({})", of_hpa(cause_metric)));
    if (!rows) return failure(rows.error());
    for (const Json& row : list_at(*rows, "")) {
      const Json& labels = at(row, "metric");
      for (const world::Point& point : world::points_of(at(row, "values"))) {
        const Time at(std::llround(point.time * 1e6));
        observe::TracedCause* last = trace().causes.empty() ? nullptr : &trace().causes.back();
        const observe::TracedCause cause{text_at(labels, "cause"), text_at(labels, "metric"),
                                         text_at(labels, "severity"), at, at};
        const bool goes_on = last != nullptr && last->cause == cause.cause && last->metric == cause.metric &&
                             last->severity == cause.severity &&
                             at - last->to <= trace().step + trace().step / 2;
        if (goes_on) {
          last->to = at;
        } else {
          trace().causes.push_back(cause);
        }
      }
    }
    return {};
  }

  const world::PrometheusApi& prometheus_;
  const TraceRequest& request_;
  const std::function<void(const std::string&)>& now_;
  const WorkloadSeries* workload_ = nullptr;
  const StateSource* source_ = nullptr;
  std::vector<std::string> series_;  // one a metric; empty: unknown
  AlertSeries known_;
  ReadTrace read_;
};

// "25%" or a number, as intOrString.
void take_limit(const Json& value, double& share, std::optional<std::int32_t>& pods) {
  if (value.is_number_integer()) pods = value.get<std::int32_t>();
  if (!value.is_string()) return;
  const std::string text = value.get<std::string>();
  if (!text.ends_with('%')) return;
  if (std::optional<double> percent = text::number(text.substr(0, text.size() - 1))) share = *percent / 100;
}

}  // namespace

Result<ReadTrace> read_trace(const world::PrometheusApi& prometheus, const TraceRequest& request,
                             const std::function<void(const std::string&)>& now) {
  return TraceReader(prometheus, request, now).run();
}

std::optional<observe::RolloutLimits> rollout_limits(const Json& workload) {
  if (text_at(workload, "kind") != "Deployment") return std::nullopt;
  observe::RolloutLimits limits;
  limits.recreate = text_at(workload, "spec.strategy.type") == "Recreate";
  if (limits.recreate) limits.surge_pods = 0;
  take_limit(at(workload, "spec.strategy.rollingUpdate.maxSurge"), limits.surge, limits.surge_pods);
  take_limit(at(workload, "spec.strategy.rollingUpdate.maxUnavailable"), limits.unavailable,
             limits.unavailable_pods);
  return limits;
}

}  // namespace hpawalk::oncall
