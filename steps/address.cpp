#include "steps/address.hpp"

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/text.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::steps {

namespace {

// "azure:///subscriptions/...", "aws:///...", "gce://..."; kind and k3s write their own.
bool of_a_cloud(world::KubeApi& api) {
  Result<Json> nodes = world::kube_get(api, world::kube_kind("Node").collection() + "?limit=10");
  if (!nodes) return false;
  for (const Json& node : list_at(*nodes, "items")) {
    std::string id = text_at(node, "spec.providerID");
    if (!id.empty() && !id.starts_with("kind://") && !id.starts_with("k3s://")) return true;
  }
  return false;
}

std::string url_of(const Json& service, int port) {
  for (const Json& ingress : list_at(service, "status.loadBalancer.ingress")) {
    std::string host = text_at(ingress, "ip");
    if (host.empty()) host = text_at(ingress, "hostname");
    if (host.find(':') != std::string::npos) host = "[" + host + "]";
    if (!host.empty()) return fmt::format("http://{}:{}", host, port);
  }
  return {};
}

}  // namespace

Result<Address> await_address(world::World& world, const config::Config& config, world::KubeApi& api,
                              world::Progress& progress, world::Duration limit) {
  if (config.text("prom-fake.service-type") != "LoadBalancer") return Address{};
  std::string path =
      world::kube_kind("Service").object(config.text("namespace"), config.text("prom-fake.name"));
  Address address;
  auto look = [&]() -> Result<world::StillWaiting> {
    Result<Json> service = world::kube_get(api, path);
    if (!service) return world::StillWaiting(service.error().what);
    address.url = url_of(*service, config.number("prom-fake.port"));
    if (!address.url.empty()) return world::StillWaiting();
    return world::StillWaiting("the cloud has not assigned an address to the Service yet");
  };
  Result<world::StillWaiting> first = look();
  if (address.url.empty() && of_a_cloud(api)) {
    progress.started("address");
    Status waited = world::wait_until(world.clock, {limit, std::chrono::seconds(1)},
                                      "waiting for the load balancer's address", [&] {
                                        Result<world::StillWaiting> missing = look();
                                        if (missing && *missing) progress.now("address", **missing);
                                        return missing;
                                      });
    if (!waited && waited.error().kind == ErrorClass::interrupted) return failure(waited.error());
    if (waited) {
      progress.done("address", address.url);
    } else {
      address.why =
          fmt::format("no load balancer address after {}: {}", text::duration(limit), waited.error().because);
      progress.done("address", address.why + "; prom-fake is reached through the API server");
    }
  }
  return address;
}

}  // namespace hpawalk::steps
