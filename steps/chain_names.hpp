// The names of the walkthrough's chain, made once, from the configuration: for the stages, for what judges
// the chain (diagnose/verify.hpp) and for what follows it (observe/live.hpp).
#pragma once

#include <map>
#include <string>

#include "config/config.hpp"
#include "diagnose/verify.hpp"
#include "observe/live.hpp"

namespace hpawalk::steps {

// Of the first trigger of a ScaledObject, in the external metrics API: KEDA's own name.
inline constexpr const char* keda_metric = "s0-prometheus";

observe::LiveChain chain_names(const config::Config& config);  // with its source
observe::Source prom_fake_source(const config::Config& config);
// Of the ServiceMonitor's targets: "serviceMonitor/NAMESPACE/NAME/".
std::string target_pool(const config::Config& config);
Result<diagnose::KnownChain> known_chain(const config::Config& config);

// Ways to the chain's servers through the API server.
world::Backend prometheus_backend(const config::Config& config);
world::Backend prom_fake_backend(const config::Config& config);

std::string label_selector(const std::map<std::string, std::string>& labels);  // "app=web,tier=x"

}  // namespace hpawalk::steps
