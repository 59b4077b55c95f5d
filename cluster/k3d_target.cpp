// k3d: k3s in Docker containers.
#include "base/json.hpp"
#include "cluster/made_target.hpp"

namespace hpawalk::cluster {

// [{"name": "x", "serversCount": 1, "serversRunning": 1, ...}]
static Result<Presence> presence_in_k3d(const std::string& listed, const std::string& cluster) {
  Result<Json> clusters = parse_json(listed, "Its answer");
  if (!clusters || !clusters->is_array()) {
    return failure(ErrorClass::environment, "k3d-answer", "k3d cluster list did not return a list in JSON",
                   clusters ? "" : clusters.error().because, "hpawalk supports k3d 5");
  }
  for (const Json& each : *clusters) {
    if (text_at(each, "name") != cluster) continue;
    return int_at(each, "serversRunning") > 0 ? Presence::running : Presence::stopped;
  }
  return Presence::absent;
}

ClusterMaker k3d_maker(const config::Config& config) {
  std::string k3d = config.text("tools.k3d"), name = config.text("cluster-name");
  return {.tool = "k3d",
          .program = k3d,
          .cluster = name,
          .context = "k3d-" + name,
          .install = "k3d.io says how to install it (it needs Docker)",
          .version = {k3d, "version"},
          .list = {k3d, "cluster", "list", "--output", "json"},
          .create = {k3d, "cluster", "create", name, "--wait", "--timeout", "3m",
                     "--kubeconfig-update-default=false", "--kubeconfig-switch-context=false"},
          .start = {k3d, "cluster", "start", name, "--wait", "--timeout", "3m"},
          .kubeconfig = {k3d, "kubeconfig", "get", name},
          .remove = {k3d, "cluster", "delete", name},
          .load =
              [=](const std::string& archive) {
                return ClusterMaker::Words{k3d, "image", "import", archive, "--cluster", name};
              },
          .presence = presence_in_k3d};
}

}  // namespace hpawalk::cluster
