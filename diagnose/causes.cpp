#include "diagnose/causes.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/text.hpp"

namespace hpawalk::diagnose {

const std::vector<Cause>& causes() {
  static const std::vector<Cause> all = {
      {"source-pods-not-ready", "", Link::pods, "The target is missing or down",
       "No pod that should expose the metric is ready", "Ready conditions of the pods behind the Service",
       "Look at the pods' events and logs", "real fault"},
      {"source-without-pods", "", Link::pods, "0/0 targets",
       "The workload behind the Service is scaled to 0, or its pods cannot be created",
       "The Service's selector against the labels in the templates of Deployments, StatefulSets, DaemonSets "
       "and ReplicaSets (which also cover custom kinds), and their desired pods",
       "Scale it up, or see the FailedCreate events", "real fault"},
      {"object-missing", "", Link::service, "The metric of a Service is never found",
       "The HPA names a Service that does not exist",
       "The HPA's describedObject against the Services of its namespace",
       "Correct the name; the closest name is suggested", "real fault"},
      {"service-selects-no-pod", "6", Link::service, "0/0 targets",
       "The Service's selector matches no pod, so it has no endpoints",
       "The selector against the pods' labels; EndpointSlices", "Correct the selector or the labels",
       "real fault"},
      {"service-target-port", "6", Link::service, "The target is down: connection refused",
       "The program does not listen on the Service's targetPort", "The target's last error in Prometheus",
       "Correct targetPort", "real fault"},
      {"monitor-selects-no-service", "3", Link::monitor, "0/0 targets, or no such job",
       "The monitor's selector does not match the Service's labels, or its namespaceSelector excludes the "
       "namespace",
       "Every monitor's selector against the labels of the Service (not of its selector), in the namespaces "
       "that it covers",
       "Correct labels or namespaceSelector", "real fault"},
      {"monitor-port-name", "4", Link::monitor, "0/0 targets",
       "endpoints[].port is the name of a Service port (PodMonitor: of a container port), and no port has "
       "that name",
       "The names; the closest name is suggested", "Name the port", "real fault"},
      {"monitor-not-selected", "1", Link::monitor, "The job is not in Prometheus at all",
       "The monitor's labels do not match Prometheus's serviceMonitorSelector (or podMonitorSelector)",
       "The selector is evaluated", "Add the label", "real fault"},
      {"monitor-namespace-not-selected", "2", Link::monitor, "The job is not in Prometheus at all",
       "serviceMonitorNamespaceSelector excludes the monitor's namespace; unset means only the namespace of "
       "the Prometheus",
       "The selector against the namespace's labels", "Widen it or label the namespace", "real fault"},
      {"monitor-rejected", "7", Link::monitor, "The monitor is selected, but there is no job",
       "The operator rejected it as invalid", "InvalidConfiguration events and the monitor's status",
       "Correct the spec", "real fault"},
      {"prometheus-cannot-discover", "5", Link::prometheus, "The job exists, but has no targets",
       "Prometheus's service account may not list services, endpoints and pods in the namespace",
       "SubjectAccessReviews as that account", "A Role and a RoleBinding", "real fault"},
      {"prometheus-config-rejected", "7b", Link::prometheus, "A selected monitor never becomes a job",
       "Prometheus rejects the generated configuration and keeps the previous one",
       "reloadConfigSuccess in runtimeinfo; the job is missing in status/config although the monitor is "
       "selected",
       "Read Prometheus's log; often a version mismatch", "real fault"},
      {"prometheus-config-pending", "", Link::prometheus, "A new monitor has no job yet",
       "The operator and the config reloader need up to two minutes",
       "The job is missing in status/config, and the monitor was changed moments ago", "Wait", "facts file"},
      {"prometheus-not-ready", "", Link::prometheus, "Everything downstream is empty",
       "Prometheus has no ready pod", "Its pods and the conditions of the Prometheus object",
       "Look at its pods", "real fault"},
      {"operator-not-running", "", Link::prometheus, "Changes to monitors have no effect",
       "No prometheus-operator is running to write them into Prometheus's configuration",
       "The operator's pods", "Start it", "real fault"},
      {"target-down", "6", Link::prometheus, "The target is down",
       "Prometheus cannot scrape it: timeout, 404, TLS, a parse error", "The target's last error",
       "As the error says", "real fault"},
      {"target-not-discovered", "", Link::prometheus, "The job exists, but has no targets",
       "Relabelings drop the targets, or they have not been discovered yet", "Active targets of the job",
       "Status > Service discovery in Prometheus", "real fault"},
      {"no-scrape-config", "", Link::prometheus,
       "A Prometheus without operator does not know the application",
       "No scrape_config or annotation leads to it", "Active targets against the Service and its pods",
       "Add one", "real fault"},
      {"metric-not-exposed", "", Link::series, "The target is up, but the metric is missing",
       "The application does not expose the metric (under this name), or a relabeling drops it",
       "Samples in Prometheus; the closest name is suggested", "Correct the name, or the application",
       "real fault"},
      {"adapter-not-ready", "", Link::adapter, "APIService: MissingEndpoints", "The adapter has no ready pod",
       "Its pods' states and the end of its log", "As the log says", "real fault"},
      {"adapter-config-invalid", "", Link::adapter, "The adapter does not start, or serves no metrics",
       "Its rules are invalid YAML, or missing at the path in --config", "The ConfigMap is parsed",
       "Correct it", "real fault"},
      {"adapter-prometheus-url", "8", Link::adapter, "The API lists nothing: resources: []",
       "--prometheus-url has the wrong host, port, scheme or path",
       "The URL against the Services, their ports and endpoints; the adapter's log", "Correct the URL",
       "real fault"},
      {"adapter-network-policy", "9", Link::adapter, "The adapter's log: i/o timeout",
       "A NetworkPolicy on Prometheus's pods denies ingress from the adapter",
       "The log, and the policies that select Prometheus's and the adapter's pods", "Allow the traffic",
       "real fault"},
      {"adapter-prometheus-auth", "10", Link::adapter, "The adapter's log: 401 or 403",
       "Prometheus requires authentication, or a mesh's authorization policy blocks the adapter",
       "The log, or Prometheus's own answer", "Give the adapter credentials", "real fault"},
      {"adapter-relist-aborted", "11", Link::adapter, "No metric appears, or new ones do not",
       "Prometheus rejects one seriesQuery, and the adapter then aborts the whole listing",
       "Every seriesQuery is run separately", "Correct that rule", "real fault"},
      {"adapter-rules-too-broad", "12", Link::adapter, "The listing times out on a large Prometheus",
       "Default rules match nearly every series",
       "The series of every rule are counted, and the responses timed", "rules.default: false", "facts file"},
      {"rule-matches-no-series", "13", Link::adapter,
       "The series is in Prometheus, but the metric is not in the API",
       "No rule's seriesQuery matches the series", "Every seriesQuery is replayed over the adapter's max age",
       "Correct the matcher or add a rule", "real fault"},
      {"rule-labels-mismatch", "14", Link::adapter, "The metric is listed for other resources, or not listed",
       "The overrides (or template) name labels that the series does not have",
       "The rule's labels against those of the samples; exported_ labels are suggested",
       "Correct resources.overrides", "real fault"},
      {"rule-not-namespaced", "17", Link::adapter, "The API has the metric with namespaced: false",
       "The rule maps it to namespaces only, or maps no label to the namespace",
       "The rule's resources and the discovery list", "Map one label to the namespace and one to the object",
       "real fault"},
      {"metric-renamed", "18", Link::adapter, "404 for a name that exists in Prometheus",
       "The rule gives the series another name (as, a stripped _total)",
       "The API name is derived from every rule; the closest name is suggested", "Use the derived name",
       "real fault"},
      {"metric-unknown", "", Link::adapter, "404 for the metric",
       "No rule produces it, and Prometheus has no such series",
       "The rules, and the metric names in Prometheus", "Correct the name", "real fault"},
      {"rules-overlap", "19", Link::adapter, "The value is not as expected",
       "Two rules produce the same metric; the last rule wins",
       "Every rule's name and resources; both queries are run", "Make them exclusive", "real fault"},
      {"adapter-config-stale", "20", Link::adapter, "A new rule has no effect",
       "The ConfigMap was changed after the adapter started; the adapter reads it only at startup",
       "The ConfigMap's last change against the pod's start", "Restart the adapter", "real fault"},
      {"adapter-max-age", "21", Link::adapter, "The metric appears intermittently, or late",
       "The adapter lists series too rarely, or drops them before they are scraped again",
       "relist interval, max age and scrape interval compared",
       "Set the max age to twice the scrape interval", "real fault"},
      {"object-not-in-series", "16", Link::adapter, "404 ... for services NAME",
       "No sample has a label with the name of the HPA's object", "The samples' labels against the name",
       "Correct the name or the grouping", "real fault"},
      {"keda-scaledobject", "", Link::adapter, "A KEDA external metric fails",
       "Its ScaledObject is not Ready", "The ScaledObject's condition", "kubectl describe scaledobject",
       "facts file"},
      {"apiservice-missing", "24", Link::api_service, "no custom metrics API ... registered",
       "No APIService registers the group", "The list of APIServices", "Create it, or install the adapter",
       "real fault"},
      {"apiservice-port", "", Link::api_service, "ServicePortError",
       "The APIService names a port that its Service does not have", "The condition's reason",
       "Correct the port", "real fault"},
      {"apiservice-unreachable", "25", Link::api_service, "FailedDiscoveryCheck",
       "The control plane cannot reach the adapter's pod", "The condition's message",
       "Open the firewall for its port", "real fault"},
      {"apiserver-http-proxy", "26", Link::api_service, "FailedDiscoveryCheck with a proxy's 403",
       "The API server uses an HTTP proxy for cluster addresses", "The condition's message", "no_proxy",
       "facts file"},
      {"adapter-mesh-sidecar", "27", Link::api_service, "FailedDiscoveryCheck in a mesh",
       "A sidecar in front of the adapter requires mutual TLS",
       "Containers of the pod, injection label of the namespace", "Exclude the adapter from the mesh",
       "facts file"},
      {"overlay-network", "28", Link::api_service, "Address is not allowed",
       "The control plane is not part of the pods' overlay network", "The condition's message", "hostNetwork",
       "facts file"},
      {"requestheader-ca", "29", Link::api_service, "x509 in the condition, 401 from the adapter",
       "The API server and the adapter do not trust each other's certificates, often after a rotation",
       "The condition's message", "Restart the adapter; set caBundle", "real fault"},
      {"two-adapters", "31", Link::api_service, "The metric is missing although its adapter is running",
       "Two adapters claim one API group; only one receives requests",
       "The Services of the APIServices, and adapters without an APIService", "Choose one", "real fault"},
      {"api-version-mismatch", "32", Link::api_service, "no known available metric versions found",
       "Only versions that the controller does not support are registered, or the preferred version is "
       "unavailable",
       "Versions, priorities and conditions of the APIServices", "Register v1beta1 and v1beta2",
       "real fault"},
      {"empty-discovery", "33", Link::api_service, "kubectl get --raw shows resources: []",
       "Some adapters list no metrics but serve them; for other adapters, the cause is earlier in the chain",
       "The list against what the HPA reads", "Nothing, if the HPA works", "facts file"},
      {"dangling-apiservice", "34", Link::api_service, "Namespaces stay Terminating",
       "The adapter no longer exists, but its APIService does", "Condition ServiceNotFound",
       "Delete the APIService", "real fault"},
      {"metric-query-empty", "", Link::value, "items: []",
       "The adapter's query returns no series although the series exists", "The template is expanded and run",
       "Correct metricsQuery", "real fault"},
      {"metric-query-fails", "", Link::value, "500 unable to fetch metrics",
       "Prometheus rejects the adapter's query, or the result is not a vector",
       "The template is expanded and run", "Correct metricsQuery", "real fault"},
      {"rule-drops-group-label", "15", Link::value, "listed, but items: []",
       "The query drops the label that identifies the object",
       "The template is expanded and run; labels of the result", "by (<<.GroupBy>>)", "real fault"},
      {"rate-window-too-short", "22", Link::value, "items: [] for a rate",
       "The window contains fewer than two scrapes", "The window against the scrape interval",
       "Use a window of four intervals", "real fault"},
      {"metric-nan", "23", Link::value, "The value is 0 or implausibly large",
       "0/0 silently becomes 0; x/0 becomes infinity", "The raw result of the query", "Guard the denominator",
       "real fault"},
      {"adapter-cannot-list", "", Link::value, "500 unable to list matching resources",
       "The adapter may not list the objects", "The API's answer", "A ClusterRoleBinding", "real fault"},
      {"resource-request-missing", "", Link::value, "missing request for cpu",
       "The target is a utilization, a share of the request, and a container has no request",
       "The pods' requests", "Set the requests", "real fault"},
      {"resource-metrics-empty", "", Link::value, "no metrics returned from resource metrics API",
       "The pods have not been measured yet", "The resource metrics API", "Wait 30 s", "real fault"},
      {"hpa-forbidden", "30", Link::hpa, "forbidden ... custom.metrics.k8s.io",
       "The HPA controller may not read the metrics API",
       "The condition, and a SubjectAccessReview as the controller", "Bind a reader role", "real fault"},
      {"scaling-disabled", "", Link::hpa, "ScalingDisabled", "The workload was scaled to 0 by hand",
       "The condition", "Scale it to 1", "real fault"},
      {"ambiguous-selector", "35", Link::hpa, "AmbiguousSelector", "Two HPAs select the same pods",
       "Scale targets and selectors of all HPAs", "Merge them", "real fault"},
      {"one-metric-blocks-scale-down", "37", Link::hpa, "It scales up, but never down",
       "One of several metrics fails, and then the HPA does not go down", "Every metric's chain by itself",
       "Repair or drop it", "real fault"},
      {"quantity-readability", "41", Link::hpa, "10500m looks huge; 10m is not 10",
       "Quantities are written in thousandths", "Both numbers in the same unit",
       "Read the decimals; correct the target", "real fault"},
      {"within-tolerance", "42", Link::hpa, "Above the target, and nothing happens",
       "Within the tolerance (10%), the controller does not scale", "The ratio",
       "Nothing; or set the tolerance", "real fault"},
      {"stabilization", "43", Link::hpa, "The metric is low, and nothing happens",
       "The stabilization window delays the scale-down",
       "The condition ScaleDownStabilized; the metric's history shows until when",
       "Wait, or shorten the window", "real fault"},
      {"at-max", "", Link::hpa, "The metric is high, and nothing happens", "maxReplicas is reached",
       "ScalingLimited", "Raise maxReplicas", "real fault"},
      {"at-min", "", Link::hpa, "The metric is low, and nothing happens", "minReplicas is reached",
       "ScalingLimited", "Lower minReplicas", "real fault"},
      {"rate-limited", "", Link::hpa, "It scales in steps", "A policy limits how fast", "ScalingLimited",
       "spec.behavior", "real fault"},
      {"waiting-for-sync", "", Link::hpa, "Everything is repaired, but the HPA still reports an error",
       "The controller syncs every 15s", "Its condition against the current chain", "Wait", "facts file"},
      {"target-missing", "", Link::target, "FailedGetScale", "The scale target does not exist",
       "scaleTargetRef against the workloads; the closest name is suggested", "Correct the name",
       "real fault"},
      {"target-selector", "", Link::target, "InvalidSelector", "The scale target has no usable pod selector",
       "The condition", "Correct the workload", "real fault"},
      {"scale-refused", "", Link::target, "FailedUpdateScale", "The controller may not change the replicas",
       "The condition", "Webhooks, quotas, RBAC", "real fault"},
      {"selector-catches-others", "36", Link::target, "The average is wrong",
       "The workload's selector also matches pods of other owners",
       "Owners of all pods that the selector matches", "Give each workload its own labels", "real fault"},
      {"no-ready-pod", "38", Link::target, "The recommendation is 0", "No pod of the workload is ready",
       "Ready conditions", "Use AverageValue, or fix the readiness probe", "real fault"},
      {"rollout-failed", "39", Link::target, "The HPA scales to the maximum during a failed rollout",
       "Pods of a failed rollout have no samples and distort the average",
       "The Deployment's status and its pods' states", "Roll back", "real fault"},
      {"replicas-reset", "40", Link::target, "The number of replicas is repeatedly reset",
       "Another client (kubectl apply, GitOps) sets spec.replicas",
       "Repeated rescale events to the same size; managedFields of spec.replicas after the HPA's last change",
       "Remove the field from the manifest", "real fault"},
  };
  return all;
}
// clang-format on

const Cause* find_cause(std::string_view id) {
  auto found = std::find_if(causes().begin(), causes().end(), [&](const Cause& c) { return c.id == id; });
  return found == causes().end() ? nullptr : &*found;
}

std::string explain(const Cause& c) {
  return fmt::format(
      "{}   (link: {})\n\n  symptom    {}\n  reason     {}\n  detected   {}\n  fix        {}\n  tested     "
      "{}\n",
      c.id, title_of(c.link), c.symptom, c.reason, c.detection, c.fix, c.tested);
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
  return fmt::format(
      "{} of these {} causes are tested with a real fault; of the {} numbered causes {}, all except {}.\n",
      real, causes().size(), numbers.size(), made_real.size(), text::join(others, ", "));
}

std::string causes_page() {
  std::string page =
      "# Causes that `hpawalk diagnose` can name\n\n"
      "The unit tests generate this page from diagnose/causes.cpp (UPDATE_GOLDEN=1).\n"
      "`hpawalk diagnose --explain CAUSE` prints one cause. \"#\" is the number of the root cause in a list "
      "that was gathered from real issues.\n"
      "Tested by a *real fault*: created on the local cluster (`./test faults`), and named as the first "
      "failing check, or as a note if nothing is broken.\n"
      "Tested by a *facts file*: judged from recorded or written readings (tests/facts), because the local "
      "cluster cannot have the fault.\n\n" +
      tested_count();
  for (Link link : all_links) {
    page += fmt::format(
        "\n## {}\n\n| Cause | # | Symptom | Reason | Detected by | Fix | Tested by "
        "|\n|---|---|---|---|---|---|---|\n",
        title_of(link));
    for (const Cause& c : causes()) {
      if (c.link != link) continue;
      page += fmt::format("| `{}` | {} | {} | {} | {} | {} | {} |\n", c.id, c.number, c.symptom, c.reason,
                          c.detection, c.fix, c.tested);
    }
  }
  return page;
}

}  // namespace hpawalk::diagnose
