// The keys of readings. A key is text, because saved files have it: made and taken apart here only, in a
// format that does not change.
#pragma once

#include <string>
#include <string_view>

#include "world/kube_api.hpp"

namespace hpawalk::diagnose {

// Who answers the question. What the API server only passes on says nothing about the API server itself.
enum class KeyKind { api_server, resource_metrics, metrics_api, discovery, log, page, prometheus };
KeyKind kind_of(std::string_view key);
// What was asked: "pods" of "pods/web", "eval" of a Prometheus's "prom:... eval sum(x)".
std::string subject_of(std::string_view key);
// Is it a list of the resource, of the whole cluster or of one namespace?
bool lists(std::string_view key, std::string_view resource);

inline constexpr const char *version_key = "version", *controller_key = "controller", *kinds_key = "kinds",
                            *pods_value_key = "value for the pods", *pod_metrics = "podmetrics",
                            *failed_creates = "failed-creates";
// The URL of --prometheus, if it was asked instead of the Service that the adapter's URL names.
inline constexpr const char* prometheus_url_key = "prometheus-url";
// Of an HPA that was not read, only assumed: the annotation, and its value if a ScaledObject has none.
inline constexpr const char *assumed_mark = "hpawalk/assumed", *of_scaled_object = "ScaledObject";
inline constexpr const char* flagger_group = "flagger.app";  // asked only if an HPA's target has 0 replicas
// Pods are found by one of two labels.
inline constexpr const char *adapter_pods = "adapter-pods", *adapter_pods_by_name = "adapter-pods/by-name",
                            *adapter_pods_by_app = "adapter-pods/by-app", *operator_pods = "operator-pods",
                            *operator_pods_by_name = "operator-pods/by-name",
                            *operator_pods_by_app = "operator-pods/by-app";

std::string space_key(const std::string& resource, const std::string& space);
std::string azure_monitors_key(std::string_view plural);  // "servicemonitors.azmonitoring.coreos.com"
std::string object_key(const std::string& resource, const std::string& space, const std::string& name);
std::string scale_key(const std::string& space, const std::string& resource, const std::string& name);
// The list of the whole cluster where the namespaces' lists had to stand in.
std::string whole_key(const std::string& resource);
// The workload itself, of a kind whose scale was not found.
std::string scaled_key(const std::string& space, const std::string& resource, const std::string& name);
std::string log_key(const std::string& pod);  // "NAMESPACE/NAME"
// What a target of this URL exposes of the series.
std::string page_key(const std::string& url, const std::string& series);
std::string value_key(const std::string& path);
std::string discovery_key(const std::string& group);
std::string may_key(const world::AccessQuestion& question);

// One Prometheus, and the questions to it.
std::string prometheus_key(const world::Backend& backend, const std::string& prefix);
std::string prometheus_key(const std::string& url);
std::string question_key(const std::string& prometheus, const std::string& question);  // "targets", "samples"
std::string names_key(const std::string& prometheus, const std::string& series_query);
std::string eval_key(const std::string& prometheus, const std::string& expression);
std::string range_key(const std::string& prometheus, const std::string& expression);

}  // namespace hpawalk::diagnose
