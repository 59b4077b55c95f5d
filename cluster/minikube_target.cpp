// minikube: a cluster in a container or a virtual machine. A cluster is a "profile" there.
#include "base/json.hpp"
#include "cluster/made_target.hpp"

namespace hpawalk::cluster {

// {"invalid": [...], "valid": [{"Name": "x", "Status": "Running", ...}]}. Newer ones say "OK" for Running.
static Result<Presence> presence_in_minikube(const std::string& listed, const std::string& cluster) {
  Result<Json> profiles = parse_json(listed, "Its answer");
  if (!profiles || !profiles->is_object() || !profiles->contains("valid")) {
    return failure(ErrorClass::environment, "minikube-answer",
                   "minikube profile list did not return profiles in JSON",
                   profiles ? "" : profiles.error().because, "hpawalk supports minikube 1.30 and later");
  }
  for (const char* group : {"valid", "invalid"}) {
    for (const Json& each : list_at(*profiles, group)) {
      if (text_at(each, "Name") != cluster) continue;
      std::string status = text_at(each, "Status");
      return status == "Running" || status == "OK" ? Presence::running : Presence::stopped;
    }
  }
  return Presence::absent;
}

ClusterMaker minikube_maker(const config::Config& config) {
  std::string minikube = config.text("tools.minikube"), name = config.text("cluster-name");
  // Both leave its state as it is, and write the kubeconfig that $KUBECONFIG names.
  std::vector<std::string> start = {minikube,         "start",         "--profile",          name,
                                    "--keep-context", "--embed-certs", "--interactive=false"};
  return {.tool = "minikube",
          .program = minikube,
          .cluster = name,
          .context = name,
          .install = "minikube.sigs.k8s.io says how to install it",
          .version = {minikube, "version", "--short"},
          .list = {minikube, "profile", "list", "--output", "json"},
          .create = start,
          .start = start,
          .kubeconfig = {minikube, "update-context", "--profile", name},
          .remove = {minikube, "delete", "--profile", name},
          .load =
              [=](const std::string& archive) {
                return ClusterMaker::Words{minikube, "image", "load", archive, "--profile", name};
              },
          .presence = presence_in_minikube,
          .writes_kubeconfig = true};
}

}  // namespace hpawalk::cluster
