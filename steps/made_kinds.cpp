#include "steps/made_kinds.hpp"

#include <algorithm>

namespace hpawalk::steps {

namespace {

using world::kube_kind;
using world::KubeResource;

constexpr KubeResource table[] = {
    kube_kind("HorizontalPodAutoscaler"),
    kube_kind("APIService"),
    kube_kind("ServiceMonitor"),
    kube_kind("Prometheus"),
    kube_kind("Deployment"),
    kube_kind("Service"),
    kube_kind("ServiceAccount"),
    kube_kind("RoleBinding"),
    kube_kind("Role"),
    kube_kind("ClusterRoleBinding"),
    kube_kind("ClusterRole"),
    kube_kind("CustomResourceDefinition"),
    kube_kind("Namespace"),
};

}  // namespace

std::span<const world::KubeResource> made_kinds() {
  return table;
}

const world::KubeResource* find_made_kind(std::string_view kind) {
  auto found =
      std::find_if(std::begin(table), std::end(table), [&](const KubeResource& k) { return k.kind == kind; });
  return found == std::end(table) ? nullptr : &*found;
}

}  // namespace hpawalk::steps
