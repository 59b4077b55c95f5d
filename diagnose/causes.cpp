#include "diagnose/causes.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/text.hpp"

namespace hpawalk::diagnose {

// clang-format off
const std::vector<Cause>& causes() {
  static const std::vector<Cause> all = {
    {"source-pods-not-ready", "", Link::pods, "The target is missing or down", "No pod that should expose the metric is ready", "Ready conditions of the pods behind the Service", "Look at the pods' events and logs", "real fault"},
    {"source-without-pods", "", Link::pods, "0/0 targets", "The workload behind the Service is scaled to 0, or its pods cannot be made", "The Service's selector against the labels in the templates of Deployments, StatefulSets, DaemonSets and ReplicaSets (which stand for kinds of others), and how many pods they want", "Scale it up; or see the events FailedCreate", "real fault"},
    {"object-missing", "", Link::service, "The metric of a Service is never found", "The HPA names a Service that does not exist", "The HPA's describedObject against the Services of its namespace", "Correct the name; the nearest is offered", "real fault"},
    {"service-selects-no-pod", "6", Link::service, "0/0 targets", "The Service's selector matches no pod, so it has no endpoints", "The selector against the pods' labels; EndpointSlices", "Correct the selector or the labels", "real fault"},
    {"service-target-port", "6", Link::service, "The target is down: connection refused", "The Service's targetPort is one on which the program does not listen", "The target's last error in Prometheus", "Correct targetPort", "real fault"},
    {"monitor-selects-no-service", "3", Link::monitor, "0/0 targets, or no such job", "The monitor's selector does not match the Service's labels, or its namespaceSelector leaves the namespace out", "Every monitor's selector against the labels of the Service (not of its selector), in the namespaces that it covers", "Correct labels or namespaceSelector", "real fault"},
    {"monitor-port-name", "4", Link::monitor, "0/0 targets", "endpoints[].port is the NAME of a port of the Service (PodMonitor: of the container), and none has it", "Names compared; the nearest is offered", "Name the port", "real fault"},
    {"monitor-not-selected", "1", Link::monitor, "The job is not in Prometheus at all", "The monitor's labels do not match Prometheus's serviceMonitorSelector (or podMonitorSelector)", "The selector is evaluated", "Add the label", "real fault"},
    {"monitor-namespace-not-selected", "2", Link::monitor, "The job is not in Prometheus at all", "serviceMonitorNamespaceSelector leaves out the monitor's namespace; unset means its own namespace only", "The selector against the namespace's labels", "Widen it or label the namespace", "real fault"},
    {"monitor-rejected", "7", Link::monitor, "The monitor is selected, yet there is no job", "The operator rejected it as invalid", "Events InvalidConfiguration and the monitor's status", "Correct the spec", "real fault"},
    {"prometheus-cannot-discover", "5", Link::prometheus, "The job is there, with no targets", "Prometheus's service account may not list services, endpoints and pods in the namespace", "SubjectAccessReviews as that account", "A Role and a RoleBinding", "real fault"},
    {"prometheus-config-rejected", "7b", Link::prometheus, "A selected monitor never becomes a job", "Prometheus rejects the generated configuration and keeps its old one", "runtimeinfo's reloadConfigSuccess; the job is missing in status/config though everything selects it", "Read Prometheus's log; often a version mismatch", "real fault"},
    {"prometheus-config-pending", "", Link::prometheus, "A new monitor has no job yet", "The operator and the config reloader need up to two minutes", "The job is missing in status/config, and the monitor was changed just now", "Wait", "facts file"},
    {"prometheus-not-ready", "", Link::prometheus, "Everything downstream is empty", "Prometheus has no ready pod", "Its pods and the conditions of the Prometheus object", "Look at its pods", "real fault"},
    {"operator-not-running", "", Link::prometheus, "Changes of monitors have no effect", "No prometheus-operator runs to write them into Prometheus's configuration", "The operator's pods", "Start it", "real fault"},
    {"target-down", "6", Link::prometheus, "The target is down", "Prometheus cannot scrape it: timeout, 404, TLS, a parse error", "The target's last error", "As the error says", "real fault"},
    {"target-not-discovered", "", Link::prometheus, "The job is there, with no targets", "Relabelings drop it, or it was not discovered yet", "Active targets of the job", "Status > Service discovery in Prometheus", "real fault"},
    {"no-scrape-config", "", Link::prometheus, "A Prometheus without operator does not know the application", "No scrape_config or annotation leads to it", "Active targets against the Service and its pods", "Add one", "real fault"},
    {"metric-not-exposed", "", Link::series, "The target is up, the metric is not there", "The application does not expose it (under this name), or a relabeling drops it", "Samples in Prometheus; the nearest name is offered", "Correct the name, or the application", "real fault"},
    {"adapter-not-ready", "", Link::adapter, "APIService: MissingEndpoints", "The adapter has no ready pod", "Its pods' states and the end of its log", "As the log says", "real fault"},
    {"adapter-config-invalid", "", Link::adapter, "The adapter does not start, or serves nothing", "Its rules are not valid YAML or not where --config says", "The ConfigMap is parsed", "Correct it", "real fault"},
    {"adapter-prometheus-url", "8", Link::adapter, "The API lists nothing: resources: []", "--prometheus-url has the wrong host, port, scheme or path", "The URL against the Services, their ports and endpoints; the adapter's log", "Correct the URL", "real fault"},
    {"adapter-network-policy", "9", Link::adapter, "The adapter's log: i/o timeout", "A NetworkPolicy before Prometheus lets the adapter not in", "The log, and the policies before Prometheus's pods and behind the adapter's", "Allow it", "real fault"},
    {"adapter-prometheus-auth", "10", Link::adapter, "The adapter's log: 401 or 403", "Prometheus is behind a login or a mesh's authorisation", "The log, or Prometheus's own answer", "Give the adapter a login", "real fault"},
    {"adapter-relist-aborted", "11", Link::adapter, "No metric appears, or new ones do not", "One seriesQuery that Prometheus refuses makes the adapter give up the whole listing", "Every seriesQuery is asked by itself", "Correct that rule", "real fault"},
    {"adapter-rules-too-broad", "12", Link::adapter, "The listing times out on a big Prometheus", "Default rules match nearly every series", "Every rule's series are counted, and the answers timed", "rules.default: false", "facts file"},
    {"rule-matches-no-series", "13", Link::adapter, "The series is in Prometheus, the metric not in the API", "No rule's seriesQuery matches the series", "Every seriesQuery is replayed over the adapter's max age", "Correct the matcher or add a rule", "real fault"},
    {"rule-labels-mismatch", "14", Link::adapter, "The metric is listed for other resources, or not at all", "The overrides (or template) name labels that the series does not have", "The rule's labels against those of the samples; exported_ twins are offered", "Correct resources.overrides", "real fault"},
    {"rule-not-namespaced", "17", Link::adapter, "The API has the metric with namespaced: false", "The rule ties it to namespaces only, or names no label for the namespace", "The rule's resources and the discovery list", "Map a namespace label and the object's", "real fault"},
    {"metric-renamed", "18", Link::adapter, "404 for a name that Prometheus knows", "The rule gives the series another name (as, a stripped _total)", "The API name is derived from every rule; the nearest is offered", "Use the derived name", "real fault"},
    {"metric-unknown", "", Link::adapter, "404 for the metric", "No rule leads to it, and Prometheus has no such series", "Rules and names of Prometheus", "Correct the name", "real fault"},
    {"rules-overlap", "19", Link::adapter, "The value is not the expected one", "Two rules yield the same metric; the last one wins", "Every rule's name and resources; both queries are run", "Make them exclusive", "real fault"},
    {"adapter-config-stale", "20", Link::adapter, "A new rule has no effect", "The ConfigMap was changed after the adapter started, which reads it once", "The ConfigMap's last change against the pod's start", "Restart the adapter", "real fault"},
    {"adapter-max-age", "21", Link::adapter, "The metric comes and goes, or comes late", "The adapter lists series too seldom, or forgets them before they are scraped again", "relist interval, max age and scrape interval compared", "max age of twice the scrape interval", "real fault"},
    {"object-not-in-series", "16", Link::adapter, "404 ... for services NAME", "No sample is labelled with the object that the HPA names", "The samples' labels against the name", "Correct the name or the grouping", "real fault"},
    {"keda-scaledobject", "", Link::adapter, "An external metric of KEDA fails", "Its ScaledObject is not Ready", "The ScaledObject's condition", "kubectl describe scaledobject", "facts file"},
    {"apiservice-missing", "24", Link::api_service, "no custom metrics API ... registered", "No APIService registers the group", "The list of APIServices", "Create it, or install the adapter", "real fault"},
    {"apiservice-port", "", Link::api_service, "ServicePortError", "The APIService names a port that its Service does not have", "The condition's reason", "Correct the port", "real fault"},
    {"apiservice-unreachable", "25", Link::api_service, "FailedDiscoveryCheck", "The control plane cannot reach the adapter's pod", "The condition's message", "Open the firewall for its port", "real fault"},
    {"apiserver-http-proxy", "26", Link::api_service, "FailedDiscoveryCheck with a proxy's 403", "The API server uses an HTTP proxy for cluster addresses", "The condition's message", "no_proxy", "facts file"},
    {"adapter-mesh-sidecar", "27", Link::api_service, "FailedDiscoveryCheck in a mesh", "A sidecar before the adapter wants mutual TLS", "Containers of the pod, injection label of the namespace", "Exclude the adapter from the mesh", "facts file"},
    {"overlay-network", "28", Link::api_service, "Address is not allowed", "The control plane is not on the pods' overlay network", "The condition's message", "hostNetwork", "facts file"},
    {"requestheader-ca", "29", Link::api_service, "x509 in the condition, 401 from the adapter", "The certificates of API server and adapter do not fit, often after a rotation", "The condition's message", "Restart the adapter; set caBundle", "real fault"},
    {"two-adapters", "31", Link::api_service, "The metric is missing though its adapter runs", "Two adapters claim one API group; only one is asked", "The APIServices' Services, and adapters that stand behind none", "Choose one", "real fault"},
    {"api-version-mismatch", "32", Link::api_service, "no known available metric versions found", "Only versions that the controller does not speak are registered, or the preferred one is down", "Versions, priorities and conditions of the APIServices", "Register v1beta1 and v1beta2", "real fault"},
    {"empty-discovery", "33", Link::api_service, "kubectl get --raw shows resources: []", "Some adapters list nothing and serve all the same; for others the break is before", "The list against what the HPA reads", "Nothing, if the HPA works", "facts file"},
    {"dangling-apiservice", "34", Link::api_service, "Namespaces stay Terminating", "The adapter is gone, its APIService is not", "Condition ServiceNotFound", "Delete the APIService", "real fault"},
    {"metric-query-empty", "", Link::value, "items: []", "The adapter's query gives no row although the series is there", "The template is expanded and run", "Correct metricsQuery", "real fault"},
    {"metric-query-fails", "", Link::value, "500 unable to fetch metrics", "Prometheus refuses the adapter's query, or it gives no vector", "The template is expanded and run", "Correct metricsQuery", "real fault"},
    {"rule-drops-group-label", "15", Link::value, "listed, but items: []", "The query aggregates away the label that names the object", "The template is expanded and run; labels of the result", "by (<<.GroupBy>>)", "real fault"},
    {"rate-window-too-short", "22", Link::value, "items: [] for a rate", "The window holds fewer than two scrapes", "The window against the scrape interval", "Four intervals", "real fault"},
    {"metric-nan", "23", Link::value, "The value is 0, or senselessly big", "0/0 becomes 0 silently; x/0 has no guard", "The raw result of the query", "Guard the denominator", "real fault"},
    {"adapter-cannot-list", "", Link::value, "500 unable to list matching resources", "The adapter may not list the objects", "The API's answer", "A ClusterRoleBinding", "real fault"},
    {"resource-request-missing", "", Link::value, "missing request for cpu", "A utilization is a share of a request that a container does not have", "The pods' requests", "Set the requests", "real fault"},
    {"resource-metrics-empty", "", Link::value, "no metrics returned from resource metrics API", "The pods were not measured yet", "The resource metrics API", "Wait 30 s", "real fault"},
    {"hpa-forbidden", "30", Link::hpa, "forbidden ... custom.metrics.k8s.io", "The HPA controller may not read the metrics API", "The condition, and a SubjectAccessReview as the controller", "Bind a reader role", "real fault"},
    {"scaling-disabled", "", Link::hpa, "ScalingDisabled", "The workload was scaled to 0 by hand", "The condition", "Scale it to 1", "real fault"},
    {"ambiguous-selector", "35", Link::hpa, "AmbiguousSelector", "Two HPAs select the same pods", "Scale targets and selectors of all HPAs", "Merge them", "real fault"},
    {"one-metric-blocks-scale-down", "37", Link::hpa, "It scales up, but never down", "One of several metrics fails, and then the HPA does not go down", "Every metric's chain by itself", "Repair or drop it", "real fault"},
    {"quantity-readability", "41", Link::hpa, "10500m looks huge; 10m is not 10", "Quantities are written in thousandths", "Both numbers in the same unit", "Read the decimals; correct the target", "real fault"},
    {"within-tolerance", "42", Link::hpa, "Above the target, and nothing happens", "Inside of the tolerance (10 %) the controller does nothing", "The ratio", "Nothing; or set the tolerance", "real fault"},
    {"stabilization", "43", Link::hpa, "The metric is low, and nothing happens", "It waits out the stabilization window", "Condition ScaleDownStabilized; the metric's history says until when", "Wait, or shorten the window", "real fault"},
    {"at-max", "", Link::hpa, "The metric is high, and nothing happens", "maxReplicas is reached", "ScalingLimited", "Raise maxReplicas", "real fault"},
    {"at-min", "", Link::hpa, "The metric is low, and nothing happens", "minReplicas is reached", "ScalingLimited", "Lower minReplicas", "real fault"},
    {"rate-limited", "", Link::hpa, "It scales in steps", "A policy limits how fast", "ScalingLimited", "spec.behavior", "real fault"},
    {"waiting-for-sync", "", Link::hpa, "Everything is repaired, the HPA still complains", "The controller looks every 15 s", "Its condition against the chain as it is now", "Wait", "facts file"},
    {"target-missing", "", Link::target, "FailedGetScale", "The scale target does not exist", "scaleTargetRef against the workloads; the nearest is offered", "Correct the name", "real fault"},
    {"target-selector", "", Link::target, "InvalidSelector", "The scale target has no usable pod selector", "The condition", "Correct the workload", "real fault"},
    {"scale-refused", "", Link::target, "FailedUpdateScale", "The controller may not change the replicas", "The condition", "Webhooks, quotas, RBAC", "real fault"},
    {"selector-catches-others", "36", Link::target, "The average is wrong", "The workload's selector also matches pods of others", "Owners of all pods that the selector matches", "Labels of their own", "real fault"},
    {"no-ready-pod", "38", Link::target, "The proposal is 0", "No pod of the workload is ready", "Ready conditions", "AverageValue, or another probe", "real fault"},
    {"rollout-failed", "39", Link::target, "It climbs to max during a bad rollout", "Pods of a failed rollout have no samples and distort the average", "The Deployment's status and its pods' states", "Undo the rollout", "real fault"},
    {"replicas-reset", "40", Link::target, "Replicas jump back again and again", "kubectl apply or GitOps sets spec.replicas", "Rescale events to the same size again and again; managedFields of spec.replicas after the HPA's last change", "Leave the field out", "real fault"},
  };
  return all;
}
// clang-format on

const Cause* find_cause(std::string_view id) {
  auto found = std::find_if(causes().begin(), causes().end(), [&](const Cause& c) { return c.id == id; });
  return found == causes().end() ? nullptr : &*found;
}

std::string explain(const Cause& c) {
  return fmt::format("{}   (link: {})\n\n  symptom    {}\n  reason     {}\n  detected   {}\n  fix        {}\n  tested     {}\n", c.id, title_of(c.link), c.symptom,
                     c.reason, c.detection, c.fix, c.tested);
}

static std::string tested_count() {
  std::set<std::string_view> numbers, made_real;
  size_t real = 0;
  for (const Cause& c : causes()) {
    bool is_real = c.tested == "real fault";
    real += is_real ? 1 : 0;
    if (c.number.empty()) continue;
    numbers.insert(c.number);
    if (is_real) made_real.insert(c.number);
  }
  std::vector<std::string> others;
  for (const Cause& c : causes()) {
    if (!c.number.empty() && !made_real.contains(c.number)) others.emplace_back(c.number);
  }
  return fmt::format("{} of these {} causes are made real; of the {} numbered ones {}, all but {}.\n", real, causes().size(), numbers.size(), made_real.size(),
                     text::join(others, ", "));
}

std::string causes_page() {
  std::string page =
      "# What `hpawalk diagnose` can name\n\n"
      "Made from diagnose/causes.cpp by the unit tests (UPDATE_GOLDEN=1), which also check that every rule's cause is here.\n"
      "`hpawalk diagnose --explain CAUSE` prints one. \"#\" is the number of the root cause in the list that was gathered from real issues.\n"
      "Tested by a *real fault*: made on the local cluster (`./test faults`) and named as the first broken link, or as a note where nothing is broken.\n"
      "By a *facts file*: judged from recorded or written readings (tests/facts), because the fault needs what the local cluster does not have.\n\n" +
      tested_count();
  for (Link link : all_links) {
    page += fmt::format("\n## {}\n\n| Cause | # | Symptom | Reason | Detected by | Fix | Tested by |\n|---|---|---|---|---|---|---|\n", title_of(link));
    for (const Cause& c : causes()) {
      if (c.link != link) continue;
      page += fmt::format("| `{}` | {} | {} | {} | {} | {} | {} |\n", c.id, c.number, c.symptom, c.reason, c.detection, c.fix, c.tested);
    }
  }
  return page;
}

}  // namespace hpawalk::diagnose
