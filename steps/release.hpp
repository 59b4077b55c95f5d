// The adapter's Helm release: whose it is, how it stands, and what it consists of, each object looked at
// before anything is deleted in its name.
//
// Helm keeps a release in Secrets. Who may write Secrets in one namespace can write a release there that
// names any object of the cluster, and hooks. So no `helm uninstall`: what is deleted is what the stored
// manifest names, what an adapter's chart makes, and what carries this release's own mark.
#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"
#include "steps/removal.hpp"
#include "world/world.hpp"

namespace hpawalk::steps {

inline constexpr std::string_view release_mark = "hpawalk/values=";  // a label of the release's Secrets
inline constexpr std::string_view installer_mark =
    "hpawalk/installer";  // likewise: which process installs it

// `pending`: an install or upgrade did not end, or has not ended yet.
struct Release {
  bool there = false;
  bool ours = false;
  bool pending = false;
  bool deployed = false;                // the newest, or one before it: what that one deployed still runs
  std::vector<Object> unfinished = {};  // Secrets of installs and upgrades that did not end
  std::string values = {};              // hpawalk's mark on what is deployed
  std::string installer = {};           // see installer.hpp
  std::string instance = {};            // whose it is, when it is hpawalk's but not ours
};
Result<Release> find_release(world::KubeApi& api, world::Clock& clock, const config::Config& config,
                             const std::string& space, const std::string& name);

// What is to be deleted of the configured release: its objects that are there, and its Secrets.
struct ReleaseParts {
  std::vector<Object> objects;
  std::string refused;  // why it is not what hpawalk installed: then nothing of it may be deleted
};
Result<ReleaseParts> read_release(world::World& world, const config::Config& config,
                                  const cluster::ClusterAccess& access, world::KubeApi& api);

// Helm takes only objects that carry the mark of the release.
bool carries_mark(const Json& live, const std::string& space, const std::string& release);

}  // namespace hpawalk::steps
