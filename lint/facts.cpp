#include "lint/facts.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "diagnose/selector.hpp"
#include "diagnose/view.hpp"
#include "hpasim/older_version.hpp"
#include "lint/known.hpp"
#include "lint/scaled_object.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::lint {

using diagnose::Facts;
using diagnose::name_of;
using diagnose::space_of;

namespace {

constexpr const char* unread_id = "not-in-files";
constexpr const char* unread_why = "the files hold none";
constexpr const char* where = "the files";
// A Prometheus of which the files do not say where it is.
constexpr const char* elsewhere = "http://prometheus.invalid";

constexpr const char* monitor_lists[] = {"servicemonitors", "podmonitors", "scrapeconfigs", "probes"};
constexpr const char* cluster_lists[] = {"apiservices", "namespaces", "prometheuses", "prometheusrules"};
constexpr const char* space_lists[] = {"services",       "deployments",     "statefulsets",
                                       "daemonsets",     "replicasets",     "pods",
                                       "endpointslices", "networkpolicies", "scaledobjects"};

// The API group of "apps/v1"; empty: the core group.
std::string group_of(const Json& object) {
  std::string version = text_at(object, "apiVersion");
  size_t slash = version.find('/');
  return slash == std::string::npos ? "" : version.substr(0, slash);
}

// The list in which an object is read; empty: no rule looks at its kind.
std::string list_of(const Json& object) {
  const std::string kind = text_at(object, "kind"), group = group_of(object);
  if (kind == "HorizontalPodAutoscaler" && group == "autoscaling") return "hpas";
  for (const world::KubeResource& known : world::kube_resources) {
    if (known.kind == kind && known.group == group) return std::string(known.plural);
  }
  for (const world::KubeResource& known : world::azure_monitors) {
    if (known.kind == kind && known.group == group) return diagnose::azure_monitors_key(known.plural);
  }
  return {};
}

Json ready_status(const char* phase) {
  const char* ready = phase == std::string_view("Running") ? "True" : "False";
  return {{"phase", phase},
          {"conditions", Json::array({{{"type", "PodScheduled"}, {"status", "True"}},
                                      {{"type", "Ready"}, {"status", ready}}})}};
}

// The pod that a workload's template makes, under the workload's own name.
Json pod_from(const Json& owner, const Json& pod_template, const char* phase) {
  Json metadata = {{"name", name_of(owner)}, {"namespace", space_of(owner)}};
  for (const char* field : {"labels", "annotations"}) {
    if (at(pod_template, "metadata").is_object() && pod_template["metadata"].contains(field))
      metadata[field] = pod_template["metadata"][field];
  }
  metadata["ownerReferences"] = Json::array({{{"apiVersion", text_at(owner, "apiVersion")},
                                              {"kind", text_at(owner, "kind")},
                                              {"name", name_of(owner)}}});
  return {{"metadata", metadata}, {"spec", at(pod_template, "spec")}, {"status", ready_status(phase)}};
}

class Builder {
 public:
  Builder(const Contents& contents, const Facts* known) : contents_(contents) {
    if (known != nullptr) known_ = known_from(*known, all_lists());
  }

  Facts facts() {
    for (const Object& object : contents_.objects) add(object);
    add_adapters();
    make_hpas();
    make_pods();
    make_prometheus_pods();
    set_conditions();
    const size_t own_services = lists_["services"].size();
    take_known();
    make_endpoints(own_services);
    write();
    name_kinds();
    return std::move(facts_);
  }

 private:
  using Objects = std::vector<Json>;

  void put(const std::string& list, Json object) { lists_[list].push_back(std::move(object)); }

  void record(const std::string& key, Json items) {
    facts_.readings[key] = {where, {}, {}, {}, {{"items", std::move(items)}}, 0};
  }
  void unread(const std::string& key) { facts_.readings[key] = {where, unread_id, unread_why, {}, {}, 0}; }

