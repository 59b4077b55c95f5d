#include "steps/broken_apis.hpp"

#include <fmt/format.h>

#include "base/json.hpp"
#include "diagnose/readiness.hpp"
#include "world/kube_list.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::steps {

Result<std::vector<BrokenApi>> broken_apis(world::KubeApi& api) {
  Result<Json> services = world::kube_list(api, world::kube_kind("APIService").collection());
  if (!services) return failure(services.error());
  std::vector<BrokenApi> broken;
  for (const Json& service : list_at(*services, "items")) {
    if (diagnose::api_service_available(service).ready) continue;
    const Json& available = condition(service, "Available");
    broken.push_back({text_at(service, "metadata.name"),
                      fmt::format("{}: {}", text_at(available, "reason", "no status yet"),
                                  text_at(available, "message"))});
  }
  return broken;
}

std::vector<cluster::Precondition> look_at_broken_apis(world::KubeApi& api) {
  Result<std::vector<BrokenApi>> broken = broken_apis(api);
  std::vector<cluster::Precondition> findings;
  if (!broken) return findings;  // it may not be read, and nothing depends on it
  for (const BrokenApi& service : *broken) {
    findings.push_back({"APIs", Mark::note,
                        fmt::format("APIService {} is unavailable: {}", service.name, service.why),
                        fmt::format("Repair what serves it, or delete APIService {} if nobody needs it: "
                                    "until then, namespaces that are deleted stay Terminating",
                                    service.name)});
  }
  return findings;
}

}  // namespace hpawalk::steps
