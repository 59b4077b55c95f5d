#include "steps/chain_names.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "manifests/manifests.hpp"

namespace hpawalk::steps {

observe::LiveChain chain_names(const config::Config& config) {
  observe::LiveChain chain;
  chain.space = config.text("namespace");
  chain.hpa = config.text("hpa.name");
  chain.workload = config.text("workload.name");
  chain.metric = config.text("prom-fake.metric");
  chain.service = config.text("prom-fake.name");
  chain.pod_selector = label_selector(config.labels("prom-fake.labels"));
  chain.port = config.text("prom-fake.port");
  chain.prometheus = prometheus_backend(config);
  chain.expression =
      fmt::format("{}{{namespace=\"{}\",service=\"{}\"}}", chain.metric, chain.space, chain.service);
  chain.pool = fmt::format("serviceMonitor/{}/{}/", config.text("prometheus.namespace"),
                           config.text("servicemonitor.name"));
  chain.interval = config.duration("servicemonitor.interval");
  return chain;
}

Result<diagnose::KnownChain> known_chain(const config::Config& config) {
  Result<std::string> rendered = manifests::render_stage("hpa", config);
  if (!rendered) return failure(rendered.error());
  Result<yaml::Value> hpa = yaml::parse(*rendered);
  if (!hpa) return failure(hpa.error());
  observe::LiveChain names = chain_names(config);
  return diagnose::KnownChain{names.space, Json(*hpa), names.pool, names.pod_selector};
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
