// What `down` takes away, and what it leaves.
#include <algorithm>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "cli/run.hpp"
#include "manifests/manifests.hpp"
#include "steps/down.hpp"
#include "steps/made_kinds.hpp"
#include "tests/fakes/fake_cluster.hpp"
#include "tests/fakes/fakes.hpp"

using namespace hpawalk;
using namespace hpawalk::config;
using namespace hpawalk::cluster;
using namespace hpawalk::world;
using namespace hpawalk::cli;
using namespace hpawalk::manifests;
using namespace hpawalk::steps;
using fakes::object;
using fakes::owned_by;
using fakes::with_labels;

namespace {

const std::string mine = "default.nginx";
const std::string release = "prometheus-adapter", monitoring = "prom-metrics";

struct Quiet final : Progress {
  void started(const std::string&) override {}
  void now(const std::string&, const std::string&) override {}
  void done(const std::string&, const std::string&) override {}
  void failed(const std::string&, const std::string&) override {}
};

Json of_release(Json object, const std::string& name = release) {
  object["metadata"]["annotations"] = {{"meta.helm.sh/release-name", name},
                                       {"meta.helm.sh/release-namespace", monitoring}};
  return object;
}

Json release_secret(const std::string& space, const std::string& name, const std::string& instance) {
  Json secret = with_labels(object("v1", "Secret", space, "sh.helm.release.v1." + name + ".v1"), instance);
  Json& labels = secret["metadata"]["labels"];
  labels["owner"] = "helm";
  labels["name"] = name;
  labels["status"] = "deployed";
  labels["version"] = "1";
  return secret;
}

// A chain as `up` and the controllers leave it.
struct Chain {
  fakes::FakeWorld world;
  fakes::FakeCluster api;
  DownReport report;
  Config config;
  std::string manifest =
      "kind: ConfigMap\nmetadata: {name: prometheus-adapter, namespace: prom-metrics}\n---\n"
      "kind: Deployment\nmetadata: {name: prometheus-adapter, namespace: prom-metrics}\n---\n"
      "kind: ClusterRole\nmetadata: {name: prometheus-adapter-resource-reader}\n---\n"
      "kind: APIService\nmetadata: {name: v1beta1.custom.metrics.k8s.io}\n";