  void add(const Object& object) {
    std::string list = list_of(object.value);
    if (list == "hpas") return add_hpa(object);
    if (list == "configmaps") {
      std::string key = diagnose::object_key(list, space_of(object.value), name_of(object.value));
      facts_.readings[key] = {where, {}, {}, {}, object.value, 0};
    } else if (!list.empty()) {
      put(list, object.value);
    } else if (at(object.value, "spec.template").is_object()) {
      add_scaled(object.value);
    }
  }

  void add_hpa(const Object& object) {
    Json hpa = object.value;
    if (auto v2 = hpasim::as_v2(object.source)) {
      hpa["apiVersion"] = v2->hpa["apiVersion"];
      hpa["spec"] = v2->hpa["spec"];
    }
    erase_field(hpa, "status");
    put("hpas", std::move(hpa));
  }

  // As KEDA makes them of its ScaledObjects.
  void make_hpas() {
    for (const Json& scaled_object : lists_["scaledobjects"]) {
      Json hpa = hpa_made_of(scaled_object);
      const Objects& hpas = lists_["hpas"];
      bool there = std::any_of(hpas.begin(), hpas.end(), [&](const Json& one) {
        return name_of(one) == name_of(hpa) && space_of(one) == space_of(hpa);
      });
      if (!there) put("hpas", std::move(hpa));
    }
  }

  // A workload of another kind, as its scale: an Argo Rollout.
  void add_scaled(const Json& object) {
    std::string key =
        diagnose::scale_key(space_of(object), diagnose::plural(text_at(object, "kind")), name_of(object));
    facts_.readings[key] = {where, {}, {}, {}, object, 0};
    others_.push_back(object);
  }

  // What the chart would create around the rules.
  void add_adapters() {
    for (const AdapterFile& file : contents_.adapters) {
      const std::string space = chart_adapter, name = chart_adapter;
      std::string url = text_at(file.values, "prometheus.url", elsewhere);
      if (url.find("{{") != std::string::npos) url = elsewhere;
      long long port = int_at(file.values, "prometheus.port");
      std::string path = text_at(file.values, "prometheus.path");
      if (port > 0 && url != elsewhere) url += ":" + std::to_string(port);
      Json labels = {{"app.kubernetes.io/name", name}};
      Json container = {
          {"name", name},
          {"image", "prometheus-adapter"},
          {"args", Json::array({"--config=/etc/adapter/config.yaml", "--prometheus-url=" + url + path})},
          {"volumeMounts", Json::array({{{"name", "config"}, {"mountPath", "/etc/adapter"}}})}};
      Json volume = {{"name", "config"}, {"configMap", {{"name", name}}}};
      Json metadata = {{"name", name}, {"namespace", space}, {"labels", labels}};
      Json pod_template = {
          {"metadata", {{"labels", labels}}},
          {"spec", {{"containers", Json::array({container})}, {"volumes", Json::array({volume})}}}};
      put("deployments", {{"apiVersion", "apps/v1"},
                          {"kind", "Deployment"},
                          {"metadata", metadata},
                          {"spec", {{"selector", {{"matchLabels", labels}}}, {"template", pod_template}}}});
      put("services",
          {{"apiVersion", "v1"},
           {"kind", "Service"},
           {"metadata", metadata},
           {"spec",
            {{"selector", labels},
             {"ports", Json::array({{{"name", "https"}, {"port", 443}, {"targetPort", 6443}}})}}}});
      std::string key = diagnose::object_key("configmaps", space, name);
      facts_.readings[key] = {
          where, {}, {}, {}, {{"metadata", metadata}, {"data", {{"config.yaml", json_text(file.config)}}}},
          0};
      for (const char* group : {"custom.metrics.k8s.io", "external.metrics.k8s.io"}) {
        bool external = group == std::string_view("external.metrics.k8s.io");
        bool served = external ? file.config.contains("externalRules")
                               : file.config.contains("rules") || file.more_rules;
        if (served) register_group(group, space, name);
      }
    }
  }

