#include "diagnose/collect.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/redact.hpp"
#include "base/text.hpp"
#include "diagnose/collect_keda.hpp"
#include "diagnose/collect_prometheus.hpp"
#include "diagnose/collect_sources.hpp"
#include "diagnose/controller.hpp"
#include "diagnose/created.hpp"
#include "diagnose/diagnosis.hpp"
#include "diagnose/kept.hpp"
#include "diagnose/reader.hpp"
#include "world/kube_path.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::diagnose {

std::string user_of(const Json& pod) {
  return fmt::format("system:serviceaccount:{}:{}", space_of(pod),
                     text_at(pod, "spec.serviceAccountName", "default"));
}
std::vector<world::AccessQuestion> discovery_questions(const std::string& user, const std::string& space,
                                                       const Json* prometheus) {
  bool slices = prometheus != nullptr && text_at(*prometheus, "spec.serviceDiscoveryRole") == "EndpointSlice";
  world::AccessQuestion endpoints =
      slices ? world::AccessQuestion{"list", "discovery.k8s.io", "endpointslices", space, user}
             : world::AccessQuestion{"list", "", "endpoints", space, user};
  return {{"list", "", "services", space, user}, endpoints, {"list", "", "pods", space, user}};
}
world::AccessQuestion delegation_question(const std::string& user) {
  return {"create", "authorization.k8s.io", "subjectaccessreviews", "", user};
}
world::AccessQuestion hpa_question(const std::string& group, const std::string& space) {
  const std::string user = hpa_controller_user;
  if (group == "external.metrics.k8s.io") return {"list", group, "any-metric", space, user};
  if (group == "metrics.k8s.io") return {"list", group, "pods", space, user};
  return {"get", group, "services/any-metric", space, user};
}

bool assumed(const Json& hpa) {
  return !at(hpa, {"metadata", "annotations", assumed_mark}).is_null();
}
bool without_hpa(const Json& assumed_hpa) {
  return at(assumed_hpa, {"metadata", "annotations", assumed_mark}) == of_scaled_object;
}

