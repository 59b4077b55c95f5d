// The parts of a chain, found in the facts: which HPA needs which metric, which adapter serves it, which
// Prometheus that adapter asks, which monitors and Services feed it. Pure; collect.cpp uses it between its
// rounds to know what to read next, the rules use it to judge. Pointers point into the Facts, which must
// outlive the view.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "diagnose/adapter_config.hpp"
#include "diagnose/fact_key.hpp"
#include "diagnose/facts.hpp"
#include "world/kube_api.hpp"

namespace hpawalk::diagnose {

std::string name_of(const Json& object);    // metadata.name
std::string space_of(const Json& object);   // metadata.namespace
std::string full_name(const Json& object);  // "web/api"

// A kind as the API server serves it.
struct ServedKind {
  std::string group, version, resource;
  std::string api_version() const;
};

// A kind that an HPA names with an apiVersion, of which only the group counts.
struct KindRef {
  std::string kind, api_version;
  std::optional<bool> served;      // in that group; nothing: unknown
  std::vector<ServedKind> places;  // where kinds of that name are served
  ServedKind place;                // the one that is meant; as it is named, where that is unknown
};
// said: by the HPA's condition, which counts where the kinds were not read.
KindRef kind_ref(const Facts& facts, const std::string& kind, const std::string& api_version,
                 const std::string& said);

// One entry of spec.metrics.
struct MetricNeed {
  size_t index = 0;
  std::string type;  // Object, Pods, External, Resource, ContainerResource
  std::string metric;
  Json selector;           // of the metric's series
  GroupResource resource;  // whose metric: the described object's, or pods
  std::string object_kind, object_name;
  KindRef described;        // of an Object metric
  std::string target_type;  // Value, AverageValue, Utilization
  std::string target;       // quantity, or per cent
  std::string container;
  const Json* current = nullptr;  // of status.currentMetrics

  bool custom() const { return type == "Object" || type == "Pods"; }
  bool external() const { return type == "External"; }
  bool resource_metric() const { return !custom() && !external(); }
  std::string api_group() const;
  std::string title() const;  // "prom_fake_value of Service prom-fake"
};

struct Hpa {
  const Json* object = nullptr;
  std::string space, name;
  std::string target_kind, target_name;
  KindRef scaled;
  std::vector<MetricNeed> needs;
  const Json* target = nullptr;  // the Deployment, StatefulSet, ...; null: not found, or not read
  const Reading* target_reading = nullptr;
  Json pod_selector;              // of the scale target; null if unknown
  std::vector<const Json*> pods;  // that the selector matches

  std::string target_text() const { return target_kind + " " + target_name; }  // "Deployment web"
};

// Of an Object or External metric: is the target compared with the whole value?
bool asks_for_value(const MetricNeed& need);

std::vector<Hpa> hpas_of(const Facts& facts);

enum class AdapterKind { none, prometheus_adapter, keda, metrics_server, other };

struct PrometheusAddress {
  world::Backend backend;
  std::string prefix;    // "/prometheus", or empty
  std::string url = {};  // of --prometheus; if it is set, the others are empty
  std::string key() const { return url.empty() ? prometheus_key(backend, prefix) : prometheus_key(url); }
  std::string shown(const std::string& path) const;  // where this question goes
};

// What stands behind an API group.
struct Adapter {
  AdapterKind kind = AdapterKind::none;
  std::vector<const Json*> api_services;  // of the group, preferred version first
  std::string space, service_name;        // what the preferred APIService names
  const Json* service = nullptr;
  std::vector<const Json*> pods;
  std::vector<std::string> args;
  std::string config_map, config_key;
  std::optional<AdapterConfig> config;
  std::string config_error;
  const Reading* config_reading = nullptr;

