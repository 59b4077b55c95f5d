#include "steps/namespace_end.hpp"

#include "base/json.hpp"
#include "world/kube_discovery.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::steps {

bool NamespaceEnd::find_collections() {
  if (known_) return true;
  world::KubeKinds kinds = world::discover(api_);
  if (!kinds.unread.empty()) return false;
  for (const world::KubeKind& kind : kinds.all) {
    if (kind.namespaced && kind.listable && kind.deletable) collections_.push_back(kind.collection(space_));
  }
  known_ = true;
  return true;
}

void NamespaceEnd::look() {
  if (ended_) return;
  Result<Json> live = world::kube_get(api_, world::kube_kind("Namespace").object(space_));
  if (!live || at(*live, "metadata.deletionTimestamp").is_null() || text_at(*live, "metadata.uid") != uid_)
    return;
  if (!find_collections()) return;
  while (!collections_.empty()) {
    Result<Json> items = world::kube_get(api_, collections_.back() + "?limit=1");
    bool empty = items ? list_at(*items, "items").empty() : items.error().is("kube-not-found");
    if (!empty) return;
    collections_.pop_back();
  }
  ended_ = true;
  std::string nothing = Json{{"apiVersion", "v1"},
                             {"kind", "Namespace"},
                             {"metadata", {{"name", space_}, {"uid", uid_}}},
                             {"spec", {{"finalizers", Json::array()}}}}
                            .dump();
  world::Command command{
      .argv = world::kubectl_line(
          access_.kube,
          {"replace", "--raw", world::kube_kind("Namespace").object(space_) + "/finalize", "-f", "-"}),
      .input = nothing};
  (void)world_.processes.run(command);  // if it fails, Kubernetes ends the namespace itself
}

}  // namespace hpawalk::steps
