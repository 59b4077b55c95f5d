// The steps on a cluster in memory: in order, from every moment at which hpawalk can be killed, and against
// what must not be touched.
#include <doctest/doctest.h>

#include "migrate/apply.hpp"
#include "migrate/to_keda.hpp"
#include "tests/fakes/fakes.hpp"
#include "tests/unit/migrate/chain.hpp"
#include "tests/unit/migrate/toy_cluster.hpp"

using namespace hpawalk;
using namespace hpawalk::migrate;
using namespace std::chrono_literals;

namespace {

struct Quiet final : world::Progress {
  void started(const std::string&) override {}
  void now(const std::string&, const std::string&) override {}
  void done(const std::string&, const std::string&) override {}
  void failed(const std::string&, const std::string&) override {}
};

Surroundings with_keda() {
  Surroundings around;
  around.keda_defined = true;
  around.replicas = 3;
  return around;
}

void take_live(Plan& plan) {
  for (PlannedMetric& metric : plan.metrics) metric.rows = 1, metric.served = true;
}

Looked keda_looked(const ToyCluster& cluster) {
  Looked looked;
  if (list_at(cluster.hpa, "metadata.ownerReferences").empty()) {
    looked.plan = plan_to_keda(cluster.hpa, facts_with(cluster.hpa));
  } else {
    looked.plan.to = Side::keda;
    looked.plan.space = "shop";
    looked.plan.hpa = looked.plan.scaled_object = "object-value";
    looked.plan.workload = "Deployment object-value";
    looked.plan.switched = true;
  }
  take_live(looked.plan);
  looked.state = {cluster.hpa, cluster.scaled_object};
  looked.around = with_keda();
  return looked;
}

Looked adapter_looked(const ToyCluster& cluster) {
  Looked looked;
  if (cluster.scaled_object.is_null()) {
    looked.plan.to = Side::adapter;
    looked.plan.space = "shop";
    looked.plan.hpa = looked.plan.scaled_object = "object-value";
    looked.plan.workload = "Deployment object-value";
    looked.plan.switched = true;
  } else {
    looked.plan = to_adapter(cluster.scaled_object);
  }
  take_live(looked.plan);
  looked.state = {cluster.hpa, cluster.scaled_object};
  looked.around = with_keda();
  return looked;
}

Status run(ToyCluster& cluster, const Looked& looked, world::Duration limit = 3min) {
  fakes::FakeClock clock;
  Quiet progress;
  return apply(cluster, clock, progress, looked, limit);
}

ToyCluster on_adapter() {
  ToyCluster cluster;
  cluster.hpa = adapter_hpa();
  cluster.hpa["metadata"]["resourceVersion"] = "1";
  return cluster;
}

ToyCluster on_keda() {
  ToyCluster cluster = on_adapter();
  REQUIRE(run(cluster, keda_looked(cluster)));
  cluster.changes.clear();
  cluster.requests = 0;
  return cluster;
}

// One HPA object all the time, which can be read at every moment.
void watch_over(ToyCluster& cluster) {
  cluster.after_each = [&cluster, replicas = cluster.replicas] {
    REQUIRE(text_at(cluster.hpa, "metadata.uid") == "hpa-uid");
    REQUIRE(cluster.hpa_is_served());
    REQUIRE(cluster.replicas == replicas);
  };
}

std::string metric_of(const ToyCluster& cluster) {
  const Json& metric = list_at(cluster.hpa, "spec.metrics")[0];
  return text_at(metric, "external.metric.name", text_at(metric, "object.metric.name"));
}

}  // namespace

TEST_CASE("To KEDA: one object is created, and KEDA changes the HPA") {
  ToyCluster cluster = on_adapter();
  watch_over(cluster);
  Status done = run(cluster, keda_looked(cluster));
  REQUIRE_MESSAGE(done, (done ? "" : done.error().because));
  CHECK(cluster.changes == std::vector<std::string>{"POST ScaledObject"});
  CHECK(metric_of(cluster) == "s0-prometheus");
}