  explicit Chain(const std::string& file = "", const std::string& instance = mine)
      : config(Config::from({"hpawalk.yaml", file, {}, {}}).value()) {
    api.add(object("v1", "Namespace", "", "default"));
    api.add(object("v1", "Namespace", "", "kube-system"));
    api.add(with_labels(object("v1", "Namespace", "", monitoring), instance));
    api.add(with_labels(object("apps/v1", "Deployment", "default", "nginx"), instance));
    running("Deployment", "default", "nginx");
    api.add(with_labels(object("apps/v1", "Deployment", "default", "prom-fake"), instance));
    api.add(with_labels(object("v1", "Service", "default", "prom-fake"), instance));
    api.add(with_labels(object("autoscaling/v2", "HorizontalPodAutoscaler", "default", "nginx"), instance));
    api.add(
        with_labels(object("monitoring.coreos.com/v1", "ServiceMonitor", monitoring, "prom-fake"), instance));
    api.add(with_labels(object("v1", "Service", monitoring, "prometheus"), instance));
    api.add(object("v1", "Endpoints", monitoring, "prometheus"));
    api.add(
        with_labels(object("monitoring.coreos.com/v1", "Prometheus", monitoring, "prometheus"), instance));
    Json set = owned_by(object("apps/v1", "StatefulSet", monitoring, "prometheus-prometheus"),
                        api.get("Prometheus", monitoring, "prometheus"));
    api.add(set);
    api.add(owned_by(object("v1", "Pod", monitoring, "prometheus-prometheus-0"),
                     api.get("StatefulSet", monitoring, "prometheus-prometheus")));
    Json operator_itself =
        with_labels(object("apps/v1", "Deployment", "default", "prometheus-operator"), instance);
    operator_itself["metadata"]["labels"]["app.kubernetes.io/name"] = "prometheus-operator";
    api.add(operator_itself);
    for (const char* name : {"prometheuses.monitoring.coreos.com", "servicemonitors.monitoring.coreos.com"}) {
      api.add(with_labels(object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", name), instance));
    }
    api.add(release_secret(monitoring, release, instance));
    api.add(of_release(object("v1", "ConfigMap", monitoring, release)));
    api.add(of_release(object("apps/v1", "Deployment", monitoring, release)));
    running("Deployment", monitoring, release);
    api.add(of_release(
        object("rbac.authorization.k8s.io/v1", "ClusterRole", "", "prometheus-adapter-resource-reader")));
    api.add(
        of_release(object("apiregistration.k8s.io/v1", "APIService", "", "v1beta1.custom.metrics.k8s.io")));
  }

  // The replica set and the pod of a Deployment.
  void running(const std::string& kind, const std::string& space, const std::string& name) {
    api.add(owned_by(object("apps/v1", "ReplicaSet", space, name + "-5d"), api.get(kind, space, name)));
    api.add(owned_by(object("v1", "Pod", space, name + "-5d-x"), api.get("ReplicaSet", space, name + "-5d")));
  }

  Status down() {
    Quiet quiet;
    report = {};
    ClusterAccess access{{"/home/user/.kube/config", "prod", "kubectl"}, "helm", {}};
    world.processes.allow(
        "helm --kubeconfig=/home/user/.kube/config --kube-context=prod get manifest prometheus-adapter "
        "--namespace=prom-metrics",
        {0, manifest, ""});
    return steps::down(world.world, config, access, api, quiet, report);
  }

  bool left(const std::string& text) const {
    return std::any_of(report.left.begin(), report.left.end(),
                       [&](const std::string& line) { return line.find(text) != std::string::npos; });
  }
  std::string lines() const { return fmt::format("{}", fmt::join(report.left, "\n")); }
};

// Keeps the namespace, and is there afterwards, while everything of hpawalk's is gone.
void survives(const Json& stranger, const std::string& named) {
  Chain chain;
  chain.api.add(stranger);
  REQUIRE(chain.down());
  CAPTURE(chain.lines());
  CHECK(chain.left("Namespace prom-metrics: " + named + " still exists in it"));
  CHECK(chain.api.has("Namespace", "", monitoring));
  CHECK(chain.api.has(stranger["kind"], monitoring, stranger["metadata"]["name"]));
  CHECK_FALSE(chain.api.has("Prometheus", monitoring, "prometheus"));
  CHECK_FALSE(chain.api.has("Pod", monitoring, "prometheus-prometheus-0"));
  CHECK_FALSE(chain.api.has("Deployment", monitoring, release));
  CHECK_FALSE(chain.api.has("Deployment", "default", "nginx"));
}

}  // namespace

TEST_CASE("down takes away the whole chain, with its namespace, its release and the operator") {
  Chain chain;
  REQUIRE(chain.down());
  CHECK(chain.lines() == "");
  for (auto [kind, space, name] : std::initializer_list<std::tuple<const char*, std::string, std::string>>{
           {"Namespace", "", monitoring},
           {"Deployment", "default", "nginx"},
           {"Pod", "default", "nginx-5d-x"},
           {"Deployment", "default", "prometheus-operator"},
           {"Prometheus", monitoring, "prometheus"},
           {"CustomResourceDefinition", "", "prometheuses.monitoring.coreos.com"},
           {"ClusterRole", "", "prometheus-adapter-resource-reader"},
           {"APIService", "", "v1beta1.custom.metrics.k8s.io"},
           {"Secret", monitoring, "sh.helm.release.v1.prometheus-adapter.v1"}}) {
    CAPTURE(name);
    CHECK_FALSE(chain.api.has(kind, space, name));
  }
  CHECK(chain.api.has("Namespace", "", "default"));
  CHECK(chain.api.has("Event", "default", "something-happened"));
  // Each by its UID.
  for (const Json& options : chain.api.delete_options)
    CHECK(options["preconditions"]["uid"].get<std::string>().starts_with("uid-"));
}

namespace {

// With KEDA instead of prometheus-adapter: what `up` makes, and what KEDA's operator makes of it.
struct KedaChain : Chain {
  KedaChain() : Chain("metrics: keda\n") {
    api.add_kind("keda.sh", "v1alpha1", "scaledjobs", "ScaledJob");
    for (const char* name : {"scaledobjects.keda.sh", "scaledjobs.keda.sh"})
      api.add(with_labels(object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", name), mine));
    api.add(with_labels(object("v1", "Namespace", "", "keda"), mine));
    for (Json made :
         {object("apps/v1", "Deployment", "keda", "keda-operator"),
          object("rbac.authorization.k8s.io/v1", "ClusterRole", "", "keda-operator"),
          object("apiregistration.k8s.io/v1", "APIService", "", "v1beta1.external.metrics.k8s.io")}) {
      made = with_labels(made, mine);
      made["metadata"]["labels"]["app.kubernetes.io/name"] = "keda";
      api.add(made);
    }
    running("Deployment", "keda", "keda-operator");
    Json secret = object("v1", "Secret", "keda", "kedaorg-certs");
    secret["metadata"]["labels"]["app.kubernetes.io/name"] = "keda-operator";
    api.add(secret);
    api.add(with_labels(object("keda.sh/v1alpha1", "ScaledObject", "default", "nginx"), mine));
  }
};

}  // namespace

TEST_CASE("down takes away a ScaledObject while KEDA's operator runs, and then KEDA") {
  KedaChain chain;
  REQUIRE(chain.down());
  CHECK(chain.lines() == "");
  CHECK(chain.api.deletes.front() == "ScaledObject default/nginx");
  for (auto [kind, space, name] : std::initializer_list<std::tuple<const char*, std::string, std::string>>{
           {"Namespace", "", "keda"},
           {"Secret", "keda", "kedaorg-certs"},
           {"ClusterRole", "", "keda-operator"},
           {"APIService", "", "v1beta1.external.metrics.k8s.io"},
           {"CustomResourceDefinition", "", "scaledobjects.keda.sh"}}) {
    CAPTURE(name);
    CHECK_FALSE(chain.api.has(kind, space, name));
  }
}

TEST_CASE("Another's ScaledJob keeps KEDA with its definitions, its certificates and its API service") {
  KedaChain chain;
  chain.api.add(object("keda.sh/v1alpha1", "ScaledJob", "shop", "orders"));
  REQUIRE(chain.down());
  CHECK(chain.left(
      "Deployment keda-operator in namespace keda: ScaledJob orders in namespace shop still needs it"));
  CHECK(chain.left("CustomResourceDefinition scaledobjects.keda.sh: ScaledJob orders"));
  CHECK(chain.api.has("APIService", "", "v1beta1.external.metrics.k8s.io"));
  CHECK(chain.api.has("Secret", "keda", "kedaorg-certs"));
  CHECK(chain.api.has("Namespace", "", "keda"));
  CHECK_FALSE(chain.api.has("ScaledObject", "default", "nginx"));
  CHECK_FALSE(chain.api.has("CustomResourceDefinition", "", "prometheuses.monitoring.coreos.com"));
}

TEST_CASE("A stranger's ServiceMonitor survives, and the operator with its definitions stays for it") {
  Chain chain;
  chain.api.add(object("monitoring.coreos.com/v1", "ServiceMonitor", monitoring, "checkout"));
  REQUIRE(chain.down());
  CHECK(chain.api.has("ServiceMonitor", monitoring, "checkout"));
  CHECK(chain.left("Namespace prom-metrics: ServiceMonitor checkout still exists in it"));
  CHECK(
      chain.left("CustomResourceDefinition servicemonitors.monitoring.coreos.com: ServiceMonitor checkout in "
                 "namespace prom-metrics still needs it"));
  CHECK(chain.api.has("Deployment", "default", "prometheus-operator"));
  CHECK_FALSE(chain.api.has("ServiceMonitor", monitoring, "prom-fake"));
  // Once it is gone, so is the rest.
  chain.api.remove("ServiceMonitor", monitoring, "checkout");
  REQUIRE(chain.down());
  CHECK(chain.lines() == "");
  CHECK_FALSE(chain.api.has("Namespace", "", monitoring));
  CHECK_FALSE(chain.api.has("Deployment", "default", "prometheus-operator"));
}

TEST_CASE("A stranger's object of any kind keeps the namespace") {
  survives(object("v1", "ConfigMap", monitoring, "notes"), "ConfigMap notes");
  survives(object("rbac.authorization.k8s.io/v1", "Role", monitoring, "reader"), "Role reader");
  survives(object("networking.k8s.io/v1", "NetworkPolicy", monitoring, "closed"), "NetworkPolicy closed");
  survives(object("policy/v1", "PodDisruptionBudget", monitoring, "two"), "PodDisruptionBudget two");
  survives(object("v1", "ServiceAccount", monitoring, "robot"), "ServiceAccount robot");
  survives(object("apps/v1", "ReplicaSet", monitoring, "alone"), "ReplicaSet alone");
  survives(object("v1", "Endpoints", monitoring, "by-hand"), "Endpoints by-hand");
}

TEST_CASE(
    "A custom resource of a kind that hpawalk has never heard of keeps the namespace, though only a later "
    "version of its group has it") {
  Chain chain;
  chain.api.add_kind("example.com", "v1", "gadgets", "Gadget");
  chain.api.add_kind("example.com", "v2alpha1", "widgets", "Widget");
  chain.api.add(object("example.com/v2alpha1", "Widget", monitoring, "w"));
  REQUIRE(chain.down());
  CHECK(chain.left("Namespace prom-metrics: Widget w still exists in it"));
  CHECK(chain.api.has("Widget", monitoring, "w"));
}

TEST_CASE("A stranger's object behind the first page of a list keeps the namespace") {
  Chain chain;
  chain.api.page = 2;
  for (const char* name : {"prometheus-prometheus-1", "prometheus-prometheus-2"}) {
    chain.api.add(owned_by(object("v1", "Pod", monitoring, name),
                           chain.api.get("StatefulSet", monitoring, "prometheus-prometheus")));
  }
  chain.api.add(object("v1", "Pod", monitoring, "zeta"));
  REQUIRE(chain.down());
  CHECK(chain.left("Namespace prom-metrics: Pod zeta still exists in it"));
  CHECK(chain.api.has("Pod", monitoring, "zeta"));
  CHECK_FALSE(chain.api.has("Pod", monitoring, "prometheus-prometheus-2"));
}

TEST_CASE("A kind that may not be listed keeps the namespace") {
  Chain chain;
  chain.api.answers["GET /apis/networking.k8s.io/v1/namespaces/prom-metrics/networkpolicies"] = {
      403, R"({"message":"no"})"};
  REQUIRE(chain.down());
  CHECK(
      chain.left("Namespace prom-metrics: its other content is unknown: networkpolicies.networking.k8s.io: "
                 "Forbidden: this login cannot list"));
  CHECK(chain.api.has("Namespace", "", monitoring));
}

TEST_CASE("An API whose server does not answer keeps the namespace, unless it is the adapter's own") {
  Chain strange;
  strange.api.add_kind("backup.example.com", "v1", "backups", "Backup");
  strange.api.add(object("apiregistration.k8s.io/v1", "APIService", "", "v1.backup.example.com"));
  strange.api.make_stale("backup.example.com");
  REQUIRE(strange.down());
  CHECK(strange.left(
      "its other content is unknown: kinds of backup.example.com/v1: its backend does not respond"));
  CHECK(strange.api.has("Namespace", "", monitoring));

  Chain own;  // a broken adapter must not keep its own chain
  own.api.add_kind("custom.metrics.k8s.io", "v1beta1", "pods", "MetricValueList", true, {"get"});
  own.api.make_stale("custom.metrics.k8s.io");
  REQUIRE(own.down());
  CHECK(own.lines() == "");
  CHECK_FALSE(own.api.has("Namespace", "", monitoring));
}

TEST_CASE(
    "What a stranger's object owns is the stranger's; what ours owns, through any number of owners, is not") {
  Chain chain;
  chain.api.add(object("apps/v1", "Deployment", monitoring, "shop"));
  chain.running("Deployment", monitoring, "shop");
  Json shared = owned_by(object("v1", "ConfigMap", monitoring, "shared"),
                         chain.api.get("Prometheus", monitoring, "prometheus"));
  chain.api.add(owned_by(shared, chain.api.get("Deployment", monitoring, "shop")));
  REQUIRE(chain.down());
  CAPTURE(chain.lines());
  CHECK(chain.left(
      "Pod shop-5d-x, ConfigMap shared, Deployment shop and ReplicaSet shop-5d still exist in it"));
  CHECK(chain.api.has("Pod", monitoring, "shop-5d-x"));
  CHECK(chain.api.has("ConfigMap", monitoring, "shared"));
}

TEST_CASE(
    "An object whose owner is gone does not keep the namespace, and one whose owner is of the whole cluster "
    "does") {
  Chain chain;
  Json gone = object("apps/v1", "ReplicaSet", monitoring, "gone");
  gone["metadata"]["uid"] = "uid-of-yore";
  chain.api.add(owned_by(object("v1", "Pod", monitoring, "left-over"), gone));
  REQUIRE(chain.down());
  CHECK(chain.lines() == "");
  Chain other;
  other.api.add(object("rbac.authorization.k8s.io/v1", "ClusterRole", "", "tenant"));
  other.api.add(
      owned_by(object("v1", "Secret", monitoring, "tenants"), other.api.get("ClusterRole", "", "tenant")));
  REQUIRE(other.down());
  CHECK(other.left("Secret tenants still exists in it"));
}

TEST_CASE(
    "A stranger's object that is ending does not keep the namespace, but is not hurried, and what it owns "
    "does keep it") {
  Chain chain;
  Json pod = object("v1", "Pod", monitoring, "ending");
  pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  chain.api.add(pod);
  REQUIRE(chain.down());
  CHECK(chain.lines() == "");
  CHECK(std::count(chain.api.deletes.begin(), chain.api.deletes.end(), "Pod prom-metrics/ending") == 0);

  Chain orphaning;
  Json set = object("apps/v1", "ReplicaSet", monitoring, "ending");
  set["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  set["metadata"]["finalizers"] = {"orphan"};
  orphaning.api.add(set);
  orphaning.api.add(owned_by(object("v1", "Pod", monitoring, "stays"),
                             orphaning.api.get("ReplicaSet", monitoring, "ending")));
  REQUIRE(orphaning.down());
  CHECK(orphaning.left("Pod stays still exists in it"));
}

TEST_CASE("Views, Events and what Kubernetes puts into every namespace do not keep it") {
  Chain chain;
  chain.api.add(object("metrics.k8s.io/v1beta1", "PodMetrics", monitoring, "prometheus-prometheus-0"));
  chain.api.add(object("v1", "Event", monitoring, "scaled"));
  REQUIRE(chain.down());
  CHECK(chain.lines() == "");
  CHECK_FALSE(chain.api.has("Namespace", "", monitoring));
}

TEST_CASE("An object that is created again while down runs has another UID, and survives") {
  Chain chain;
  bool done = false;
  chain.api.before = [&](const KubeRequest& request) {
    if (done || request.method != "DELETE" || request.path.find("/deployments/nginx") == std::string::npos)
      return;
    done = true;
    chain.api.remove("Deployment", "default", "nginx");
    chain.api.add(object("apps/v1", "Deployment", "default", "nginx"));
  };
  REQUIRE(chain.down());
  CHECK(done);
  CHECK(chain.api.has("Deployment", "default", "nginx"));
  CHECK(chain.left(
      "Deployment nginx in namespace default: it was created again while hpawalk was removing it"));
}

TEST_CASE(
    "Another chain of hpawalk's on the same cluster is left alone, and named with the command that takes it "
    "away") {
  Chain chain;
  chain.api.add(with_labels(object("v1", "Namespace", "", "shop"), "shop.web"));
  chain.api.add(with_labels(object("apps/v1", "Deployment", "shop", "web"), "shop.web"));
  chain.api.add(
      with_labels(object("monitoring.coreos.com/v1", "ServiceMonitor", monitoring, "web"), "shop.web"));
  REQUIRE(chain.down());
  CAPTURE(chain.lines());
  CHECK(
      chain.left("3 objects of another hpawalk instance: their label hpawalk/instance is shop.web; hpawalk "
                 "down --instance=shop.web removes them"));
  CHECK(chain.api.has("Deployment", "shop", "web"));
  CHECK(chain.left("Namespace prom-metrics: ServiceMonitor web still exists in it"));
  CHECK(
      chain.left("Deployment prometheus-operator in namespace default: ServiceMonitor web in namespace "
                 "prom-metrics still needs it"));
  CHECK_FALSE(chain.api.has("Deployment", "default", "nginx"));
}

TEST_CASE("down of another configuration takes nothing of a chain that is not its own") {
  Chain chain("namespace: elsewhere\n");
  size_t all = chain.api.deletes.size();
  REQUIRE(chain.down());
  CHECK(chain.api.deletes.size() == all);
  CHECK(chain.report.removed.empty());
  CHECK(chain.left("--instance=default.nginx removes them"));
  CHECK(
      chain.left("Helm release prometheus-adapter in namespace prom-metrics: it belongs to another hpawalk "
                 "instance, default.nginx"));
}

TEST_CASE("Objects of an hpawalk without instances are removed only by the configuration that names them") {
  Chain own("", "");
  own.api.add(with_labels(object("apps/v1", "Deployment", "default", "other"), ""));
  REQUIRE(own.down());
  CHECK(own.report.left ==
        std::vector<std::string>{
            "Deployment other in namespace default: it was created by an earlier hpawalk without the label "
            "hpawalk/instance, and this configuration does not name it"});
  CHECK_FALSE(own.api.has("Namespace", "", monitoring));
  CHECK_FALSE(own.api.has("Deployment", "default", "nginx"));
  Chain colleague("namespace: elsewhere\nworkload: {name: web}\nhpa: {name: web}\n", "");
  REQUIRE(colleague.down());
  CHECK(colleague.api.has("Deployment", "default", "nginx"));
  CHECK(colleague.api.has("HorizontalPodAutoscaler", "default", "nginx"));
}

TEST_CASE("A Helm release that somebody planted with hpawalk's labels is named, and never touched") {
  Chain chain;
  chain.api.add(object("v1", "Namespace", "", "tenant-a"));
  chain.api.add(release_secret("tenant-a", "evil", mine));
  REQUIRE(chain.down());  // no helm is run for it: that would be an unexpected call
  CHECK(
      chain.left("Helm release evil in namespace tenant-a: the adapter's release of this configuration is "
                 "prometheus-adapter"));
  CHECK(chain.api.has("Secret", "tenant-a", "sh.helm.release.v1.evil.v1"));
}

TEST_CASE(
    "A release whose manifest names what no adapter's chart makes, or what is not its own, is left alone") {
  Chain node;
  node.manifest += "---\nkind: Namespace\nmetadata: {name: kube-system}\n";
  REQUIRE(node.down());
  CHECK(
      node.left("Helm release prometheus-adapter in namespace prom-metrics: its manifest names Namespace "
                "kube-system, which no adapter chart creates"));
  CHECK(node.api.has("Namespace", "", "kube-system"));
  CHECK(node.api.has("Secret", monitoring, "sh.helm.release.v1.prometheus-adapter.v1"));
  CHECK(node.left("Namespace prom-metrics: "));

  Chain role;
  role.api.add(object("rbac.authorization.k8s.io/v1", "ClusterRole", "", "prometheus-adapter-of-mine"));
  role.manifest += "---\nkind: ClusterRole\nmetadata: {name: prometheus-adapter-of-mine}\n";
  REQUIRE(role.down());
  CHECK(role.left(
      "its manifest names ClusterRole prometheus-adapter-of-mine, which does not belong to this release"));
  CHECK(role.api.has("ClusterRole", "", "prometheus-adapter-of-mine"));

  Chain elsewhere;
  elsewhere.api.add(of_release(object("apps/v1", "Deployment", "default", "prometheus-adapter-x")));
  elsewhere.manifest += "---\nkind: Deployment\nmetadata: {name: prometheus-adapter-x, namespace: default}\n";
  REQUIRE(elsewhere.down());
  CHECK(elsewhere.left("which no adapter chart creates"));
  CHECK(elsewhere.api.has("Deployment", "default", "prometheus-adapter-x"));
}

TEST_CASE("A custom resource that comes while down runs keeps its definition") {
  Chain chain;
  bool done = false;
  chain.api.before = [&](const KubeRequest& request) {
    if (done || request.method != "DELETE") return;
    done = true;
    chain.api.add(object("monitoring.coreos.com/v1", "ServiceMonitor", "default", "late"));
  };
  REQUIRE(chain.down());
  CHECK(chain.api.has("ServiceMonitor", "default", "late"));
  CHECK(
      chain.left("CustomResourceDefinition servicemonitors.monitoring.coreos.com: ServiceMonitor late in "
                 "namespace default still needs it"));
}

TEST_CASE("A survey that is refused ends down before anything is deleted") {
  Chain chain;
  chain.api.answers["GET /apis/rbac.authorization.k8s.io/v1/clusterroles"] = {403, R"({"message":"no"})"};
  CHECK(chain.down().error().id == "kube-forbidden");
  CHECK(chain.api.deletes.empty());
}

TEST_CASE("down looks for every kind that hpawalk makes") {
  Config config = Config::from({}).value();
  for (const char* stage : {"workload", "prometheus", "prom-fake", "servicemonitor", "hpa"}) {
    std::vector<yaml::Value> objects = yaml::parse_all(render_stage(stage, config).value()).value();
    for (const yaml::Value& made : objects) {
      CAPTURE(made["kind"]);
      CHECK(std::any_of(made_kinds().begin(), made_kinds().end(), [&](const world::KubeResource& kind) {
        return kind.kind == made["kind"].get<std::string>();
      }));
      CHECK(made["metadata"]["labels"]["hpawalk/instance"] == mine);
    }
  }
}

TEST_CASE("An instance's name follows from namespace and HPA, fits into a label, and can be chosen") {
  auto instance = [](const std::string& file) {
    return Config::from({"hpawalk.yaml", file, {}, {}}).value().text("instance");
  };
  CHECK(instance("") == "default.nginx");
  CHECK(instance("namespace: shop\nhpa: {name: web}\n") == "shop.web");
  CHECK(instance("instance: Jane_1\n") == "Jane_1");
  std::string longest = "hpa: {name: " + std::string(100, 'a') + "}\n";
  CHECK(instance(longest).size() == 63);
  CHECK(instance(longest) != instance("hpa: {name: " + std::string(101, 'a') + "}\n"));
  CHECK_FALSE(Config::from({"hpawalk.yaml", "instance: 'a b'\n", {}, {}}));
  CHECK_FALSE(Config::from({"hpawalk.yaml", "instance: " + std::string(64, 'a') + "\n", {}, {}}));
  CHECK_FALSE(Config::from({"hpawalk.yaml", "labels: {hpawalk/instance: x}\n", {}, {}}));
}

TEST_CASE("Of a kubeconfig that kubectl cannot read, down does not say that nothing was there") {
  for (const char* command : {"down", "status"}) {
    CAPTURE(command);
    fakes::FakeWorld world;
    world.processes.expect("kubectl config current-context",
                           {1, "", "error: error loading config file \"x\": yaml: line 1\n"});
    CHECK(run({"hpawalk", command, "--cluster", "current"}, world.world) == 3);
    CHECK(world.terminal.output == "");
    CHECK(world.terminal.errors.find("[kubeconfig]") != std::string::npos);
  }
}
