#include "diagnose/readiness.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace hpawalk::diagnose {
namespace {

bool is_true(const Json& condition) {
  return text_at(condition, "status") == "True";
}

}  // namespace

Readiness workload_rolled_out(const Json& workload) {
  std::string name = text_at(workload, "metadata.name");
  bool daemon = text_at(workload, "kind") == "DaemonSet",
       deployment = text_at(workload, "kind") == "Deployment";
  long long desired =
      daemon ? int_at(workload, "status.desiredNumberScheduled") : int_at(workload, "spec.replicas", 1);
  long long available =
      int_at(workload, "status.availableReplicas", int_at(workload, "status.numberAvailable"));
  long long updated =
      int_at(workload, "status.updatedReplicas", int_at(workload, "status.updatedNumberScheduled"));
  if (int_at(workload, "status.observedGeneration") < int_at(workload, "metadata.generation"))
    return {false, name + ": the controller has not observed the last change yet"};
  if (updated < desired)
    return {false,
            fmt::format("{}: {} of {} pods are updated to the latest version", name, updated, desired)};
  // An old pod that still serves hides that the new one does not start.
  long long old = deployment ? int_at(workload, "status.replicas") - updated : 0;
  if (old > 0)
    return {false,
            fmt::format("{}: {} not replaced by the latest version yet", name, text::count(old, "pod"))};
  std::string seen = fmt::format("{}: {} of {} pods available", name, available, desired);
  if (available >= desired) return {true, seen};
  const Json& progressing = condition(workload, "Progressing");
  if (text_at(progressing, "status") == "False") seen += "; " + text_at(progressing, "message");
  return {false, seen};
}

Readiness prometheus_reconciled(const Json& prometheus) {
  const Json& reconciled = condition(prometheus, "Reconciled");
  std::string name = text_at(prometheus, "metadata.name");
  if (text_at(reconciled, "status") == "False") return {false, name + ": " + text_at(reconciled, "message")};
  return {true, name + " is reconciled"};
}

Readiness prometheus_pods_ready(const Json& prometheus, const Json& statefulset) {
  if (Readiness reconciled = prometheus_reconciled(prometheus); !reconciled.ready) return reconciled;
  long long desired = int_at(statefulset, "spec.replicas", 1),
            ready = int_at(statefulset, "status.readyReplicas");
  return {ready >= desired,
          fmt::format("{}: {} of {} pods ready", text_at(prometheus, "metadata.name"), ready, desired)};
}

Scrapes scrapes_of(const std::vector<world::Target>& targets) {
  Scrapes scrapes;
  for (const world::Target& target : targets) {
    if (target.health == "up") ++scrapes.up;
    if (target.health == "down") ++scrapes.down, scrapes.last_down = &target;
    if (scrapes.last == nullptr || target.last_scrape > scrapes.last->last_scrape) scrapes.last = &target;
  }
  return scrapes;
}

Readiness Scrapes::readiness() const {
  if (up > 0)
    return {true, text::count(up, "target") + " up" + (down > 0 ? fmt::format(", {} down", down) : "")};
  if (down > 0) return {false, fmt::format("{} is down: {}", last_down->url, last_down->last_error)};
  return {false, last == nullptr ? "no target" : last->url + " has not been scraped yet"};
}

Readiness api_service_available(const Json& api_service) {
  const Json& available = condition(api_service, "Available");
  std::string name = text_at(api_service, "metadata.name");
  if (is_true(available)) return {true, name + " is Available"};
  return {false, fmt::format("{} is not Available: {}: {}", name,
                             text_at(available, "reason", "no status yet"), text_at(available, "message"))};
}

Readiness value_served(const Json& values, std::string_view metric) {
  const Json& items = list_at(values, "items");
  if (items.empty())
    return {false, fmt::format("the API serves {}, but has no value for these objects", metric)};
  const Json& first = items.front();
  std::string described = text_at(first, "describedObject.kind");  // absent in the external metrics API
  if (!described.empty())
    described = fmt::format(" of {} {}", described, text_at(first, "describedObject.name"));
  std::string more = items.size() > 1 ? fmt::format(" ({} values)", items.size()) : "";
  return {true, fmt::format("{}{} = {}{}", metric, described, text_at(first, "value"), more)};
}

Readiness scaled_object_ready(const Json& scaled_object) {
  std::string name = text_at(scaled_object, "metadata.name");
  const Json& ready = condition(scaled_object, "Ready");
  if (is_true(ready) && !text_at(scaled_object, "status.hpaName").empty()) {
    return {true, fmt::format("{}: Ready, Active is {}, its HPA is {}", name,
                              text_at(condition(scaled_object, "Active"), "status", "Unknown"),
                              text_at(scaled_object, "status.hpaName"))};
  }
  if (text_at(ready, "status", "Unknown") == "Unknown")
    return {false, name + ": KEDA has not looked at it yet"};
  return {false, fmt::format("{}: Ready is {}: {}: {}", name, text_at(ready, "status"),
                             text_at(ready, "reason"), text_at(ready, "message"))};
}

Readiness hpa_active(const Json& hpa) {
  std::string name = text_at(hpa, "metadata.name");
  const Json& able = condition(hpa, "AbleToScale");
  const Json& active = condition(hpa, "ScalingActive");
  if (able.is_null()) return {false, name + ": the controller has not synced it yet"};
  if (active.is_null())
    return {false,
            name +
                ": the controller has not looked at its metrics; the replicas are outside of minReplicas "
                "and maxReplicas, or it cannot read the scale"};
  for (const Json* seen : {&able, &active}) {
    if (is_true(*seen)) continue;
    return {false, fmt::format("{}: {} is {}: {}: {}", name, text_at(*seen, "type"), text_at(*seen, "status"),
                               text_at(*seen, "reason"), text_at(*seen, "message"))};
  }
  return {true, fmt::format("{}: ScalingActive ({}), {}, {} desired", name, text_at(active, "reason"),
                            text::count(int_at(hpa, "status.currentReplicas"), "replica"),
                            int_at(hpa, "status.desiredReplicas"))};
}

}  // namespace hpawalk::diagnose
