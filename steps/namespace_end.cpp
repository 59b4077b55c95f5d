#include "steps/namespace_end.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/json.hpp"

namespace hpawalk {

namespace {

// The collections of every kind that lives in namespaces, by the API server's own list.
bool add_collections(KubeApi& api, const std::string& root, const std::string& space, std::vector<std::string>& all) {
  KubeRequest request{.path = root, .headers = {{"Accept", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}}};
  Result<HttpResponse> response = api.send(request);
  if (!response || !response->ok()) return false;
  Result<Json> groups = parse_json(response->body, "The discovery");
  if (!groups || text_at(*groups, "kind") != "APIGroupDiscoveryList") return false;
  for (const Json& group : list_at(*groups, "items")) {
    const Json& versions = list_at(group, "versions");
    if (versions.empty() || text_at(versions[0], "freshness") == "Stale") return false;
    std::string name = text_at(group, "metadata.name"), version = text_at(versions[0], "version");
    for (const Json& resource : list_at(versions[0], "resources")) {
      const Json& verbs = list_at(resource, "verbs");
      bool kept = std::find(verbs.begin(), verbs.end(), "list") != verbs.end() &&
                  std::find(verbs.begin(), verbs.end(), "delete") != verbs.end();
      if (text_at(resource, "scope") != "Namespaced" || !kept) continue;
      all.push_back(fmt::format("{}{}{}/namespaces/{}/{}", root, name.empty() ? "/" : "/" + name + "/", version, space,
                                text_at(resource, "resource")));
    }
  }
  return true;
}

}  // namespace

bool NamespaceEnd::find_collections() {
  if (known_) return true;
  collections_.clear();
  known_ = add_collections(api_, "/api", space_, collections_) && add_collections(api_, "/apis", space_, collections_);
  return known_;
}

void NamespaceEnd::look() {
  if (ended_) return;
  Result<Json> live = kube_get(api_, "/api/v1/namespaces/" + space_);
  if (!live || at(*live, "metadata.deletionTimestamp").is_null() || !is_ours(*live) || !find_collections()) return;
  while (!collections_.empty()) {
    Result<Json> items = kube_get(api_, collections_.back() + "?limit=1");
    bool empty = items ? list_at(*items, "items").empty() : items.error().id == "kube-not-found";
    if (!empty) return;
    collections_.pop_back();
  }
  ended_ = true;
  std::string nothing = Json{{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", space_}}},
                             {"spec", {{"finalizers", Json::array()}}}}.dump();
  Command command{.argv = kubectl_line(access_.kube, {"replace", "--raw", "/api/v1/namespaces/" + space_ + "/finalize", "-f", "-"}),
                  .input = nothing};
  (void)world_.processes.run(command);  // if it fails, Kubernetes ends the namespace itself
}

}  // namespace hpawalk
