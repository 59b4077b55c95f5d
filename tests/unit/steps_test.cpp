#include <set>

#include <doctest/doctest.h>

#include "base/text.hpp"
#include "manifests/manifests.hpp"
#include "steps/down.hpp"
#include "steps/plan.hpp"
#include "steps/preflight.hpp"
#include "steps/standing.hpp"
#include "steps/up.hpp"
#include "tests/fakes/fake_kube_api.hpp"
#include "tests/fakes/fakes.hpp"
#include "tests/fakes/golden.hpp"

using namespace hpawalk;
using fakes::golden_difference;

namespace {

Config configured(const std::string& file = "") {
  auto config = Config::from({"hpawalk.yaml", file, {}, {}});
  REQUIRE_MESSAGE(config, (config ? "" : config.error().because));
  return *config;
}

const ClusterAccess access_to_prod{{"/home/user/.kube/config", "prod", "kubectl"}, "helm", {}};

Json labelled(Json object) {
  object["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "hpawalk";
  object["metadata"]["labels"]["app.kubernetes.io/part-of"] = "hpawalk";
  return object;
}

struct NoTarget final : ClusterTarget {
  std::string name() const override { return "a test"; }
  std::vector<std::string> plan() const override { return {}; }
  ClusterAccess expected() const override { return access_to_prod; }
  Result<ClusterAccess> find() override { return access_to_prod; }
  Result<ClusterAccess> ensure(Progress&) override { return access_to_prod; }
  Status load_image(KubeApi&, const std::string&, Progress&) override { return {}; }
  Status remove(Progress&) override { return {}; }
};

struct Silence final : Progress {
  void started(const std::string&) override {}
  void now(const std::string&, const std::string&) override {}
  void done(const std::string&, const std::string&) override {}
  void failed(const std::string&, const std::string&) override {}
};

}  // namespace

TEST_CASE("The plan of the default configuration is what was agreed on") {
  auto stages = plan(configured("context: prod\n"), access_to_prod, {}, "/cache/chart");
  CHECK(golden_difference("plan-default.txt", to_text(stages.value())) == "");
}

TEST_CASE("The plan of another configuration names other things in every place") {
  Config config = configured(
      "context: prod\nnamespace: shop\nworkload: {name: checkout, image: 'r.example.com/checkout:2', labels: {app: checkout}}\n"
      "operator: {version: 0.80.1, namespace: operators}\nprometheus: {name: prom, namespace: watching}\n"
      "prom-fake: {name: fake, image: 'r.example.com/fake:1', labels: {app: fake}, metric: queue_length}\n"
      "adapter: {release: bridge, namespace: bridges, chart: upstream, chart-version: 5.1.0}\nhpa: {name: checkout}\n");
  std::string text = to_text(plan(config, access_to_prod, {}, "/cache/chart").value());
  CHECK(golden_difference("plan-custom.txt", text) == "");
  for (const char* name : {"nginx", "prom-fake/", "prom_fake_value", "prom-metrics", "0.85.0"}) {
    CAPTURE(name);
    CHECK(text.find(name) == std::string::npos);
  }
}

TEST_CASE("Every command of a plan says on which cluster it works") {
  for (const Stage& stage : stages()) {
    auto operations = stage.operations(configured(), access_to_prod);
    for (const Operation& operation : *operations) {
      if (operation.does == Does::load_image) continue;
      std::string line = text::join(operation.argv, " ");
      CAPTURE(line);
      CHECK(line.find("--kubeconfig=/home/user/.kube/config") != std::string::npos);
      CHECK((line.find("--context=prod") != std::string::npos || line.find("--kube-context=prod") != std::string::npos));
    }
  }
}

TEST_CASE("The adapter's chart comes from where it is configured to come from") {
  auto chart = [](const std::string& settings) {
    auto operations = find_stage("adapter")->operations(configured("adapter: {" + settings + "}\n"), access_to_prod);
    return text::join(operations->back().argv, " ");
  };
  CHECK(chart("").find("prometheus-adapter CHART ") != std::string::npos);
  CHECK(chart("chart: upstream").find(" prometheus-adapter --repo=https://prometheus-community.github.io/helm-charts ") != std::string::npos);
  CHECK(chart("chart: upstream, chart-version: 5.1.0").find("--version=5.1.0") != std::string::npos);
  CHECK(chart("chart: 'oci://r.example.com/charts/adapter'").find(" oci://r.example.com/charts/adapter ") != std::string::npos);
  CHECK(chart("chart: ./mine").find(" ./mine ") != std::string::npos);
}

TEST_CASE("Milestones that operations wait for are reached by some operation, and never in a circle") {
  auto bundle = std::string();
  for (const char* plural : {"alertmanagers", "podmonitors", "probes", "prometheuses", "prometheusrules", "servicemonitors"}) {
    bundle += std::string("---\nkind: CustomResourceDefinition\nmetadata:\n  name: ") + plural + ".monitoring.coreos.com\nspec: {}\n";
  }
  bundle += "---\nkind: Deployment\nmetadata:\n  name: prometheus-operator\nspec: {template: {spec: {containers: []}}}\n";
  std::vector<Operation> all;
  for (const Stage& stage : stages()) {
    auto operations = stage.operations(configured(), access_to_prod);
    for (const Operation& operation : *operations) {
      if (operation.does != Does::bundle) all.push_back(operation);
    }
  }
  auto expanded = bundle_operations(bundle, configured(), access_to_prod);
  REQUIRE(expanded);
  all.insert(all.end(), expanded->begin(), expanded->end());
  std::set<std::string> reached;
  size_t left = all.size();
  while (left > 0) {
    size_t before = left;
    for (Operation& operation : all) {
      if (operation.argv.empty() && operation.does != Does::load_image) continue;  // done
      bool ready = std::all_of(operation.after.begin(), operation.after.end(), [&](const auto& m) { return reached.contains(m); });
      if (!ready) continue;
      reached.insert(operation.reaches);
      operation.argv.clear();
      operation.does = Does::apply;
      --left;
    }
    REQUIRE_MESSAGE(left < before, "nothing can go on");
  }
  CHECK(reached.contains("CRD servicemonitors"));
}

TEST_CASE("--from and --only choose stages, and a wrong name finds its neighbour") {
  CHECK(selected_stages({.only = {"hpa", "adapter"}}).value() == std::vector<std::string>{"adapter", "hpa"});
  CHECK(selected_stages({.from = "servicemonitor"}).value() == std::vector<std::string>{"servicemonitor", "adapter", "hpa"});
  CHECK(selected_stages({.only = {"hpa"}, .from = "adapter"}).value() == std::vector<std::string>{"hpa"});
  CHECK(selected_stages({.only = {"adaptor"}}).error().because == "did you mean `adapter`?");
  CHECK(selected_stages({.only = {"workload"}, .from = "hpa"}).error().kind == ErrorClass::usage);
}

TEST_CASE("What is applied is found in what the API server made of it") {
  Json live = {{"a", 1}, {"list", {{{"n", "x"}, {"added", true}}}}, {"more", "fields"}};
  CHECK(includes(live, {{"a", 1}}));
  CHECK(includes(live, {{"list", {{{"n", "x"}}}}, {"empty", Json::object()}}));
  CHECK_FALSE(includes(live, {{"a", 2}}));
  CHECK_FALSE(includes(live, {{"list", {{{"n", "x"}}, {{"n", "y"}}}}}));
  CHECK_FALSE(includes(live, {{"missing", 1}}));
  CHECK_FALSE(includes(Json(3), {{"a", 1}}));
}

TEST_CASE("A field that hpawalk applied earlier and does not want any more is noticed") {
  Json live = {{"metadata",
                {{"managedFields",
                  {{{"manager", "hpawalk"},
                    {"operation", "Apply"},
                    {"fieldsV1", {{"f:spec", {{"f:behavior", {{"f:scaleDown", Json::object()}}}, {"f:metrics", Json::object()}}}}}}}}}}};
  CHECK(owns_more(live, {{"spec", {{"metrics", Json::array()}}}}));
  CHECK_FALSE(owns_more(live, {{"spec", {{"metrics", Json::array()}, {"behavior", {{"scaleDown", {{"x", 1}}}}}}}}));
  CHECK_FALSE(owns_more(Json::object(), Json::object()));
}

TEST_CASE("An object is absent, the same, different, or somebody else's") {
  Config config = configured();
  Operation operation = find_stage("hpa")->operations(config, access_to_prod)->front();
  const std::string path = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/nginx";
  fakes::FakeKubeApi api;
  CHECK(compare_apply(api, operation)->standing == Standing::absent);
  Json live = Json(yaml::parse(operation.input).value());
  api.get(path, live);
  CHECK(compare_apply(api, operation)->standing == Standing::same);
  live["spec"]["maxReplicas"] = 3;
  api.get(path, live);
  CHECK(compare_apply(api, operation)->standing == Standing::different);
  live["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  api.get(path, live);
  CHECK(compare_apply(api, operation)->standing == Standing::absent);
  live["metadata"].erase("labels");
  api.get(path, live);
  auto compared = compare_apply(api, operation);
  CHECK(compared->standing == Standing::foreign);
  CHECK(compared->foreign == "HorizontalPodAutoscaler nginx in namespace default");
  api.refuse(path, 403, "no");
  CHECK(compare_apply(api, operation).error().id == "kube-forbidden");
}

TEST_CASE("The HPA's replicas survive when the workload is applied again") {
  Operation operation = find_stage("workload")->operations(configured("workload: {image: 'nginx:new'}\n"), access_to_prod)->front();
  Json live = Json(yaml::parse(find_stage("workload")->operations(configured(), access_to_prod)->front().input).value());
  live["spec"]["replicas"] = 7;
  fakes::FakeKubeApi api;
  api.get("/apis/apps/v1/namespaces/default/deployments/nginx", live);
  auto compared = compare_apply(api, operation);
  CHECK(compared->standing == Standing::different);
  CHECK(yaml::parse(compared->operation.input)->at("spec").at("replicas") == 7);
  // And nothing is applied only because of them.
  auto same = compare_apply(api, find_stage("workload")->operations(configured(), access_to_prod)->front());
  CHECK(same->standing == Standing::same);
}

TEST_CASE("A namespace that was there already is used, and left out of what is applied") {
  Operation operation = find_stage("hpa")->operations(configured("namespace: shop\n"), access_to_prod)->front();
  fakes::FakeKubeApi api;
  api.get("/api/v1/namespaces/shop", {{"kind", "Namespace"}, {"metadata", {{"name", "shop"}}}});
  auto compared = compare_apply(api, operation);
  CHECK(compared->standing == Standing::absent);
  CHECK(compared->operation.input.find("kind: Namespace") == std::string::npos);
  CHECK(compared->operation.input.find("kind: HorizontalPodAutoscaler") != std::string::npos);
}

TEST_CASE("A Helm release is read from the newest of its Secrets") {
  fakes::FakeKubeApi api;
  const std::string path = "/api/v1/namespaces/m/secrets?labelSelector=" + query_value("owner=helm,name=a");
  api.get(path, {{"items", Json::array()}});
  CHECK_FALSE(find_release(api, "m", "a")->there);
  Json first = labelled({{"metadata", {{"labels", {{"version", "1"}, {"status", "superseded"}, {"hpawalk/values", "old"}}}}}});
  Json second = labelled({{"metadata", {{"labels", {{"version", "10"}, {"status", "deployed"}, {"hpawalk/values", "new"}}}}}});
  Json third = labelled({{"metadata", {{"labels", {{"version", "9"}, {"status", "superseded"}}}}}});
  api.get(path, {{"items", {first, second, third}}});
  Release release = *find_release(api, "m", "a");
  CHECK(release.there);
  CHECK(release.ours);
  CHECK_FALSE(release.pending);
  CHECK(release.values == "new");
  second["metadata"]["labels"]["status"] = "pending-install";
  api.get(path, {{"items", {second}}});
  CHECK(find_release(api, "m", "a")->pending);
  api.get(path, {{"items", {{{"metadata", {{"labels", {{"version", "1"}, {"status", "deployed"}}}}}}}}});
  CHECK_FALSE(find_release(api, "m", "a")->ours);
}

TEST_CASE("up stops before it changes anything when an object of that name is somebody else's") {
  fakes::FakeWorld world;  // knows no command: any kubectl or helm would end the test
  fakes::FakeKubeApi api;
  api.get("/apis/apps/v1/namespaces/default/deployments/nginx", {{"kind", "Deployment"}, {"metadata", {{"name", "nginx"}}}});
  Config config = configured();
  NoTarget target;
  Silence silence;
  UpReport report;
  Status status = up(world.world, config, target, access_to_prod, api, {.only = {"workload", "hpa"}}, silence, report);
  REQUIRE_FALSE(status);
  CHECK(status.error().id == "not-ours");
  CHECK(status.error().what == "Deployment nginx in namespace default is there already, and hpawalk did not make it");
}

TEST_CASE("up applies what is missing, watches until it holds, and says what it saw") {
  fakes::FakeWorld world;
  fakes::FakeKubeApi api;
  Config config = configured();
  NoTarget target;
  Silence silence;
  UpReport report;
  world.processes.expect(
      "kubectl --kubeconfig=/home/user/.kube/config --context=prod apply --server-side --field-manager=hpawalk --force-conflicts -f -");
  Status status = up(world.world, config, target, access_to_prod, api, {.only = {"workload"}}, silence, report);
  // The fake cluster never makes the pods: the stage ends with what was seen last.
  REQUIRE_FALSE(status);
  CHECK(status.error().id == "stage-workload");
  CHECK(status.error().because.find("nginx") != std::string::npos);
  CHECK(world.clock.elapsed >= std::chrono::minutes(5));
  CHECK(report.stages.at(0).outcome == StageReport::Outcome::failed);
}

TEST_CASE("A second up on a finished stage runs no command at all") {
  fakes::FakeWorld world;
  fakes::FakeKubeApi api;
  Config config = configured();
  Json live = Json(yaml::parse(find_stage("workload")->operations(config, access_to_prod)->front().input).value());
  live["status"] = {{"availableReplicas", 1}, {"updatedReplicas", 1}};
  api.get("/apis/apps/v1/namespaces/default/deployments/nginx", live);
  NoTarget target;
  Silence silence;
  UpReport report;
  REQUIRE(up(world.world, config, target, access_to_prod, api, {.only = {"workload"}}, silence, report));
  CHECK(report.stages.at(0).outcome == StageReport::Outcome::unchanged);
}

TEST_CASE("down on a cluster with nothing of hpawalk's changes nothing, and names what it left alone") {
  fakes::FakeWorld world;
  fakes::FakeKubeApi api;
  api.get("/apis/apps/v1/namespaces/default/deployments/nginx", {{"kind", "Deployment"}, {"metadata", {{"name", "nginx"}}}});
  Config config = configured();
  Silence silence;
  DownReport report;
  REQUIRE(down(world.world, config, access_to_prod, api, silence, report));
  CHECK(report.removed.empty());
  CHECK(report.left == std::vector<std::string>{"Deployment nginx in namespace default: hpawalk did not make it"});
}

TEST_CASE("A missing tool or right stops a run before anything is changed, with the way out") {
  fakes::FakeWorld world;
  world.processes.programs = {"kubectl"};
  Status status = all_fine(look_at_tools(world.world, access_to_prod, false));
  CHECK(status.error().id == "preflight-helm");
  CHECK(status.error().kind == ErrorClass::environment);
  world.processes.programs = {"kubectl", "helm"};
  CHECK(all_fine(look_at_tools(world.world, access_to_prod, false)));

  fakes::FakeKubeApi api;
  CHECK(all_fine(look_at_cluster(api, configured())).error().id == "preflight-API-server");
  api.get("/version", {{"gitVersion", "v1.34.4"}});
  api.answers["POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"] = {201, R"({"status":{"allowed":false}})"};
  status = all_fine(look_at_cluster(api, configured()));
  CHECK(status.error().id == "preflight-rights");
  CHECK(status.error().because.find("create apiservices") != std::string::npos);
  api.answers["POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"] = {201, R"({"status":{"allowed":true}})"};
  CHECK(all_fine(look_at_cluster(api, configured())));
}
