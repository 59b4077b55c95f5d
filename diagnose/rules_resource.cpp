// CPU and memory: metrics.k8s.io, with the pods' requests that a utilization is a share of.
#include <algorithm>
#include <set>

#include "diagnose/rules_adapter.hpp"

namespace hpawalk::diagnose {

const Cause cause::resource_request_missing = {
    .id = "resource-request-missing",
    .link = Link::value,
    .symptom = "missing request for cpu",
    .reason = "The target is a utilization, a share of the request, and a container has no request",
    .detection = "The pods' requests",
    .fix = "Set the requests"};

const Cause cause::resource_metrics_empty = {.id = "resource-metrics-empty",
                                             .link = Link::value,
                                             .symptom = "no metrics returned from resource metrics API",
                                             .reason = "The pods have not been measured yet",
                                             .detection = "The resource metrics API",
                                             .fix = "Wait 30s"};

namespace {

void metrics_server(const Context& c, Report& report) {
  if (c.adapter.service_name.empty()) {
    report.set(Link::adapter, Mark::unknown, "no APIService is registered for metrics.k8s.io");
    return;
  }
  bool ready =
      std::any_of(c.adapter.pods.begin(), c.adapter.pods.end(), [](const Json* p) { return pod_ready(*p); });
  const Reading* pods = c.facts.listing("pods", c.adapter.space);
  std::string name = c.adapter.space + "/" + c.adapter.service_name;
  if (pods == nullptr || pods->refused())
    report.set(Link::adapter, Mark::unknown, why_unread(pods));
  else if (ready || c.works())
    report.set(Link::adapter, Mark::ok, name);
  else
    report.broken(cause::adapter_not_ready, "Behind Service " + name + " there is no ready pod",
                  {text::count(c.adapter.pods.size(), "pod") + " of " + name}, wake_adapter(c));
}

// A utilization is a share of a request: true if a container has none.
bool without_request(const Context& c, Report& report) {
  if (c.need.target_type != "Utilization") return false;
  std::vector<std::string> without;
  for (const Json* pod : c.hpa.pods) {
    for (const Json& container : list_at(*pod, "spec.containers")) {
      bool asked = c.need.container.empty() || text_at(container, "name") == c.need.container;
      if (asked && at(container, {"resources", "requests", c.need.metric}).is_null())
        without.push_back(name_of(*pod) + "/" + text_at(container, "name"));
    }
  }
  if (without.empty()) return false;
  report.broken(
      cause::resource_request_missing,
      fmt::format("The target is a percentage of the {} request, but container {} has no such request",
                  c.need.metric, without.front()),
      {text::count(without.size(), "container") + " without resources.requests." + c.need.metric},
      advice(fmt::format("Set the request of {} to what a pod needs: the target is a percentage of it",
                         c.need.metric),
             look_at("get", target_ref(c))));
  return true;
}

void measurements(const Context& c, Report& report) {
  const Reading* metrics = c.facts.listing(pod_metrics, c.hpa.space);
  std::set<std::string> names;
  for (const Json* pod : c.hpa.pods) names.insert(name_of(*pod));
  size_t measured = 0;
  for (const Json* m : c.facts.items(pod_metrics, c.hpa.space)) measured += names.count(name_of(*m));
  if (metrics != nullptr && metrics->read() && measured > 0)
    report.set(Link::value, Mark::ok,
               fmt::format("{} of {} measured", measured, text::count(names.size(), "pod")));
  else if (c.works())
    report.set(Link::value, Mark::ok, "the HPA reads it");
  else if (report.broken_before(Link::value))
    report.set(Link::value, Mark::broken, "skipped: the previous check failed");
  else if (metrics == nullptr || metrics->refused())
    report.set(Link::value, Mark::unknown, why_unread(metrics));
  else
    report.broken(cause::resource_metrics_empty,
                  "The resource metrics API has no measurements of these pods yet",
                  {seen(*metrics, "none of " + text::count(names.size(), "pod"))},
                  advice("Wait: a new pod is measured after about 30s", look_for("pods", c.hpa.space)),
                  Certainty::likely);
}

}  // namespace

void judge_resource(const Context& c, Report& report) {
  for (Link link : {Link::pods, Link::service, Link::monitor, Link::prometheus, Link::series})
    report.set(link, Mark::not_applicable, "the kubelets measure the usage");
  metrics_server(c, report);
  judge_delegation(c, report);
  // prometheus-adapter can serve these too (resourceRules).
  if (c.adapter.kind == AdapterKind::prometheus_adapter && report.mark(Link::adapter) == Mark::ok)
    judge_way_to_prometheus(c, report);
  judge_api(c, report);
  if (!without_request(c, report)) measurements(c, report);
}

}  // namespace hpawalk::diagnose
