#include "steps/made_kinds.hpp"

namespace hpawalk::steps {

namespace {

using world::kube_kind;
using world::KubeResource;

constexpr KubeResource table[] = {
    kube_kind("ScaledObject"),
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

}  // namespace hpawalk::steps
