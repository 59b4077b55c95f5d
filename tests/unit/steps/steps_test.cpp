#include <atomic>
#include <set>
#include <thread>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "base/text.hpp"
#include "manifests/manifests.hpp"
#include "steps/address.hpp"
#include "steps/bundle.hpp"
#include "steps/chain_names.hpp"
#include "steps/chart.hpp"
#include "steps/installer.hpp"
#include "steps/keda_owner.hpp"
#include "steps/namespace_end.hpp"
#include "steps/plan.hpp"
#include "steps/pod_security.hpp"
#include "steps/preflight.hpp"
#include "steps/release_recovery.hpp"
#include "steps/stage_operator.hpp"
#include "steps/standing.hpp"
#include "steps/up.hpp"
#include "steps/work.hpp"
#include "tests/fakes/fake_kube_api.hpp"
#include "tests/fakes/fakes.hpp"
#include "tests/fakes/golden.hpp"

using namespace hpawalk;
using namespace hpawalk::world;
using namespace hpawalk::config;
using namespace hpawalk::cluster;
using namespace hpawalk::manifests;
using namespace hpawalk::steps;
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

struct NoTarget : ClusterTarget {
  std::string name() const override { return "a test"; }
  TargetPlan plan() override { return {access_to_prod, {}}; }
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

// What helm makes of the chart, which is asked before anything is changed.
void render(fakes::FakeWorld& world, const std::string& chart, const std::string& manifest = "") {
  world.processes.allow(
      "helm --kubeconfig=/home/user/.kube/config --kube-context=prod template prometheus-adapter " + chart +
          " --namespace=prom-metrics --values=-",
      {0, manifest, ""});
}

std::string bundled(const fakes::FakeWorld& world) {
  return chart_folder(world.world.environment).string();
}

}  // namespace

TEST_CASE("The plan of the default configuration is what was agreed on") {
  auto stages = plan(configured("context: prod\n"), access_to_prod, {}, "/cache/chart");
  CHECK(golden_difference("plan-default.txt", to_text(stages.value())) == "");
}

TEST_CASE("The plan of another configuration names other things in every place") {
  Config config = configured(
      "context: prod\nnamespace: shop\nworkload: {name: checkout, image: 'r.example.com/checkout:2', labels: "
      "{app: checkout}}\n"
      "operator: {version: 0.80.1, namespace: operators}\nprometheus: {name: prom, namespace: watching}\n"
      "prom-fake: {name: fake, image: 'r.example.com/fake:1', labels: {app: fake}, metric: queue_length}\n"
      "adapter: {release: bridge, namespace: bridges, chart: upstream, chart-version: 5.1.0}\nhpa: {name: "
      "checkout}\n");
  std::string text = to_text(plan(config, access_to_prod, {}, "/cache/chart").value());
  CHECK(golden_difference("plan-custom.txt", text) == "");
  for (const char* name : {"nginx", "prom-fake/", "prom_fake_value", "prom-metrics", "0.92.1"}) {
    CAPTURE(name);
    CHECK(text.find(name) == std::string::npos);
  }
}

TEST_CASE("Every command of a plan says on which cluster it works") {
  for (const Stage& stage : stages()) {
    auto operations = stage.operations(configured(), access_to_prod);
    for (const Operation& operation : *operations) {
      std::optional<CommandLine> command = command_line(operation, access_to_prod, "/cache/chart");
      if (!command) continue;
      std::string line = text::join(command->argv, " ");
      CAPTURE(line);
      CHECK(line.find("--kubeconfig=/home/user/.kube/config") != std::string::npos);
      CHECK((line.find("--context=prod") != std::string::npos ||
             line.find("--kube-context=prod") != std::string::npos));
    }
  }
}

TEST_CASE("The adapter's chart comes from where it is configured to come from") {
  auto chart = [](const std::string& settings) {
    auto operations =
        find_stage("adapter")->operations(configured("adapter: {" + settings + "}\n"), access_to_prod);
    return text::join(command_line(operations->back(), access_to_prod, "/cache/chart")->argv, " ");
  };
  CHECK(chart("").find("prometheus-adapter /cache/chart ") != std::string::npos);
  CHECK(chart("chart: upstream")
            .find(" prometheus-adapter --repo=https://prometheus-community.github.io/helm-charts ") !=
        std::string::npos);
  CHECK(chart("chart: upstream, chart-version: 5.1.0").find("--version=5.1.0") != std::string::npos);
  CHECK(chart("chart: 'oci://r.example.com/charts/adapter'").find(" oci://r.example.com/charts/adapter ") !=
        std::string::npos);
  CHECK(chart("chart: ./mine").find(" ./mine ") != std::string::npos);
}

TEST_CASE("Milestones that operations wait for are reached by some operation, and never in a circle") {
  auto bundle = std::string();
  for (const char* plural :
       {"alertmanagers", "podmonitors", "probes", "prometheuses", "prometheusrules", "servicemonitors"}) {
    bundle += std::string("---\nkind: CustomResourceDefinition\nmetadata:\n  name: ") + plural +
              ".monitoring.coreos.com\nspec: {}\n";
  }
  bundle +=
      "---\nkind: Deployment\nmetadata:\n  name: prometheus-operator\nspec: {template: {spec: {containers: "
      "[]}}}\n";
  std::vector<Operation> all;
  for (const Stage& stage : stages()) {
    auto operations = stage.operations(configured(), access_to_prod);
    for (const Operation& operation : *operations) {
      if (!std::holds_alternative<InstallBundle>(operation.action)) all.push_back(operation);
    }
  }
  auto expanded = bundle_operations(bundle, configured());
  REQUIRE(expanded);
  all.insert(all.end(), expanded->begin(), expanded->end());
  std::set<Milestone> reached = {stage_ready("servicemonitor"), stage_ready("keda")};
  while (!all.empty()) {
    size_t before = all.size();
    std::erase_if(all, [&](const Operation& operation) {
      bool ready = std::all_of(operation.after.begin(), operation.after.end(),
                               [&](const auto& m) { return reached.contains(m); });
      if (!ready || !operation.reaches) return ready;
      reached.insert(*operation.reaches);
      if (operation.reaches->kind == Milestone::Kind::prometheus) reached.insert(stage_ready("prometheus"));
      return true;
    });
    REQUIRE_MESSAGE(all.size() < before, "nothing can go on");
  }
  CHECK(reached.contains({Milestone::Kind::custom_resource, "servicemonitors"}));
  CHECK(reached.contains({Milestone::Kind::custom_resource, "alertmanagers"}));
}

TEST_CASE("--from and --only choose stages, and a wrong name finds its neighbour") {
  using Names = std::vector<std::string>;
  Config config = configured();
  CHECK(selected_stages({.only = {"hpa", "adapter"}}, config).value() == Names{"adapter", "hpa"});
  CHECK(selected_stages({.from = "servicemonitor"}, config).value() ==
        Names{"servicemonitor", "adapter", "hpa"});
  CHECK(selected_stages({.only = {"hpa"}, .from = "adapter"}, config).value() == Names{"hpa"});
  CHECK(selected_stages({.only = {"adaptor"}}, config).error().because == "did you mean `adapter`?");
  CHECK(selected_stages({.only = {"workload"}, .from = "hpa"}, config).error().kind == ErrorClass::usage);
}