namespace {

using Spaces = std::vector<std::string>;
using world::kube_kind;
using world::KubeResource;

// Each is kept under its plural. In the whole cluster, where that is allowed:
constexpr KubeResource listed_whole[] = {
    kube_kind("Service"), kube_kind("ServiceMonitor"), kube_kind("PodMonitor"),    kube_kind("ScrapeConfig"),
    kube_kind("Probe"),   kube_kind("Prometheus"),     kube_kind("PrometheusRule")};
// In the namespaces that matter:
constexpr KubeResource listed_by_space[] = {
    kube_kind("Pod"),        kube_kind("EndpointSlice"), kube_kind("Deployment"),   kube_kind("StatefulSet"),
    kube_kind("ReplicaSet"), kube_kind("DaemonSet"),     kube_kind("NetworkPolicy")};

// Those that the API server lists here come with Azure Monitor's managed Prometheus only.
std::string key_of(const KubeResource& kind) {
  bool azure = kind.group == world::azure_monitoring_group;
  return azure ? azure_monitors_key(kind.plural) : std::string(kind.plural);
}

constexpr size_t most_scales = 16;       // of workloads that are no Deployment, StatefulSet or ReplicaSet
constexpr size_t most_asked_spaces = 8;  // in which Prometheus's rights are looked up
constexpr size_t most_asked_fixes = 8;   // broken HPAs whose fixes are looked at
constexpr size_t few_alike = 2;          // more HPAs on one metric than this are probed with one request

// Round 1: what is listed in the whole cluster.
void read_cluster(Reader& reader, const CollectOptions& options) {
  const std::string& space = options.space;
  Spaces own = space.empty() ? Spaces{} : Spaces{space};
  reader.list_at_path("hpas", kube_kind("HorizontalPodAutoscaler").collection(space));
  reader.list_at_path("apiservices", kube_kind("APIService").collection());
  reader.list_at_path("namespaces", kube_kind("Namespace").collection(), true);
  reader.get(version_key, version_path);
  reader.get(controller_key, controller_pods_path);
  for (const KubeResource& kind : listed_whole) reader.list(std::string(kind.plural), kind, own);
  reader.later([&reader, own] {
    std::string group(world::azure_monitoring_group);
    if (!reader.get_now(discovery_key(group), world::api_root(group, "v1")).empty()) return;
    for (const KubeResource& kind : world::azure_monitors) reader.list(key_of(kind), kind, own);
  });
  auto pods = [&](const std::string& key, const std::string& selector) {
    reader.list_at_path(key,
                        kube_kind("Pod").collection() + "?labelSelector=" + world::query_value(selector));
  };
  // Whoever installed them: the bundle and kube-prometheus use the first label, charts one or the other.
  pods(adapter_pods_by_name, "app.kubernetes.io/name=prometheus-adapter");
  pods(adapter_pods_by_app, "app=prometheus-adapter,!app.kubernetes.io/name");
  pods(operator_pods_by_name, "app.kubernetes.io/name=prometheus-operator");
  pods(operator_pods_by_app,
       "app in (kube-prometheus-stack-operator,prometheus-operator-operator,prometheus-operator),"
       "app.kubernetes.io/name!=prometheus-operator");
  reader.list_at_path("rejections",
                      kube_kind("Event").collection() + "?fieldSelector=reason%3DInvalidConfiguration");
  reader.list_at_path(failed_creates,
                      kube_kind("Event").collection() + "?fieldSelector=reason%3DFailedCreate");
  reader.list_at_path("rescales",
                      kube_kind("Event").collection() + "?fieldSelector=reason%3DSuccessfulRescale");
  reader.run_round();
}

Status no_such_namespace(const Facts& facts, const std::string& space) {
  const Reading* namespaces = facts.find("namespaces");
  if (space.empty() || namespaces == nullptr || !namespaces->read()) return {};
  std::vector<std::string> names;
  for (const Json& n : list_at(namespaces->value, "items")) names.push_back(name_of(n));
  if (std::find(names.begin(), names.end(), space) != names.end()) return {};
  std::optional<std::string> near = text::nearest(space, names);
  return failure(ErrorClass::usage, "namespace-not-found", "Namespace not found: " + space, {},
                 near ? fmt::format("Did you mean {0}?  hpawalk diagnose -n {0}", *near)
                      : "hpawalk diagnose -A looks in all namespaces");
}

// Can the HPAs be seen, and is the one that was asked for among them?
Status find_asked(Facts& facts, const CollectOptions& options) {
  const Reading* hpas = facts.find("hpas");
  if (hpas->absent()) {
    const Reading* version = facts.find(version_key);
    if (version->absent()) {
      return failure(ErrorClass::environment, "kube-unreachable",
                     "The server at this address is not a Kubernetes API server", version->error,
                     "Is the address in the kubeconfig right?  kubectl cluster-info");
    }
    return failure(ErrorClass::environment, "autoscaling-v2-missing",
                   "autoscaling/v2 is not available on this cluster", hpas->error,
                   "hpawalk needs Kubernetes 1.23 or newer");
  }
  if (hpas->read() && options.scaled_objects) take_scaled_objects(facts);
  if (!hpas->read()) {
    std::string hint = hpas->right.empty() ? "" : "The missing permission: " + hpas->right;
    Error error{ErrorClass::environment, "kube-refused", "HorizontalPodAutoscalers cannot be listed",
                hpas->error, hint};
    error.id = hpas->error_id;
    return failure(std::move(error));
  }
  bool may_be_missing = !options.assumed.is_null();
  if (Status status = no_such_namespace(facts, options.space); !status && !may_be_missing) return status;
  if (options.name.empty()) return {};
  std::vector<std::string> names;
  for (const Json& hpa : list_at(hpas->value, "items")) {
    if (name_of(hpa) == facts.asked_name) return {};
    names.push_back(name_of(hpa));
  }
  if (may_be_missing) {
    Json hpa = options.assumed;
    hpa["metadata"]["annotations"][assumed_mark] = "true";
    Json items = list_at(hpas->value, "items");
    items.push_back(std::move(hpa));
    facts.readings["hpas"].value = {{"items", std::move(items)}};
    return {};
  }
  std::string where = options.space.empty() ? "in any namespace" : "in namespace " + options.space;
  std::string same = options.space.empty() ? " -A" : " -n " + options.space;
  std::optional<std::string> near = text::nearest(options.name, names);
  std::string hint = near ? fmt::format("Did you mean {}?  hpawalk diagnose {}{}", *near, *near, same)
                     : names.empty() ? "No HPA found there: hpawalk diagnose -A looks in all namespaces"
                                     : "Existing HPAs: " + text::join(names, ", ").substr(0, 500);
  return failure(ErrorClass::usage, "hpa-not-found", fmt::format("HPA {} not found {}", options.name, where),
                 {}, hint);
}

// How the API server serves the kinds that an HPA names in a group in which hpawalk does not know them.
void read_kinds(Reader& reader) {
  std::set<std::string> names;
  auto take = [&](const KindRef& ref) {
    if (!ref.kind.empty() && ref.served != true) names.insert(ref.kind);
  };
  for (const Hpa& hpa : hpas_of(reader.facts)) {
    take(hpa.scaled);
    for (const MetricNeed& need : hpa.needs) take(need.described);
  }
  if (names.empty()) return;
  reader.read_kinds(names);
  reader.run_round();
}

// Where the whole cluster's list was refused: these namespaces', as far as they were not read yet.
void read_refused(Reader& reader, const Spaces& spaces) {
  std::vector<KubeResource> kinds(std::begin(listed_whole), std::end(listed_whole));
  kinds.insert(kinds.end(), std::begin(world::azure_monitors), std::end(world::azure_monitors));
  for (const KubeResource& kind : kinds) {
    std::string resource = key_of(kind);
    const Reading* whole = reader.facts.whole(resource);
    if (whole == nullptr || !whole->failed_with("kube-forbidden")) continue;
    for (const std::string& space : spaces) {
      std::string key = space_key(resource, space);
      if (reader.facts.find(key) != nullptr) continue;
      reader.list_at_path(key, kind.collection(space));
    }
  }
}

// A target with 0 replicas can be a canary.
void read_canaries(Reader& reader) {
  Spaces spaces;
  for (const Hpa& hpa : hpas_of(reader.facts)) {
    if (text_at(condition(*hpa.object, "ScalingActive"), "reason") == "ScalingDisabled")
      spaces.push_back(hpa.space);
  }
  if (spaces.empty()) return;
  std::sort(spaces.begin(), spaces.end());
  spaces.erase(std::unique(spaces.begin(), spaces.end()), spaces.end());
  const KubeResource& canary = kube_kind("Canary");
  reader.later([=, &reader, &canary] {
    std::string served = world::api_root(canary.group, canary.version);
    if (!reader.get_now(discovery_key(flagger_group), served).empty()) return;
    reader.list(std::string(canary.plural), canary, spaces);
  });
}

// The API groups of the metrics. Of external ones that nobody registered, also the custom ones': their
// adapter may serve the metric.
std::set<std::string> metric_groups(const Facts& facts, const std::vector<Hpa>& hpas) {
  std::set<std::string> groups;
  for (const Hpa& hpa : hpas) {
    for (const MetricNeed& need : hpa.needs) groups.insert(need.api_group());
  }
  const std::string custom = "custom.metrics.k8s.io", external = "external.metrics.k8s.io";
  for (const auto& [asked, other] : {std::pair(external, custom), std::pair(custom, external)}) {
    if (groups.contains(asked) && adapter_of(facts, asked).api_services.empty()) groups.insert(other);
  }
  return groups;
}

// Round 2: the namespaces that matter.
void read_neighbourhood(Reader& reader) {
  const Facts& facts = reader.facts;
  Spaces spaces = spaces_of_interest(facts);
  read_refused(reader, spaces);
  for (const KubeResource& kind : listed_by_space) {
    reader.list_by_space(std::string(kind.plural), kind, spaces);
  }
  read_canaries(reader);
  std::set<std::string> spaces_of_hpas;
  size_t scales = 0;
  const std::vector<Hpa> hpas = hpas_of(facts);
  for (const Hpa& hpa : hpas) {
    spaces_of_hpas.insert(hpa.space);
    const ServedKind& place = hpa.scaled.place;
    bool nowhere = place.version.empty() || (hpa.scaled.served == false && hpa.scaled.places.size() != 1);
    if (place.group == "apps" || nowhere || ++scales > most_scales) continue;
    std::string object = world::kube_object(place.api_version(), hpa.space, place.resource, hpa.target_name);
    std::string scale = scale_key(hpa.space, place.resource, hpa.target_name),
                itself = scaled_key(hpa.space, place.resource, hpa.target_name);
    reader.later([=, &reader] {
      if (reader.get_now(scale, object + "/scale") == "kube-not-found") reader.get_now(itself, object);
    });
  }
  for (const std::string& group : metric_groups(facts, hpas)) {
    Adapter adapter = adapter_of(facts, group);
    if (adapter.api_services.empty()) continue;
    std::string version = version_of(adapter);
    if (!version.empty()) reader.get(discovery_key(group), world::api_root(group, version));
    reader.ask(hpa_question(group, *spaces_of_hpas.begin()));
    if (group == "metrics.k8s.io") {
      reader.list_by_space(pod_metrics, kube_kind("PodMetrics"),
                           {spaces_of_hpas.begin(), spaces_of_hpas.end()});
    }
  }
  reader.run_round();
}

// The namespace that an adapter's URL names may be one that nothing else led to.
void read_prometheus_space(Reader& reader, const std::string& space) {
  read_refused(reader, {space});
  for (const KubeResource& kind :
       {kube_kind("Pod"), kube_kind("EndpointSlice"), kube_kind("NetworkPolicy")}) {
    std::string resource(kind.plural);
    if (reader.facts.listing(resource, space) != nullptr) continue;
    reader.list_at_path(space_key(resource, space), kind.collection(space));
  }
}

// Round 3: what the adapters and Prometheuses that were found are made of.
void read_details(Reader& reader, const CollectOptions& options) {
  const Facts& facts = reader.facts;
  Parts parts = parts_of(facts);
  std::set<std::string> seen;
  for (const std::string& name : metric_groups(facts, parts.hpas)) {
    const Adapter& adapter = parts.groups.at(name).adapter;
    std::string config = object_key("configmaps", adapter.space, adapter.config_map);
    if (!adapter.config_map.empty() && seen.insert(config).second) {
      reader.get(config, kube_kind("ConfigMap").object(adapter.space, adapter.config_map));
    }
    for (const Json* pod : adapter.pods) {
      if (seen.insert(log_key(full_name(*pod))).second) reader.read_log(*pod);
    }
    if (!adapter.pods.empty()) {
      std::string user = user_of(*adapter.pods.front());
      reader.ask({"list", "", "pods", options.space, user});
      if (seen.insert(user).second) reader.ask(delegation_question(user));
    }
    if (adapter.url_in_cluster) read_prometheus_space(reader, adapter.url_space);
    if (adapter.kind == AdapterKind::keda) read_keda(reader, adapter);
  }
  reader.run_round();
}

// An adapter that may not read how clients are authenticated ends; what should let it is a RoleBinding.
void read_authentication_bindings(Reader& reader) {
  Spaces spaces;
  for (const auto& [name, group] : parts_of(reader.facts).groups) {
    for (const Json* pod : group.adapter.pods) {
      const Reading* log = reader.facts.find(log_key(full_name(*pod)));
      bool told =
          log != nullptr &&
          log->value.dump(-1, ' ', true, Json::error_handler_t::replace).find(authentication_config) !=
              std::string::npos;
      if (told) spaces = {authentication_space, group.adapter.space};
    }
  }
  if (spaces.empty()) return;
  const KubeResource& binding = kube_kind("RoleBinding");
  reader.list(std::string(binding.plural), binding, spaces);
  reader.run_round();
}

// May the Prometheuses find targets where the HPAs are?
void ask_discovery_rights(Reader& reader, const Parts& parts) {
  std::set<std::string> seen, spaces;
  for (const Hpa& hpa : parts.hpas) {
    if (spaces.size() < most_asked_spaces) spaces.insert(hpa.space);
  }
  for (const auto& [name, group] : parts.groups) {
    if (group.prometheus.pods.empty() || group.adapter.kind != AdapterKind::prometheus_adapter) continue;
    std::string user = user_of(*group.prometheus.pods.front());
    if (!seen.insert(user).second) continue;
    for (const std::string& space : spaces) {
      for (const world::AccessQuestion& question :
           discovery_questions(user, space, group.prometheus.resource))
        reader.ask(question);
    }
  }
}

// What the metrics API answers to the HPA controller's own question; those that do not work come first, as
// the number is limited. Of many HPAs on one metric the adapter is asked once: it can answer for all objects.
void probe(Reader& reader, const Parts& parts, const CollectOptions& options) {
  std::map<std::string, std::set<std::string>> alike;  // path for all objects -> paths of the HPAs
  std::set<std::string> broken, fine;
  for (const Hpa& hpa : parts.hpas) {
    bool active = text_at(condition(*hpa.object, "ScalingActive"), "status") == "True";
    if (!options.name.empty() && hpa.name != options.name) continue;
    for (const MetricNeed& need : hpa.needs) {
      const Adapter& adapter = parts.groups.at(need.api_group()).adapter;
      std::string version = version_of(adapter);
      if (version.empty() || need.resource_metric()) continue;
      std::string path = metric_path(hpa, need, version);
      (active ? fine : broken).insert(path);
      bool many = adapter.kind == AdapterKind::prometheus_adapter && need.type == "Object";
      if (many) alike[metric_path_of_all(hpa, need, version)].insert(path);
    }
  }
  size_t left = options.probe_limit;
  auto probe_one = [&](const std::string& path) {
    if (left == 0 || reader.facts.find(value_key(path)) != nullptr) return;
    --left;
    reader.get(value_key(path), path);
  };
  std::set<std::string> answered;
  for (const auto& [all, each] : alike) {
    if (each.size() <= few_alike || left == 0) continue;
    probe_one(all);
    answered.insert(all);
  }
  reader.run_round();
  // Where that was refused (the adapter may not list the objects), or did not have the object: one by one.
  std::set<std::string> covered;
  for (const std::string& all : answered) {
    const Reading* reading = reader.facts.find(value_key(all));
    if (reading == nullptr || !reading->read()) continue;
    std::set<std::string> found;
    for (const Json& item : list_at(reading->value, "items"))
      found.insert(text_at(item, "describedObject.name"));
    for (const Hpa& hpa : parts.hpas) {
      for (const MetricNeed& need : hpa.needs) {
        std::string version = version_of(parts.groups.at(need.api_group()).adapter);
        if (need.type != "Object" || !found.contains(need.object_name)) continue;
        if (metric_path_of_all(hpa, need, version) == all) covered.insert(metric_path(hpa, need, version));
      }
    }
  }
  for (const std::set<std::string>* paths : {&broken, &fine}) {
    for (const std::string& path : *paths) {
      if (!covered.contains(path)) probe_one(path);
    }
  }
}

// What a fix would create: is it there already, with something wrong in it? Of the first broken HPAs only, as
// they mostly lack the same.
void look_for_what_fixes_create(Reader& reader) {
  size_t left = most_asked_fixes;
  std::map<std::string, std::string> wanted;  // path by key
  auto is_looked_at = [&](const Json& hpa) {
    bool fails = text_at(condition(hpa, "ScalingActive"), "status") == "False";
    return fails && left > 0 && left-- > 0;
  };
  for (const HpaDiagnosis& diagnosis : diagnose_hpas(reader.facts, is_looked_at)) {
    for (const ChainDiagnosis& chain : diagnosis.chains) {
      for (const Finding& finding : chain.findings) {
        for (const CreatedObject& object : created_by(finding.fix)) wanted[object.key()] = object.path;
      }
    }
  }
  for (const auto& [key, path] : wanted) {
    if (reader.facts.find(key) == nullptr) reader.get(key, path);
  }
  reader.run_round();
}

}  // namespace

