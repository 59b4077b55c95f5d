// The kinds that hpawalk knows, and where each is in the Kubernetes API. Pure.
//
// Shapes: `api_version` is "v1" or "apps/v1"; a path starts with "/" and has no query; an empty `space` means
// the whole cluster. Every name becomes one segment (kube_path.hpp). Errors: a kind that is not in the table
// does not compile; at run time, find_kube_kind says nullptr. Kinds that an API server lists are
// kube_discovery.hpp's, with paths from here. Source: `kubectl api-resources`, and the custom resources of
// prometheus-operator and KEDA.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace hpawalk::world {

struct KubeResource {
  std::string_view kind, group, version, plural;  // group: empty for the core group
  bool namespaced;

  std::string api_version() const;                            // "apps/v1"
  std::string collection(std::string_view space = {}) const;  // "/apis/apps/v1/namespaces/SPACE/deployments"
  std::string object(std::string_view space, std::string_view name) const;
  std::string object(std::string_view name) const { return object({}, name); }  // not namespaced
};

inline constexpr KubeResource kube_resources[] = {
    {"ConfigMap", "", "v1", "configmaps", true},
    {"Event", "", "v1", "events", true},
    {"Namespace", "", "v1", "namespaces", false},
    {"Node", "", "v1", "nodes", false},
    {"Pod", "", "v1", "pods", true},
    {"Secret", "", "v1", "secrets", true},
    {"Service", "", "v1", "services", true},
    {"ServiceAccount", "", "v1", "serviceaccounts", true},
    {"CustomResourceDefinition", "apiextensions.k8s.io", "v1", "customresourcedefinitions", false},
    {"APIService", "apiregistration.k8s.io", "v1", "apiservices", false},
    {"DaemonSet", "apps", "v1", "daemonsets", true},
    {"Deployment", "apps", "v1", "deployments", true},
    {"ReplicaSet", "apps", "v1", "replicasets", true},
    {"StatefulSet", "apps", "v1", "statefulsets", true},
    {"SelfSubjectReview", "authentication.k8s.io", "v1", "selfsubjectreviews", false},
    {"SelfSubjectAccessReview", "authorization.k8s.io", "v1", "selfsubjectaccessreviews", false},
    {"SubjectAccessReview", "authorization.k8s.io", "v1", "subjectaccessreviews", false},
    {"HorizontalPodAutoscaler", "autoscaling", "v2", "horizontalpodautoscalers", true},
    {"EndpointSlice", "discovery.k8s.io", "v1", "endpointslices", true},
    {"Canary", "flagger.app", "v1beta1", "canaries", true},
    {"ClusterTriggerAuthentication", "keda.sh", "v1alpha1", "clustertriggerauthentications", false},
    {"ScaledObject", "keda.sh", "v1alpha1", "scaledobjects", true},
    {"TriggerAuthentication", "keda.sh", "v1alpha1", "triggerauthentications", true},
    {"PodMetrics", "metrics.k8s.io", "v1beta1", "pods", true},
    {"PodMonitor", "monitoring.coreos.com", "v1", "podmonitors", true},
    {"Probe", "monitoring.coreos.com", "v1", "probes", true},
    {"Prometheus", "monitoring.coreos.com", "v1", "prometheuses", true},
    {"PrometheusRule", "monitoring.coreos.com", "v1", "prometheusrules", true},
    {"ScrapeConfig", "monitoring.coreos.com", "v1alpha1", "scrapeconfigs", true},
    {"ServiceMonitor", "monitoring.coreos.com", "v1", "servicemonitors", true},
    {"NetworkPolicy", "networking.k8s.io", "v1", "networkpolicies", true},
    {"PodDisruptionBudget", "policy", "v1", "poddisruptionbudgets", true},
    {"ClusterRole", "rbac.authorization.k8s.io", "v1", "clusterroles", false},
    {"ClusterRoleBinding", "rbac.authorization.k8s.io", "v1", "clusterrolebindings", false},
    {"Role", "rbac.authorization.k8s.io", "v1", "roles", true},
    {"RoleBinding", "rbac.authorization.k8s.io", "v1", "rolebindings", true},
};

// The kinds that Azure Monitor's managed Prometheus reads instead of prometheus-operator's: the same but for
// the group. Source: the definitions that its add-on installs (github.com/Azure/prometheus-collector).
inline constexpr std::string_view azure_monitoring_group = "azmonitoring.coreos.com";
inline constexpr KubeResource azure_monitors[] = {
    {"ServiceMonitor", azure_monitoring_group, "v1", "servicemonitors", true},
    {"PodMonitor", azure_monitoring_group, "v1", "podmonitors", true}};

constexpr const KubeResource* find_kube_kind(std::string_view kind) {
  for (const KubeResource& known : kube_resources) {
    if (known.kind == kind) return &known;
  }
  return nullptr;
}

consteval const KubeResource& kube_kind(std::string_view kind) {
  for (const KubeResource& known : kube_resources) {  // no null pointer in between: GCC bug 71962
    if (known.kind == kind) return known;
  }
  throw std::invalid_argument("not in kube_resources");
}

// For kinds of which only the run tells the place.
std::string api_root(std::string_view group, std::string_view version);  // "/apis/apps/v1"; "/api/v1"
std::string api_root(std::string_view api_version);
std::string kube_collection(std::string_view api_version, std::string_view space, std::string_view plural);
std::string kube_object(std::string_view api_version, std::string_view space, std::string_view plural,
                        std::string_view name);

// A value of custom.metrics.k8s.io/v1beta1: of the object with this name, or of all ("*").
std::string custom_metric_path(std::string_view space, std::string_view plural, std::string_view name,
                               std::string_view metric);

}  // namespace hpawalk::world
