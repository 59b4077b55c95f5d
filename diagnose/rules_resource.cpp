// CPU and memory: metrics.k8s.io, with the pods' requests that a utilization is a share of.
#include <algorithm>
#include <set>

#include "diagnose/rules_adapter.hpp"
#include "diagnose/rules_target.hpp"

namespace hpawalk::diagnose {

const Cause cause::resource_request_missing = {
    .id = "resource-request-missing",
    .link = Link::value,
    .symptom = "missing request for cpu",
    .reason = "The target is a utilization, a share of the request, and a container has no request",
    .detection = "The requests of the pods, their containers and their native sidecars",
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
  const Reading* services = c.facts.listing("services", c.adapter.space);
  if (pods == nullptr || pods->refused())
    report.set(Link::adapter, Mark::unknown, why_unread(pods));
  else if (c.adapter.service == nullptr && (services == nullptr || services->refused()))
    report.set(Link::adapter, Mark::unknown, why_unread(services));
  else if (ready || c.works())
    report.set(Link::adapter, Mark::ok, name);
  else {
    std::vector<std::string> evidence = without_node(c.adapter.pods);
    evidence.insert(evidence.begin(), text::count(c.adapter.pods.size(), "pod") + " of " + name);
    report.broken(cause::adapter_not_ready, "Behind Service " + name + " there is no ready pod", evidence,
                  wake_adapter(c));
  }
}

// What the controller needs a request of, and finds none.
struct WithoutRequest {
  const Json* pod = nullptr;
  std::string container;  // empty: the pod itself
  bool init = false;      // an init container that keeps running
  std::string owner;      // of the pod, where it is not the scale target's

  std::string title() const {
    if (container.empty()) return "pod " + name_of(*pod);
    return fmt::format("{}container {}/{}", init ? "init " : "", name_of(*pod), container);
  }
  std::string in_template() const {
    if (container.empty()) return "the pod";
    return fmt::format("{}container {}", init ? "init " : "", container);
  }
};

bool requests(const Json& object, const std::string& resource) {
  return !at(object, {"resources", "requests", resource}).is_null();
}

bool has_own_requests(const Json& pod) {
  const Json& own = at(pod, "spec.resources.requests");
  return own.is_object() && !own.empty();
}

// As the controller computes requests: those of a pod itself count instead of its containers', and fall back
// on the sum of theirs; among the containers are init containers that keep running.
void add_without_request(const Context& c, const Json& pod, std::vector<WithoutRequest>& all) {
  const Json &containers = list_at(pod, "spec.containers"), &init = list_at(pod, "spec.initContainers");
  auto any = [&](const Json& list) {
    return std::any_of(list.begin(), list.end(),
                       [&](const Json& one) { return requests(one, c.need.metric); });
  };
  if (has_own_requests(pod) && c.controller.rules.pod_level_requests && c.need.container.empty()) {
    if (!requests(at(pod, "spec"), c.need.metric) && !any(containers) && !any(init))
      all.push_back({&pod, {}, false, {}});
    return;
  }
  auto add = [&](const Json& container, bool is_init) {
    std::string name = text_at(container, "name");
    bool asked = c.need.container.empty() || name == c.need.container;
    if (asked && !requests(container, c.need.metric)) all.push_back({&pod, name, is_init, {}});
  };
  for (const Json& container : containers) add(container, false);
  for (const Json& container : init) {
    if (text_at(container, "restartPolicy") == "Always") add(container, true);
  }
}

// Of all pods that the selector matches, whoever owns them, and also of those that have ended.
std::vector<WithoutRequest> without_request(const Context& c) {
  std::vector<WithoutRequest> all;
  for (const Json* pod : c.hpa.pods) add_without_request(c, *pod, all);
  for (WithoutRequest& one : all) one.owner = other_owner(c, *one.pod);
  return all;
}

// The pod's own requests, which do not count here.
std::string why_not_its_own(const Context& c, const Json& pod) {
  if (!requests(at(pod, "spec"), c.need.metric)) return {};
  return fmt::format("pod {}: spec.resources.requests.{} is set, but {}", name_of(pod), c.need.metric,
                     c.need.container.empty()
                         ? "the HPA uses the requests of a pod only from Kubernetes 1.34 on, with the gate "
                           "PodLevelResources"
                         : "a ContainerResource metric uses the request of the container");
}

// "container web-1/main, init container web-1/proxy, and 4 more"
std::string titles(const std::vector<WithoutRequest>& all) {
  constexpr size_t most = 3;
  std::vector<std::string> some;
  for (size_t i = 0; i < std::min(all.size(), most); ++i) some.push_back(all[i].title());
  if (all.size() > most) some.push_back(fmt::format("and {} more", all.size() - most));
  return text::join(some, ", ");
}

void report_without_request(const Context& c, Report& report, const std::vector<WithoutRequest>& all,
                            const WithoutRequest& first) {
  std::vector<std::string> evidence = {
      fmt::format("without resources.requests.{}: {}", c.need.metric, titles(all))};
  if (first.init)
    evidence.push_back(first.title() + " has restartPolicy Always, so it counts like the other containers");
  if (std::string own = why_not_its_own(c, *first.pod); !own.empty()) evidence.push_back(own);
  bool by_version = has_own_requests(*first.pod) && c.need.container.empty() && c.controller.version.empty();
  bool owner_known = !owner_of(c.facts, *first.pod).empty();
  report.broken(
      cause::resource_request_missing,
      fmt::format("The target is a percentage of the {} request, but {} has no such request", c.need.metric,
                  first.title()),
      evidence,
      advice(fmt::format("Set resources.requests.{} of {} to what it needs: the target is a percentage of it",
                         c.need.metric, first.in_template()),
             look_at("get", target_ref(c))),
      owner_known && !by_version ? Certainty::certain : Certainty::likely);
}

// A utilization is a share of requests: true if one is missing.
bool request_missing(const Context& c, Report& report) {
  if (c.need.target_type != "Utilization") return false;
  std::vector<WithoutRequest> all = without_request(c);
  if (all.empty()) return false;
  auto own =
      std::find_if(all.begin(), all.end(), [](const WithoutRequest& one) { return one.owner.empty(); });
  if (own != all.end()) {
    report_without_request(c, report, all, *own);
    return true;
  }
  if (c.works()) return false;  // there was no such pod at the last sync
  report.set(Link::value, Mark::broken,
             fmt::format("{} has no {} request", all.front().title(), c.need.metric));
  std::vector<const Json*> pods;
  for (const WithoutRequest& one : all) {
    if (pods.empty() || pods.back() != one.pod) pods.push_back(one.pod);
  }
  report_other_pods({c, report, c.hpa.target_text()}, pods,
                    fmt::format("and the HPA needs the {} request of each: {} has none", c.need.metric,
                                all.front().title()));
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
  if (!request_missing(c, report)) measurements(c, report);
}

}  // namespace hpawalk::diagnose
