#include "steps/work.hpp"

#include <set>

#include <fmt/format.h>

#include "base/fingerprint.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "manifests/manifests.hpp"
#include "steps/bundle.hpp"
#include "steps/chart.hpp"
#include "steps/keda_owner.hpp"
#include "steps/operator_users.hpp"
#include "steps/ownership.hpp"
#include "steps/release.hpp"
#include "steps/stage_operator.hpp"
#include "steps/standing.hpp"
#include "world/kube_list.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::steps {

namespace {

using world::kube_kind;

using namespace std::chrono_literals;

bool is_url(const std::string& source) {
  return source.starts_with("http://") || source.starts_with("https://");
}

class Finder {
 public:
  Finder(world::World& world, const config::Config& config, const cluster::ClusterAccess& access,
         world::KubeApi& api)
      : world_(world), config_(config), access_(access), api_(api) {}

  Result<Work> run(const Stage& stage) {
    Operations operations = stage.operations(config_, access_);
    if (!operations) return failure(operations.error());
    if (stage.name == "keda") {
      Result<bool> other = use_other_keda(api_, config_, access_.keda_addon);
      if (!other) return failure(other.error());
      work_.used = *other;
      if (*other) return std::move(work_);
    }
    if (stage.name == "hpa" || stage.name == "scaledobject") {
      if (Status only = only_autoscaler(api_, config_, stage.name); !only) return failure(only.error());
    }
    for (const Operation& operation : *operations) {
      Status found = find(operation);
      if (!found) return failure(found.error());
    }
    return std::move(work_);
  }

 private:
  Status find(const Operation& operation) {
    if (auto* yaml = std::get_if<Apply>(&operation.action)) return apply(operation, *yaml);
    if (std::holds_alternative<InstallBundle>(operation.action)) return bundle();
    if (std::holds_alternative<HelmUpgrade>(operation.action)) return helm(operation);
    if (auto* load = std::get_if<LoadImage>(&operation.action)) return image(operation, load->image);
    if (std::holds_alternative<BringKeda>(operation.action)) return keda_image(operation);
    return {};  // a Restart stands only within the bundle
  }

  void reached(const Operation& operation) {
    if (operation.reaches) work_.reached.push_back(*operation.reaches);
  }

  Status apply(Operation operation, const Apply& wanted) {
    Result<Comparison> compared = compare_apply(api_, config_, wanted);
    if (!compared) return failure(compared.error());
    if (compared->standing == Standing::foreign)
      return failure(not_ours(compared->foreign, compared->instance));
    if (compared->standing == Standing::same) {
      reached(operation);
    } else {
      std::get<Apply>(operation.action).yaml = compared->left;
      work_.todo.push_back(std::move(operation));
    }
    return {};
  }

  Error not_ours(const std::string& object, const std::string& instance = {}) const {
    if (!instance.empty()) {
      return Error{ErrorClass::check_failed,
                   "not-ours",
                   fmt::format("{} already exists and belongs to another hpawalk instance", object),
                   fmt::format("its label {} is {}; this instance is {}", manifests::instance_label, instance,
                               config_.text("instance")),
                   "Choose another name or namespace (hpawalk config shows the settings); --instance " +
                       instance + " uses that instance; nothing was changed",
                   {},
                   {}};
    }
    return Error{ErrorClass::check_failed,
                 "not-ours",
                 object + " already exists and was not created by hpawalk",
                 "it does not have the labels " + std::string(manifests::owner_selector),
                 "Choose another name or namespace (hpawalk config shows the settings), or remove it; "
                 "nothing was changed",
                 {},
                 {}};
  }

