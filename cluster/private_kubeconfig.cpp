#include "cluster/private_kubeconfig.hpp"

#include "cluster/local/layout.hpp"

namespace hpawalk::cluster {

static fs::path access_folder(const world::Environment& environment) {
  return local::make_layout(environment).clusters.parent_path() / "access";
}

fs::path private_kubeconfig(const world::Environment& environment, const std::string& name) {
  return access_folder(environment) / (name + ".kubeconfig");
}

Status make_private_folder(world::World& world) {
  return world.files.make_folder(access_folder(world.environment), 0700);
}

}  // namespace hpawalk::cluster
