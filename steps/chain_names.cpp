#include "steps/chain_names.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "manifests/manifests.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::steps {

observe::LiveChain chain_names(const config::Config& config) {
  std::string space = config.text("namespace"), metric = config.text("prom-fake.metric");
  observe::LiveChain chain;
  chain.space = space;
  chain.hpa = config.text("hpa.name");
  chain.workload = {"Deployment", config.text("workload.name"),
                    world::kube_kind("Deployment").collection(space)};
  chain.source = prom_fake_source(config);
  chain.metrics = {
      {hpasim::MetricKind::object,
       metric,
       {},
       world::custom_metric_path(space, "services", chain.source->service, metric),
       fmt::format("{}{{namespace=\"{}\",service=\"{}\"}}", metric, space, chain.source->service)}};
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
  Result<std::string> rendered = manifests::render_stage("hpa", config);
  if (!rendered) return failure(rendered.error());
  Result<yaml::Value> hpa = yaml::parse(*rendered);
  if (!hpa) return failure(hpa.error());
  observe::Source source = prom_fake_source(config);
  return diagnose::KnownChain{source.space, Json(*hpa), target_pool(config), source.pod_selector};
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