  // Its ten custom resources are megabytes: only their metadata is looked at.
  Status bundle() {
    Result<Json> list =
        world::kube_list(api_, kube_kind("CustomResourceDefinition").collection(), {.metadata_only = true});
    if (!list) return failure(list.error());
    std::set<std::string> current;
    std::string newest;
    bool foreign = false;
    for (const Json& crd : list_at(*list, "items")) {
      std::string name = text_at(crd, "metadata.name");
      if (!name.ends_with(".monitoring.coreos.com")) continue;
      foreign = foreign || !is_ours(crd, config_);
      const Json& version = at(crd, {"metadata", "annotations", "operator.prometheus.io/version"});
      if (version == config_.text("operator.version") && at(crd, "metadata.deletionTimestamp").is_null())
        current.insert(name);
      newest = std::max(newest, text_at(crd, "metadata.creationTimestamp"));
    }
    work_.used = foreign;
    if (foreign) return served_by_somebody();
    std::string source = bundle_source(config_, access_);
    bool whole = current.size() >= bundle_crds && includes_operator() && !operator_started_before(newest);
    if (whole && is_url(source)) return {};  // not fetched only to look

    Result<std::string> text = read_bundle(world_, config_, source);
    if (!text) return failure(text.error());
    Operations operations = bundle_operations(*text, config_);
    if (!operations) return failure(operations.error());
    bool restart = current.size() < bundle_crds || operator_started_before(newest);
    for (Operation& operation : *operations) {
      auto* yaml = std::get_if<Apply>(&operation.action);
      if (yaml == nullptr) {
        if (restart) work_.todo.push_back(std::move(operation));
      } else if (yaml->crd.empty()) {
        if (Status compared = apply(operation, *yaml); !compared) return compared;
      } else if (current.contains(yaml->crd)) {
        reached(operation);
      } else {
        work_.todo.push_back(std::move(operation));
      }
    }
    return {};
  }

  // Helm leaves definitions behind when the operator is uninstalled.
  Status served_by_somebody() {
    Result<std::string> pod = operator_pod(api_);
    if (!pod || !pod->empty()) return {};  // what may not be read is no proof
    return failure(
        ErrorClass::check_failed, "operator-missing",
        "prometheus-operator's custom resource definitions already exist, but no operator is running",
        "they were not created by hpawalk, and no pod of the cluster looks like a prometheus-operator, so "
        "nobody would act on a Prometheus or ServiceMonitor",
        "Start their operator. Or, if nobody needs them, delete them, which deletes all objects of their "
        "kinds, and hpawalk installs its own: kubectl get crd -o name | grep monitoring.coreos.com | xargs "
        "kubectl delete. Nothing was changed");
  }

  // A run that was killed between the custom resources and the operator's restart has left one that does not
  // know them.
  bool operator_started_before(const std::string& time) {
    std::string path =
        kube_kind("Pod").collection(config_.text("operator.namespace")) + "?labelSelector=" +
        world::query_value(
            "app.kubernetes.io/name=prometheus-operator,app.kubernetes.io/component=controller");
    Result<Json> pods = world::kube_get(api_, path);
    if (!pods) return false;
    for (const Json& pod : list_at(*pods, "items")) {
      if (!at(pod, "metadata.deletionTimestamp").is_null()) continue;
      for (const Json& container : list_at(pod, "status.containerStatuses")) {
        std::string started = text_at(container, "state.running.startedAt");
        if (!started.empty() && started < time) return true;  // RFC 3339 in UTC: in the order of time
      }
    }
    return false;
  }

  // The operator's own objects, without reading the bundle: the Deployment as this version would make it.
  bool includes_operator() {
    std::string space = config_.text("operator.namespace");
    Result<Json> live = world::kube_get(api_, kube_kind("Deployment").object(space, "prometheus-operator"));
    Result<Json> binding =
        world::kube_get(api_, kube_kind("ClusterRoleBinding").object("prometheus-operator"));
    Result<Json> role = world::kube_get(api_, kube_kind("ClusterRole").object("prometheus-operator"));
    Result<Json> account =
        world::kube_get(api_, kube_kind("ServiceAccount").object(space, "prometheus-operator"));
    Result<Json> service = world::kube_get(api_, kube_kind("Service").object(space, "prometheus-operator"));
    for (const Result<Json>* object : {&live, &binding, &role, &account, &service}) {
      if (!*object || !is_ours(**object, config_) || !at(**object, "metadata.deletionTimestamp").is_null())
        return false;
    }
    for (const Json& container : list_at(*live, "spec.template.spec.containers")) {
      if (text_at(container, "image").ends_with(":v" + config_.text("operator.version"))) return true;
    }
    return false;
  }

  Status helm(Operation operation) {
    HelmUpgrade& upgrade = std::get<HelmUpgrade>(operation.action);
    if (Status chart = look_at_chart(upgrade); !chart) return chart;
    std::string space = config_.text("adapter.namespace"), name = config_.text("adapter.release");
    Result<Release> release = find_release(api_, world_.clock, config_, space, name);
    if (!release) return failure(release.error());
    if (release->there && !release->ours) {
      return failure(not_ours("Helm release " + name + " in namespace " + space, release->instance));
    }
    for (const char* version : {"v1beta1", "v1beta2"}) {
      if (release->there) break;
      std::string service = fmt::format("{}.custom.metrics.k8s.io", version);
      Result<Json> live = world::kube_get(api_, kube_kind("APIService").object(service));
      if (live && at(*live, "metadata.deletionTimestamp").is_null()) {
        return failure(other_adapter(service, *live));
      }
    }
    bool wanted = release->there && !release->pending && release->values == upgrade.mark;
    if (wanted && stands(space, name)) return {};
    if (Status free = look_for_strangers(upgrade); !free) return free;
    work_.todo.push_back(std::move(operation));
    return {};
  }

