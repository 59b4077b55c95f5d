// kind: Kubernetes in Docker, Podman or nerdctl containers.
#include "base/text.hpp"
#include "cluster/made_target.hpp"

namespace hpawalk::cluster {

// One name a line; "No kind clusters found." is said on stderr.
static Result<Presence> presence_in_kind(const std::string& listed, const std::string& cluster) {
  for (const std::string& line : text::lines(listed)) {
    if (text::trim(line) == cluster) return Presence::running;
  }
  return Presence::absent;
}

ClusterMaker kind_maker(const config::Config& config) {
  std::string kind = config.text("tools.kind"), name = config.text("cluster-name");
  return {.tool = "kind",
          .program = kind,
          .cluster = name,
          .context = "kind-" + name,
          .install = "kind.sigs.k8s.io says how to install it (it needs Docker, Podman or nerdctl)",
          .version = {kind, "version"},
          .list = {kind, "get", "clusters"},
          .create = {kind, "create", "cluster", "--name", name, "--wait", "3m"},
          .start = {},
          .kubeconfig = {kind, "get", "kubeconfig", "--name", name},
          .remove = {kind, "delete", "cluster", "--name", name},
          .load =
              [=](const std::string& archive) {
                return ClusterMaker::Words{kind, "load", "image-archive", archive, "--name", name};
              },
          .presence = presence_in_kind};
}

}  // namespace hpawalk::cluster
