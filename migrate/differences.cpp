#include "migrate/differences.hpp"

#include <algorithm>
#include <initializer_list>

#include <fmt/format.h>

#include "base/text.hpp"
#include "diagnose/view_keda.hpp"

namespace hpawalk::migrate {

namespace {

bool has_metric(const Json& hpa, std::initializer_list<std::string_view> types) {
  const Json& metrics = list_at(hpa, "spec.metrics");
  return std::any_of(metrics.begin(), metrics.end(), [&](const Json& metric) {
    return std::find(types.begin(), types.end(), text_at(metric, "type")) != types.end();
  });
}

Difference rounding() {
  return {"rounding", "The adapter cuts a value off behind its third decimal; KEDA rounds it there.",
          "int64(value*1000) in prometheus-adapter's provider.go; \"%.3f\" in KEDA's scaler.go.",
          "At most 0.001 in the metric. It can move the replicas only if the value is that near to a limit."};
}

Difference negative() {
  return {
      "negative", "A value below 0 reaches the HPA as it is by the adapter, and as 0 by KEDA.",
      "quantityFromFloat64 in KEDA's scaler.go.",
      "None for metrics that are never negative; otherwise the HPA shows 0, and goes to minReplicas in both "
      "cases."};
}

Difference infinite(const std::string& by_keda) {
  return {
      "infinity", "An infinite value is an arbitrary number with the adapter, and " + by_keda + " with KEDA.",
      "The adapter converts to a 64-bit integer, which cannot hold it; prometheus_scaler.go looks for it.",
      "While the query divides by 0, the adapter's HPA can scale to either limit; KEDA's HPA does not go "
      "up."};
}

Difference relist() {
  return {
      "relist",
      "The adapter serves a metric from its next listing of the series on; KEDA asks for the query itself.",
      "--metrics-relist-interval and --metrics-max-age of the adapter; KEDA has neither.",
      "A series that is new is seen earlier by KEDA; by the adapter up to one interval later, and the HPA "
      "does not scale until then."};
}

double number_at(const Json& metadata, std::string_view name) {
  return text::number(text_at(metadata, name)).value_or(0);
}

std::string without_end(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

// What one prometheus trigger has that a rule of the adapter cannot have.
void add_trigger(const Json& trigger, const std::string& name, const std::string& adapter_url,
                 std::vector<Difference>& all) {
  const Json& metadata = at(trigger, "metadata");
  if (diagnose::empty_is_zero(trigger)) {
    all.push_back(
        {"empty-result",
         name + ": KEDA takes an empty result of the query for 0; with the adapter, the HPA has no value.",
         "ignoreNullValues is true, as it is by default; the adapter answers that the metric is not found.",
         "While the query has no result, KEDA's HPA scales down to minReplicas, the adapter's HPA keeps the "
         "replicas. `or vector(0)` behind the query makes the adapter's side equal while the series is "
         "listed."});
  } else {
    all.push_back(
        {"nan", name + ": NaN is 0 with the adapter, and no value with KEDA.",
         "provider.go of the adapter; ignoreNullValues is \"false\".",
         "While the query gives NaN, the adapter's HPA scales down to minReplicas, KEDA's HPA keeps the "
         "replicas."});
  }
  all.push_back(infinite(diagnose::empty_is_zero(trigger) ? "0" : "no value"));
  if (bool_at(trigger, "useCachedMetrics"))
    all.push_back({"cached",
                   name + ": KEDA shows the HPA the value of its last poll; the adapter asks at each sync.",
                   "useCachedMetrics is true; the adapter has no cache of values.",
                   "The HPA reacts up to pollingInterval earlier."});
  const std::string url = without_end(text_at(metadata, "serverAddress"));
  if (!adapter_url.empty() && url != without_end(adapter_url))
    all.push_back({"prometheus",
                   fmt::format("{}: KEDA asks {}; the adapter asks {}.", name, url, adapter_url),
                   "An adapter has one Prometheus for all of its rules.",
                   "The same query can have another value, or none, in another Prometheus."});
  for (const char* field : {"namespace", "queryParameters", "customHeaders"}) {
    if (text_at(metadata, field).empty()) continue;
    all.push_back({"request",
                   fmt::format("{}: KEDA sends its {} with the query; the adapter does not.", name, field),
                   "A rule has no such field.",
                   "Prometheus, or what is in front of it, can respond with other series, or refuse."});
  }
}

}  // namespace

std::vector<Difference> differences_to_keda(const Json& hpa, const std::vector<std::string>& login) {
  std::vector<Difference> all;
  if (!has_metric(hpa, {"Object", "Pods", "External"})) return all;
  all = {rounding(),
         negative(),
         {"nan", "NaN is 0 with the adapter, and no value with KEDA.",
          "provider.go of the adapter; ignoreNullValues is \"false\", as this ScaledObject has it so that an "
          "empty "
          "result is no value on both sides.",
          "While the query gives NaN, the adapter's HPA scales down to minReplicas, KEDA's HPA keeps the "
          "replicas."},
         infinite("no value"),
         relist()};
  if (has_metric(hpa, {"Pods"})) {
    all.push_back(
        {"pods-average",
         "A Pods metric is averaged over the pods that have a sample; KEDA's metric is the sum of all "
         "samples, divided by all replicas.",
         "The HPA controller leaves out pods that are not ready, and counts those without a sample against "
         "the direction in which it scales (calcPlainMetricReplicas). Of an External metric it knows no "
         "pods.",
         "Equal while all pods are ready and scraped. While pods start, the HPA scales further up; a pod "
         "that is not scraped counts as 0."});
    all.push_back(
        {"pod-names",
         "The adapter is asked for the pods that the workload's selector matches; KEDA's query matches the "
         "form of their names.",
         "A query cannot follow a label selector.",
         "Pods of another workload whose names have the same form are counted too."});
  }
  if (int_at(hpa, "spec.minReplicas", 1) == 0)
    all.push_back(
        {"scale-to-zero",
         "The HPA itself scales to 0 and back; with KEDA, KEDA does, and its HPA counts from 1.",
         "minReplicaCount 0: KEDA deactivates cooldownPeriod (300s) after the last poll with a value above "
         "activationThreshold (0), and looks every pollingInterval (30s).",
         "The last replica is removed after the cooldown instead of the stabilization window; the first one "
         "comes at KEDA's next poll."});
  if (!login.empty())
    all.push_back(
        {"credentials",
         fmt::format("The adapter shows Prometheus credentials ({}); the trigger has none.",
                     text::join(login, ", ")),
         "KEDA takes them from a TriggerAuthentication, which refers to a Secret of yours.",
         "If Prometheus requires them, KEDA gets no value, and the HPA keeps its replicas. Create the "
         "TriggerAuthentication, and name it in authenticationRef of each trigger."});
  return all;
}

std::vector<Difference> differences_to_adapter(const Json& scaled_object, const std::string& adapter_url) {
  std::vector<Difference> all;
  const Json& triggers = list_at(scaled_object, "spec.triggers");
  bool prometheus = false;
  for (size_t i = 0; i < triggers.size(); ++i) {
    if (text_at(triggers[i], "type") != "prometheus") continue;
    if (!prometheus) all = {rounding(), negative(), relist()};
    prometheus = true;
    add_trigger(triggers[i], fmt::format("trigger {}", i), adapter_url, all);
  }
  auto repeated = [&](const Difference& d) {  // of several triggers
    return &d != &*std::find_if(all.begin(), all.end(), [&](const Difference& other) {
      return other.id == d.id && other.what == d.what;
    });
  };
  std::vector<Difference> once;
  std::copy_if(all.begin(), all.end(), std::back_inserter(once),
               [&](const Difference& d) { return !repeated(d); });
  all = std::move(once);
  const Json& spec = at(scaled_object, "spec");
  const bool idle = !at(spec, "idleReplicaCount").is_null();
  if (idle || int_at(spec, "minReplicaCount") == 0) {
    all.push_back(
        {"scale-to-zero",
         fmt::format("KEDA scales to {} replicas while no trigger is active; the HPA has at least {}.",
                     int_at(spec, "idleReplicaCount"), std::max(1LL, int_at(spec, "minReplicaCount"))),
         "An HPA knows no activation; pollingInterval, cooldownPeriod, idleReplicaCount and "
         "activationThreshold have no field in it.",
         "The workload keeps at least that many replicas, also without any load."});
    for (size_t i = 0; i < triggers.size(); ++i) {
      if (number_at(at(triggers[i], "metadata"), "activationThreshold") <= 0) continue;
      all.push_back({"activation", fmt::format("trigger {}: activationThreshold has no counterpart.", i),
                     "Only KEDA decides on activation.", "The workload is always active."});
    }
  }
  if (!at(spec, "fallback").is_null())
    all.push_back(
        {"fallback",
         fmt::format("After {} failures, KEDA lets the HPA go to {} replicas; the adapter has no fallback.",
                     int_at(spec, "fallback.failureThreshold"), int_at(spec, "fallback.replicas")),
         "spec.fallback is computed by KEDA's operator.",
         "While Prometheus does not respond, the HPA keeps the replicas that it has."});
  if (bool_at(spec, "advanced.restoreToOriginalReplicaCount"))
    all.push_back(
        {"restore", "KEDA sets the replicas back to those before KEDA when its ScaledObject is deleted.",
         "restoreToOriginalReplicaCount is true.",
         "The migration turns it off before it deletes the ScaledObject, so that the replicas stay."});
  if (!at(scaled_object, {"metadata", "annotations", "autoscaling.keda.sh/force-activation"}).is_null())
    all.push_back({"activation", "The annotation force-activation has no counterpart.",
                   "Only KEDA decides on activation.", "The workload is always active."});
  return all;
}

}  // namespace hpawalk::migrate
