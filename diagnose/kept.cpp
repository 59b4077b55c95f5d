#include "diagnose/kept.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include <yaml-cpp/yaml.h>

#include "base/redact.hpp"
#include "base/text.hpp"
#include "diagnose/fact_key.hpp"
#include "diagnose/view.hpp"

namespace hpawalk::diagnose {
namespace {

// The fields of each kind, as paths: what stands behind the last step is kept whole, lists are gone through.
struct Kind {
  std::string_view name;  // the subject of a reading's key
  std::string_view fields;
  bool objects = true;  // of the API server, or a list of them: with metadata
};

constexpr std::string_view whole;  // keeps the value whole

// Pods of the adapters, of the operator and of the controller manager are looked at like others.
#define POD_FIELDS                                                                                          \
  "metadata.name metadata.namespace metadata.labels metadata.creationTimestamp metadata.deletionTimestamp " \
  "metadata.ownerReferences.kind metadata.ownerReferences.name "                                            \
  "spec.serviceAccountName spec.resources.requests spec.initContainers.name "                               \
  "spec.initContainers.restartPolicy spec.initContainers.resources.requests "                               \
  "spec.volumes.name spec.volumes.configMap.name "                                                          \
  "spec.volumes.configMap.items.key spec.volumes.configMap.items.path "                                     \
  "spec.containers.name spec.containers.image spec.containers.command spec.containers.args "                \
  "spec.containers.ports.name spec.containers.ports.containerPort spec.containers.resources.requests "      \
  "spec.containers.volumeMounts.name spec.containers.volumeMounts.mountPath "                               \
  "spec.containers.volumeMounts.subPath "                                                                   \
  "status.phase status.podIP status.conditions.type status.conditions.status "                              \
  "status.conditions.reason status.conditions.message "                                                     \
  "status.containerStatuses.restartCount status.containerStatuses.state.running.startedAt "                 \
  "status.containerStatuses.state.waiting.reason status.containerStatuses.state.waiting.message "           \
  "status.containerStatuses.state.terminated.reason status.containerStatuses.state.terminated.message "     \
  "status.containerStatuses.lastState.terminated.reason "                                                   \
  "status.containerStatuses.lastState.terminated.message"
#define CONDITION_FIELDS \
  "status.conditions.type status.conditions.status status.conditions.reason status.conditions.message "
#define WORKLOAD_FIELDS                                                                           \
  CONDITION_FIELDS                                                                                \
  "metadata.name metadata.namespace metadata.labels metadata.ownerReferences.apiVersion "         \
  "metadata.ownerReferences.kind metadata.ownerReferences.name metadata.ownerReferences.uid "     \
  "metadata.hpawalkReplicaManagers metadata.hpawalkAppliedReplicas "                              \
  "spec.replicas spec.selector spec.template.metadata.labels spec.template.spec.containers.name " \
  "spec.template.spec.containers.command spec.template.spec.containers.args "                     \
  "status.replicas status.updatedReplicas status.unavailableReplicas status.desiredNumberScheduled"
#define OBJECT_FIELDS "metadata.name metadata.namespace metadata.labels metadata.hpawalkLastChange "
#define BINDING_FIELDS \
  "status.bindings.conditions.type status.bindings.conditions.status status.bindings.conditions.message"
#define MONITOR_FIELDS                                                                      \
  OBJECT_FIELDS                                                                             \
  "spec.selector spec.namespaceSelector spec.endpoints.port spec.podMetricsEndpoints.port " \
  "spec.endpoints.honorTimestamps spec.podMetricsEndpoints.honorTimestamps "                \
  "spec.endpoints.metricRelabelings spec.podMetricsEndpoints.metricRelabelings "            \
  "spec.fallbackScrapeProtocol spec.sampleLimit " BINDING_FIELDS
#define AUTHENTICATION_FIELDS                                                                  \
  "metadata.name metadata.namespace spec.secretTargetRef.parameter spec.secretTargetRef.name " \
  "spec.secretTargetRef.key spec.podIdentity.provider"
#define EVENT_FIELDS                                                                                   \
  "involvedObject.kind involvedObject.namespace involvedObject.name involvedObject.uid message count " \
  "series.count "                                                                                      \
  "firstTimestamp lastTimestamp eventTime"

constexpr Kind kinds[] = {
    {"hpas", CONDITION_FIELDS
     "apiVersion kind metadata.name metadata.namespace metadata.uid metadata.annotations.hpawalk/assumed "
     "spec.scaleTargetRef spec.minReplicas spec.maxReplicas spec.metrics spec.behavior "
     "status.currentReplicas status.desiredReplicas status.currentMetrics status.lastScaleTime"},
    {"apiservices",
     CONDITION_FIELDS "metadata.name spec.group spec.version spec.versionPriority spec.insecureSkipTLSVerify "
                      "spec.service.namespace spec.service.name spec.service.port"},
    {"namespaces", "metadata.name metadata.labels metadata.hpawalkLastChange"},
    {"services",
     "metadata.name metadata.namespace metadata.labels spec.selector spec.ports.name spec.ports.port "
     "spec.ports.targetPort"},
    {"servicemonitors", MONITOR_FIELDS},
    {"podmonitors", MONITOR_FIELDS},
    {"servicemonitors.azmonitoring.coreos.com", MONITOR_FIELDS},
    {"podmonitors.azmonitoring.coreos.com", MONITOR_FIELDS},
    {"scrapeconfigs", OBJECT_FIELDS
     "spec.staticConfigs.targets spec.staticConfigs.labels.namespace spec.staticConfigs.labels.service "
     "spec.dnsSDConfigs.names " BINDING_FIELDS},
    {"probes", OBJECT_FIELDS "spec.targets.staticConfig.static spec.targets.staticConfig.labels.namespace "
                             "spec.targets.staticConfig.labels.service " BINDING_FIELDS},
    {"prometheuses", CONDITION_FIELDS
     "metadata.name metadata.namespace metadata.hpawalkLastChange spec.serviceDiscoveryRole spec.routePrefix "
     "spec.serviceMonitorSelector spec.serviceMonitorNamespaceSelector "
     "spec.podMonitorSelector spec.podMonitorNamespaceSelector "
     "spec.scrapeConfigSelector spec.scrapeConfigNamespaceSelector "
     "spec.probeSelector spec.probeNamespaceSelector "
     "spec.ruleSelector spec.ruleNamespaceSelector spec.shards "
     "spec.enforcedNamespaceLabel spec.excludedFromEnforcement"},
    {"prometheusrules", OBJECT_FIELDS "spec.groups.name "
                                      "spec.groups.rules.record spec.groups.rules.expr"},
    {"pods", POD_FIELDS},
    {adapter_pods, POD_FIELDS},
    {operator_pods, POD_FIELDS},
    {"controller", POD_FIELDS},
    {"deployments", WORKLOAD_FIELDS},
    {"statefulsets", WORKLOAD_FIELDS},
    {"replicasets", WORKLOAD_FIELDS},
    {"daemonsets", WORKLOAD_FIELDS},
    {"scale", "metadata.name metadata.namespace spec.replicas status.replicas status.selector"},
    {"scaled", "metadata.name metadata.namespace"},
    {"endpointslices", "metadata.namespace metadata.labels endpoints.addresses endpoints.conditions.ready"},
    {"networkpolicies",
     "metadata.name metadata.namespace spec.podSelector spec.policyTypes spec.ingress spec.egress"},
    {"clusterroles", "metadata.name"},
    {"clusterrolebindings", "metadata.name"},
    {"roles", "metadata.name metadata.namespace"},
    {"rolebindings", "metadata.name metadata.namespace roleRef.kind roleRef.name subjects"},
    {"configmaps", "metadata.name metadata.namespace metadata.hpawalkLastChange data"},
    {"scaledobjects", CONDITION_FIELDS
     "metadata.name metadata.namespace metadata.hpawalkLastChange spec.scaleTargetRef.apiVersion "
     "spec.scaleTargetRef.kind spec.scaleTargetRef.name spec.minReplicaCount spec.maxReplicaCount "
     "spec.idleReplicaCount spec.pollingInterval spec.cooldownPeriod "
     "spec.fallback.replicas spec.advanced.horizontalPodAutoscalerConfig.name "
     "spec.advanced.scalingModifiers.formula "
     "spec.advanced.scalingModifiers.target spec.triggers.type spec.triggers.name "
     "spec.triggers.useCachedMetrics spec.triggers.authenticationRef.name "
     "spec.triggers.authenticationRef.kind spec.triggers.metadata.serverAddress "
     "spec.triggers.metadata.query spec.triggers.metadata.ignoreNullValues "
     "spec.triggers.metadata.activationThreshold spec.triggers.metadata.authModes "
     "spec.triggers.metadata.customHeaders status.hpaName status.pausedReplicaCount"},
    {"triggerauthentications", AUTHENTICATION_FIELDS},
    {"clustertriggerauthentications", AUTHENTICATION_FIELDS},
    {"secrets", "metadata.name metadata.namespace metadata.hpawalkKeys"},  // and no value
    {"canaries", "metadata.name metadata.namespace spec.targetRef.kind spec.targetRef.name status.phase"},
    {pod_metrics, "metadata.name metadata.namespace"},
    {"rejections", EVENT_FIELDS},
    {failed_creates, EVENT_FIELDS " metadata.namespace"},
    {"rescales", EVENT_FIELDS},
    {"version", "gitVersion"},
    {kinds_key, "kinds.kind kinds.group kinds.version kinds.resource unread.group unread.version unread.why",
     false},
    {"discovery", "resources.name", false},
    {"api", "items.describedObject.kind items.describedObject.name items.value", false},
    {"may", whole, false},
    {"log", whole, false},
    {"page", whole, false},
    // Prometheus
    {prometheus_url_key, "url", false},
    {"runtime", "reloadConfigSuccess lastConfigTime", false},
    {"config", "yaml", false},  // only which jobs there are: collect_prometheus.cpp
    {"names", whole, false},
    {"targets",
     "labels.job labels.namespace labels.service labels.pod pool url health lastError lastScrape interval",
     false},
    {"samples", "labels value time", false},
    {"counts", whole, false},
    {"recording", "name query health lastError", false},
    {"rule", whole, false},
    {"eval", "labels value time", false},
    {"range", "labels values", false},
};

#undef POD_FIELDS
#undef CONDITION_FIELDS
#undef WORKLOAD_FIELDS
#undef MONITOR_FIELDS
#undef AUTHENTICATION_FIELDS
#undef EVENT_FIELDS

struct Tree {
  std::map<std::string, Tree> fields;  // none: all
};

Tree tree_of(std::string_view fields) {
  Tree tree;
  for (const std::string& path : text::split(fields, ' ')) {
    Tree* here = &tree;
    // Only a field's own name can have a dot, and none in the list does.
    for (const std::string& step : text::split(path, '.')) here = &here->fields[step];
  }
  return tree;
}

Json searched(const Json& value) {
  if (value.is_string()) return text::redact(value.get_ref<const std::string&>());
  if (!value.is_structured()) return value;
  Json copy = value;
  for (Json& child : copy) child = searched(child);
  return copy;
}

Json pruned(const Json& value, const Tree& tree) {
  if (tree.fields.empty()) return searched(value);
  Json out;
  if (value.is_array()) {
    out = Json::array();
    for (const Json& item : value) out.push_back(pruned(item, tree));
  } else if (value.is_object()) {
    out = Json::object();
    for (const auto& [name, below] : tree.fields) {
      if (auto found = value.find(name); found != value.end()) out[name] = pruned(*found, below);
    }
  }
  return out;  // a scalar where fields are expected: nothing
}

// Who set spec.replicas, from the managed fields.
Json replica_managers(const Json& managed_fields) {
  Json managers = Json::array();
  for (const Json& entry : managed_fields) {
    if (at(entry, {"fieldsV1", "f:spec", "f:replicas"}).is_null()) continue;
    managers.push_back({{"manager", text_at(entry, "manager")},
                        {"operation", text_at(entry, "operation")},
                        {"subresource", text_at(entry, "subresource")},
                        {"time", text_at(entry, "time")}});
  }
  return managers;
}

std::string last_change(const Json& managed_fields) {
  std::string last;
  for (const Json& entry : managed_fields) {
    if (text_at(entry, "subresource") != "status") last = std::max(last, text_at(entry, "time"));
  }
  return last;
}

// The keys of a Secret's data, of which a request for metadata tells the names only here.
Json data_keys(const Json& managed_fields) {
  Json keys = Json::array();
  for (const Json& entry : managed_fields) {
    const Json& data = at(entry, std::vector<std::string>{"fieldsV1", "f:data"});
    if (!data.is_object()) continue;
    for (const auto& [field, below] : data.items()) {
      std::string key = field.starts_with("f:") ? field.substr(2) : "";
      if (!key.empty() && std::find(keys.begin(), keys.end(), Json(key)) == keys.end()) keys.push_back(key);
    }
  }
  return keys;
}

// "X-Scope-OrgID=shop,Authorization=..." without what can be a secret: "X-Scope-OrgID,Authorization".
void keep_header_names(Json& scaled_object) {
  if (!list_at(scaled_object, "spec.triggers").is_array()) return;
  if (list_at(scaled_object, "spec.triggers").empty()) return;
  for (Json& trigger : scaled_object["spec"]["triggers"]) {
    std::string headers = text_at(trigger, "metadata.customHeaders");
    if (headers.empty()) continue;
    std::vector<std::string> names;
    for (const std::string& header : text::split(headers, ','))
      names.push_back(header.substr(0, header.find('=')));
    trigger["metadata"]["customHeaders"] = text::join(names, ",");
  }
}

// What rules want to know of managed fields and of what kubectl applied, which are not kept themselves.
void add_own_fields(const Json& object, const Tree& tree, Json& out) {
  auto wanted = tree.fields.find("metadata");
  auto add = [&](const char* name, Json value) {
    if (wanted != tree.fields.end() && wanted->second.fields.contains(name))
      out["metadata"][name] = std::move(value);
  };
  const Json& managed = list_at(object, "metadata.managedFields");
  if (Json managers = replica_managers(managed); !managers.empty())
    add("hpawalkReplicaManagers", std::move(managers));
  if (std::string changed = last_change(managed); !changed.empty()) add("hpawalkLastChange", changed);
  if (Json keys = data_keys(managed); !keys.empty()) add("hpawalkKeys", std::move(keys));
  const Json& applied =
      at(object, std::vector<std::string>{"metadata", "annotations",
                                          "kubectl.kubernetes.io/last-applied-configuration"});
  if (!applied.is_string()) return;
  Result<Json> last = parse_json(applied.get_ref<const std::string&>(), "What kubectl applied");
  if (!last) return;
  if (const Json& replicas = at(*last, "spec.replicas"); replicas.is_number())
    add("hpawalkAppliedReplicas", replicas);
}

// Flags whose values rules read, and those of which only the name says something.
bool value_is_read(std::string_view flag) {
  static const std::set<std::string_view> names = {
      "prometheus-url",  "config",      "metrics-relist-interval",
      "metrics-max-age", "secure-port", "feature-gates"};
  return names.contains(flag) || flag.starts_with("horizontal-pod-autoscaler-");
}
bool name_is_read(std::string_view flag) {
  auto has = [&](std::string_view part) { return flag.find(part) != std::string_view::npos; };
  return has("token-file") || has("prometheus-header") || has("auth");
}

constexpr std::string_view not_kept = "[redacted]";

// Each word stays in its place, as a patch names words by their place.
Json read_flags(const Json& words) {
  if (!words.is_array()) return Json();
  Json flags = Json::array();
  bool value_follows = false;
  for (const Json& item : words) {
    std::string word = item.is_string() ? item.get<std::string>() : "";
    size_t equals = word.find('=');
    std::string name =
        word.starts_with("--") ? word.substr(2, equals == std::string::npos ? equals : equals - 2) : "";
    bool value = std::exchange(value_follows, false);
    if (value || value_is_read(name)) {
      flags.push_back(text::redact(word));
      value_follows = !value && equals == std::string::npos;
    } else {
      flags.push_back(name_is_read(name) ? "--" + name : std::string(not_kept));
    }
  }
  return flags;
}

void keep_flags(Json& pod_spec, const Json& original) {
  if (!at(pod_spec, "containers").is_array()) return;
  const Json& before = list_at(original, "containers");
  for (size_t i = 0; i < pod_spec["containers"].size(); ++i) {
    for (const char* words : {"command", "args"}) {
      if (!at(before[i], words).is_null())
        pod_spec["containers"][i][words] = read_flags(at(before[i], words));
    }
  }
}

// The ConfigMap of a projected volume counts like one of its own; volumes of other kinds, and what is mounted
// of them, do not. `out` is what is kept of the pod.
void keep_plain_volumes(const Json& pod, const Tree& tree, Json& out) {
  if (!at(pod, "spec.volumes").is_array()) return;
  Json volumes = Json::array();
  std::set<std::string> names;
  for (const Json& volume : list_at(pod, "spec.volumes")) {
    Json config = at(volume, "configMap");
    for (const Json& source : list_at(volume, "projected.sources")) {
      const Json& map = at(source, "configMap");
      if (!map.is_null() && text_at(map, "name") != "kube-root-ca.crt") config = map;
    }
    if (config.is_null()) continue;
    volumes.push_back({{"name", text_at(volume, "name")}, {"configMap", config}});
    names.insert(text_at(volume, "name"));
  }
  out["spec"]["volumes"] = pruned(volumes, tree.fields.at("spec").fields.at("volumes"));
  if (!at(out, "spec.containers").is_array()) return;
  for (Json& container : out["spec"]["containers"]) {
    if (!at(container, "volumeMounts").is_array()) continue;
    Json mounts = Json::array();
    for (const Json& mount : list_at(container, "volumeMounts")) {
      if (names.contains(text_at(mount, "name"))) mounts.push_back(mount);
    }
    container["volumeMounts"] = std::move(mounts);
  }
}

// Of tens of thousands of pods: whether they are ready, and why one has no node.
Json kept_conditions(const Json& pod) {
  Json some = Json::array();
  if (Json ready = condition(pod, "Ready"); !ready.is_null()) {
    for (const char* more : {"reason", "message"}) ready.erase(more);
    some.push_back(std::move(ready));
  }
  if (const Json& c = condition(pod, "PodScheduled"); text_at(c, "status") == "False") some.push_back(c);
  return some;
}

Json kept_pod(const Json& pod, const Tree& tree) {
  Json out = pruned(pod, tree);
  keep_plain_volumes(pod, tree, out);
  if (at(out, "status.conditions").is_array()) out["status"]["conditions"] = kept_conditions(out);
  if (at(out, "spec").is_object()) keep_flags(out["spec"], at(pod, "spec"));
  return out;
}

// The scalars of these names, as texts.
Json scalars(const YAML::Node& node, std::initializer_list<const char*> names) {
  Json out = Json::object();
  for (const char* name : names) {
    if (const YAML::Node value = node[name]; value && value.IsScalar()) out[name] = value.as<std::string>();
  }
  return out;
}

Json rule_json(const YAML::Node& rule) {
  Json out = scalars(rule, {"seriesQuery", "metricsQuery"});
  for (const YAML::Node& filter : rule["seriesFilters"])
    out["seriesFilters"].push_back(scalars(filter, {"is", "isNot"}));
  if (const YAML::Node name = rule["name"]; name && name.IsMap())
    out["name"] = scalars(name, {"matches", "as"});
  const YAML::Node resources = rule["resources"];
  if (!resources || !resources.IsMap()) return out;
  out["resources"] = scalars(resources, {"template", "namespaced"});
  if (const YAML::Node overrides = resources["overrides"]; overrides && overrides.IsMap()) {
    for (const auto& entry : overrides)
      out["resources"]["overrides"][entry.first.as<std::string>()] =
          scalars(entry.second, {"group", "resource"});
  }
  return out;
}

// A text that parse_adapter_config understands, with what it reads of it.
std::string rules_anew(const std::string& text) {
  const YAML::Node root = YAML::Load(text);
  Json out = Json::object();
  for (const char* list : {"rules", "externalRules"}) {
    for (const YAML::Node& rule : root[list]) out[list].push_back(rule_json(rule));
  }
  if (root["resourceRules"].IsDefined()) out["resourceRules"] = Json::object();
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);  // JSON is YAML
}

// Of a ConfigMap the adapter's rules, written anew; of what are none, why.
Json kept_data(const Json& data) {
  Json out = Json::object();
  if (!data.is_object()) return out;
  for (const auto& [key, text] : data.items()) {
    if (!text.is_string()) {
      if (text.is_object()) out[key][config_error_field] = text::redact(text_at(text, config_error_field));
      continue;
    }
    Result<AdapterConfig> config = parse_adapter_config(text.get<std::string>());
    if (!config) {
      std::string why =
          config.error().what + (config.error().because.empty() ? "" : ": " + config.error().because);
      out[key] = {{config_error_field, text::redact(why)}};
      continue;
    }
    out[key] = rules_anew(text.get<std::string>());
  }
  return out;
}

Json kept_object(const Kind& kind, const Tree& tree, const Json& object) {
  if (kind.name == "configmaps") {
    Json out = pruned(object, tree);
    if (!at(object, "data").is_null()) out["data"] = kept_data(at(object, "data"));
    add_own_fields(object, tree, out);
    return out;
  }
  auto spec = tree.fields.find("spec");
  bool pod = spec != tree.fields.end() && spec->second.fields.contains("containers");
  Json out = pod ? kept_pod(object, tree) : pruned(object, tree);
  if (at(out, "spec.template.spec").is_object())
    keep_flags(out["spec"]["template"]["spec"], at(object, "spec.template.spec"));
  if (kind.objects && object.is_object()) add_own_fields(object, tree, out);
  if (kind.name == "scaledobjects") keep_header_names(out);
  return out;
}

void take_keys(const Json& map, std::set<std::string>& names) {
  if (!map.is_object()) return;
  for (const auto& [name, value] : map.items()) names.insert(name);
}

void take_selector(const Json& selector, std::set<std::string>& names) {
  take_keys(at(selector, "matchLabels"), names);
  for (const Json& e : list_at(selector, "matchExpressions")) names.insert(text_at(e, "key"));
}

std::set<std::string> selected_labels(const Facts& facts) {
  std::set<std::string> names = {"app", "app.kubernetes.io/name", "app.kubernetes.io/managed-by",
                                 "prometheus", "pod-template-hash"};  // that rules name themselves
  for (const Json* service : facts.items("services")) take_keys(at(*service, "spec.selector"), names);
  for (const char* resource :
       {"servicemonitors", "podmonitors", "servicemonitors.azmonitoring.coreos.com",
        "podmonitors.azmonitoring.coreos.com", "deployments", "statefulsets", "replicasets", "daemonsets"}) {
    for (const Json* object : facts.items(resource)) take_selector(at(*object, "spec.selector"), names);
  }
  for (const Json* policy : facts.items("networkpolicies")) {
    take_selector(at(*policy, "spec.podSelector"), names);
    for (const char* way : {"ingress", "egress"}) {
      for (const Json& rule : list_at(at(*policy, "spec"), way)) {
        for (const Json& peer : list_at(rule, way == std::string_view("ingress") ? "from" : "to"))
          take_selector(at(peer, "podSelector"), names);
      }
    }
  }
  for (const auto& [key, reading] : facts.readings) {
    if (subject_of(key) != "scale") continue;
    take_selector(at(reading.value, "spec.selector"), names);
    for (const std::string& part : text::split(text_at(reading.value, "status.selector"), ','))
      names.insert(part.substr(0, part.find('=')));
  }
  return names;
}

void keep_labels(Json& labels, const std::set<std::string>& names) {
  if (!labels.is_object()) return;
  for (auto here = labels.begin(); here != labels.end();)
    here = names.contains(here.key()) ? std::next(here) : labels.erase(here);
}

}  // namespace