  void register_group(const char* group, const std::string& space, const std::string& name) {
    put("apiservices", {{"apiVersion", "apiregistration.k8s.io/v1"},
                        {"kind", "APIService"},
                        {"metadata", {{"name", std::string("v1beta1.") + group}}},
                        {"spec",
                         {{"group", group},
                          {"version", "v1beta1"},
                          {"service", {{"namespace", space}, {"name", name}, {"port", 443}}}}}});
  }

  void make_pods() {
    for (const char* list : {"deployments", "statefulsets", "daemonsets", "replicasets"}) {
      for (const Json& owner : lists_[list]) {
        if (int_at(owner, "spec.replicas", 1) > 0)
          put("pods", pod_from(owner, at(owner, "spec.template"), "Running"));
      }
    }
    for (const Json& owner : others_) put("pods", pod_from(owner, at(owner, "spec.template"), "Running"));
    for (const Object& object : contents_.objects) {
      bool stays = object.kind() == "Job" && at(object.value, "spec.ttlSecondsAfterFinished").is_null();
      if (stays) put("pods", pod_from(object.value, at(object.value, "spec.template"), "Succeeded"));
    }
    for (Json& pod : lists_["pods"]) {
      if (!pod.contains("status")) pod["status"] = ready_status("Running");
    }
  }

  // What prometheus-operator makes of a Prometheus object.
  void make_prometheus_pods() {
    for (const Json& prometheus : lists_["prometheuses"]) {
      const std::string name = name_of(prometheus), space = space_of(prometheus);
      Json labels = {{"prometheus", name},
                     {"app.kubernetes.io/name", "prometheus"},
                     {"app.kubernetes.io/instance", name},
                     {"app.kubernetes.io/managed-by", "prometheus-operator"},
                     {"operator.prometheus.io/name", name},
                     {"operator.prometheus.io/shard", "0"}};
      if (at(prometheus, "spec.podMetadata.labels").is_object())
        labels.update(at(prometheus, "spec.podMetadata.labels"));
      Json container = {{"name", "prometheus"},
                        {"ports", Json::array({{{"name", "web"}, {"containerPort", 9090}}})}};
      put("pods",
          {{"metadata",
            {{"name", "prometheus-" + name + "-0"},
             {"namespace", space},
             {"labels", labels},
             {"ownerReferences",
              Json::array(
                  {{{"apiVersion", "apps/v1"}, {"kind", "StatefulSet"}, {"name", "prometheus-" + name}}})}}},
           {"spec",
            {{"serviceAccountName", text_at(prometheus, "spec.serviceAccountName", "default")},
             {"containers", Json::array({container})}}},
           {"status", ready_status("Running")}});
      put("services",
          {{"metadata", {{"name", "prometheus-operated"}, {"namespace", space}}},
           {"spec",
            {{"selector", {{"app.kubernetes.io/name", "prometheus"}}},
             {"ports", Json::array({{{"name", "web"}, {"port", 9090}, {"targetPort", "web"}}})}}}});
    }
  }

  bool has_pods(const Json& service) {
    const Objects& pods = lists_["pods"];
    return std::any_of(pods.begin(), pods.end(), [&](const Json& pod) {
      return space_of(pod) == space_of(service) && text_at(pod, "status.phase") == "Running" &&
             diagnose::map_matches(at(service, "spec.selector"), at(pod, "metadata.labels"));
    });
  }

  static std::vector<std::string> all_lists() {
    std::vector<std::string> all = {"hpas"};
    all.insert(all.end(), std::begin(cluster_lists), std::end(cluster_lists));
    all.insert(all.end(), std::begin(monitor_lists), std::end(monitor_lists));
    all.insert(all.end(), std::begin(space_lists), std::end(space_lists));
    for (const world::KubeResource& kind : world::azure_monitors)
      all.push_back(diagnose::azure_monitors_key(kind.plural));
    return all;
  }

