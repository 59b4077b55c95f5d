#include "cluster/target.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"
#include "cluster/local/layout.hpp"
#include "cluster/local/local_cluster.hpp"
#include "cluster/prom_fake_image.hpp"

namespace hpawalk {

namespace {

// The archive as a file for as long as it is needed.
Status import_into(World& world, const std::string& cluster) {
  if (prom_fake_archive().empty()) {
    return failure(ErrorClass::environment, "image-needed", "This hpawalk was built without prom-fake's image", {},
                   "--prom-fake-image REF names one in a registry");
  }
  fs::path file = local::make_layout(world.environment).cache / fmt::format("prom-fake-{}.tar", cluster);
  Status status = world.files.write(file, prom_fake_archive());
  if (status) status = local::load_image(world, cluster, file);
  Status removed = world.files.remove_all(file);
  return status ? removed : status;
}

// Upstream's bundle of the configured version, where a local cluster's parts are on this machine: for any cluster, and
// without the internet.
std::string bundle_on_this_machine(World& world, const Config& config) {
  std::string sign = fmt::format("operator.prometheus.io/version: {}\n", config.text("operator.version"));
  Result<std::vector<fs::path>> sets = world.files.list(local::make_layout(world.environment).parts());
  if (!sets) return {};
  for (const fs::path& set : *sets) {
    Result<std::string> bundle = world.files.read(set / "bundle.yaml");
    if (bundle && bundle->find(sign) != std::string::npos) return (set / "bundle.yaml").string();
  }
  return {};
}

class LocalTarget final : public ClusterTarget {
 public:
  LocalTarget(World& world, const Config& config) : world_(world), config_(config), cluster_(config.text("cluster-name")) {}

  std::string name() const override { return "local cluster " + cluster_; }
  std::vector<std::string> plan() const override { return {"hpawalk cluster up --name " + cluster_}; }

  ClusterAccess expected() const override {
    auto files = local::cluster_files(local::make_layout(world_.environment), cluster_);
    return {{files.kubeconfig().string(), local::context_name(cluster_), config_.text("tools.kubectl")},
            config_.text("tools.helm"), {}};
  }

  Result<ClusterAccess> find() override {
    Result<local::ClusterStatus> status = local::status(world_, cluster_);
    if (!status) return failure(status.error());
    if (status->phase == local::Phase::running && status->api_ready) return access();
    bool absent = status->phase == local::Phase::absent;
    return failure(ErrorClass::environment, absent ? "no-cluster" : "cluster-not-running",
                   fmt::format("The local cluster {} {}", cluster_, absent ? "is not there" : "does not run"), {},
                   "hpawalk up   builds everything; --context NAME works on another cluster");
  }

  Result<ClusterAccess> ensure(Progress& progress) override {
    if (Result<ClusterAccess> found = find()) return found;
    Result<local::ClusterStatus> up = local::up(world_, progress, local::UpOptions{.name = cluster_});
    if (!up) return failure(up.error());
    return access();
  }

  Status load_image(KubeApi&, const std::string&, Progress&) override { return import_into(world_, cluster_); }

  Status remove(Progress& progress) override {
    Result<bool> removed = local::down(world_, progress, cluster_);
    if (!removed) return failure(removed.error());
    return {};
  }

 private:
  // The cluster brings kubectl and helm of its own, for machines that have none.
  Result<ClusterAccess> access() {
    ClusterAccess access = expected();
    Result<fs::path> parts = local::parts_folder(world_, cluster_);
    if (!parts) return failure(parts.error());
    for (std::string* tool : {&access.kube.kubectl, &access.helm}) {
      fs::path own = *parts / *tool;
      if (!world_.processes.find(*tool) && world_.files.exists(own)) *tool = own.string();
    }
    access.operator_bundle = bundle_on_this_machine(world_, config_);
    return access;
  }

  World& world_;
  const Config& config_;
  std::string cluster_;
};

class CurrentTarget final : public ClusterTarget {
 public:
  CurrentTarget(World& world, const Config& config) : world_(world), config_(config) {}

  std::string name() const override {
    std::string context = config_.text("context");
    return context.empty() ? "the kubeconfig's current context" : "context " + context;
  }
  std::vector<std::string> plan() const override { return {}; }

  ClusterAccess expected() const override {
    std::string context = config_.text("context");
    return {{config_.text("kubeconfig"), context.empty() ? "CURRENT" : context, config_.text("tools.kubectl")},
            config_.text("tools.helm"), {}};
  }

  // From here on the context has a name, so that nothing can slip onto another cluster while hpawalk runs.
  Result<ClusterAccess> find() override {
    ClusterAccess access = expected();
    access.operator_bundle = bundle_on_this_machine(world_, config_);
    if (!config_.text("context").empty()) return access;
    KubeTarget bare{access.kube.kubeconfig, {}, access.kube.kubectl};
    Result<std::string> current = run_checked(world_.processes, Command{.argv = kubectl_line(bare, {"config", "current-context"})},
                                              "no-cluster", "The kubeconfig has no current context");
    if (!current) {
      Error error = current.error();
      error.kind = ErrorClass::environment;
      error.hint = "--context NAME names one; hpawalk up --cluster local makes a cluster";
      return failure(error);
    }
    access.kube.context = std::string(text::trim(*current));
    return access;
  }

  Result<ClusterAccess> ensure(Progress&) override { return find(); }

  // Nobody can know how images come into somebody else's cluster, except where they are there already, or where
  // the cluster is one of hpawalk's own.
  Status load_image(KubeApi& api, const std::string& image, Progress&) override {
    Result<Json> nodes = kube_get(api, "/api/v1/nodes");
    if (nodes && on_every_node(*nodes, image)) return {};
    if (std::string own = own_cluster(); !own.empty()) return import_into(world_, own);
    return failure(ErrorClass::environment, "image-needed", "The image " + image + " is not on this cluster's nodes",
                   "hpawalk cannot bring an image into a cluster that it did not make",
                   "Push prom-fake's image to a registry that the cluster can pull from, then: hpawalk up --prom-fake-image REF");
  }

  Status remove(Progress&) override { return {}; }

 private:
  static bool on_every_node(const Json& nodes, const std::string& image) {
    if (!nodes.contains("items") || nodes["items"].empty()) return false;
    for (const Json& node : nodes["items"]) {
      bool there = false;
      for (const Json& known : node.value("/status/images"_json_pointer, Json::array())) {
        Json names = known.value("names", Json::array());
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
    Result<Outcome> server = world_.processes.run(Command{
        .argv = kubectl_line(access->kube, {"config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}"})});
    Result<std::vector<std::string>> names = local::cluster_names(world_);
    if (!server || !server->ok() || !names) return {};
    for (const std::string& cluster : *names) {
      Result<local::ClusterStatus> status = local::status(world_, cluster);
      if (status && status->api_ready && text::trim(server->output) == fmt::format("https://{}:6443", status->node_address)) {
        return cluster;
      }
    }
    return {};
  }

  World& world_;
  const Config& config_;
};

}  // namespace

std::unique_ptr<ClusterTarget> make_target(World& world, const Config& config) {
  if (config.text("cluster") == "local") return std::make_unique<LocalTarget>(world, config);
  return std::make_unique<CurrentTarget>(world, config);
}

}  // namespace hpawalk
