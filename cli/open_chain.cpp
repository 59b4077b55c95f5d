#include "cli/open_chain.hpp"

#include <fmt/format.h>

namespace hpawalk::cli {

static Result<OpenChain> opened(Session& session, const SettingFlags& flags, bool make) {
  Result<config::Config> config = load_config(session.world, flags);
  if (!config) return failure(config.error());
  OpenChain chain{std::make_unique<config::Config>(*std::move(config)), nullptr, {}, nullptr};
  chain.target = cluster::make_target(session.world, *chain.config);
  Result<cluster::ClusterAccess> access =
      make ? chain.target->ensure(session.progress) : chain.target->find();
  if (!access) return failure(access.error());
  chain.access = *access;
  // Objects that the target refers to stay where they are: the value changes in place.
  if (!access->registry.empty())
    *chain.config = chain.config->with("acr.login-server", access->registry, chain.target->name());
  Result<std::unique_ptr<world::KubeApi>> api =
      world::connect(session.world, chain.access.kube, tell_waits(session));
  if (!api) return failure(api.error());
  chain.api = *std::move(api);
  return chain;
}

Result<OpenChain> open_chain(Session& session, const SettingFlags& flags) {
  return opened(session, flags, false);
}
Result<OpenChain> ensure_chain(Session& session, const SettingFlags& flags) {
  return opened(session, flags, true);
}

Result<world::KubeTarget> any_cluster(world::World& world, const world::KubeTarget& chosen) {
  bool named =
      !chosen.kubeconfig.empty() || !chosen.context.empty() || world.environment.contains("KUBECONFIG");
  auto home = world.environment.find("HOME");
  if (named ||
      (home != world.environment.end() && world.files.exists(fs::path(home->second) / ".kube/config"))) {
    return chosen;
  }
  auto config = load_config(world, {});
  if (!config) return failure(config.error());
  auto access = cluster::make_target(world, *config)->find();
  if (access) return access->kube;
  Error error = access.error();
  error.hint =
      "No kubeconfig found either: --kubeconfig FILE or --context NAME names a cluster; hpawalk up creates "
      "one";
  return failure(std::move(error));
}

}  // namespace hpawalk::cli
