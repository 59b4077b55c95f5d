// What an upgrade changes, of the HPAs of a cluster: which are read, and what is known of them.
#include <doctest/doctest.h>

#include "observe/simulation_parts.hpp"
#include "observe/upgrade.hpp"
#include "tests/fakes/fake_kube_api.hpp"
#include "tests/fakes/fakes.hpp"

using namespace hpawalk;
using namespace hpawalk::observe;

namespace {

Json hpa(const std::string& space, const std::string& name, const Json& metric, int least = 1) {
  return {{"metadata", {{"namespace", space}, {"name", name}, {"managedFields", Json::array()}}},
          {"spec",
           {{"scaleTargetRef", {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", name}}},
            {"minReplicas", least},
            {"maxReplicas", 10},
            {"metrics", {metric}}}}};
}

const Json cpu = {
    {"type", "Resource"},
    {"resource", {{"name", "cpu"}, {"target", {{"type", "Utilization"}, {"averageUtilization", 80}}}}}};
const Json queue = {
    {"type", "External"},
    {"external",
     {{"metric", {{"name", "depth"}}}, {"target", {{"type", "AverageValue"}, {"averageValue", "10"}}}}}};

struct Quiet final : world::Progress {
  void started(const std::string&) override {}
  void now(const std::string&, const std::string&) override {}
  void done(const std::string&, const std::string&) override {}
  void failed(const std::string&, const std::string&) override {}
};

struct Upgraded {
  fakes::FakeWorld world;
  fakes::FakeKubeApi* api = nullptr;
  UpgradeRequest request;

  explicit Upgraded(const std::string& version, const std::string& gates = "") {
    auto own = std::make_unique<fakes::FakeKubeApi>();
    api = own.get();
    if (!version.empty()) api->get("/version", {{"gitVersion", version}});
    if (version.empty()) api->absent("/version");
    Json items = Json::array();
    if (!gates.empty()) {
      Json container = {{"command", {"kube-controller-manager", "--feature-gates=" + gates}}};
      items.push_back({{"spec", {{"containers", {container}}}}});
    }
    api->get(diagnose::controller_pods_path, {{"items", items}});
    cluster = std::make_unique<Cluster>(world.world, "shop", std::move(own));
    request.to = "1.37";
  }
  void list(const std::string& path, const std::vector<Json>& hpas) {
    api->get(path, {{"metadata", {{"resourceVersion", "1"}}}, {"items", hpas}});
  }
  Result<UpgradeReport> run() {
    Quiet quiet;
    return load_upgrade(world.world, quiet, request, *cluster);
  }
  std::unique_ptr<Cluster> cluster;
};

const std::string in_shop = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers";

std::vector<std::string> ids(const HpaUpgrade& one) {
  std::vector<std::string> all;
  for (const auto& change : one.compared.changes) all.emplace_back(change.id);
  return all;
}

using Ids = std::vector<std::string>;

}  // namespace

TEST_CASE("Without a name, every HPA of the namespace or of the cluster is compared") {
  Upgraded space("v1.34.4");
  space.list(in_shop, {hpa("shop", "web", cpu), hpa("shop", "queue", queue)});
  auto report = space.run();
  REQUIRE_MESSAGE(report.has_value(), report.error().what);
  CHECK(report->from == "v1.34.4");
  CHECK(report->to == "1.37");
  REQUIRE(report->hpas.size() == 2);
  for (const HpaUpgrade& one : report->hpas) CHECK_FALSE(one.changes());
  CHECK(report->everywhere.size() == 1);

  Upgraded all("v1.34.4");
  all.request.all_namespaces = true;
  all.list("/apis/autoscaling/v2/horizontalpodautoscalers", {hpa("a", "web", cpu), hpa("b", "web", cpu)});
  report = all.run();
  REQUIRE(report);
  CHECK(report->hpas[1].name_space == "b");
}

TEST_CASE("An HPA at 0 replicas during the upgrade is told to stay there, by its status") {
  Upgraded cluster("v1.35.4");
  cluster.request.hpa = "queue";
  Json asleep = hpa("shop", "queue", queue, 0);
  asleep["apiVersion"] = "autoscaling/v2";
  Json conditions = {{{"type", "AbleToScale"}, {"status", "True"}}};
  asleep["status"] = {{"desiredReplicas", 0}, {"conditions", conditions}};
  cluster.api->get(in_shop + "/queue", asleep);
  cluster.request.profiles = {"hold 30 for 10m"};
  auto report = cluster.run();
  REQUIRE_MESSAGE(report.has_value(), report.error().what);
  CHECK(ids(report->hpas[0]) == Ids{"zero-stays"});
  REQUIRE(report->hpas[0].simulated);
  CHECK(report->hpas[0].simulated->before.sequence() == std::vector<std::int32_t>{0, 3});
  CHECK(report->hpas[0].simulated->after.sequence() == std::vector<std::int32_t>{0});
  CHECK(report->hpas[0].simulated->differs());
}

TEST_CASE("An HPA that no sync has seen is not at 0 replicas") {
  Upgraded cluster("v1.35.4");
  cluster.list(in_shop, {hpa("shop", "queue", queue, 0)});
  auto report = cluster.run();
  REQUIRE(report);
  CHECK(ids(report->hpas[0]) == Ids{"zero-by-hand"});
}

TEST_CASE("The pods' own requests are read off the workload's template") {
  Upgraded cluster("v1.33.13");
  cluster.list(in_shop, {hpa("shop", "web", cpu), hpa("shop", "api", cpu), hpa("shop", "queue", queue)});
  Json own = {{"resources", {{"requests", {{"cpu", "1"}}}}}};
  cluster.api->get("/apis/apps/v1/namespaces/shop/deployments/web",
                   {{"spec", {{"template", {{"spec", own}}}}}});
  cluster.api->refuse("/apis/apps/v1/namespaces/shop/deployments/api", 403, "no");
  auto report = cluster.run();
  REQUIRE(report);
  CHECK(ids(report->hpas[0]) == Ids{"pod-level-requests"});
  CHECK(ids(report->hpas[1]).empty());
  CHECK(ids(report->hpas[2]) == Ids{"huge-value"});
  bool told = false;
  for (const std::string& note : report->notes)
    told = told || note.starts_with("Whether pods have requests of their own could not be read");
  CHECK(told);
}

TEST_CASE("Gates of the controller count before and after the upgrade") {
  Upgraded cluster("v1.36.3", "HPAScaleToZero=true,HPAConfigurableTolerance=false");
  cluster.list(in_shop, {hpa("shop", "queue", queue, 0)});
  auto report = cluster.run();
  REQUIRE(report);
  CHECK(ids(report->hpas[0]).empty());
  REQUIRE(report->notes.size() == 1);
  CHECK(report->notes[0].find("does not start with this flag") != std::string::npos);
}

TEST_CASE("An HPA that cannot be read as one is told, and the others are compared") {
  Upgraded cluster("v1.34.4");
  Json broken = hpa("shop", "odd", {{"type", "New"}});
  cluster.list(in_shop, {broken, hpa("shop", "web", cpu)});
  auto report = cluster.run();
  REQUIRE(report);
  REQUIRE(report->hpas[0].trouble);
  CHECK(report->hpas[0].trouble->is("hpa-spec"));
  CHECK(report->hpas[0].changes());
  CHECK_FALSE(report->hpas[1].changes());
}

TEST_CASE("Versions that make no upgrade are refused") {
  auto refused = [](const std::string& from, const std::string& to) {
    Upgraded cluster(from);
    cluster.request.to = to;
    cluster.list(in_shop, {});
    auto report = cluster.run();
    REQUIRE_FALSE(report);
    CHECK(report.error().is("kube-version"));
    return report.error().what;
  };
  CHECK(refused("v1.36.3", "1.35") == "Kubernetes 1.35 is older than v1.36.3");
  CHECK(refused("", "1.37") == "The version before the upgrade is unknown");
}

TEST_CASE("A version that is not known is refused before anything is read") {
  fakes::FakeWorld world;
  Cluster nowhere(world.world, "shop", std::make_unique<fakes::FakeKubeApi>());
  UpgradeRequest request;
  request.to = "1.99";
  Quiet quiet;
  auto report = load_upgrade(world.world, quiet, request, nowhere);
  REQUIRE_FALSE(report);
  CHECK(report.error().what == "Kubernetes \"1.99\" is not known to this hpawalk");
  CHECK(report.error().hint == "For example --upgrade-to 1.37");
}

TEST_CASE("A cluster newer than hpawalk knows is simulated with the newest rules, and a note says so") {
  Upgraded cluster("v1.38.0");
  Simulation simulation;
  REQUIRE(load_controller(*cluster.cluster, true, cluster.request, simulation));
  CHECK(simulation.setup.rules.minor == 38);
  CHECK(simulation.setup.rules.first_sync_at_once);
  CHECK(simulation.notes.front().find("newer than this hpawalk knows") != std::string::npos);
}
