#include "cli/open_chain.hpp"

namespace hpawalk {

static Result<OpenChain> opened(Session& session, const SettingFlags& flags, bool make) {
  Result<Config> config = load_config(session.world, flags);
  if (!config) return failure(config.error());
  OpenChain chain{std::make_unique<Config>(*std::move(config)), nullptr, {}, nullptr};
  chain.target = make_target(session.world, *chain.config);
  Result<ClusterAccess> access = make ? chain.target->ensure(session.progress) : chain.target->find();
  if (!access) return failure(access.error());
  chain.access = *access;
  Result<std::unique_ptr<KubeApi>> api = connect(session.world, chain.access.kube);
  if (!api) return failure(api.error());
  chain.api = *std::move(api);
  return chain;
}

Result<OpenChain> open_chain(Session& session, const SettingFlags& flags) { return opened(session, flags, false); }
Result<OpenChain> ensure_chain(Session& session, const SettingFlags& flags) { return opened(session, flags, true); }

}  // namespace hpawalk
