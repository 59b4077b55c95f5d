#include "steps/standing.hpp"

#include <array>

#include <fmt/format.h>

#include "base/json.hpp"
#include "manifests/manifests.hpp"

namespace hpawalk {

namespace {

struct KindPath {
  std::string_view kind, prefix, plural;
  bool namespaced;
};

constexpr KindPath kinds[] = {
    {"Namespace", "/api/v1", "namespaces", false},
    {"ServiceAccount", "/api/v1", "serviceaccounts", true},
    {"Service", "/api/v1", "services", true},
    {"ConfigMap", "/api/v1", "configmaps", true},
    {"Deployment", "/apis/apps/v1", "deployments", true},
    {"ClusterRole", "/apis/rbac.authorization.k8s.io/v1", "clusterroles", false},
    {"ClusterRoleBinding", "/apis/rbac.authorization.k8s.io/v1", "clusterrolebindings", false},
    {"Role", "/apis/rbac.authorization.k8s.io/v1", "roles", true},
    {"RoleBinding", "/apis/rbac.authorization.k8s.io/v1", "rolebindings", true},
    {"APIService", "/apis/apiregistration.k8s.io/v1", "apiservices", false},
    {"CustomResourceDefinition", "/apis/apiextensions.k8s.io/v1", "customresourcedefinitions", false},
    {"Prometheus", "/apis/monitoring.coreos.com/v1", "prometheuses", true},
    {"ServiceMonitor", "/apis/monitoring.coreos.com/v1", "servicemonitors", true},
    {"HorizontalPodAutoscaler", "/apis/autoscaling/v2", "horizontalpodautoscalers", true},
};

// The API server's record of fields: {"f:spec": {"f:behavior": {}}}. List entries (k:, v:) are not looked into.
bool record_exceeds(const Json& record, const Json& wanted) {
  for (const auto& [key, below] : record.items()) {
    if (!key.starts_with("f:")) continue;
    std::string name = key.substr(2);
    if (!wanted.is_object() || !wanted.contains(name)) return true;
    if (record_exceeds(below, wanted[name])) return true;
  }
  return false;
}

Json to_json(const yaml::Value& value) { return Json(value); }

}  // namespace

std::string object_path(const yaml::Value& object) {
  Json o = to_json(object);
  for (const KindPath& k : kinds) {
    if (text_at(o, "kind") != k.kind) continue;
    std::string space = k.namespaced ? "/namespaces/" + text_at(o, "metadata.namespace", "default") : "";
    return fmt::format("{}{}/{}/{}", k.prefix, space, k.plural, text_at(o, "metadata.name"));
  }
  return {};
}

std::string object_title(const yaml::Value& object) {
  Json o = to_json(object);
  std::string space = text_at(o, "metadata.namespace");
  return fmt::format("{} {}{}", text_at(o, "kind"), text_at(o, "metadata.name"), space.empty() ? "" : " in namespace " + space);
}

bool is_ours(const Json& object) {
  const Json& labels = at(object, "metadata.labels");
  for (std::string_view label : {managed_by_label, part_of_label}) {
    if (at(labels, std::vector<std::string>{std::string(label)}) != label_value) return false;
  }
  return true;
}

bool includes(const Json& live, const Json& wanted) {
  if (wanted.is_object()) {
    for (const auto& [name, value] : wanted.items()) {
      if (live.is_object() && live.contains(name)) {
        if (!includes(live[name], value)) return false;
      } else if (!(value.is_null() || (value.is_structured() && value.empty()))) {
        return false;
      }
    }
    return live.is_object() || wanted.empty();
  }
  if (wanted.is_array()) {
    if (!live.is_array() || live.size() != wanted.size()) return false;
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (!includes(live[i], wanted[i])) return false;
    }
    return true;
  }
  return live == wanted;
}

bool owns_more(const Json& live, const Json& wanted) {
  for (const Json& manager : list_at(live, "metadata.managedFields")) {
    if (text_at(manager, "manager") == "hpawalk" && text_at(manager, "operation") == "Apply") {
      return record_exceeds(at(manager, "fieldsV1"), wanted);
    }
  }
  return false;
}

Result<Comparison> compare_apply(KubeApi& api, const Operation& operation) {
  Result<std::vector<yaml::Value>> objects = yaml::parse_all(operation.input);
  if (!objects) return failure(objects.error());
  Comparison result{Standing::same, {}, operation};
  std::string left;
  bool dropped = false;
  for (yaml::Value& object : *objects) {
    std::string path = object_path(object);
    if (path.empty()) {
      return failure(ErrorClass::internal, "unknown-kind", "hpawalk does not know where to find " + object_title(object));
    }
    Result<Json> live = kube_get(api, path);
    if (!live && live.error().id != "kube-not-found") return failure(live.error());
    if (live && !is_ours(*live)) {
      if (text_at(*live, "kind") != "Namespace") return Comparison{Standing::foreign, object_title(object), operation};
      dropped = true;  // an existing Namespace is used as it is
      continue;
    }
    if (live && text_at(*live, "kind") == "Deployment" && text_at(*live, "metadata.name") == operation.keep_replicas_of) {
      if (object["spec"]["replicas"] != int_at(*live, "spec.replicas", 1)) {
        object["spec"]["replicas"] = int_at(*live, "spec.replicas", 1);
        dropped = true;
      }
    }
    left += (left.empty() ? "" : "---\n") + yaml::block(object);
    bool going = live && !at(*live, "metadata.deletionTimestamp").is_null();
    if (!live || going) {
      result.standing = Standing::absent;
    } else if (result.standing == Standing::same &&
               (!includes(*live, to_json(object)) || owns_more(*live, to_json(object)))) {
      result.standing = Standing::different;
    }
  }
  if (dropped) result.operation.input = left;
  return result;
}

Result<Release> find_release(KubeApi& api, const std::string& space, const std::string& name) {
  // Only the metadata: a release's content is up to a megabyte.
  KubeRequest request{.path = fmt::format("/api/v1/namespaces/{}/secrets?labelSelector={}", space,
                                          query_value("owner=helm,name=" + name)),
                      .headers = {{"Accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}}};
  Result<HttpResponse> response = api.send(request);
  if (!response) return failure(response.error());
  if (!response->ok()) return failure(kube_error(request, *response));
  Result<Json> list = parse_json(response->body, "The list of Helm's releases");
  if (!list) return failure(list.error());
  Release release;
  long long newest = -1;
  for (const Json& secret : list_at(*list, "items")) {
    const Json& labels = at(secret, "metadata.labels");
    long long version = std::atoll(text_at(labels, "version", "0").c_str());
    if (version < newest) continue;
    newest = version;
    release.there = true;
    release.ours = is_ours(secret);
    std::string status = text_at(labels, "status");
    release.pending = status != "deployed";
    release.values = text_at(labels, "hpawalk/values");
  }
  return release;
}

}  // namespace hpawalk
