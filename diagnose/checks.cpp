#include "diagnose/checks.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/printable.hpp"
#include "base/text.hpp"
#include "world/kube_list.hpp"
#include "world/kube_path.hpp"
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
  bool waiting_helps = error.is("kube-not-found") || error.is("kube-unavailable") ||
                       error.is("prometheus-http") || error.is("prometheus-forbidden");
  return {waiting_helps ? Mark::broken : Mark::unknown, evidence, error.id};
}

std::string count(size_t n, std::string_view thing) {
  return fmt::format("{} {}{}", n, thing, n == 1 ? "" : "s");
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

Judgement judge_workload(const Read& workload) {
  if (!workload) return unread(workload.error());
  std::string name = text_at(*workload, "metadata.name");
  long long wanted = int_at(*workload, "spec.replicas", 1);
  if (text_at(*workload, "kind") == "DaemonSet") wanted = int_at(*workload, "status.desiredNumberScheduled");
  long long available =
      int_at(*workload, "status.availableReplicas", int_at(*workload, "status.numberAvailable"));
  long long updated =
      int_at(*workload, "status.updatedReplicas", int_at(*workload, "status.updatedNumberScheduled"));
  if (int_at(*workload, "status.observedGeneration") < int_at(*workload, "metadata.generation")) {
    return not_yet(name + ": the controller has not observed the last change yet");
  }
  if (updated < wanted)
    return not_yet(fmt::format("{}: {} of {} pods are updated to the latest version", name, updated, wanted));
  // An old pod that still serves hides that the new one does not start.
  long long old =
      text_at(*workload, "kind") == "Deployment" ? int_at(*workload, "status.replicas") - updated : 0;
  if (old > 0)
    return not_yet(fmt::format("{}: {} not replaced by the latest version yet", name,
                               count(static_cast<size_t>(old), "pod")));
  if (available < wanted) {
    const Json& progressing = condition(*workload, "Progressing");
    std::string why = text_at(progressing, "status") == "False" ? "; " + text_at(progressing, "message") : "";
    return not_yet(fmt::format("{}: {} of {} pods available{}", name, available, wanted, why));
  }
  return ok(fmt::format("{}: {} of {} pods available", name, available, wanted));
}

std::string pod_trouble(const Read& pods) {
  if (!pods) return {};
  for (const Json& pod : list_at(*pods, "items")) {
    if (!at(pod, "metadata.deletionTimestamp").is_null()) continue;
    if (std::string trouble = trouble_of(pod); !trouble.empty()) return trouble;
  }
  return {};
}

Judgement judge_prometheus(const Read& resource, const Read& statefulset) {
  if (!resource) return unread(resource.error());
  std::string name = text_at(*resource, "metadata.name");
  const Json& reconciled = condition(*resource, "Reconciled");
  if (text_at(reconciled, "status") == "False") return not_yet(name + ": " + text_at(reconciled, "message"));
  if (!statefulset) {
    if (!statefulset.error().is("kube-not-found")) return unread(statefulset.error());
    return not_yet(name + ": the operator has not created its StatefulSet yet");
  }
  long long wanted = int_at(*statefulset, "spec.replicas", 1),
            ready = int_at(*statefulset, "status.readyReplicas");
  std::string evidence = fmt::format("{}: {} of {} pods ready", name, ready, wanted);
  return ready >= wanted ? ok(evidence) : not_yet(evidence);
}

Judgement judge_target(const Result<std::vector<world::Target>>& targets, const std::string& pool_prefix,
                       world::WallTime now) {
  if (!targets) return unread(targets.error());
  const world::Target* last = nullptr;
  size_t up = 0;
  for (const world::Target& target : *targets) {
    if (!target.pool.starts_with(pool_prefix)) continue;
    if (target.health == "down") return not_yet(fmt::format("{} is down: {}", target.url, target.last_error));
    if (target.health == "up") ++up;
    if (last == nullptr || target.last_scrape > last->last_scrape) last = &target;
  }
  if (last == nullptr) return not_yet("Prometheus has no target of " + pool_prefix + " yet");
  if (up == 0) return not_yet(last->url + " has not been scraped yet");
  return ok(fmt::format("{} up, {} scraped {} ago", count(up, "target"), last->url,
                        text::duration(now - world::parse_time(last->last_scrape).value_or(now))));
}

Judgement judge_value(const Result<std::vector<world::Sample>>& samples, const std::string& expression) {
  if (!samples) return unread(samples.error());
  if (samples->empty()) return not_yet(expression + " has no sample in Prometheus yet");
  const world::Sample& first = samples->front();
  if (samples->size() == 1) return ok(fmt::format("{} = {}", expression, first.value));
  return ok(fmt::format("{} = {} ({} series)", expression, first.value, samples->size()));
}

Judgement judge_api_service(const Read& api_service) {
  if (!api_service) return unread(api_service.error());
  const Json& available = condition(*api_service, "Available");
  std::string name = text_at(*api_service, "metadata.name");
  if (text_at(available, "status") == "True") return ok(name + " is Available");
  return not_yet(fmt::format("{} is not Available: {}: {}", name,
                             text_at(available, "reason", "no status yet"), text_at(available, "message")));
}

Judgement judge_metric(const Read& values, const std::string& metric) {
  if (!values) {
    Error error = values.error();
    if (error.is("kube-not-found")) error.what = error.because;
    return unread(error);
  }
  const Json& items = list_at(*values, "items");
  if (items.empty()) return not_yet("the API knows " + metric + ", but returns no value for these objects");
  const Json& first = items.front();
  std::string evidence = fmt::format("{} of {} {} = {}", metric, text_at(first, "describedObject.kind"),
                                     text_at(first, "describedObject.name"), text_at(first, "value"));
  if (items.size() > 1) evidence += fmt::format(" ({} objects)", items.size());
  return ok(evidence);
}

Judgement judge_hpa(const Read& hpa) {
  if (!hpa) return unread(hpa.error());
  std::string name = text_at(*hpa, "metadata.name");
  for (const char* type : {"AbleToScale", "ScalingActive"}) {
    const Json& seen = condition(*hpa, type);
    if (seen.is_null()) return not_yet(name + ": the controller has not synced it yet");
    if (text_at(seen, "status") != "True") {
      return not_yet(fmt::format("{}: {} is {}: {}: {}", name, type, text_at(seen, "status"),
                                 text_at(seen, "reason"), text_at(seen, "message")));
    }
  }
  return ok(fmt::format("{}: ScalingActive ({}), {} replicas, {} desired", name,
                        text_at(condition(*hpa, "ScalingActive"), "reason"),
                        int_at(*hpa, "status.currentReplicas"), int_at(*hpa, "status.desiredReplicas")));
}

static std::string in_space(const std::string& group_version, const std::string& space,
                            const std::string& rest) {
  return world::kube_path("{}/namespaces/{}/", world::Segments{group_version}, space) + rest;
}

Judgement check_workload(world::KubeApi& api, const std::string& resource, const ObjectName& object) {
  return judge_workload(
      world::kube_get(api, in_space("/apis/apps/v1", object.space, resource + "/" + object.name)));
}

std::string look_for_pod_trouble(world::KubeApi& api, const std::string& space,
                                 const std::string& label_selector) {
  std::string path = in_space("/api/v1", space, "pods?labelSelector=" + world::query_value(label_selector));
  return pod_trouble(world::kube_list(api, path));
}

Judgement check_prometheus(world::KubeApi& api, const ObjectName& resource) {
  Read statefulset = world::kube_get(
      api, in_space("/apis/apps/v1", resource.space, "statefulsets/prometheus-" + resource.name));
  return judge_prometheus(world::kube_get(api, in_space("/apis/monitoring.coreos.com/v1", resource.space,
                                                        "prometheuses/" + resource.name)),
                          statefulset);
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
  return judge_value(world::prometheus_behind(api, prometheus).query(expression), expression);
}

Judgement check_api_service(world::KubeApi& api, const std::string& name) {
  return judge_api_service(world::kube_get(api, "/apis/apiregistration.k8s.io/v1/apiservices/" + name));
}

Judgement check_metric(world::KubeApi& api, const std::string& space, const std::string& resource,
                       const std::string& name, const std::string& metric) {
  return judge_metric(world::kube_get(api, in_space("/apis/custom.metrics.k8s.io/v1beta1", space,
                                                    world::kube_path("{}/{}/{}", resource, name, metric))),
                      metric);
}

Judgement check_hpa(world::KubeApi& api, const ObjectName& hpa) {
  return judge_hpa(world::kube_get(api, in_space("/apis/autoscaling/v2", hpa.space,
                                                 world::kube_path("horizontalpodautoscalers/{}", hpa.name))));
}

}  // namespace hpawalk::diagnose