Result<Facts> collect(world::KubeApi& api, world::Http& http, world::Clock& clock,
                      const CollectOptions& options) {
  Reader reader(api, http, clock, options);
  reader.facts.taken = clock.wall_now();
  reader.facts.asked_space = options.space;
  reader.facts.asked_name = options.name;
  if (!options.prometheus_url.empty()) {
    std::string url = text::redact(options.prometheus_url);
    reader.record(prometheus_url_key, {url, {}, {}, {}, {{"url", url}}, 0}, nullptr);
  }
  auto tell = [&](const std::string& what) {
    if (options.reading) options.reading(what);
  };
  tell("HPAs, APIServices, monitors");
  read_cluster(reader, options);
  read_scaled_objects(reader, options);
  if (reader.fatal) return failure(*reader.fatal);
  if (Status asked = find_asked(reader.facts, options); !asked) return failure(asked.error());
  tell("workloads, pods, endpoints");
  read_kinds(reader);
  read_neighbourhood(reader);
  tell("the adapter");
  read_details(reader, options);
  read_authentication_bindings(reader);
  tell("Prometheus");
  Parts parts = parts_of(reader.facts);
  read_prometheus_basics(reader, parts);
  ask_discovery_rights(reader, parts);
  reader.run_round();
  parts = parts_of(reader.facts);
  tell("values");
  read_prometheus_metrics(reader, parts);
  probe(reader, parts, options);
  reader.run_round();
  for (auto read : {read_past, read_targets}) {
    read(reader, parts);
    reader.run_round();
  }
  look_for_what_fixes_create(reader);
  if (reader.fatal) return failure(*reader.fatal);
  reader.facts.requests = reader.requests();
  keep_selected_labels(reader.facts);
  return std::move(reader.facts);
}

}  // namespace hpawalk::diagnose
