// Where the world reaches prom-fake: the address that a cloud's load balancer gives its Service.
//
// Nobody has to have one: hpawalk itself reaches prom-fake through the API server. So where no load balancer
// answers, that is said, and nothing fails.
#pragma once

#include <string>

#include "config/config.hpp"
#include "world/kube_api.hpp"
#include "world/progress.hpp"
#include "world/world.hpp"

namespace hpawalk::steps {

struct Address {
  std::string url = {};  // http://20.1.2.3:8080; empty: there is none
  std::string why = {};  // why not, where one could be expected
};

// Waits for up to `limit` where the nodes are a cloud's; elsewhere looks once. An error only on Ctrl-C.
Result<Address> await_address(world::World& world, const config::Config& config, world::KubeApi& api,
                              world::Progress& progress, world::Duration limit = std::chrono::minutes(2));

}  // namespace hpawalk::steps
