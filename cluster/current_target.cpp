// A context of the user's kubeconfig: nothing is made, and nothing is brought into it but the chain.
#include <algorithm>

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/text.hpp"
#include "cluster/local/layout.hpp"
#include "cluster/local/local_cluster.hpp"
#include "cluster/made_note.hpp"
#include "cluster/target.hpp"
#include "world/kube_list.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::cluster {

namespace {

class CurrentTarget final : public ClusterTarget {
 public:
  CurrentTarget(world::World& world, const config::Config& config) : world_(world), config_(config) {}

  std::string name() const override {
    std::string context = config_.text("context");
    return context.empty() ? "the kubeconfig's current context" : "context " + context;
  }

  TargetPlan plan() override {
    Result<ClusterAccess> found = find();
    return {found ? *found : expected(), {}};
  }

  // From here on the context has a name, so that nothing can slip onto another cluster while hpawalk runs.
  Result<ClusterAccess> find() override {
    ClusterAccess access = expected();
    access.operator_bundle = bundle_on_this_machine(world_, config_);
    if (!config_.text("context").empty()) return access;
    world::KubeTarget bare{access.kube.kubeconfig, {}, access.kube.kubectl};
    Result<std::string> current = world::run_checked(
        world_.processes, world::Command{.argv = world::kubectl_line(bare, {"config", "current-context"})},
        "kubeconfig", "kubectl cannot use this kubeconfig");
    if (!current) {
      Error error = current.error();
      bool unset =
          error.is("kubeconfig") && error.output.find("current-context is not set") != std::string::npos;
      if (unset) {
        error.id = ErrorId("no-context").text();
        error.what = "The kubeconfig has no current context";
      }
      if (error.kind != ErrorClass::interrupted) error.kind = ErrorClass::environment;
      error.hint = "--context NAME names one; hpawalk up --cluster local creates a cluster";
      return failure(error);
    }
    access.kube.context = std::string(text::trim(*current));
    return access;
  }

  Result<ClusterAccess> ensure(world::Progress&) override { return find(); }

  // Nobody can know how images come into somebody else's cluster, except where they are there already, or
  // where the cluster is one of hpawalk's own.
  Status load_image(world::KubeApi& api, const std::string& image, world::Progress&) override {
    Result<Json> nodes = world::kube_list(api, world::kube_kind("Node").collection());
    if (nodes && on_every_node(*nodes, image)) return {};
    if (std::string own = own_cluster(); !own.empty()) {
      return with_archive(world_, [&](const fs::path& file) { return local::load_image(world_, own, file); });
    }
    return failure(ErrorClass::environment, "image-needed",
                   "The image " + image + " is not on this cluster's nodes",
                   "hpawalk cannot load an image into a cluster that it did not create",
                   "Push prom-fake's image to a registry that the cluster can pull from, then: hpawalk up "
                   "--prom-fake-image REF");
  }

  Status bring_keda(world::Progress& progress) override {
    std::string own = own_cluster();
    return own.empty() ? Status() : local::bring_keda(world_, progress, own);
  }

  // What `--cluster aks` made in Azure for this same cluster is only to be had with that.
  Result<Leftovers> clean_up(world::KubeApi& api, world::Progress&) override {
    Result<MadeNote> note = read_note(api);
    if (!note && note.error().is("kube-forbidden")) return Leftovers{};
    if (!note) return failure(note.error());
    Leftovers all;
    for (const auto& [name, registry] : note->registries) {
      for (const std::string& title : titles(registry))
        all.left.push_back(title + ": hpawalk down --cluster aks removes it");
    }
    return all;
  }

  Status remove(world::Progress&) override { return {}; }

 private:
  ClusterAccess expected() const {
    std::string context = config_.text("context");
    return {.kube = {config_.text("kubeconfig"), context.empty() ? "CURRENT" : context,
                     config_.text("tools.kubectl")},
            .helm = config_.text("tools.helm")};
  }

  static bool on_every_node(const Json& nodes, const std::string& image) {
    if (list_at(nodes, "items").empty()) return false;
    for (const Json& node : list_at(nodes, "items")) {
      bool there = false;
      for (const Json& known : list_at(node, "status.images")) {
        const Json& names = list_at(known, "names");
        there = there || std::find(names.begin(), names.end(), image) != names.end();
      }
      if (!there) return false;
    }
    return true;
  }

  // The name of the running local cluster at the context's address, or nothing.
  std::string own_cluster() {
    Result<ClusterAccess> access = find();
    if (!access) return {};
    Result<world::Outcome> server = world_.processes.run(world::Command{
        .argv = world::kubectl_line(
            access->kube, {"config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}"})});
    Result<std::vector<std::string>> names = local::cluster_names(world_);
    if (!server || !server->ok() || !names) return {};
    for (const std::string& cluster : *names) {
      Result<local::ClusterStatus> status = local::status(world_, cluster);
      if (status && status->api_ready &&
          text::trim(server->output) == fmt::format("https://{}:6443", status->node_address)) {
        return cluster;
      }
    }
    return {};
  }

  world::World& world_;
  const config::Config& config_;
};

}  // namespace

std::unique_ptr<ClusterTarget> make_current_target(world::World& world, const config::Config& config) {
  return std::make_unique<CurrentTarget>(world, config);
}

}  // namespace hpawalk::cluster