TEST_CASE("To the adapter: held, deleted without its HPA, the HPA changed, and then let go") {
  ToyCluster cluster = on_keda();
  watch_over(cluster);
  Status done = run(cluster, adapter_looked(cluster));
  REQUIRE_MESSAGE(done, (done ? "" : done.error().because));
  CHECK(cluster.changes == std::vector<std::string>{"PUT ScaledObject", "DELETE ScaledObject",
                                                    "PUT HorizontalPodAutoscaler", "PUT ScaledObject"});
  CHECK(cluster.scaled_object.is_null());
  CHECK(metric_of(cluster) == "lab_value");
  CHECK(list_at(cluster.hpa, "metadata.ownerReferences").empty());
}

TEST_CASE("Replicas that KEDA would restore stay, because that is turned off first") {
  ToyCluster cluster = on_keda();
  cluster.scaled_object["spec"]["advanced"]["restoreToOriginalReplicaCount"] = true;
  watch_over(cluster);
  REQUIRE(run(cluster, adapter_looked(cluster)));
  CHECK(cluster.changes.size() == 5);
  CHECK(cluster.replicas == 3);
}

TEST_CASE("Killed before any request of the way to KEDA, the same call ends it") {
  int moments = 0;
  for (int kill = 1;; ++kill) {
    ToyCluster cluster = on_adapter();
    watch_over(cluster);
    cluster.fail_from = kill;
    const bool whole = run(cluster, keda_looked(cluster)).has_value();
    cluster.fail_from = -1;
    Status again = run(cluster, keda_looked(cluster));
    REQUIRE_MESSAGE(again, kill, (again ? "" : again.error().because));
    CHECK(metric_of(cluster) == "s0-prometheus");
    CHECK(cluster.changes == std::vector<std::string>{"POST ScaledObject"});
    ++moments;
    if (whole) break;
  }
  CHECK(moments > 5);
}

TEST_CASE("Killed before any request of the way back, the same call ends it") {
  int moments = 0;
  for (int kill = 1;; ++kill) {
    ToyCluster cluster = on_keda();
    watch_over(cluster);
    cluster.fail_from = kill;
    const bool whole = run(cluster, adapter_looked(cluster)).has_value();
    cluster.fail_from = -1;
    Status again = run(cluster, adapter_looked(cluster));
    REQUIRE_MESSAGE(again, kill, (again ? "" : again.error().because));
    CHECK(metric_of(cluster) == "lab_value");
    CHECK(cluster.scaled_object.is_null());
    CHECK(cluster.changes.size() == 4);
    ++moments;
    if (whole) break;
  }
  CHECK(moments > 12);
}

TEST_CASE("An operator that does not run is waited for, and the error says how to go on") {
  ToyCluster cluster = on_keda();
  Looked looked = adapter_looked(cluster);
  cluster.keda_runs = false;
  Status status = run(cluster, looked, 5s);
  REQUIRE_FALSE(status);
  CHECK(status.error().id == "migrate-timeout");
  CHECK(status.error().because.find("has not taken its finalizer off") != std::string::npos);
  CHECK(status.error().hint.find("--to adapter --apply") != std::string::npos);
  CHECK(metric_of(cluster) == "s0-prometheus");
  cluster.keda_runs = true;
  CHECK(run(cluster, adapter_looked(cluster)));
}

TEST_CASE("An HPA that somebody created again in between is left alone") {
  ToyCluster cluster = on_keda();
  Looked looked = adapter_looked(cluster);
  cluster.hpa["metadata"]["uid"] = "another";
  Status status = run(cluster, looked);
  REQUIRE_FALSE(status);
  CHECK(status.error().id == "migrate-changed");
  CHECK(cluster.changes.empty());
}