Json kept(const std::string& key, const Json& value) {
  static const std::map<std::string_view, std::pair<const Kind*, Tree>> table = [] {
    std::map<std::string_view, std::pair<const Kind*, Tree>> all;
    for (const Kind& kind : kinds) all.emplace(kind.name, std::pair{&kind, tree_of(kind.fields)});
    return all;
  }();
  auto found = table.find(subject_of(key));
  if (found == table.end()) return {};
  const auto& [kind, tree] = found->second;
  if (!kind->objects || !at(value, "items").is_array()) return kept_object(*kind, tree, value);
  Json items = Json::array();
  for (const Json& item : list_at(value, "items")) items.push_back(kept_object(*kind, tree, item));
  return {{"items", std::move(items)}};
}

void keep_selected_labels(Facts& facts) {
  const std::set<std::string> names = selected_labels(facts);
  static const std::set<std::string> with_labels = {
      "pods", adapter_pods, operator_pods, "deployments", "statefulsets", "replicasets", "daemonsets"};
  for (auto& [key, reading] : facts.readings) {
    if (!with_labels.contains(subject_of(key)) || !at(reading.value, "items").is_array()) continue;
    for (Json& item : reading.value["items"]) {
      if (at(item, "metadata.labels").is_object()) keep_labels(item["metadata"]["labels"], names);
      if (at(item, "spec.template.metadata.labels").is_object())
        keep_labels(item["spec"]["template"]["metadata"]["labels"], names);
    }
  }
}

}  // namespace hpawalk::diagnose
