// The walkthrough's Kubernetes objects, as YAML, out of a configuration. Pure.
//
// The templates of the stages are in stages/, the adapter's chart in charts/; both are inside the binary. The
// operator's objects are upstream's (operator_bundle.hpp). Knows nothing about clusters, nor about what is
// applied when.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "manifests/template.hpp"

namespace hpawalk::manifests {

// What every object that hpawalk makes carries, and how `down` recognises it.
inline constexpr std::string_view managed_by_label = "app.kubernetes.io/managed-by";
inline constexpr std::string_view part_of_label = "app.kubernetes.io/part-of";
inline constexpr std::string_view label_value = "hpawalk";
inline constexpr std::string_view instance_label = "hpawalk/instance";  // whose chain: the setting `instance`
inline constexpr std::string_view owner_selector =
    "app.kubernetes.io/managed-by=hpawalk,app.kubernetes.io/part-of=hpawalk";

// The settings under their own names, and what is made of several of them.
Values template_values(const config::Config& config);

// The image prom-fake runs from: the configured one, or hpawalk's own of this version.
std::string prom_fake_image(const config::Config& config);

// "Never" for the image that hpawalk itself brings to the nodes: no registry is asked for it, whoever may own
// that name there.
std::string prom_fake_pull_policy(const config::Config& config);

// KEDA's query in Prometheus: what prometheus-adapter's rule makes of the metric of prom-fake's Service.
std::string keda_query(const config::Config& config);

// The stages of this chain whose objects are one template, by the names of the files in stages/.
std::vector<std::string> template_stages(const config::Config& config);

// The objects of one of them, one document each. The namespaces that hpawalk would have to make for it come
// first.
Result<std::string> render_stage(std::string_view stage, const config::Config& config);

// KEDA's custom resource definitions, in the order of their file.
Result<std::string> render_keda_definitions(const config::Config& config);

// A Namespace object; empty for those that every cluster has (default, kube-...).
Result<std::string> render_namespace(const std::string& name, const config::Config& config);

// The values for the adapter's chart, adapter.values merged over hpawalk's own.
Result<std::string> render_adapter_values(const config::Config& config);

// The bundled chart's files by their path below the chart's folder ("templates/service.yaml").
std::map<std::string, std::string> bundled_chart();

}  // namespace hpawalk::manifests