TEST_CASE("A chain has the stages of what serves its metric, and says so of the others") {
  using Names = std::vector<std::string>;
  Config config = configured("metrics: keda\n");
  CHECK(selected_stages({.from = "servicemonitor"}, config).value() ==
        Names{"servicemonitor", "keda", "scaledobject"});
  CHECK(stage_names(config).size() == stage_names(configured()).size());
  Error error = selected_stages({.only = {"adapter"}}, config).error();
  CHECK(error.id == "no-stage");
  CHECK(error.because == "the setting metrics is keda");
  CHECK(
      error.hint.starts_with("--metrics adapter chooses the chain that has it; the stages of this one are "));
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

// An object of which hpawalk applied these fields, as the API server records them.
static Json applied(const Json& fields) {
  Json record = {{"manager", "hpawalk"}, {"operation", "Apply"}, {"fieldsV1", fields}};
  return {{"metadata", {{"managedFields", Json::array({record})}}}};
}

TEST_CASE("A field that hpawalk applied earlier and does not want any more is noticed") {
  Json live = applied(
      {{"f:spec", {{"f:behavior", {{"f:scaleDown", Json::object()}}}, {"f:metrics", Json::object()}}}});
  CHECK(owns_more(live, {{"spec", {{"metrics", Json::array()}}}}));
  CHECK_FALSE(
      owns_more(live, {{"spec", {{"metrics", Json::array()}, {"behavior", {{"scaleDown", {{"x", 1}}}}}}}}));
  CHECK_FALSE(owns_more(Json::object(), Json::object()));
}

TEST_CASE("Also a field inside of a list's entry, an entry, and a value of a set") {
  Json live =
      applied({{"f:metadata", {{"f:finalizers", {{".", Json::object()}, {"v:\"a/b\"", Json::object()}}}}},
               {"f:containers",
                {{R"(k:{"name":"main"})",
                  {{".", Json::object()}, {"f:name", Json::object()}, {"f:image", Json::object()}}},
                 {R"(k:{"containerPort":80,"protocol":"TCP"})", {{"f:containerPort", Json::object()}}}}}});
  Json main = {{"name", "main"}, {"image", "nginx"}}, port = {{"containerPort", 80}};
  Json kept = {{"finalizers", {"a/b"}}};
  auto more = [&](const Json& metadata, const Json& containers) {
    return owns_more(live, {{"metadata", metadata}, {"containers", containers}});
  };
  CHECK_FALSE(more(kept, {main, port}));
  CHECK_FALSE(more(kept, {port, main}));
  CHECK(more(kept, {main}));
  CHECK(more(kept, {{{"name", "main"}}, port}));
  CHECK(more({{"finalizers", Json::array()}}, {main, port}));
  port["protocol"] = "UDP";
  CHECK(more(kept, {main, port}));
}

TEST_CASE("An object is absent, the same, different, or somebody else's") {
  Config config = configured();
  Operation operation = find_stage("hpa")->operations(config, access_to_prod)->front();
  const std::string path = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/nginx";
  fakes::FakeKubeApi api;
  api.script("PATCH *&dryRun=All", {403, "{}"});
  api.absent(path);
  CHECK(compare_apply(api, configured(), std::get<Apply>(operation.action))->standing == Standing::absent);
  Json live = Json(yaml::parse(std::get<Apply>(operation.action).yaml).value());
  api.get(path, live);
  CHECK(compare_apply(api, configured(), std::get<Apply>(operation.action))->standing == Standing::same);
  live["spec"]["maxReplicas"] = 3;
  api.get(path, live);
  CHECK(compare_apply(api, configured(), std::get<Apply>(operation.action))->standing == Standing::different);
  live["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  api.get(path, live);
  CHECK(compare_apply(api, configured(), std::get<Apply>(operation.action))->standing == Standing::absent);
  live["metadata"].erase("labels");
  api.get(path, live);
  auto compared = compare_apply(api, configured(), std::get<Apply>(operation.action));
  CHECK(compared->standing == Standing::foreign);
  CHECK(compared->foreign == "HorizontalPodAutoscaler nginx in namespace default");
  api.refuse(path, 403, "no");
  CHECK(compare_apply(api, configured(), std::get<Apply>(operation.action)).error().id == "kube-forbidden");
}

TEST_CASE(
    "A quantity in another spelling is the same quantity: the API server is asked before anything is "
    "applied") {
  Config config = configured("hpa: {target: 1000}\n");
  Operation operation = find_stage("hpa")->operations(config, access_to_prod)->front();
  const std::string path = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/nginx";
  Json live = Json(yaml::parse(std::get<Apply>(operation.action).yaml).value());
  live["spec"]["metrics"][0]["object"]["target"]["value"] = "1k";
  live["metadata"]["resourceVersion"] = "7";
  live["metadata"]["managedFields"] = {{{"manager", "hpawalk"}, {"time", "2026-01-01T00:00:00Z"}}};
  fakes::FakeKubeApi api;
  api.get(path, live);
  Json after = live;  // what the dry run says: nothing but its own record is new
  after["metadata"]["managedFields"][0]["time"] = "2026-01-02T00:00:00Z";
  const std::string dry_run = "PATCH " + path + "?fieldManager=hpawalk&force=true&dryRun=All";
  api.script(dry_run, {200, after.dump()});
  CHECK(compare_apply(api, config, std::get<Apply>(operation.action))->standing == Standing::same);
  after["spec"]["maxReplicas"] = 11;
  api.script(dry_run, {200, after.dump()});
  CHECK(compare_apply(api, config, std::get<Apply>(operation.action))->standing == Standing::different);
  api.script(dry_run, {403, "{}"});  // nobody knows: the apply itself will say
  CHECK(compare_apply(api, config, std::get<Apply>(operation.action))->standing == Standing::different);
  // Where the texts are the same, nobody is asked.
  live["spec"]["metrics"][0]["object"]["target"]["value"] = "1000";
  api.get(path, live);
  size_t before = api.requests.size();
  CHECK(compare_apply(api, config, std::get<Apply>(operation.action))->standing == Standing::same);
  CHECK(api.requests.size() == before + 1);
}

TEST_CASE("up refuses an object of another chain of hpawalk's as it refuses a stranger's") {
  fakes::FakeWorld world;
  fakes::FakeKubeApi api;
  api.script("PATCH *&dryRun=All", {403, "{}"});
  Json live = labelled({{"kind", "Deployment"}, {"metadata", {{"name", "nginx"}}}});
  live["metadata"]["labels"]["hpawalk/instance"] = "shop.web";
  api.get("/apis/apps/v1/namespaces/default/deployments/nginx", live);
  auto work = [&](const std::string& file) {
    return find_work(world.world, configured(file), access_to_prod, api, *find_stage("workload"));
  };
  CHECK(work("").error().id == "not-ours");
  CHECK(work("").error().what ==
        "Deployment nginx in namespace default already exists and belongs to another hpawalk instance");
  CHECK(work("").error().because == "its label hpawalk/instance is shop.web; this instance is default.nginx");
  CHECK(work("instance: shop.web\n"));
  live["metadata"]["labels"].erase("hpawalk/instance");  // made by an hpawalk that knew no instances
  api.get("/apis/apps/v1/namespaces/default/deployments/nginx", live);
  CHECK(work(""));
}

TEST_CASE(
    "A release that another hpawalk is installing is waited for; one whose process is gone is taken away") {
  struct Seen {
    std::string id;
    bool deleted = false;
    std::chrono::milliseconds took{0};
  };
  const std::string stat_of_7 = "7 (hpa) walk) S 1 7 7 0 -1 4194560 1 0 0 0 1 1 0 0 20 0 9 0 4711 1 1";
  auto run = [&](const std::string& installer, bool alive) {
    fakes::FakeWorld world;
    world.files.content["/proc/sys/kernel/random/boot_id"] = "boot";
    world.files.content["/proc/sys/kernel/hostname"] = "host";
    world.files.content["/proc/self/stat"] = stat_of_7;
    std::string who = installer == "here" ? this_installer(world.files) : installer;
    if (alive) world.files.content["/proc/7/stat"] = stat_of_7;
    fakes::FakeKubeApi api;
    api.script("DELETE /api/v1/namespaces/prom-metrics/secrets/s", {200, "{}"});
    Json head = {{"name", "s"},
                 {"namespace", "prom-metrics"},
                 {"uid", "u"},
                 {"labels", {{"version", "1"}, {"status", "pending-install"}, {"hpawalk/installer", who}}}};
    api.get("/api/v1/namespaces/prom-metrics/secrets?labelSelector=" +
                query_value("owner=helm,name=prometheus-adapter") + "&limit=500",
            {{"items", {labelled({{"metadata", head}})}}});
    world.processes.allow(
        "helm --kubeconfig=/home/user/.kube/config --kube-context=prod get manifest prometheus-adapter "
        "--namespace=prom-metrics");
    Status status = recover_release(world.world, configured(), access_to_prod, api,
                                    [](const std::string&) { return true; });
    Seen seen{status ? "" : status.error().id, false, world.clock.elapsed};
    for (const std::string& request : api.requests) {
      seen.deleted = seen.deleted || request == "DELETE /api/v1/namespaces/prom-metrics/secrets/s";
    }
    return seen;
  };
  Seen gone = run("here", false);
  CHECK(gone.deleted);
  CHECK(gone.took < std::chrono::seconds(7));
  Seen busy = run("here", true);
  CHECK_FALSE(busy.deleted);
  CHECK(busy.id == "release-busy");
  CHECK(busy.took >= std::chrono::minutes(5));
  Seen elsewhere =
      run("0123456789abcdef.7.1", false);  // nobody here can see that process: it gets its whole time
  CHECK(elsewhere.deleted);
  CHECK(elsewhere.took >= std::chrono::minutes(5));
}

TEST_CASE("The HPA's replicas survive when the workload is applied again") {
  Operation operation = find_stage("workload")
                            ->operations(configured("workload: {image: 'nginx:new'}\n"), access_to_prod)
                            ->front();
  Json live =
      Json(yaml::parse(std::get<Apply>(
                           find_stage("workload")->operations(configured(), access_to_prod)->front().action)
                           .yaml)
               .value());
  live["spec"]["replicas"] = 7;
  fakes::FakeKubeApi api;
  api.script("PATCH *&dryRun=All", {403, "{}"});
  api.get("/apis/apps/v1/namespaces/default/deployments/nginx", live);
  auto compared = compare_apply(api, configured(), std::get<Apply>(operation.action));
  CHECK(compared->standing == Standing::different);
  CHECK(yaml::parse(compared->left)->at("spec").at("replicas") == 7);
  // And nothing is applied only because of them.
  auto same = compare_apply(
      api, configured(),
      std::get<Apply>(find_stage("workload")->operations(configured(), access_to_prod)->front().action));
  CHECK(same->standing == Standing::same);
}

TEST_CASE("A namespace that was there already is used, and left out of what is applied") {
  Operation operation =
      find_stage("hpa")->operations(configured("namespace: shop\n"), access_to_prod)->front();
  fakes::FakeKubeApi api;
  api.get("/api/v1/namespaces/shop", {{"kind", "Namespace"}, {"metadata", {{"name", "shop"}}}});
  api.absent("/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers/nginx");
  auto compared = compare_apply(api, configured("namespace: shop\n"), std::get<Apply>(operation.action));
  CHECK(compared->standing == Standing::absent);
  CHECK(compared->left.find("kind: Namespace") == std::string::npos);
  CHECK(compared->left.find("kind: HorizontalPodAutoscaler") != std::string::npos);
}

TEST_CASE("A Helm release is read from the newest of its Secrets") {
  fakes::FakeKubeApi api;
  fakes::FakeClock clock;
  const std::string path =
      "/api/v1/namespaces/m/secrets?labelSelector=" + query_value("owner=helm,name=a") + "&limit=500";
  api.get(path, {{"items", Json::array()}});
  CHECK_FALSE(find_release(api, clock, configured(), "m", "a")->there);
  Json first = labelled(
      {{"metadata", {{"labels", {{"version", "1"}, {"status", "superseded"}, {"hpawalk/values", "old"}}}}}});
  Json second = labelled(
      {{"metadata", {{"labels", {{"version", "10"}, {"status", "deployed"}, {"hpawalk/values", "new"}}}}}});
  Json third = labelled({{"metadata", {{"labels", {{"version", "9"}, {"status", "superseded"}}}}}});
  api.get(path, {{"items", {first, second, third}}});
  Release release = *find_release(api, clock, configured(), "m", "a");
  CHECK(release.there);
  CHECK(release.ours);
  CHECK_FALSE(release.pending);
  CHECK(release.values == "new");
  second["metadata"]["labels"]["status"] = "pending-install";
  api.get(path, {{"items", {second}}});
  CHECK(find_release(api, clock, configured(), "m", "a")->pending);
  api.get(path, {{"items", {{{"metadata", {{"labels", {{"version", "1"}, {"status", "deployed"}}}}}}}}});
  CHECK_FALSE(find_release(api, clock, configured(), "m", "a")->ours);
}

TEST_CASE("If a stage that a selected stage needs is not ready, up ends before it changes anything") {
  fakes::FakeWorld world;
  fakes::FakeKubeApi api;
  Config config = configured();
  NoTarget target;
  Silence silence;
  UpReport report;
  api.absent({"/apis/apps/v1/namespaces/default/deployments/nginx", "/api/v1/namespaces/default/pods?*"});
  Status status =
      up(world.world, config, target, access_to_prod, api, {.only = {"adapter", "hpa"}}, silence, report);
  REQUIRE_FALSE(status);
  CHECK(status.error().id == "needs-stage");
  CHECK(status.error().what == "Stage adapter needs stage workload, which is left out and not ready");
  CHECK(status.error().hint.starts_with("hpawalk up "));
  CHECK(report.stages.empty());
}

TEST_CASE("A stage's rules are checked in order, and the first failing rule is named") {
  fakes::FakeWorld world;
  fakes::FakeKubeApi api;
  Config config = configured();
  StageContext context{api, world.clock, config};
  Json workload = Json(
      yaml::parse(
          std::get<Apply>(find_stage("workload")->operations(config, access_to_prod)->front().action).yaml)
          .value());
  workload["status"] = {{"availableReplicas", 1}, {"updatedReplicas", 1}};
  api.get("/apis/apps/v1/namespaces/default/deployments/nginx", workload);
  api.get("/apis/apps/v1/namespaces/prom-metrics/deployments/prometheus-adapter", workload);
  api.absent("/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.custom.metrics.k8s.io");
  CHECK(judge_stage(*find_stage("workload"), context).judgement.ok());
  CHECK(judge_stage(*find_stage("adapter"), context).rule == 1);
  CHECK(judge_stage(*find_stage("image"), context).judgement.mark == Mark::not_applicable);
}

TEST_CASE(
    "A failing stage is named with its reason, its logs and the way on, though others that it does not need "
    "are not there") {
  fakes::FakeWorld world;
  fakes::FakeKubeApi api;
  Config config = Config::from({{}, {}, {}, {{"context", "prod"}}}).value();
  NoTarget target;
  Silence silence;
  UpReport report;
  world.processes.allow(
      "kubectl --kubeconfig=/home/user/.kube/config --context=prod apply --server-side "
      "--field-manager=hpawalk --force-conflicts -f -");
  api.absent({"/version", "/apis/apps/v1/namespaces/default/deployments/prom-fake",
              "/api/v1/namespaces/default/services/prom-fake", "/api/v1/namespaces/default/pods?*"});
  Status status =
      up(world.world, config, target, access_to_prod, api, {.only = {"prom-fake"}}, silence, report);
  REQUIRE_FALSE(status);
  CHECK(status.error().id == "stage-prom-fake");
  CHECK(status.error().what == "Stage prom-fake failed: this is not true yet: the Deployment is available");
  CHECK(status.error().hint ==
        "hpawalk logs prom-fake --context=prod   shows the logs of its pods\n"
        "hpawalk up --context=prod   continues from here once the cause is fixed");
}

TEST_CASE("An upgrade that was killed is forgotten, and what an earlier one deployed runs on") {
  fakes::FakeWorld world;
  fakes::FakeKubeApi api;
  const std::string secrets = "/api/v1/namespaces/prom-metrics/secrets";
  auto secret = [](const std::string& version, const std::string& status) {
    Json head = {{"name", "v" + version},
                 {"namespace", "prom-metrics"},
                 {"uid", "u" + version},
                 {"labels", {{"version", version}, {"status", status}}}};
    return labelled({{"metadata", head}});
  };
  api.get(secrets + "?labelSelector=" + query_value("owner=helm,name=prometheus-adapter") + "&limit=500",
          {{"items", {secret("1", "superseded"), secret("2", "deployed"), secret("3", "pending-upgrade")}}});
  api.script("DELETE " + secrets + "/v3", {200, "{}"});
  Status status = recover_release(world.world, configured(), access_to_prod, api,
                                  [](const std::string&) { return true; });
  CHECK(status);
  auto deleted = [](const std::string& request) { return request.starts_with("DELETE"); };
  CHECK(std::count_if(api.requests.begin(), api.requests.end(), deleted) == 1);
}

TEST_CASE("up stops before it changes anything when Helm could not take an object of the chart") {
  fakes::FakeWorld world;
  fakes::FakeKubeApi api;
  api.absent({"/api/v1/namespaces/prom-metrics", "/apis/apiregistration.k8s.io/v1/apiservices/*",
              "/apis/rbac.authorization.k8s.io/v1/clusterroles/*"});
  api.get("/api/v1/namespaces/prom-metrics/secrets?labelSelector=" +
              query_value("owner=helm,name=prometheus-adapter") + "&limit=500",
          {{"items", Json::array()}});
  render(world, bundled(world),
         "kind: ClusterRole\nmetadata: {name: prometheus-adapter-resource-reader}\n---\n"
         "kind: RoleBinding\nmetadata: {name: prometheus-adapter-auth-reader, namespace: kube-system}\n");
  const std::string binding =
      "/apis/rbac.authorization.k8s.io/v1/namespaces/kube-system/rolebindings/prometheus-adapter-auth-reader";
  auto work = [&] {
    return find_work(world.world, configured(), access_to_prod, api, *find_stage("adapter"));
  };
  api.get(binding, {{"metadata", {{"name", "prometheus-adapter-auth-reader"}}}});
  REQUIRE_FALSE(work());
  CHECK(work().error().id == "not-ours");
  CHECK(work().error().what ==
        "RoleBinding prometheus-adapter-auth-reader in namespace kube-system already exists and is not of "
        "Helm release prometheus-adapter");
  Json annotations = {{"meta.helm.sh/release-name", "old"}, {"meta.helm.sh/release-namespace", "monitoring"}};
  api.get(binding, {{"metadata", {{"annotations", annotations}}}});
  CHECK(work().error().because.starts_with("it belongs to Helm release old in namespace monitoring"));
  annotations = {{"meta.helm.sh/release-name", "prometheus-adapter"},
                 {"meta.helm.sh/release-namespace", "prom-metrics"}};
  api.get(binding, {{"metadata", {{"annotations", annotations}}}});
  CHECK(work());
}

TEST_CASE("A chart that is not there is refused before anything is changed") {
  fakes::FakeWorld world;
  fakes::FakeKubeApi api;
  auto work = [&](const std::string& chart) {
    return find_work(world.world, configured("adapter: {chart: " + chart + "}\n"), access_to_prod, api,
                     *find_stage("adapter"));
  };
  api.absent({"/api/v1/namespaces/prom-metrics", "/apis/apiregistration.k8s.io/v1/apiservices/*"});
  for (const char* chart : {"./charts/adapter", "community/prometheus-adapter",
                            "prometheus-adapter --repo=https://prometheus-community.github.io/helm-charts"})
    render(world, chart);
  CHECK(work("bundeld").error().because == "did you mean `bundled`?");
  CHECK(work("./charts/adapter").error().id == "adapter-chart");
  world.files.content["./charts/adapter/values.yaml"] = "";
  CHECK(work("./charts/adapter").error().because == "the folder has no Chart.yaml");
  api.get("/api/v1/namespaces/prom-metrics/secrets?labelSelector=" +
              query_value("owner=helm,name=prometheus-adapter") + "&limit=500",
          {{"items", Json::array()}});
  world.files.content["./charts/adapter/Chart.yaml"] = "version: 1";
  auto mark = [&] { return std::get<HelmUpgrade>(work("./charts/adapter")->todo.back().action).mark; };
  std::string before = mark();
  CHECK(mark() == before);
  world.files.content["./charts/adapter/Chart.yaml"] = "version: 2";
  CHECK(mark() != before);  // an edited chart is deployed again
  CHECK(work("upstream")->todo.size() == 2);
  CHECK(work("community/prometheus-adapter"));  // the user's helm may know it
}

TEST_CASE("Only one adapter can exist, and the owner of the other adapter determines the error of up") {
  fakes::FakeWorld world;
  fakes::FakeKubeApi api;
  auto secrets = [](const char* space) {
    return std::string("/api/v1/namespaces/") + space +
           "/secrets?labelSelector=" + query_value("owner=helm,name=prometheus-adapter") + "&limit=500";
  };
  api.absent("/api/v1/namespaces/prom-metrics");
  api.get(secrets("prom-metrics"), {{"items", Json::array()}});
  api.get(secrets("old"),
          {{"items", {labelled({{"metadata", {{"labels", {{"version", "1"}, {"status", "deployed"}}}}}})}}});
  Json service = {
      {"metadata",
       {{"annotations",
         {{"meta.helm.sh/release-name", "prometheus-adapter"}, {"meta.helm.sh/release-namespace", "old"}}}}}};
  api.get("/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.custom.metrics.k8s.io", service);
  auto error = [&] {
    return find_work(world.world, configured(), access_to_prod, api, *find_stage("adapter")).error();
  };
  CHECK(error().id == "adapter-elsewhere");
  CHECK(error().what ==
        "hpawalk's adapter is already installed on this cluster, as Helm release prometheus-adapter in "
        "namespace old");
  service["metadata"]["annotations"]["meta.helm.sh/release-namespace"] = "prom-metrics";
  api.get("/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.custom.metrics.k8s.io", service);
  CHECK(error().id == "not-ours");
}

namespace {

const std::string keda_crd = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/scaledobjects.keda.sh";
const std::string external_api =
    "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io";

Json api_service(const std::string& space, const std::string& service, const std::string& available) {
  return {
      {"metadata", {{"name", "v1beta1.external.metrics.k8s.io"}}},
      {"spec", {{"service", {{"namespace", space}, {"name", service}}}}},
      {"status", {{"conditions", {{{"type", "Available"}, {"status", available}, {"reason", "Passed"}}}}}}};
}

}  // namespace

TEST_CASE("Another's KEDA is used where it serves the external metrics API, and never installed over") {
  fakes::FakeKubeApi api;
  Config config = configured("metrics: keda\n");
  auto used = [&] { return use_other_keda(api, config); };
  api.absent({keda_crd, external_api});
  CHECK(used().value() == false);
  api.get(external_api, api_service("datadog", "datadog-cluster-agent", "True"));
  CHECK(used().error().id == "not-ours");
  CHECK(used().error().because ==
        "it leads to Service datadog/datadog-cluster-agent, and only one adapter can serve the external "
        "metrics "
        "API");
  api.get(keda_crd, {{"metadata", {{"name", "scaledobjects.keda.sh"}}}});
  CHECK(used().error().id == "keda-unusable");
  api.get(external_api, api_service("keda", "keda-operator-metrics-apiserver", "False"));
  CHECK(used().error().id == "keda-unusable");
  CHECK(used().error().because.starts_with(
      "APIService v1beta1.external.metrics.k8s.io leads to Service keda/keda-operator-metrics-apiserver: "));
  api.script("GET " + external_api, {404, "{}"});
  CHECK(used().error().because == "APIService v1beta1.external.metrics.k8s.io not found");
  api.get(external_api, api_service("keda", "keda-operator-metrics-apiserver", "True"));
  const std::string runs = "/apis/apps/v1/namespaces/keda/deployments/keda-operator";
  api.absent({runs});
  CHECK(used().value() == true);
  CHECK(keda_owner(api, config)->title == "KEDA in namespace keda");
  Json containers = {{{"image", "mcr.microsoft.com:443/oss/kedacore/keda:v2.18.1@sha256:00"}}};
  api.get(runs, {{"spec", {{"template", {{"spec", {{"containers", containers}}}}}}}});
  CHECK(keda_owner(api, config)->title == "KEDA 2.18.1 in namespace keda");
  fakes::FakeWorld world;
  auto work = find_work(world.world, config, access_to_prod, api, *find_stage("keda"));
  REQUIRE(work);
  CHECK(work->used);
  CHECK(work->todo.empty());
}

TEST_CASE("This chain's KEDA is not installed a second time in another namespace") {
  fakes::FakeKubeApi api;
  api.get(keda_crd, labelled({{"metadata", {{"name", "scaledobjects.keda.sh"}}}}));
  api.get(external_api, labelled(api_service("keda", "keda-metrics-apiserver", "True")));
  CHECK(use_other_keda(api, configured("metrics: keda\n")).value() == false);
  Error error = use_other_keda(api, configured("metrics: keda\nkeda: {namespace: scaling}\n")).error();
  CHECK(error.id == "keda-elsewhere");
  CHECK(error.hint.find("--keda-namespace=keda") != std::string::npos);
}

TEST_CASE("Where the cluster's provider installs KEDA, hpawalk never does, not even before it is there") {
  fakes::FakeKubeApi api;
  api.absent({keda_crd, external_api, "/apis/apps/v1/namespaces/kube-system/deployments/keda-operator"});
  Config config = configured("metrics: keda\n");
  CHECK(use_other_keda(api, config).value() == false);
  CHECK(use_other_keda(api, config, true).error().id == "keda-unusable");
  api.get(keda_crd, {{"metadata", {{"name", "scaledobjects.keda.sh"}}}});
  api.get(external_api, api_service("kube-system", "keda-operator-metrics-apiserver", "True"));
  CHECK(use_other_keda(api, config, true).value() == true);
}

TEST_CASE("KEDA's images are brought once, and not where the user names others") {
  fakes::FakeWorld world;
  auto brings = [&](const std::string& file, int available) {
    fakes::FakeKubeApi api;
    api.absent({"*"});
    if (available > 0)
      api.get("/apis/apps/v1/namespaces/keda/deployments/keda-operator",
              labelled({{"metadata", {{"name", "keda-operator"}}},
                        {"status", {{"availableReplicas", available}}}}));
    api.script("PATCH *&dryRun=All", {403, "{}"});
    auto work = find_work(world.world, configured("metrics: keda\n" + file), access_to_prod, api,
                          *find_stage("keda"));
    REQUIRE(work);
    return std::any_of(work->todo.begin(), work->todo.end(),
                       [](const Operation& o) { return std::holds_alternative<BringKeda>(o.action); });
  };
  CHECK(brings("", 0));
  CHECK_FALSE(brings("", 1));
  CHECK_FALSE(brings("keda: {image: 'r.example.com/keda:2.21.0'}\n", 0));
}

TEST_CASE("Two autoscalers never get one workload") {
  fakes::FakeKubeApi api;
  const std::string list = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers";
  auto hpa = [](const std::string& name, const std::string& scaled_object) {
    Json made = {{"metadata", {{"name", name}}},
                 {"spec", {{"scaleTargetRef", {{"kind", "Deployment"}, {"name", "nginx"}}}}}};
    if (!scaled_object.empty())
      made["metadata"]["ownerReferences"] = {{{"kind", "ScaledObject"}, {"name", scaled_object}}};
    return made;
  };
  auto error_of = [&](std::string_view stage, const Json& there) {
    api.get(list, {{"items", Json::array({there})}});
    Status only = only_autoscaler(api, configured("metrics: keda\n"), stage);
    return only ? std::string() : only.error().because;
  };
  CHECK(error_of("hpa", hpa("nginx", "")) == "");
  CHECK(error_of("hpa", hpa("nginx", "nginx")) == "it was created by ScaledObject nginx");
  CHECK(error_of("scaledobject", hpa("nginx", "nginx")) == "");
  CHECK(error_of("scaledobject", hpa("nginx", "")) == "it was not created by a ScaledObject");
  CHECK(error_of("scaledobject", hpa("keda-hpa-web", "web")) == "it scales Deployment nginx");
  CHECK(error_of("hpa", hpa("keda-hpa-web", "web")) == "");
}

TEST_CASE("KEDA's chain asks for the external metric that KEDA names") {
  observe::LiveChain chain = chain_names(configured("metrics: keda\n"));
  CHECK(chain.metric().path ==
        "/apis/external.metrics.k8s.io/v1beta1/namespaces/default/s0-prometheus?labelSelector=" +
            query_value("scaledobject.keda.sh/name=nginx"));
  CHECK(chain.metric().expression == "sum(prom_fake_value{namespace=\"default\",service=\"prom-fake\"})");
  Json hpa = known_chain(configured("metrics: keda\nhpa: {min: 0}\n"))->hpa;
  CHECK(hpa["spec"]["minReplicas"] == 1);
  CHECK(hpa["spec"]["metrics"][0]["external"]["metric"]["name"] == "s0-prometheus");
}

TEST_CASE("A chain in a namespace that hpawalk would make has the HPA that it should have") {
  for (const char* metrics : {"adapter", "keda"}) {
    auto chain = known_chain(configured(fmt::format("metrics: {}\nnamespace: shop\n", metrics)));
    REQUIRE(chain);
    CHECK(chain->hpa["kind"] == "HorizontalPodAutoscaler");
    CHECK(chain->hpa["metadata"]["namespace"] == "shop");
  }
}

TEST_CASE("At 0 replicas, the HPA of a ScaledObject rests and its stage is ready") {
  fakes::FakeWorld world;
  fakes::FakeKubeApi api;
  api.get("/apis/keda.sh/v1alpha1/namespaces/default/scaledobjects/nginx",
          {{"metadata", {{"name", "nginx"}}},
           {"status", {{"hpaName", "nginx"}, {"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}}});
  api.get(chain_names(configured("metrics: keda\n")).metric().path,
          {{"items", {{{"metricName", "s0-prometheus"}, {"value", "0"}}}}});
  Json able = {{"type", "AbleToScale"}, {"status", "True"}};
  Json active = {{"type", "ScalingActive"}, {"status", "False"}, {"reason", "ScalingDisabled"}};
  api.get("/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/nginx",
          {{"metadata", {{"name", "nginx"}}}, {"status", {{"conditions", {able, active}}}}});
  auto judged = [&](const std::string& file) {
    Config config = configured("metrics: keda\n" + file);
    return judge_stage(*find_stage("scaledobject"), StageContext{api, world.world.clock, config}).judgement;
  };
  CHECK(judged("hpa: {min: 0}\n").evidence == "KEDA has scaled to 0 replicas, because the metric is 0");
  CHECK(judged("").mark == Mark::broken);
}

TEST_CASE("A release is deployed again when one of its objects is missing or was scaled") {
  fakes::FakeWorld world;
  fakes::FakeKubeApi api;
  Config config = configured();
  api.script("PATCH *&dryRun=All", {403, "{}"});
  auto operations = find_stage("adapter")->operations(config, access_to_prod);
  std::string mark = std::get<HelmUpgrade>(operations->back().action).mark;
  api.get(
      "/api/v1/namespaces/prom-metrics/secrets?labelSelector=" +
          query_value("owner=helm,name=prometheus-adapter") + "&limit=500",
      {{"items",
        {labelled({{"metadata",
                    {{"labels", {{"version", "1"}, {"status", "deployed"}, {"hpawalk/values", mark}}}}}})}}});
  api.get("/api/v1/namespaces/prom-metrics",
          labelled({{"kind", "Namespace"}, {"metadata", {{"name", "prom-metrics"}}}}));
  world.processes.allow(
      "helm --kubeconfig=/home/user/.kube/config --kube-context=prod get manifest prometheus-adapter "
      "--namespace=prom-metrics",
      {0,
       "kind: Deployment\nmetadata: {name: prometheus-adapter, namespace: prom-metrics}\nspec: {replicas: "
       "1}\n---\n"
       "kind: APIService\nmetadata: {name: v1beta1.custom.metrics.k8s.io}\n---\n"
       "kind: Secret\nmetadata: {name: prometheus-adapter-certificate, namespace: prom-metrics}\n",
       ""});
  const std::string secret = "/api/v1/namespaces/prom-metrics/secrets/prometheus-adapter-certificate";
  const std::string deployment = "/apis/apps/v1/namespaces/prom-metrics/deployments/prometheus-adapter";
  const std::string service = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.custom.metrics.k8s.io";
  render(world, bundled(world));
  auto left = [&] {
    auto work = find_work(world.world, config, access_to_prod, api, *find_stage("adapter"));
    return std::count_if(work->todo.begin(), work->todo.end(),
                         [](const Operation& o) { return std::holds_alternative<HelmUpgrade>(o.action); });
  };
  api.get(deployment, {{"spec", {{"replicas", 1}}}});
  api.get(service, Json::object());
  api.get(secret, Json::object());
  CHECK(left() == 0);
  api.get(deployment, {{"spec", {{"replicas", 0}}}});
  CHECK(left() == 1);
  api.get(deployment, {{"spec", {{"replicas", 1}}}});
  api.script("GET " + service, {404, "{}"});
  CHECK(left() == 1);
  api.get(service, Json::object());
  api.script("GET " + secret, {404, "{}"});
  CHECK(left() == 1);
}

TEST_CASE("up stops before it changes anything when an object of that name is somebody else's") {
  fakes::FakeWorld world;  // knows no command: any kubectl or helm would end the test
  fakes::FakeKubeApi api;
  api.get("/apis/apps/v1/namespaces/default/deployments/nginx",
          {{"kind", "Deployment"}, {"metadata", {{"name", "nginx"}}}});
  Config config = configured();
  NoTarget target;
  Silence silence;
  UpReport report;
  Status status =
      up(world.world, config, target, access_to_prod, api, {.only = {"workload"}}, silence, report);
  REQUIRE_FALSE(status);
  CHECK(status.error().id == "not-ours");
  CHECK(status.error().what ==
        "Deployment nginx in namespace default already exists and was not created by hpawalk");
}

TEST_CASE("up applies missing objects, waits until they are ready, and reports what it observed") {
  fakes::FakeWorld world;
  fakes::FakeKubeApi api;
  Config config = configured();
  NoTarget target;
  Silence silence;
  UpReport report;
  api.absent({"/version", "/apis/apps/v1/namespaces/default/deployments/nginx",
              "/api/v1/namespaces/default/pods?*"});
  world.processes.expect(
      "kubectl --kubeconfig=/home/user/.kube/config --context=prod apply --server-side "
      "--field-manager=hpawalk --force-conflicts -f -");
  Status status =
      up(world.world, config, target, access_to_prod, api, {.only = {"workload"}}, silence, report);
  // The fake cluster never makes the pods: the stage ends with what was seen last.
  REQUIRE_FALSE(status);
  CHECK(status.error().id == "stage-workload");
  CHECK(status.error().because.find("nginx") != std::string::npos);
  CHECK(world.clock.elapsed >= std::chrono::minutes(5));
  CHECK(report.stages.at(0).outcome == StageReport::Outcome::failed);
}

TEST_CASE("A registry that builds the image for longer than a stage may take uses up no other stage's time") {
  struct SharedClock final : Clock {
    std::atomic<long> elapsed{0};
    TimePoint now() override { return TimePoint(Duration(elapsed.load())); }
    WallTime wall_now() override { return {}; }
    bool sleep(Duration d) override { return elapsed += d.count(), true; }
  } clock;
  struct SlowRegistry final : NoTarget {
    explicit SlowRegistry(SharedClock& its_clock) : clock(its_clock) {}
    Status load_image(KubeApi&, const std::string&, Progress&) override {
      auto give_up = std::chrono::steady_clock::now() +
                     std::chrono::seconds(30);  // a stage that ends too early moves the clock no further
      while (clock.elapsed < 60'000 && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
      return {};
    }
    SharedClock& clock;
  } target(clock);
  fakes::FakeWorld fake;
  World world{fake.processes,          fake.http, fake.files, clock, fake.terminal, fake.interrupt,
              {{"HOME", "/home/user"}}};
  fakes::FakeKubeApi api;
  Silence silence;
  UpReport report;
  fake.processes.allow(
      "kubectl --kubeconfig=/home/user/.kube/config --context=prod apply --server-side "
      "--field-manager=hpawalk --force-conflicts -f -");
  Config config = configured("timeout: 10s\n");
  api.absent(
      {"/version", "/apis/apps/v1/namespaces/default/deployments/*", "/api/v1/namespaces/default/pods?*"});
  Status status =
      up(world, config, target, access_to_prod, api, {.only = {"workload", "image"}}, silence, report);
  CHECK(status.error().id == "stage-workload");
  CHECK(clock.elapsed > 69'000);  // 10 s after the image came, counted from the last look before that
  CHECK(report.stages.at(1).outcome == StageReport::Outcome::built);
}

TEST_CASE("A second up on a finished stage runs no command at all") {
  fakes::FakeWorld world;
  fakes::FakeKubeApi api;
  Config config = configured();
  Json live = Json(
      yaml::parse(
          std::get<Apply>(find_stage("workload")->operations(config, access_to_prod)->front().action).yaml)
          .value());
  live["status"] = {{"availableReplicas", 1}, {"updatedReplicas", 1}};
  api.get("/apis/apps/v1/namespaces/default/deployments/nginx", live);
  NoTarget target;
  Silence silence;
  UpReport report;
  REQUIRE(up(world.world, config, target, access_to_prod, api, {.only = {"workload"}}, silence, report));
  CHECK(report.stages.at(0).outcome == StageReport::Outcome::unchanged);
}

TEST_CASE("A missing tool or right stops a run before anything is changed, with the way out") {
  fakes::FakeWorld world;
  world.processes.programs = {"kubectl"};
  world.processes.allow("kubectl version --client", {0, "Client Version: v1.34.4\n", ""});
  CHECK(all_fine(look_at_tools(world.world, access_to_prod, {"workload"})));
  Status status = all_fine(look_at_tools(world.world, access_to_prod, {"adapter"}));
  CHECK(status.error().id == "preflight-helm");
  CHECK(status.error().kind == ErrorClass::environment);
  world.processes.programs = {"kubectl", "helm"};
  world.processes.expect("helm version --short", {0, "v3.9.0+g7ceeda6\n", ""});
  CHECK(all_fine(look_at_tools(world.world, access_to_prod, {"adapter"}))
            .error()
            .because.ends_with("is too old"));
  world.processes.expect("helm version --short", {0, "v4.0.1+gabc\n", ""});
  CHECK(all_fine(look_at_tools(world.world, access_to_prod, {"adapter"})));

  fakes::FakeKubeApi api;
  api.absent({"/version", "/api/v1/namespaces/*"});
  CHECK(all_fine(look_at_cluster(api, configured(), {"hpa"})).error().id == "preflight-api-server");
  api.get("/version", {{"gitVersion", "v1.22.0"}});
  api.answers["POST /apis/authentication.k8s.io/v1/selfsubjectreviews"] = {
      201, R"({"status":{"userInfo":{"username":"jane"}}})"};
  auto group = [](const char* version) { return Json{{"versions", {{{"groupVersion", version}}}}}; };
  api.get("/apis", {{"groups", {group("apps/v1"), group("autoscaling/v1")}}});
  api.answers["POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"] = {
      201, R"({"status":{"allowed":true}})"};
  status = all_fine(look_at_cluster(api, configured(), {"workload", "hpa"}));
  CHECK(status.error().id == "preflight-apis");
  CHECK(status.error().because ==
        "the API server does not serve autoscaling/v2 (stage hpa; Kubernetes has it since 1.23)");
  CHECK(all_fine(look_at_cluster(api, configured(), {"workload"})));
  api.get("/apis", {{"groups", {group("apiregistration.k8s.io/v1"), group("autoscaling/v2")}}});
  api.answers["POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"] = {
      201, R"({"status":{"allowed":false}})"};
  status = all_fine(look_at_cluster(api, configured(), {"adapter"}));
  CHECK(status.error().id == "preflight-rights");
  CHECK(status.error().because.find("in the whole cluster: create apiservices, patch apiservices") !=
        std::string::npos);
  CHECK(status.error().because.find("create namespaces") != std::string::npos);
  CHECK(status.error().because.find("horizontalpodautoscalers") == std::string::npos);
  api.answers["POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"] = {
      201, R"({"status":{"allowed":true}})"};
  CHECK(all_fine(look_at_cluster(api, configured(), {"adapter", "hpa"})));
}

TEST_CASE("A namespace that is going loses its finalizer only once nothing of any kind is left in it") {
  fakes::FakeWorld world;
  fakes::FakeKubeApi api;
  NamespaceEnd end(world.world, access_to_prod, api, "m", "uid-1");
  api.absent({"/api", "/apis", "/api/v1/namespaces/m"});
  end.look();  // not there: nothing to do
  Json space = labelled({{"kind", "Namespace"}, {"metadata", {{"name", "m"}, {"uid", "uid-1"}}}});
  api.get("/api/v1/namespaces/m", space);
  end.look();  // not going
  space["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  api.get("/api/v1/namespaces/m", space);
  end.look();  // its kinds are not known
  auto kinds = [](const std::string& group, const std::string& version, const std::string& freshness,
                  Json resources) {
    return Json{
        {"kind", "APIGroupDiscoveryList"},
        {"items",
         {{{"metadata", {{"name", group}}},
           {"versions",
            {{{"version", version}, {"freshness", freshness}, {"resources", std::move(resources)}}}}}}}};
  };
  Json both = {"list", "delete"};
  api.get("/api", kinds("", "v1", "Current",
                        {{{"resource", "pods"}, {"scope", "Namespaced"}, {"verbs", both}},
                         {{"resource", "nodes"}, {"scope", "Cluster"}, {"verbs", both}},
                         {{"resource", "bindings"}, {"scope", "Namespaced"}, {"verbs", {"create"}}}}));
  Json leases = {{{"resource", "leases"}, {"scope", "Namespaced"}, {"verbs", both}}};
  api.get("/apis", kinds("coordination.k8s.io", "v1", "Stale", leases));
  end.look();  // a group's kinds may be out of date
  api.get("/apis", kinds("coordination.k8s.io", "v1", "Current", leases));
  api.get("/apis/coordination.k8s.io/v1/namespaces/m/leases?limit=1", {{"items", Json::array()}});
  api.refuse("/api/v1/namespaces/m/pods?limit=1", 403, "no");
  end.look();  // what cannot be read is not empty
  api.get("/api/v1/namespaces/m/pods?limit=1", {{"items", {{{"metadata", {{"name", "p"}}}}}}});
  end.look();
  CHECK(world.processes.calls.empty());
  api.get("/api/v1/namespaces/m/pods?limit=1", {{"items", Json::array()}});
  world.processes.expect(
      "kubectl --kubeconfig=/home/user/.kube/config --context=prod replace --raw "
      "/api/v1/namespaces/m/finalize -f -");
  end.look();
  end.look();  // once
  CHECK(Json::parse(world.processes.calls.front().input)["spec"]["finalizers"].empty());
}

TEST_CASE("A Kubernetes that is too old is an error before anything is changed") {
  fakes::FakeKubeApi api;
  api.absent({"/api/v1/namespaces/default", "/apis", "POST *reviews"});
  api.get("/version", {{"major", "1"}, {"minor", "24+"}, {"gitVersion", "v1.24.17-eks-1"}});
  Status old = all_fine(look_at_cluster(api, configured(), {"hpa"}));
  CHECK(old.error().id == "preflight-kubernetes");
  CHECK(old.error().because == "v1.24.17-eks-1 is older than 1.25, the oldest version that hpawalk supports");
  api.get("/version", {{"major", "1"}, {"minor", "25"}, {"gitVersion", "v1.25.0"}});
  CHECK(all_fine(look_at_cluster(api, configured(), {"hpa"})).error().id != "preflight-kubernetes");
}

TEST_CASE("Doctor says what does not fit where the workload's namespace enforces Pod Security restricted") {
  fakes::FakeKubeApi api;
  const char* root = "workload: {security-context: {}}\n";
  api.refuse("/api/v1/namespaces/default", 403, "no");
  CHECK(look_at_pod_security(api, configured()).mark == Mark::note);  // it cannot be read
  api.get("/api/v1/namespaces/default", {{"metadata", {{"name", "default"}}}});
  CHECK(look_at_pod_security(api, configured()).evidence == "namespace default enforces no level");
  CHECK(look_at_pod_security(api, configured(root)).mark == Mark::ok);
  Precondition image = look_at_pod_security(api, configured("workload: {image: \"nginx:stable\"}\n"));
  CHECK(image.mark == Mark::note);
  CHECK(image.evidence == "the workload's image nginx:stable must run as a user other than root");
  CHECK(image.hint == "For an image that must run as root: --workload-security-context '{}'");
  api.get("/api/v1/namespaces/default",
          {{"metadata",
            {{"name", "default"}, {"labels", {{"pod-security.kubernetes.io/enforce", "restricted"}}}}}});
  CHECK(look_at_pod_security(api, configured()).evidence ==
        "namespace default enforces `restricted`; the workload complies");
  Precondition refused = look_at_pod_security(api, configured(root));
  CHECK(refused.mark == Mark::broken);
  CHECK(
      refused.evidence.starts_with("namespace default enforces `restricted`, which forbids the workload's "
                                   "pods: workload.security-context lacks runAsNonRoot: true, "));
  // One that hpawalk makes, or made before: what is configured will hold.
  api.refuse("/api/v1/namespaces/shop", 404, "not found");
  CHECK(look_at_pod_security(api, configured("namespace: shop\n")).mark == Mark::ok);
  api.get("/api/v1/namespaces/shop", labelled({{"kind", "Namespace"}, {"metadata", {{"name", "shop"}}}}));
  CHECK(look_at_pod_security(
            api, configured("namespace: shop\npod-security: baseline\nworkload: {security-context: {}}\n"))
            .mark == Mark::ok);
}

TEST_CASE("What a private cluster's owner says about who may reach it is what a user is told") {
  fakes::FakeKubeApi api;
  api.answers["GET /version"] = {502, "dial tcp: i/o timeout"};
  Status status = all_fine(look_at_cluster(api, configured(), {"hpa"}, "This AKS cluster is private"));
  CHECK(status.error().hint == "This AKS cluster is private; nothing was changed");
}

TEST_CASE("Everything that is rendered is of an API version that the oldest supported Kubernetes serves") {
  // Each of them since 1.23 or before; the operator's own come with the chain.
  const std::set<std::string> known = {"v1",
                                       "apps/v1",
                                       "autoscaling/v2",
                                       "rbac.authorization.k8s.io/v1",
                                       "apiregistration.k8s.io/v1",
                                       "apiextensions.k8s.io/v1",
                                       "monitoring.coreos.com/v1"};
  for (const char* stage : {"workload", "prometheus", "prom-fake", "servicemonitor", "hpa"}) {
    auto objects = yaml::parse_all(render_stage(stage, configured()).value());
    for (const yaml::Value& object : *objects) {
      CAPTURE(object.dump());
      CHECK(known.contains(object["apiVersion"].get<std::string>()));
    }
  }
  for (const auto& [file, content] : bundled_chart()) {
    if (!file.starts_with("templates/")) continue;
    for (const std::string& line : text::lines(content)) {
      if (!line.starts_with("apiVersion: ")) continue;
      CAPTURE(file + ": " + line);
      CHECK(known.contains(line.substr(12)));
    }
  }
}

TEST_CASE(
    "A load balancer's address is waited for on a cloud's nodes, and nowhere else; none is no failure") {
  fakes::FakeWorld world;
  Silence silence;
  fakes::FakeKubeApi api;
  std::string service = "/api/v1/namespaces/default/services/prom-fake";
  Config balanced = configured("prom-fake: {service-type: LoadBalancer, source-ranges: [192.0.2.0/24]}\n");
  api.get(service, {{"spec", {{"type", "LoadBalancer"}}}});
  api.get("/api/v1/nodes?limit=10", {{"items", {{{"spec", {{"providerID", "kind://docker/x/y"}}}}}}});
  CHECK(await_address(world.world, balanced, api, silence)->url == "");
  CHECK(world.clock.elapsed == Duration(0));
  api.get("/api/v1/nodes?limit=10", {{"items", {{{"spec", {{"providerID", "azure:///subscriptions/1"}}}}}}});
  Result<Address> none = await_address(world.world, balanced, api, silence);
  CHECK(none->why ==
        "no load balancer address after 2m00s: the cloud has not assigned an address to the Service yet");
  CHECK(world.clock.elapsed >= Duration(120'000));
  api.get(service, {{"status", {{"loadBalancer", {{"ingress", {{{"ip", "20.1.2.3"}}}}}}}}});
  CHECK(await_address(world.world, balanced, api, silence)->url == "http://20.1.2.3:8080");
  CHECK(await_address(world.world, configured(), api, silence)->url == "");
}

TEST_CASE("A downloaded bundle must have the expected checksum; a file of the user is used unchanged") {
  const std::string url = bundle_source(configured(), ClusterAccess{});
  auto read = [](const std::string& file, const std::string& source, const std::string& sum, bool fetches) {
    fakes::FakeWorld fake;
    fake.files.content["/b.yaml"] = "bundle";
    if (fetches) fake.http.expect("GET " + source, {200, "bundle"});
    if (!sum.empty()) fake.processes.expect("sha256sum", {0, sum + "  -\n", ""});
    return read_bundle(fake.world, configured(file), source);
  };
  const std::string ours = KnownBundle::sha256, other(64, 'a');
  CHECK(read("", url, ours, true).value() == "bundle");
  CHECK(read("", url, other, true).error().because == "its SHA-256 is " + other + ", not " + ours);
  CHECK(read("operator: {bundle-sha256: " + other + "}\n", url, other, true).value() == "bundle");
  CHECK(read("operator: {version: 0.86.0}\n", url, "", false).error().because ==
        "hpawalk knows the checksum of version 0.92.1, and operator.version is 0.86.0");
  CHECK(read("operator: {bundle: 'https://x.example/b'}\n", "https://x.example/b", "", false).error().kind ==
        ErrorClass::usage);
  CHECK(read("operator: {bundle: 'http://x.example/b'}\n", "http://x.example/b", "", false).error().because ==
        "not from http://x.example/b");
  CHECK(read("operator: {bundle: /b.yaml}\n", "/b.yaml", "", false).value() == "bundle");
  CHECK(read("operator: {bundle: /b.yaml, bundle-sha256: " + other + "}\n", "/b.yaml", ours, false)
            .error()
            .id == "operator-bundle");
  CHECK(configured().text("operator.version") == KnownBundle::version);
}

TEST_CASE(
    "Helm gets exactly the bundled chart: what somebody else put into its folder goes, and a folder of "
    "somebody else is refused") {
  fakes::FakeWorld fake;
  fs::path folder = chart_folder(fake.world.environment);
  REQUIRE(write_chart(fake.world).value() == folder.string());
  CHECK(fake.files.content.size() == bundled_chart().size());
  auto before = fake.files.content;
  fake.files.content[folder / "templates/evil.yaml"] = "kind: ClusterRoleBinding";
  fake.files.content[folder / "values.yaml"] = "evil: true";
  REQUIRE(write_chart(fake.world));
  CHECK(fake.files.content == before);
  fake.files.owners[folder] = 4'000'000;
  CHECK(write_chart(fake.world).error().id == "folder-not-trusted");
  CHECK(chart_folder({{"HOME", "/home/me"}, {"XDG_CACHE_HOME", "relative"}})
            .string()
            .starts_with("/home/me/.cache/hpawalk/charts/"));
}
