#include "diagnose/checks.hpp"

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/printable.hpp"
#include "base/text.hpp"
#include "world/kube_list.hpp"
#include "world/kube_resource.hpp"
#include "world/times.hpp"

namespace hpawalk::diagnose {
namespace {

Judgement ok(std::string evidence) {
  return {Mark::ok, std::move(evidence)};
}
Judgement not_yet(std::string evidence) {
  return {Mark::broken, std::move(evidence)};
}

// A read that failed: not there is "not yet", anything else cannot be judged.
Judgement unread(const Error& error) {
  std::string evidence = error.what;
  if (!error.because.empty() && !error.is("kube-not-found")) evidence += ": " + error.because;
  bool waiting_helps =
      error.is("kube-not-found") || error.is("kube-unavailable") || error.is("prometheus-http");
  return {waiting_helps ? Mark::broken : Mark::unknown, evidence, error.id};
}

Judgement judged(const Readiness& readiness) {
  return {readiness.ready ? Mark::ok : Mark::broken, readiness.text};
}

// Why a pod is not ready, in its own words; empty when it is.
std::string trouble_of(const Json& pod) {
  if (text_at(condition(pod, "Ready"), "status") == "True") return {};
  std::string name = text_at(pod, "metadata.name");
  for (const char* group : {"status.initContainerStatuses", "status.containerStatuses"}) {
    for (const Json& container : list_at(pod, group)) {
      for (const char* state : {"state.waiting", "state.terminated"}) {
        std::string reason = text_at(at(container, state), "reason");
        if (reason.empty() || reason == "PodInitializing" || reason == "Completed") continue;
        std::string message = text_at(at(container, state), "message");
        return fmt::format("pod {}: {}{}{}", name, reason, message.empty() ? "" : ": ",
                           shortened(message, 200));
      }
    }
  }
  const Json& scheduled = condition(pod, "PodScheduled");
  if (text_at(scheduled, "status") == "False")
    return fmt::format("pod {}: {}", name, text_at(scheduled, "message"));
  return fmt::format("pod {} is {}, not ready", name, text_at(pod, "status.phase", "Pending"));
}

}  // namespace

bool Judgement::forbidden() const {
  return error_id == ErrorId("kube-forbidden").text() || error_id == ErrorId("prometheus-forbidden").text();
}

Judgement judge(const Result<Json>& read, Readiness (*readiness)(const Json&)) {
  return read ? judged(readiness(*read)) : unread(read.error());
}

std::string pod_trouble(const Json& pods) {
  for (const Json& pod : list_at(pods, "items")) {
    if (!at(pod, "metadata.deletionTimestamp").is_null()) continue;
    if (std::string trouble = trouble_of(pod); !trouble.empty()) return trouble;
  }
  return {};
}

Judgement judge_target(const Result<std::vector<world::Target>>& targets, const std::string& pool_prefix,
                       world::WallTime now) {
  if (!targets) return unread(targets.error());
  std::vector<world::Target> own;
  for (const world::Target& target : *targets) {
    if (target.pool.starts_with(pool_prefix)) own.push_back(target);
  }
  if (own.empty()) return not_yet("Prometheus has no target of " + pool_prefix + " yet");
  Scrapes scrapes = scrapes_of(own);
  Judgement judgement = judged(scrapes.readiness());
  if (!judgement.ok()) return judgement;
  auto ago = now - world::parse_time(scrapes.last->last_scrape).value_or(now);
  judgement.evidence += fmt::format(", {} scraped {} ago", scrapes.last->url, text::duration(ago));
  return judgement;
}

Judgement check_workload(world::KubeApi& api, const std::string& resource, const ObjectName& object) {
  return judge(world::kube_get(api, world::kube_object("apps/v1", object.space, resource, object.name)),
               workload_rolled_out);
}

std::string look_for_pod_trouble(world::KubeApi& api, const std::string& space,
                                 const std::string& label_selector) {
  std::string path =
      world::kube_kind("Pod").collection(space) + "?labelSelector=" + world::query_value(label_selector);
  Result<Json> pods = world::kube_list(api, path);
  return pods ? pod_trouble(*pods) : std::string();
}

Judgement check_prometheus(world::KubeApi& api, const ObjectName& resource) {
  Result<Json> prometheus =
      world::kube_get(api, world::kube_kind("Prometheus").object(resource.space, resource.name));
  Judgement reconciled = judge(prometheus, prometheus_reconciled);
  if (!reconciled.ok()) return reconciled;
  Result<Json> statefulset = world::kube_get(
      api, world::kube_kind("StatefulSet").object(resource.space, "prometheus-" + resource.name));
  if (statefulset) return judged(prometheus_pods_ready(*prometheus, *statefulset));
  if (!statefulset.error().is("kube-not-found")) return unread(statefulset.error());
  return not_yet(resource.name + ": the operator has not created its StatefulSet yet");
}

Judgement check_prometheus_answers(world::KubeApi& api, const world::Backend& prometheus) {
  Result<Json> version = world::prometheus_behind(api, prometheus).get("/api/v1/status/buildinfo");
  if (!version) return unread(version.error());
  std::string number =
      text_at(*version, "version");  // a Prometheus that was not built by its own makefile has none
  return ok(fmt::format("Prometheus {}answers", number.empty() ? "" : number + " "));
}

Judgement check_target(world::KubeApi& api, world::Clock& clock, const world::Backend& prometheus,
                       const std::string& pool_prefix) {
  return judge_target(world::prometheus_behind(api, prometheus).targets(), pool_prefix, clock.wall_now());
}

Judgement check_value(world::KubeApi& api, const world::Backend& prometheus, const std::string& expression) {
  Result<std::vector<world::Sample>> samples = world::prometheus_behind(api, prometheus).query(expression);
  if (!samples) return unread(samples.error());
  if (samples->empty()) return not_yet(expression + " has no sample in Prometheus yet");
  const world::Sample& first = samples->front();
  if (samples->size() == 1) return ok(fmt::format("{} = {}", expression, first.value));
  return ok(fmt::format("{} = {} ({} series)", expression, first.value, samples->size()));
}

Judgement check_api_service(world::KubeApi& api, const std::string& name) {
  return judge(world::kube_get(api, world::kube_kind("APIService").object(name)), api_service_available);
}

Judgement check_metric(world::KubeApi& api, const std::string& space, const std::string& resource,
                       const std::string& name, const std::string& metric) {
  return check_value_at(api, world::custom_metric_path(space, resource, name, metric), metric);
}

Judgement check_value_at(world::KubeApi& api, const std::string& path, const std::string& metric) {
  Result<Json> values = world::kube_get(api, path);
  if (values) return judged(value_served(*values, metric));
  Error error = values.error();
  if (error.is("kube-not-found")) error.what = error.because;  // the adapter's own words
  return unread(error);
}

Judgement check_scaled_object(world::KubeApi& api, const ObjectName& scaled_object) {
  return judge(
      world::kube_get(api, world::kube_kind("ScaledObject").object(scaled_object.space, scaled_object.name)),
      scaled_object_ready);
}

Judgement check_hpa(world::KubeApi& api, const ObjectName& hpa) {
  return judge(world::kube_get(api, world::kube_kind("HorizontalPodAutoscaler").object(hpa.space, hpa.name)),
               hpa_active);
}

}  // namespace hpawalk::diagnose