  // Helm ends with an error at the first object of the chart that exists and is not of the release.
  Status look_for_strangers(const HelmUpgrade& upgrade) {
    Result<std::vector<yaml::Value>> objects = rendered(upgrade);
    if (!objects) return failure(objects.error());
    for (yaml::Value& object : *objects) {
      std::string path = release_path(object, upgrade.name_space);
      if (path.empty()) continue;
      Result<Json> live = world::kube_get(api_, path);
      if (!live && live.error().is("kube-not-found")) continue;
      if (!live) return failure(live.error());
      if (!carries_mark(*live, upgrade.name_space, upgrade.release))
        return failure(not_of_release(*live, object_title(object), upgrade));
    }
    return {};
  }

  Result<std::vector<yaml::Value>> rendered(const HelmUpgrade& upgrade) {
    std::vector<std::string> words = {"template", upgrade.release}, chart = upgrade.chart;
    if (chart.empty()) {
      Result<std::string> folder = write_chart(world_);
      if (!folder) return failure(folder.error());
      chart = {*folder};
    }
    words.insert(words.end(), chart.begin(), chart.end());
    words.insert(words.end(), {"--namespace=" + upgrade.name_space, "--values=-"});
    world::Command command{.argv = helm_line(access_, std::move(words)), .input = upgrade.values};
    Result<std::string> text = world::run_checked(
        world_.processes, command, "helm", "Cannot render the chart of Helm release " + upgrade.release);
    if (!text) return failure(text.error());
    return yaml::parse_all(*text);
  }

  static Error not_of_release(const Json& live, const std::string& title, const HelmUpgrade& upgrade) {
    auto annotation = [&](const char* key) {
      const Json& value = at(live, {"metadata", "annotations", key});
      return value.is_string() ? value.get<std::string>() : std::string();
    };
    std::string release = annotation("meta.helm.sh/release-name"),
                space = annotation("meta.helm.sh/release-namespace");
    std::string because = release.empty()
                              ? "it does not belong to a Helm release"
                              : fmt::format("it belongs to Helm release {} in namespace {}", release, space);
    return Error{ErrorClass::check_failed,
                 "not-ours",
                 title + " already exists and is not of Helm release " + upgrade.release,
                 because + ", so Helm refuses to install over it",
                 "If nobody uses it (a rest of an earlier adapter, for example), delete it; or choose "
                 "another --adapter-release. Nothing was changed",
                 {},
                 {}};
  }

  // There can be one adapter only: an earlier one of hpawalk's under other names, or somebody else's.
  Error other_adapter(const std::string& service, const Json& live) {
    auto annotation = [&](const char* key) {
      return text_at(Json{{"value", at(live, {"metadata", "annotations", key})}}, "value");
    };
    std::string space = annotation("meta.helm.sh/release-namespace"),
                name = annotation("meta.helm.sh/release-name");
    Result<Release> release = find_release(api_, world_.clock, config_, space, name);
    bool of_hpawalk = !name.empty() && release && (release->ours || !release->instance.empty());
    if (!of_hpawalk) return not_ours("APIService " + service + " (another metrics adapter)");
    if (!release->ours)
      return not_ours(fmt::format("The adapter, Helm release {} in namespace {},", name, space),
                      release->instance);
    return Error{
        ErrorClass::check_failed,
        "adapter-elsewhere",
        fmt::format(
            "hpawalk's adapter is already installed on this cluster, as Helm release {} in namespace {}",
            name, space),
        "a cluster can have only one",
        config_.again("down") + " " +
            text::shell_quote({"--adapter-release=" + name, "--adapter-namespace=" + space}) +
            "   removes it; then, the new settings can be used. Nothing was changed",
        {},
        {}};
  }