TEST_CASE("Nothing is changed while anything stands in the way") {
  auto refused = [](const std::function<void(Looked&)>& spoil, bool back) {
    ToyCluster cluster = back ? on_keda() : on_adapter();
    Looked looked = back ? adapter_looked(cluster) : keda_looked(cluster);
    spoil(looked);
    Status status = run(cluster, looked);
    REQUIRE_FALSE(status);
    CHECK(cluster.changes.empty());
    CHECK(status.error().hint.starts_with("Nothing was changed"));
    return status.error().because;
  };
  auto says = [](const std::string& because, const char* what) {
    CHECK_MESSAGE(because.find(what) != std::string::npos, because);
  };
  says(refused([](Looked& l) { l.around.keda_defined = false; }, false), "KEDA is not installed");
  says(refused([](Looked& l) { l.around.keda_serves = "it leads to another Service"; }, false),
       "KEDA does not serve the external metrics API: it leads to another Service");
  says(refused([](Looked& l) { l.plan.metrics[0].rows = 2; }, false), "gives 2 results now");
  says(refused([](Looked& l) { l.plan.metrics[0].rows.reset(), l.plan.metrics[0].now = "no answer"; }, false),
       "could not be tried: no answer");
  says(refused([](Looked& l) { l.around.login_flags = {"--prometheus-token-file"}; }, false),
       "--prometheus-token-file");
  says(refused([](Looked& l) { l.state.hpa["status"]["conditions"][1]["status"] = "False"; }, false),
       "does not work now");
  says(refused(
           [](Looked& l) {
             l.state.hpa["metadata"]["ownerReferences"] =
                 Json::array({{{"kind", "Canary"}, {"name", "web"}, {"uid", "x"}, {"controller", true}}});
           },
           false),
       "belongs to Canary web");
  says(refused(
           [](Looked& l) {
             l.state.hpa["metadata"]["labels"] = {{"kustomize.toolkit.fluxcd.io/name", "apps"}};
           },
           false),
       "Flux would undo the change");
  Json other = {{"metadata", {{"name", "other"}}},
                {"spec", {{"scaleTargetRef", {{"kind", "Deployment"}, {"name", "object-value"}}}}}};
  says(refused([&](Looked& l) { l.around.hpas = {other}; }, false),
       "HPA other scales Deployment object-value too");
  says(refused([&](Looked& l) { l.around.scaled_objects = {other}; }, true), "ScaledObject other scales");
  says(refused([&](Looked& l) { l.state.scaled_object = other; }, false),
       "already exists, and is another one");
  says(refused([](Looked& l) { l.plan.metrics[0].served = false; }, true), "does not serve");
  says(refused([](Looked& l) { l.around.replicas = 0; }, true), "has 0 replicas");
  says(refused(
           [](Looked& l) {
             l.plan.rules = {{{"seriesQuery", "x"}}};
           },
           true),
       "does not have the rules yet");
  says(refused(
           [](Looked& l) {
             l.state.scaled_object["metadata"]["annotations"] = {{"autoscaling.keda.sh/paused", "true"}};
           },
           true),
       "is paused");
  says(refused([](Looked& l) { l.state.scaled_object["metadata"]["deletionTimestamp"] = "now"; }, true),
       "is being deleted by somebody else");
  says(refused([](Looked& l) { l.plan.cannot = {"trigger 1 (cron): no"}; }, true), "trigger 1 (cron): no");
}

TEST_CASE("The way back is open while KEDA gets no value, as long as the adapter serves one") {
  ToyCluster cluster = on_keda();
  Looked looked = adapter_looked(cluster);
  looked.state.scaled_object["status"]["conditions"][0]["status"] = "False";
  looked.state.hpa["status"]["conditions"][1]["status"] = "False";
  CHECK(run(cluster, looked));
  CHECK(metric_of(cluster) == "lab_value");
}

TEST_CASE("A migration that is done is done again without a change") {
  ToyCluster there = on_keda();
  CHECK(run(there, keda_looked(there)));
  CHECK(there.changes.empty());
  REQUIRE(run(there, adapter_looked(there)));
  there.changes.clear();
  CHECK(run(there, adapter_looked(there)));
  CHECK(there.changes.empty());
}

TEST_CASE("The steps that are printed name the objects, and end with a command each that kubectl takes") {
  ToyCluster cluster = on_keda();
  Looked looked = adapter_looked(cluster);
  std::vector<std::string> ids;
  for (const Step& step : steps_of(looked.plan, looked.state)) {
    ids.push_back(step.id);
    CHECK_FALSE(step.command.empty());
  }
  CHECK(ids == std::vector<std::string>{"served", "hold", "let-go", "change", "read", "release"});
}
