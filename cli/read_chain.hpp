// Reads what diagnose knows about HPAs of a cluster that the user chose, and says on stderr what is read. For
// diagnose and watch.
#pragma once

#include "cli/command.hpp"
#include "diagnose/collect.hpp"
#include "world/kube_proxy.hpp"

namespace hpawalk::cli {

// The namespace that was asked for, else the context's.
Result<std::string> chosen_space(Session& session, const world::KubeTarget& target, const std::string& asked);

Result<diagnose::Facts> read_chain(Session& session, world::KubeApi& api, diagnose::CollectOptions what);

// As kubectl prints and takes names: hpa/web is web.
std::string plain_hpa_name(std::string name);

}  // namespace hpawalk::cli