  // A chart in a folder or file: what is in it becomes part of the mark, so that an edited chart is deployed
  // again.
  Status look_at_chart(HelmUpgrade& upgrade) {
    std::string chart = config_.text("adapter.chart");
    if (chart == "bundled" || chart == "upstream" || chart.starts_with("oci://") ||
        chart.starts_with("https://"))
      return {};
    if (!world_.files.exists(chart)) {
      bool reference =
          chart.find('/') != std::string::npos && !chart.starts_with('.') && !chart.starts_with('/');
      if (reference) return {};  // REPOSITORY/CHART of a repository that the user's helm knows
      auto near = text::nearest(chart, {"bundled", "upstream"});
      return failure(ErrorClass::usage, "adapter-chart", "Chart not found: " + chart,
                     near ? fmt::format("did you mean `{}`?", *near) : "no such file or folder",
                     "--adapter-chart takes bundled, upstream, a path, or oci://...; nothing was changed");
    }
    Result<std::vector<fs::path>> entries = world_.files.list(chart);
    if (entries && !entries->empty() && !world_.files.exists(fs::path(chart) / "Chart.yaml")) {
      return failure(ErrorClass::usage, "adapter-chart", "No chart found in " + chart,
                     "the folder has no Chart.yaml",
                     "--adapter-chart takes bundled, upstream, a path, or oci://...; nothing was changed");
    }
    upgrade.mark = fingerprint(upgrade.mark + content(chart));
    return {};
  }

  std::string content(const fs::path& path) {
    Result<std::vector<fs::path>> entries = world_.files.list(path);
    if (!entries || entries->empty()) return path.string() + world_.files.read(path).value_or("");
    std::string all;
    for (const fs::path& entry : *entries) all += content(entry);
    return all;
  }

  // Where an object of a release is. Its Secrets and ConfigMaps are Helm's to make, never hpawalk's own.
  static std::string release_path(const yaml::Value& object, const std::string& space) {
    Json o(object);
    const world::KubeResource* kind = world::find_kube_kind(text_at(o, "kind"));
    if (kind == nullptr) return {};
    std::string where = kind->namespaced ? text_at(o, "metadata.namespace", space) : "";
    return kind->object(where, text_at(o, "metadata.name"));
  }

  // Everything that Helm deployed is there.
  bool stands(const std::string& space, const std::string& name) {
    world::Command command{.argv = helm_line(access_, {"get", "manifest", name, "--namespace=" + space})};
    Result<std::string> manifest =
        world::run_checked(world_.processes, command, "helm", "Cannot read the Helm release " + name);
    Result<std::vector<yaml::Value>> objects =
        manifest ? yaml::parse_all(*manifest) : failure(manifest.error());
    if (!objects) return false;
    for (const yaml::Value& object : *objects) {
      std::string path = release_path(object, space);
      if (path.empty()) continue;
      Result<Json> live = world::kube_get(api_, path);
      if (!live || !at(*live, "metadata.deletionTimestamp").is_null()) return false;
      Json replicas = at(Json(object), "spec.replicas");
      if (!replicas.is_null() && replicas != at(*live, "spec.replicas")) return false;
    }
    return !objects->empty();
  }

  // A pod that runs from it is the proof that it is there.
  Status image(const Operation& operation, const std::string& image) {
    if (!config_.text("prom-fake.image").empty()) {
      work_.evidence = image + ": from its registry";
      return {};
    }
    Result<Json> live = world::kube_get(
        api_, kube_kind("Deployment").object(config_.text("namespace"), config_.text("prom-fake.name")));
    const Json& containers = live ? list_at(*live, "spec.template.spec.containers") : Json::array();
    if (live && int_at(*live, "status.availableReplicas") > 0 && !containers.empty() &&
        text_at(containers[0], "image") == image) {
      work_.evidence = image + ": a pod is running from it";
      return {};
    }
    work_.evidence = image + ": brought to the cluster";
    work_.todo.push_back(operation);
    return {};
  }

  Status keda_image(const Operation& operation) {
    Result<Json> live = world::kube_get(
        api_, kube_kind("Deployment").object(config_.text("keda.namespace"), "keda-operator"));
    if (live && int_at(*live, "status.availableReplicas") > 0) {
      reached(operation);
    } else {
      work_.todo.push_back(operation);
    }
    return {};
  }

  world::World& world_;
  const config::Config& config_;
  const cluster::ClusterAccess& access_;
  world::KubeApi& api_;
  Work work_;
};

}  // namespace

Result<Work> find_work(world::World& world, const config::Config& config,
                       const cluster::ClusterAccess& access, world::KubeApi& api, const Stage& stage) {
  return Finder(world, config, access, api).run(stage);
}

}  // namespace hpawalk::steps
