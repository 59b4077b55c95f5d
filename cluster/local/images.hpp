// The images inside a local cluster, under their upstream names, and the store they are kept in.
//
// An image is written as a docker-archive with one layer: the programs of the parts, or for nginx the
// packages of the distribution. Where upstream's release was taken, images whose programs it does not contain
// are pulled. The store is a containerd root folder into which all of them were imported once; each cluster
// starts with a copy whose immutable files (content, snapshots) are hard links.
#pragma once

#include <string>
#include <vector>

#include "cluster/local/parts.hpp"

namespace hpawalk::local {

struct Image {
  std::vector<std::string> names;          // upstream references; the same image under each
  std::vector<std::string> programs;       // parts, placed into `folder`
  std::string folder;                      // "/bin"
  std::vector<std::string> entrypoint;     // empty: the manifests name the command
  std::vector<std::string> packages = {};  // of the distribution, instead of programs
  std::string user = {};                   // empty: root
};

std::vector<Image> images(const KubernetesRelease& release);

// KEDA's two images as one: under both names, with both programs.
Image keda_image();

// A docker-archive of the files below `root`, as `ctr images import`, `docker load` and `kind load` read it.
struct ArchiveConfig {
  std::vector<std::string> names;
  std::vector<std::string> entrypoint;
  std::string user = {};
};
Status write_archive(world::World& world, const fs::path& root, const ArchiveConfig& config,
                     const fs::path& archive);

// The archive of an image whose programs are in `parts`. `work`: a folder for what comes on the way.
Status write_image(world::World& world, const Image& image, const Parts& parts, const fs::path& work,
                   const fs::path& archive);

// Writes and imports, or pulls; the folder of the store. Cheap when it is there. Needs root. The error is
// `release-unavailable` where an image cannot be pulled because its registry does not answer or have it.
Result<fs::path> make_image_store(world::World& world, const Layout& layout, const KubernetesRelease& release,
                                  const Parts& parts, world::Progress& progress);

// A containerd root folder of its own for a cluster.
Status clone_image_store(world::World& world, const fs::path& store, const fs::path& containerd_root);

}  // namespace hpawalk::local
