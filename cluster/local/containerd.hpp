// containerd: its configuration, and a private one that runs only while images are imported or pulled.
#pragma once

#include <memory>
#include <string>

#include "world/world.hpp"

namespace hpawalk::local {

// config.toml (version 2, which containerd 1.6 to 2.x read) for the given folders.
std::string containerd_config(const fs::path& root, const fs::path& state, const fs::path& socket);

class Containerd {
 public:
  // Runs it in a mount namespace of its own on the root folder `root`; socket and state live below `work`.
  static Result<std::unique_ptr<Containerd>> start(world::World& world, const fs::path& root,
                                                   const fs::path& work);
  Status import_image(const fs::path& archive);  // into the namespace of Kubernetes, unpacked
  // Likewise, from its registry over TLS, each blob checked against its digest. The error is
  // `release-unavailable` where the registry does not answer or does not have it, else `image-pull`.
  Status pull_image(const std::string& name);

 private:
  Containerd(world::World& world, fs::path socket, std::unique_ptr<world::Child> child)
      : world_(world), socket_(std::move(socket)), child_(std::move(child)) {}
  world::World& world_;
  fs::path socket_;
  std::unique_ptr<world::Child> child_;
};

}  // namespace hpawalk::local