  // Do the files hold the object, or what it follows from: a pod's workload, the Service of endpoints?
  bool replaced(const std::string& list, const Json& object) {
    auto holds = [&](const std::string& other, const std::string& name) {
      const Objects& own = lists_[other];
      return std::any_of(own.begin(), own.end(), [&](const Json& one) {
        return name_of(one) == name && space_of(one) == space_of(object);
      });
    };
    if (holds(list, name_of(object))) return true;
    if (list == "endpointslices") {
      const Json& service = at(object, {"metadata", "labels", "kubernetes.io/service-name"});
      return service.is_string() && holds("services", service.get<std::string>());
    }
    if (list != "pods") return false;
    for (const char* workloads : {"deployments", "statefulsets", "daemonsets", "replicasets"}) {
      for (const Json& owner : lists_[workloads]) {
        const Json& selector = at(owner, "spec.selector");
        if (space_of(owner) == space_of(object) && selector.is_object() &&
            diagnose::matches(selector, at(object, "metadata.labels")))
          return true;
      }
    }
    return false;
  }

  // What else is in the cluster.
  void take_known() {
    std::map<std::string, Objects> more;
    for (const auto& [list, objects] : known_.objects) {
      for (const Json& object : objects) {
        if (!replaced(list, object)) more[list].push_back(object);
      }
    }
    for (auto& [list, objects] : more) {
      for (Json& object : objects) put(list, std::move(object));
    }
    for (const auto& [key, reading] : known_.others) facts_.readings.try_emplace(key, reading);
  }

  // Of the first so many Services: those of the files.
  void make_endpoints(size_t services) {
    for (size_t i = 0; i < services; ++i) {
      const Json service = lists_["services"][i];
      if (!has_pods(service)) continue;
      put("endpointslices",
          {{"metadata",
            {{"name", name_of(service)},
             {"namespace", space_of(service)},
             {"labels", {{"kubernetes.io/service-name", name_of(service)}}}}},
           {"endpoints",
            Json::array({{{"addresses", Json::array({"192.0.2.1"})}, {"conditions", {{"ready", true}}}}})}});
    }
  }

  // As the API server would find its backend. One that the files do not hold counts as available.
  Json availability(const Json& api_service) {
    auto condition = [](const char* status, const char* reason, const std::string& message) {
      return Json{{"type", "Available"}, {"status", status}, {"reason", reason}, {"message", message}};
    };
    const std::string space = text_at(api_service, "spec.service.namespace"),
                      name = text_at(api_service, "spec.service.name");
    for (const Json& service : lists_["services"]) {
      if (space_of(service) != space || name_of(service) != name) continue;
      long long port = int_at(api_service, "spec.service.port", 443);
      const Json& ports = list_at(service, "spec.ports");
      bool there = std::any_of(ports.begin(), ports.end(),
                               [&](const Json& one) { return int_at(one, "port") == port; });
      if (!there)
        return condition("False", "ServicePortError",
                         fmt::format("service/{} in \"{}\" has no port {}", name, space, port));
    }
    return condition("True", "Passed", "all checks passed");
  }

  void set_conditions() {
    for (Json& api_service : lists_["apiservices"])
      api_service["status"] = {{"conditions", Json::array({availability(api_service)})}};
  }

  static Json items(const Objects& objects) {
    Json list = Json::array();
    for (const Json& object : objects) list.push_back(object);
    return list;
  }