  std::string prometheus_url;  // --prometheus-url, as it is
  std::string url_host, url_prefix, url_scheme;
  int url_port = 0;                    // 0: none given, and the scheme has no default
  std::string url_space, url_service;  // when the host is a Service of this cluster
  bool url_in_cluster = false;
  std::optional<world::Duration> relist, max_age;
  const std::vector<AdapterRule>& rules(bool external) const;
};

Adapter adapter_of(const Facts& facts, const std::string& group);
std::string main_container(const Json& adapter_pod);

struct PrometheusView {
  std::optional<PrometheusAddress> address;  // how its API is reached
  const Json* service = nullptr;             // that the adapter's URL names
  const Json* resource = nullptr;            // the Prometheus object, if an operator made it
  bool azure = false;                        // it is an Azure Monitor workspace
  std::vector<const Json*> pods;
};

// The one that the adapter asks; where its URL leads nowhere, the only one (or first) there is.
PrometheusView prometheus_of(const Facts& facts, const Adapter& adapter);

// The kinds of which prometheus-operator, or Azure Monitor's managed Prometheus, makes scrape jobs.
struct MonitorKind {
  std::string_view kind, resource, plural;  // "ServiceMonitor", "servicemonitor", "servicemonitors"
  std::string_view field;   // "serviceMonitor": of the Prometheus object's selectors, and first part of a job
  bool by_selector;         // it selects by labels; otherwise it names its targets
  bool azure = false;       // of azmonitoring.coreos.com, which prometheus-operator does not read
  std::string key() const;  // of the reading that lists them
};
inline constexpr MonitorKind monitor_kinds[] = {
    {"ServiceMonitor", "servicemonitor", "servicemonitors", "serviceMonitor", true},
    {"PodMonitor", "podmonitor", "podmonitors", "podMonitor", true},
    {"ScrapeConfig", "scrapeconfig", "scrapeconfigs", "scrapeConfig", false},
    {"Probe", "probe", "probes", "probe", false},
    {"ServiceMonitor", "servicemonitor", "servicemonitors", "serviceMonitor", true, true},
    {"PodMonitor", "podmonitor", "podmonitors", "podMonitor", true, true}};

struct Monitor {
  const Json* object = nullptr;
  const MonitorKind* of = &monitor_kinds[0];
  std::string space, name;
  std::string resource;  // as kubectl takes it: with the group where two groups have the kind
  bool pods() const { return of->kind == "PodMonitor"; }
  std::string kind() const { return std::string(of->kind) + (of->azure ? " (azmonitoring.coreos.com)" : ""); }
  std::string ref() const { return kind() + " " + space + "/" + name; }
  // "serviceMonitor/NAMESPACE/NAME/", before an endpoint's index; "scrapeConfig/NAMESPACE/NAME"
  std::string job() const;
  bool makes(const std::string& job) const;            // is this its job, or one of its jobs?
  bool covers(const std::string& target_space) const;  // namespaceSelector
};
// Those that the Prometheus reads; of one that is not known to be an operator's or Azure Monitor's, all.
std::vector<Monitor> monitors_of(const Facts& facts, const PrometheusView& prometheus);
// Those that it does not read, because they are of another group.
std::vector<Monitor> monitors_of_others(const Facts& facts, const PrometheusView& prometheus);
// Does the cluster serve the monitors of Azure Monitor's group?
bool serves_azure_monitors(const Facts& facts);
// Does an address ("http://web.shop.svc:80/metrics", "web.shop:80") lead to the Service by its DNS name?
bool leads_to(const std::string& address, const Json& service);
bool labels_name(const Json& labels, const Json& service);  // a target's labels namespace and service
// Does a ScrapeConfig or a Probe name the Service, by an address or by labels that it gives its targets?
bool names(const Monitor& monitor, const Json& service);

// The rule of a PrometheusRule that records a series.
struct RecordingRule {
  const Json* object = nullptr;
  std::string expression;
  std::string ref() const { return "PrometheusRule " + full_name(*object); }
};
std::vector<RecordingRule> rules_recording(const Facts& facts, const std::string& series);

// What a Prometheus object selects by labels and by namespace: a monitor, or a PrometheusRule.
struct Selectable {
  const Json* object = nullptr;
  std::string kind, resource;  // "ServiceMonitor", "servicemonitor"
  std::string field;           // of the Prometheus object's selectors: "serviceMonitor", "rule"
  std::string ref() const { return kind + " " + full_name(*object); }
};
Selectable selectable(const Monitor& monitor);
Selectable selectable(const RecordingRule& rule);

// Does the Prometheus object select it? If not, or if that cannot be said: by which of its two selectors, and
// why.
struct Selection {
  enum class Answer { yes, no, unknown } answer = Answer::yes;
  bool by_namespace = false;
  std::string why;
};
Selection selects(const Facts& facts, const Json& prometheus, const Selectable& what);

std::vector<const Json*> pods_of_service(const Facts& facts, const Json& service);
bool pod_ready(const Json& pod);
size_t ready_endpoints(const Facts& facts, const Json& service);
bool has_endpoints(const Facts& facts, const Json& service);                 // ready or not
const Json* namespace_object(const Facts& facts, const std::string& space);  // null: it was not read
// The labels of a namespace; a null if they were not read.
const Json& namespace_labels(const Facts& facts, const std::string& space);

// The namespaces whose pods, endpoints and workloads matter.
std::vector<std::string> spaces_of_interest(const Facts& facts);

// What the adapter's rules make of the series that Prometheus has, and of the names that they spell out. Made
// once, as there can be thousands.
struct Candidate {
  const AdapterRule* rule = nullptr;
  std::string series, api_name;
  bool seen = false;  // Prometheus knows the name under the rule's seriesQuery
};
struct RuleIndex {
  std::vector<Candidate> all;  // rule by rule, as the adapter goes through them
  std::map<std::string, std::vector<size_t>> by_api_name, by_series;
};
RuleIndex index_rules(const Facts& facts, const Adapter& adapter, const PrometheusView& prometheus,
                      bool external);

// An API group with what stands behind it.
struct Group {
  Adapter adapter;
  PrometheusView prometheus;
  RuleIndex index;
};
// The parts of all chains, by what was read so far.
struct Parts {
  std::vector<Hpa> hpas;
  std::map<std::string, Group> groups;  // "custom.metrics.k8s.io"
};
Parts parts_of(const Facts& facts);

// The series that could feed this need; the last one wins, as in the adapter.
std::vector<Candidate> candidates(const Group& group, const MetricNeed& need);
std::vector<std::string> text_list(const Json& list);

// The query that the adapter sends for this need.
Result<std::string> expression(const Hpa& hpa, const MetricNeed& need, const Candidate& candidate);
// The path that the HPA controller reads.
std::string metric_path(const Hpa& hpa, const MetricNeed& need, const std::string& version);
// The same for all objects of the kind: the adapter answers for many in one request.
std::string metric_path_of_all(const Hpa& hpa, const MetricNeed& need, const std::string& version);
std::string version_of(const Adapter& adapter);  // "v1beta1"; empty: none

}  // namespace hpawalk::diagnose
