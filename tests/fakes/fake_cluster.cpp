#include "tests/fakes/fake_cluster.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>

#include "base/text.hpp"

namespace hpawalk::fakes {

namespace {

world::HttpResponse status(int code, const std::string& message) {
  return {code, Json{{"kind", "Status"}, {"message", message}, {"code", code}}.dump()};
}

std::string decoded(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string parameter(const std::string& query, const std::string& name) {
  for (const std::string& pair : text::split(query, '&')) {
    if (pair.starts_with(name + "=")) return decoded(pair.substr(name.size() + 1));
  }
  return {};
}

bool selected(const Json& object, const std::string& selector) {
  Json labels = object["metadata"].value("labels", Json::object());
  for (const std::string& pair : text::split(selector, ',')) {
    size_t equals = pair.find('=');
    if (labels.value(pair.substr(0, equals), "") != pair.substr(equals + 1)) return false;
  }
  return true;
}

}  // namespace

FakeCluster::FakeCluster() {
  for (auto [resource, kind] :
       std::initializer_list<std::pair<const char*, const char*>>{{"pods", "Pod"},
                                                                  {"services", "Service"},
                                                                  {"configmaps", "ConfigMap"},
                                                                  {"secrets", "Secret"},
                                                                  {"endpoints", "Endpoints"},
                                                                  {"serviceaccounts", "ServiceAccount"},
                                                                  {"events", "Event"}}) {
    add_kind("", "v1", resource, kind);
  }
  add_kind("", "v1", "namespaces", "Namespace", false);
  add_kind("", "v1", "bindings", "Binding", true, {"create"});
  for (auto [resource, kind] : std::initializer_list<std::pair<const char*, const char*>>{
           {"deployments", "Deployment"}, {"replicasets", "ReplicaSet"}, {"statefulsets", "StatefulSet"}}) {
    add_kind("apps", "v1", resource, kind);
  }
  add_kind("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler");
  add_kind("rbac.authorization.k8s.io", "v1", "roles", "Role");
  add_kind("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding");
  add_kind("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", false);
  add_kind("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", false);
  add_kind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy");
  add_kind("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget");
  add_kind("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice");
  add_kind("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", false);
  add_kind("apiregistration.k8s.io", "v1", "apiservices", "APIService", false);
  add_kind("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject");
  add_kind("monitoring.coreos.com", "v1", "prometheuses", "Prometheus");
  add_kind("monitoring.coreos.com", "v1", "servicemonitors", "ServiceMonitor");
  add_kind("metrics.k8s.io", "v1beta1", "pods", "PodMetrics", true, {"get", "list"});
}

void FakeCluster::add_kind(const std::string& group, const std::string& version, const std::string& resource,
                           const std::string& kind, bool namespaced, Json verbs) {
  kinds_.push_back({group, version, resource, kind, namespaced, std::move(verbs)});
}

void FakeCluster::make_stale(const std::string& group) {
  stale_.push_back(group);
}

std::string FakeCluster::add(Json object) {
  Json& head = object["metadata"];
  std::string kind = object["kind"], space = head.value("namespace", ""), name = head["name"],
              uid = "uid-" + std::to_string(++made_);
  head["uid"] = uid;
  objects_[{kind, space, name}] = std::move(object);
  if (kind == "Namespace") {
    add(fakes::object("v1", "ConfigMap", name, "kube-root-ca.crt"));
    add(fakes::object("v1", "ServiceAccount", name, "default"));
    add(fakes::object("v1", "Event", name, "something-happened"));
  }
  return uid;
}

void FakeCluster::remove(const std::string& kind, const std::string& space, const std::string& name) {
  objects_.erase({kind, space, name});
  collect_garbage();
}

bool FakeCluster::has(const std::string& kind, const std::string& space, const std::string& name) const {
  return objects_.contains({kind, space, name});
}

Json& FakeCluster::get(const std::string& kind, const std::string& space, const std::string& name) {
  return objects_.at({kind, space, name});
}

const FakeCluster::Kind* FakeCluster::kind_of(const std::string& root, const std::string& resource) const {
  for (const Kind& kind : kinds_) {
    std::string its =
        kind.group.empty() ? "/api/" + kind.version : "/apis/" + kind.group + "/" + kind.version;
    if (its == root && kind.resource == resource) return &kind;
  }
  return nullptr;
}

Result<world::HttpResponse> FakeCluster::send(const world::KubeRequest& request) {
  std::lock_guard lock(mutex_);
  if (before) before(request);
  std::string path = request.path.substr(0, request.path.find('?'));
  std::string query = path.size() < request.path.size() ? request.path.substr(path.size() + 1) : "";
  if (auto found = answers.find(request.method + " " + path); found != answers.end()) return found->second;
  if (path == "/api" || path == "/apis") return discovery(path == "/api");
  std::vector<std::string> parts = text::split(path.substr(1), '/');
  size_t own = parts[0] == "api" ? 2 : 3;
  if (parts.size() <= own) return unexpected(request, status(404, "no such path " + path));
  std::string root = "/" + text::join({parts.begin(), parts.begin() + static_cast<long>(own)}, "/"), space;
  if (parts[own] == "namespaces" && parts.size() > own + 2) {
    space = parts[own + 1];
    own += 2;
  }
  const Kind* kind = kind_of(root, parts[own]);
  bool stale = kind != nullptr && std::find(stale_.begin(), stale_.end(), kind->group) != stale_.end();
  if (kind == nullptr) {
    // A kind that went with its definition is what a path may still name.
    bool went = std::find(gone_.begin(), gone_.end(), root + "/" + parts[own]) != gone_.end();
    world::HttpResponse absent = status(404, "no such kind " + path);
    return went ? absent : unexpected(request, absent);
  }
  if (stale) return status(503, "service unavailable");
  if (parts.size() == own + 1) {
    if (request.method == "GET") return list(*kind, space, query);
    if (request.method != "DELETE") return unexpected(request, status(405, "not allowed " + request.method));
    for (auto it = objects_.begin(); it != objects_.end();) {
      const auto& [its_kind, its_space, name] = it->first;
      it = its_kind == kind->kind && its_space == space ? objects_.erase(it) : std::next(it);
    }
    return world::HttpResponse{200, "{}"};
  }
  Key key{kind->kind, space, parts[own + 1]};
  auto found = objects_.find(key);
  if (found == objects_.end()) return status(404, "not found " + path);
  if (request.method == "DELETE") return erase(*kind, key, request);
  if (request.method == "GET") return world::HttpResponse{200, found->second.dump()};
  return unexpected(request, status(405, "not allowed " + request.method));
}

world::HttpResponse FakeCluster::unexpected(const world::KubeRequest& request, world::HttpResponse answer) {
  unexpected_.insert(request.method + " " + request.path);
  return answer;
}

FakeCluster::~FakeCluster() {
  for (const std::string& line : unexpected_)
    ADD_FAIL_CHECK_AT(__FILE__, __LINE__, "no path of this cluster: " << line);
}

world::HttpResponse FakeCluster::discovery(bool core) const {
  std::map<std::string, std::map<std::string, Json>> groups;
  for (const Kind& kind : kinds_) {
    if (kind.group.empty() != core) continue;
    Json& version = groups[kind.group][kind.version];
    bool stale = std::find(stale_.begin(), stale_.end(), kind.group) != stale_.end();
    version["version"] = kind.version;
    version["freshness"] = stale ? "Stale" : "Current";
    if (stale) continue;
    version["resources"].push_back({{"resource", kind.resource},
                                    {"responseKind", {{"kind", kind.kind}}},
                                    {"scope", kind.namespaced ? "Namespaced" : "Cluster"},
                                    {"verbs", kind.verbs}});
  }
  Json items = Json::array();
  for (const auto& [name, versions] : groups) {
    Json all = Json::array();
    for (const auto& [version, content] : versions) all.push_back(content);
    items.push_back({{"metadata", {{"name", name}}}, {"versions", all}});
  }
  return {200, Json{{"kind", "APIGroupDiscoveryList"}, {"items", items}}.dump()};
}

world::HttpResponse FakeCluster::list(const Kind& kind, const std::string& space,
                                      const std::string& query) const {
  std::string selector = parameter(query, "labelSelector"), from = parameter(query, "continue");
  Json items = Json::array(), head = Json::object();
  size_t skipped = from.empty() ? 0 : std::stoul(from), seen = 0;
  for (const auto& [key, object] : objects_) {
    if (std::get<0>(key) != kind.kind || (!space.empty() && std::get<1>(key) != space) ||
        !selected(object, selector))
      continue;
    if (seen++ < skipped) continue;
    if (items.size() == page) {
      head["continue"] = std::to_string(skipped + page);
      break;
    }
    items.push_back({{"kind", "PartialObjectMetadata"}, {"metadata", object["metadata"]}});
  }
  return {200, Json{{"kind", "PartialObjectMetadataList"}, {"metadata", head}, {"items", items}}.dump()};
}

world::HttpResponse FakeCluster::erase(const Kind& kind, const Key& key, const world::KubeRequest& request) {
  Json options = Json::parse(request.body.empty() ? "{}" : request.body);
  delete_options.push_back(options);
  const auto& [its_kind, space, name] = key;
  const Json& live = objects_.at(key);
  std::string wanted = options.value("/preconditions/uid"_json_pointer, "");
  if (wanted != live["metadata"]["uid"])
    return status(409, "Precondition failed: UID in precondition: " + wanted);
  deletes.push_back(its_kind + " " + space + "/" + name);
  std::string removed = name;
  objects_.erase(key);
  if (kind.kind == "Namespace") {
    std::erase_if(objects_, [&](const auto& entry) { return std::get<1>(entry.first) == removed; });
  }
  if (kind.kind == "CustomResourceDefinition") {
    std::string resource = removed.substr(0, removed.find('.'));
    for (const Kind& k : kinds_) {
      if (k.resource == resource)
        std::erase_if(objects_, [&](const auto& entry) { return std::get<0>(entry.first) == k.kind; });
    }
    std::erase_if(kinds_, [&](const Kind& k) {
      bool its = k.resource == resource && k.group == removed.substr(resource.size() + 1);
      if (its) gone_.push_back("/apis/" + k.group + "/" + k.version + "/" + k.resource);
      return its;
    });
  }
  if (kind.kind == "Service") objects_.erase({"Endpoints", space, removed});
  collect_garbage();
  return {200, "{}"};
}

void FakeCluster::collect_garbage() {
  std::vector<std::string> alive;
  size_t before_it = 0;
  do {
    before_it = objects_.size();
    alive.clear();
    for (const auto& [key, object] : objects_) alive.push_back(object["metadata"]["uid"]);
    std::erase_if(objects_, [&](const auto& entry) {
      const Json owners = entry.second["metadata"].value("ownerReferences", Json::array());
      return !owners.empty() && std::none_of(owners.begin(), owners.end(), [&](const Json& owner) {
        return std::find(alive.begin(), alive.end(), owner["uid"]) != alive.end();
      });
    });
  } while (objects_.size() != before_it);
}

Json with_labels(Json object, const std::string& instance) {
  Json& labels = object["metadata"]["labels"];
  labels["app.kubernetes.io/managed-by"] = "hpawalk";
  labels["app.kubernetes.io/part-of"] = "hpawalk";
  if (!instance.empty()) labels["hpawalk/instance"] = instance;
  return object;
}

Json object(const std::string& api_version, const std::string& kind, const std::string& space,
            const std::string& name) {
  Json head = {{"name", name}};
  if (!space.empty()) head["namespace"] = space;
  return {{"apiVersion", api_version}, {"kind", kind}, {"metadata", head}};
}

Json owned_by(Json object, const Json& owner) {
  object["metadata"]["ownerReferences"].push_back({{"apiVersion", owner["apiVersion"]},
                                                   {"kind", owner["kind"]},
                                                   {"name", owner["metadata"]["name"]},
                                                   {"uid", owner["metadata"]["uid"]}});
  return object;
}

}  // namespace hpawalk::fakes
