// The one-node cluster on this machine (local/).
#include <fmt/format.h>

#include "base/text.hpp"
#include "cluster/local/layout.hpp"
#include "cluster/local/local_cluster.hpp"
#include "cluster/target.hpp"

namespace hpawalk::cluster {

namespace {

class LocalTarget final : public ClusterTarget {
 public:
  LocalTarget(world::World& world, const config::Config& config)
      : world_(world), config_(config), cluster_(config.text("cluster-name")) {}

  std::string name() const override { return "local cluster " + cluster_; }

  TargetPlan plan() override {
    if (Result<ClusterAccess> found = find()) return {*found, {}};
    return {expected(), {{"the local cluster, unless it exists", "hpawalk cluster up --name " + cluster_}}};
  }

  Result<ClusterAccess> find() override {
    Result<local::ClusterStatus> status = local::status(world_, cluster_);
    if (!status) return failure(status.error());
    if (status->phase == local::Phase::running && status->api_ready) return access();
    if (status->phase == local::Phase::running) {
      return failure(
          ErrorClass::environment, "kube-unreachable",
          fmt::format("The API server of the local cluster {} does not respond", cluster_), {},
          fmt::format("Try again; hpawalk cluster logs kube-apiserver --name {}   shows its log", cluster_));
    }
    bool absent = status->phase == local::Phase::absent;
    return failure(
        ErrorClass::environment, absent ? ErrorId("no-cluster") : ErrorId("cluster-not-running"),
        fmt::format("The local cluster {} {}", cluster_, absent ? "does not exist" : "is not running"), {},
        "hpawalk up   builds everything; --context NAME works on another cluster");
  }

  Result<ClusterAccess> ensure(world::Progress& progress) override {
    if (Result<ClusterAccess> found = find()) return found;
    Result<local::ClusterStatus> up = local::up(world_, progress, local::UpOptions{.name = cluster_});
    if (!up) return failure(up.error());
    return access();
  }

  Status load_image(world::KubeApi&, const std::string&, world::Progress&) override {
    return with_archive(world_,
                        [&](const fs::path& file) { return local::load_image(world_, cluster_, file); });
  }

  Status bring_keda(world::Progress& progress) override {
    return local::bring_keda(world_, progress, cluster_);
  }

  Status remove(world::Progress& progress) override {
    Result<bool> removed = local::down(world_, progress, cluster_);
    if (!removed) return failure(removed.error());
    return {};
  }

 private:
  ClusterAccess expected() const {
    auto files = local::cluster_files(local::make_layout(world_.environment), cluster_);
    return {
        .kube = {files.kubeconfig().string(), local::context_name(cluster_), config_.text("tools.kubectl")},
        .helm = config_.text("tools.helm")};
  }

  // The cluster brings kubectl and helm of its own, for machines that have none.
  Result<ClusterAccess> access() {
    ClusterAccess access = expected();
    for (std::string* tool : {&access.kube.kubectl, &access.helm}) {
      Result<fs::path> own = local::own_program(world_, cluster_, *tool);
      if (!own) return failure(own.error());
      if (!world_.processes.find(*tool) && world_.files.exists(*own)) *tool = own->string();
    }
    access.operator_bundle = bundle_on_this_machine(world_, config_);
    return access;
  }

  world::World& world_;
  const config::Config& config_;
  std::string cluster_;
};

}  // namespace

std::unique_ptr<ClusterTarget> make_local_target(world::World& world, const config::Config& config) {
  return std::make_unique<LocalTarget>(world, config);
}

}  // namespace hpawalk::cluster
