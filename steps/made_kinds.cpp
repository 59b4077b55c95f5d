#include "steps/made_kinds.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "world/kube_path.hpp"

namespace hpawalk::steps {

namespace {

constexpr MadeKind table[] = {
    {"HorizontalPodAutoscaler", "autoscaling/v2", "horizontalpodautoscalers", true},
    {"APIService", "apiregistration.k8s.io/v1", "apiservices", false},
    {"ServiceMonitor", "monitoring.coreos.com/v1", "servicemonitors", true},
    {"Prometheus", "monitoring.coreos.com/v1", "prometheuses", true},
    {"Deployment", "apps/v1", "deployments", true},
    {"Service", "v1", "services", true},
    {"ServiceAccount", "v1", "serviceaccounts", true},
    {"RoleBinding", "rbac.authorization.k8s.io/v1", "rolebindings", true},
    {"Role", "rbac.authorization.k8s.io/v1", "roles", true},
    {"ClusterRoleBinding", "rbac.authorization.k8s.io/v1", "clusterrolebindings", false},
    {"ClusterRole", "rbac.authorization.k8s.io/v1", "clusterroles", false},
    {"CustomResourceDefinition", "apiextensions.k8s.io/v1", "customresourcedefinitions", false},
    {"Namespace", "v1", "namespaces", false},
};

}  // namespace

std::string MadeKind::collection(const std::string& space) const {
  std::string root = api_version == "v1" ? "/api/v1" : fmt::format("/apis/{}", api_version);
  return root + (space.empty() ? "" : world::kube_path("/namespaces/{}", space)) + "/" +
         std::string(resource);
}

std::span<const MadeKind> made_kinds() {
  return table;
}

const MadeKind* find_made_kind(std::string_view kind) {
  auto found =
      std::find_if(std::begin(table), std::end(table), [&](const MadeKind& k) { return k.kind == kind; });
  return found == std::end(table) ? nullptr : &*found;
}

}  // namespace hpawalk::steps