  void write() {
    record("hpas", items(lists_["hpas"]));
    for (const char* list : cluster_lists)
      lists_[list].empty() && !known_.whole.contains(list) ? unread(list) : record(list, items(lists_[list]));
    // A team writes one kind of monitor: where the files have any, they have all.
    bool monitors = std::any_of(std::begin(monitor_lists), std::end(monitor_lists), [&](const char* list) {
      return !lists_[list].empty() || known_.whole.contains(list);
    });
    for (const char* list : monitor_lists) monitors ? record(list, items(lists_[list])) : unread(list);
    write_azure_monitors();
    std::set<std::string> spaces_with_pods;
    for (const char* list : space_lists) {
      if (known_.whole.contains(list)) {
        record(list, items(lists_[list]));
        continue;
      }
      unread(list);
      std::map<std::string, Objects> by_space;
      for (const std::string& space : known_.spaces[list]) by_space[space];
      for (const Json& object : lists_[list]) by_space[space_of(object)].push_back(object);
      for (const auto& [space, objects] : by_space) record(diagnose::space_key(list, space), items(objects));
      if (list == std::string_view("pods")) {
        for (const auto& [space, objects] : by_space) spaces_with_pods.insert(space);
      }
    }
    for (const std::string& space : spaces_with_pods) complete(space);
    write_adapter_pods();
  }

  // Adapters, whether or not an APIService leads to them.
  void write_adapter_pods() {
    Objects adapters;
    for (const Json& pod : lists_["pods"]) {
      if (at(pod, {"metadata", "labels", "app.kubernetes.io/name"}) == chart_adapter) adapters.push_back(pod);
    }
    if (!adapters.empty()) record(diagnose::adapter_pods_by_name, items(adapters));
  }

  // Endpoints are made of pods: where pods are known, so are the endpoints, and all that owns pods.
  void complete(const std::string& space) {
    for (const char* list : {"endpointslices", "deployments", "statefulsets", "daemonsets", "replicasets"}) {
      std::string key = diagnose::space_key(list, space);
      if (facts_.find(key) == nullptr && !known_.whole.contains(list)) record(key, Json::array());
    }
  }

  void write_azure_monitors() {
    for (const world::KubeResource& kind : world::azure_monitors) {
      std::string list = diagnose::azure_monitors_key(kind.plural);
      if (lists_[list].empty()) continue;
      record(list, items(lists_[list]));
      std::string group(world::azure_monitoring_group);
      facts_.readings[diagnose::discovery_key(group)] = {where, {}, {}, {}, {{"resources", Json::array()}},
                                                         0};
    }
  }

  // Kubernetes' own kinds are in the groups that are known here; any other kind is where the HPA says.
  void name_kinds() {
    Json kinds = Json::array();
    for (const world::KubeResource& known : world::kube_resources)
      kinds.push_back({{"kind", known.kind},
                       {"group", known.group},
                       {"version", known.version},
                       {"resource", known.plural}});
    auto add_kind = [&](const Json& reference) {
      std::string kind = text_at(reference, "kind"), version = text_at(reference, "apiVersion"),
                  group = group_of(reference);
      bool own_group = group.find('.') == std::string::npos || group.ends_with(".k8s.io");
      if (kind.empty() || (world::find_kube_kind(kind) != nullptr && own_group)) return;
      kinds.push_back({{"kind", kind},
                       {"group", group},
                       {"version", version.substr(version.find('/') + 1)},
                       {"resource", diagnose::plural(kind)}});
    };
    for (const Json& hpa : lists_["hpas"]) {
      add_kind(at(hpa, "spec.scaleTargetRef"));
      for (const Json& metric : list_at(hpa, "spec.metrics")) add_kind(at(metric, "object.describedObject"));
    }
    facts_.readings[diagnose::kinds_key] = {where, {}, {}, {}, {{"kinds", kinds}, {"unread", Json::array()}},
                                            0};
  }

  const Contents& contents_;
  Known known_;
  Facts facts_;
  std::map<std::string, Objects> lists_;
  Objects others_;
};

}  // namespace

Facts facts_of(const Contents& contents, const Facts* known) {
  return Builder(contents, known).facts();
}

}  // namespace hpawalk::lint
