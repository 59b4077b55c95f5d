#include "cluster/target.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "cluster/local/layout.hpp"
#include "cluster/made_target.hpp"
#include "cluster/prom_fake_image.hpp"
#include "world/trust.hpp"

namespace hpawalk::cluster {

std::unique_ptr<ClusterTarget> make_target(world::World& world, const config::Config& config) {
  std::string cluster = config.text("cluster");
  if (cluster == "local") return make_local_target(world, config);
  if (cluster == "kind") return make_made_target(world, config, kind_maker(config));
  if (cluster == "minikube") return make_made_target(world, config, minikube_maker(config));
  if (cluster == "k3d") return make_made_target(world, config, k3d_maker(config));
  if (cluster == "aks") return make_aks_target(world, config);
  return make_current_target(world, config);
}

Result<Leftovers> ClusterTarget::clean_up(world::KubeApi&, world::Progress&) {
  return Leftovers{};
}

std::string bundle_on_this_machine(world::World& world, const config::Config& config) {
  std::string sign = fmt::format("operator.prometheus.io/version: {}\n", config.text("operator.version"));
  Result<std::vector<fs::path>> sets = world.files.list(local::make_layout(world.environment).parts());
  if (!sets) return {};
  for (const fs::path& set : *sets) {
    if (!world::check_trusted(world, set)) continue;
    Result<std::string> bundle = world.files.read(set / "bundle.yaml");
    if (bundle && bundle->find(sign) != std::string::npos) return (set / "bundle.yaml").string();
  }
  return {};
}

Status with_archive(world::World& world, const std::function<Status(const fs::path&)>& use) {
  if (prom_fake_archive().empty()) {
    return failure(ErrorClass::environment, "image-needed",
                   "This hpawalk was built without prom-fake's image", {},
                   "--prom-fake-image REF names one in a registry");
  }
  fs::path file = local::make_layout(world.environment).cache / fmt::format("prom-fake-{}.tar", getpid());
  Status status = world.files.write(file, prom_fake_archive(), 0600);
  if (status) status = use(file);
  Status removed = world.files.remove_all(file);
  return status ? removed : status;
}

}  // namespace hpawalk::cluster
