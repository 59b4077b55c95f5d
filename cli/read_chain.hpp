// Reads what diagnose knows about HPAs of a cluster that the user chose, and says on stderr what is read. For
// diagnose, alerts, watch and shadow.
#pragma once

#include "cli/command.hpp"
#include "cli/prometheus_options.hpp"
#include "diagnose/collect.hpp"
#include "diagnose/view.hpp"
#include "world/kube_proxy.hpp"

namespace hpawalk::cli {

// Which HPAs of which cluster, and which Prometheus, as the options of diagnose and alerts say it.
struct HpaScope {
  std::string name, space, prometheus_url;
  bool all = false;  // namespaces
  world::KubeTarget target;
  PrometheusOptions prometheus;
};
void add_hpa_scope(CLI::App& command, HpaScope& scope);
// The same for a command about one HPA, which must be named.
void add_one_hpa(CLI::App& command, HpaScope& scope);
// `space` is empty only with `all`.
Result<diagnose::CollectOptions> collect_options(Session& session, const HpaScope& scope);

// The namespace that was asked for, else the context's.
Result<std::string> chosen_space(Session& session, const world::KubeTarget& target, const std::string& asked);

Result<diagnose::Facts> read_chain(Session& session, world::KubeApi& api, diagnose::CollectOptions what);

// The Prometheus at that address, asked as `what` says.
world::PrometheusApi prometheus_api(Session& session, world::KubeApi& api,
                                    const diagnose::PrometheusAddress& address,
                                    const diagnose::CollectOptions& what);

// As kubectl prints and takes names: hpa/web is web.
std::string plain_hpa_name(std::string name);

}  // namespace hpawalk::cli
