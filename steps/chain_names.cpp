#include "steps/chain_names.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"
#include "manifests/manifests.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::steps {

namespace {

constexpr const char* scaled_object_label = "scaledobject.keda.sh/name";

// The HPA that KEDA makes of the chain's ScaledObject. Source: KEDA 2.21, controllers/keda/hpa.go.
Json keda_hpa(const config::Config& config) {
  const std::string name = config.text("hpa.name");
  Json selector = {{"matchLabels", {{scaled_object_label, name}}}};
  Json external = {{"metric", {{"name", keda_metric}, {"selector", selector}}},
                   {"target", {{"type", "Value"}, {"value", config.text("hpa.target")}}}};
  Json target = {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", config.text("workload.name")}};
  return {{"apiVersion", "autoscaling/v2"},
          {"kind", "HorizontalPodAutoscaler"},
          {"metadata", {{"name", name}, {"namespace", config.text("namespace")}}},
          {"spec",
           {{"scaleTargetRef", target},
            {"minReplicas", std::max(1, config.number("hpa.min"))},
            {"maxReplicas", config.number("hpa.max")},
            {"metrics", Json::array({{{"type", "External"}, {"external", external}}})}}}};
}

}  // namespace

observe::LiveChain chain_names(const config::Config& config) {
  std::string space = config.text("namespace"), metric = config.text("prom-fake.metric");
  observe::LiveChain chain;
  chain.space = space;
  chain.hpa = config.text("hpa.name");
  chain.workload = {"Deployment", config.text("workload.name"),
                    world::kube_kind("Deployment").collection(space)};
  chain.source = prom_fake_source(config);
  if (config.text("metrics") == "keda") {
    chain.metrics = {{hpasim::MetricKind::external,
                      keda_metric,
                      {},
                      world::kube_collection("external.metrics.k8s.io/v1beta1", space, keda_metric) +
                          "?labelSelector=" + world::query_value(scaled_object_label + ("=" + chain.hpa)),
                      manifests::keda_query(config)}};
  } else {
    chain.metrics = {
        {hpasim::MetricKind::object,
         metric,
         {},
         world::custom_metric_path(space, "services", chain.source->service, metric),
         fmt::format("{}{{namespace=\"{}\",service=\"{}\"}}", metric, space, chain.source->service)}};
  }
  chain.prometheus = prometheus_backend(config);
  chain.interval = config.duration("servicemonitor.interval");
  return chain;
}

observe::Source prom_fake_source(const config::Config& config) {
  return {config.text("namespace"), config.text("prom-fake.name"),
          label_selector(config.labels("prom-fake.labels")), config.text("prom-fake.port")};
}

std::string target_pool(const config::Config& config) {
  return fmt::format("serviceMonitor/{}/{}/", config.text("prometheus.namespace"),
                     config.text("servicemonitor.name"));
}

Result<diagnose::KnownChain> known_chain(const config::Config& config) {
  observe::Source source = prom_fake_source(config);
  if (config.text("metrics") == "keda")
    return diagnose::KnownChain{source.space, keda_hpa(config), target_pool(config), source.pod_selector};
  Result<std::string> rendered = manifests::render_stage("hpa", config);
  if (!rendered) return failure(rendered.error());
  // Behind the namespace, where hpawalk would have to make one.
  Result<std::vector<yaml::Value>> objects = yaml::parse_all(*rendered);
  if (!objects) return failure(objects.error());
  const yaml::Value& hpa = objects->back();
  return diagnose::KnownChain{source.space, Json(hpa), target_pool(config), source.pod_selector};
}

world::Backend prometheus_backend(const config::Config& config) {
  return {config.text("prometheus.namespace"), config.text("prometheus.name"), "web"};
}

world::Backend prom_fake_backend(const config::Config& config) {
  return {config.text("namespace"), config.text("prom-fake.name"), config.text("prom-fake.port-name")};
}

std::string label_selector(const std::map<std::string, std::string>& labels) {
  std::vector<std::string> pairs;
  for (const auto& [name, value] : labels) pairs.push_back(name + "=" + value);
  return text::join(pairs, ",");
}

}  // namespace hpawalk::steps
