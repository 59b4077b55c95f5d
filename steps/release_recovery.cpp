#include "steps/release_recovery.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "steps/installer.hpp"
#include "steps/stages.hpp"
#include "world/kube_change.hpp"

namespace hpawalk::steps {

namespace {

using namespace std::chrono_literals;

Status remove(world::World& world, world::KubeApi& api, const std::vector<Object>& objects) {
  for (const Object& object : objects) {
    Result<world::Deleted> deleted = world::kube_delete(api, world.clock, object.path(), object.uid);
    if (!deleted) return failure(deleted.error());
  }
  return {};
}

// An install that was killed leaves its release pending, and Helm refuses to touch it.
Status take_away(world::World& world, const config::Config& config, const cluster::ClusterAccess& access,
                 world::KubeApi& api) {
  std::string space = config.text("adapter.namespace"), name = config.text("adapter.release");
  Result<ReleaseParts> parts = read_release(world, config, access, api);
  if (!parts) return failure(parts.error());
  if (!parts->refused.empty()) {
    return failure(ErrorClass::check_failed, "not-ours",
                   "The half-installed Helm release " + name + " differs from what hpawalk installs",
                   parts->refused,
                   text::shell_quote(helm_line(access, {"get", "manifest", name, "--namespace=" + space})) +
                       "   shows it");
  }
  return remove(world, api, parts->objects);
}

}  // namespace

Status recover_release(world::World& world, const config::Config& config,
                       const cluster::ClusterAccess& access, world::KubeApi& api,
                       const std::function<bool(const std::string& waiting_for)>& keep_on) {
  std::string space = config.text("adapter.namespace"), name = config.text("adapter.release");
  world::TimePoint start = world.clock.now(), at_work = start;
  Result<Release> release;
  while (true) {
    release = find_release(api, world.clock, config, space, name);
    if (!release || !release->there || !release->pending) return {};
    if (!release->ours) return {};  // Helm will say whose it is
    world::TimePoint now = world.clock.now();
    InstallerState installer = look_for_installer(world.files, release->installer);
    if (installer != InstallerState::gone) at_work = now;
    if (now - at_work >= 6s) break;  // its helm may have outlived it for a moment
    // Helm, which hpawalk started, ends by itself in the time that a stage may take.
    if (now - start >= config.duration("timeout")) {
      if (installer == InstallerState::unknown) break;
      return failure(ErrorClass::check_failed, "release-busy",
                     "Another hpawalk is still installing the Helm release " + name,
                     "it has been installing for longer than " + config.text("timeout"),
                     "Wait for it or end it, then run the command again");
    }
    if (!keep_on("another hpawalk that installs Helm release " + name))
      return failure(ErrorClass::check_failed, "stopped", "Another stage failed first");
    if (!world.clock.sleep(200ms)) return interrupted("waiting for an earlier helm");
  }
  // Without the upgrade that did not end, Helm upgrades what is deployed, which runs all the while.
  if (release->deployed) return remove(world, api, release->unfinished);
  return take_away(world, config, access, api);
}

}  // namespace hpawalk::steps
