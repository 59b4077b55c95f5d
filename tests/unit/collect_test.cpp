#include "chain/collect.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "chain/diagnosis.hpp"
#include "tests/fakes/fake_kube_api.hpp"
#include "tests/fakes/fakes.hpp"

using namespace hpawalk;

static Json healthy() {
  std::ifstream in(std::filesystem::path(TESTS_FOLDER) / "facts" / "healthy.json");
  return Json::parse(in);
}

// A cluster that answers what was once read from a real one, with the HPA copied so often.
static void fill(fakes::FakeKubeApi& api, size_t hpas) {
  Json facts = healthy();
  for (const auto& [key, reading] : facts["readings"].items()) {
    if (!reading.contains("value")) continue;
    std::string path = reading["path"];
    bool prometheus = key.starts_with("prom:");
    api.get(path, prometheus ? Json{{"status", "success"}, {"data", reading["value"]}} : reading["value"]);
  }
  Json item = facts["readings"]["hpas"]["value"]["items"][0];
  Json items = Json::array();
  for (size_t i = 0; i < hpas; ++i) {
    Json copy = item;
    copy["metadata"]["name"] = i == 0 ? "object-value" : "copy-" + std::to_string(i);
    copy["spec"]["metrics"][0]["object"]["describedObject"]["name"] = i == 0 ? "object-value" : "service-" + std::to_string(i);
    items.push_back(copy);
  }
  api.get("/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers", {{"items", items}});
}

static size_t requests_for(size_t hpas) {
  fakes::FakeKubeApi api;
  fakes::ScriptedHttp http;
  fakes::FakeClock clock;
  fill(api, hpas);
  CollectOptions options;
  options.space = "shop";
  Result<Facts> facts = collect(api, http, clock, options);
  REQUIRE(facts);
  CHECK(diagnose(*facts).size() == hpas);
  return api.requests.size();
}

TEST_CASE("200 HPAs need as many requests as one, apart from a limited number of probes of the metrics API") {
  size_t one = requests_for(1), many = requests_for(200);
  MESSAGE("requests for 1 HPA: " << one << ", for 200: " << many);
  CHECK(many <= one + CollectOptions{}.probe_limit);
  CHECK(requests_for(400) == many);
}

TEST_CASE("A wrong name of an HPA is answered with the nearest") {
  fakes::FakeKubeApi api;
  fakes::ScriptedHttp http;
  fakes::FakeClock clock;
  fill(api, 1);
  CollectOptions options;
  options.space = "shop";
  options.name = "object-valeu";
  Result<Facts> facts = collect(api, http, clock, options);
  REQUIRE_FALSE(facts);
  CHECK(facts.error().kind == ErrorClass::usage);
  CHECK(facts.error().hint == "Did you mean object-value?  hpawalk diagnose object-value -n shop");
}

TEST_CASE("Without the right to list HPAs nothing can be seen, and the right is named") {
  fakes::FakeKubeApi api;
  fakes::ScriptedHttp http;
  fakes::FakeClock clock;
  api.refuse("/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers", 403, "forbidden");
  CollectOptions options;
  options.space = "shop";
  Result<Facts> facts = collect(api, http, clock, options);
  REQUIRE_FALSE(facts);
  CHECK(exit_code(facts.error().kind) == 3);
  CHECK(facts.error().hint == "The right that is missing: list horizontalpodautoscalers.autoscaling in namespace shop");
}

TEST_CASE("What may not be listed in the whole cluster is listed in the namespaces that matter") {
  fakes::FakeKubeApi api;
  fakes::ScriptedHttp http;
  fakes::FakeClock clock;
  fill(api, 1);
  api.refuse("/api/v1/services", 403, "forbidden");
  api.get("/api/v1/namespaces/shop/services", {{"items", Json::array()}});
  CollectOptions options;
  options.space = "shop";
  Result<Facts> facts = collect(api, http, clock, options);
  REQUIRE(facts);
  REQUIRE(facts->listing("services", "shop") != nullptr);
  CHECK(facts->listing("services", "shop")->read());
  // Also Prometheus's: nobody answers for it here, which is recorded.
  REQUIRE(facts->listing("services", "watch") != nullptr);
  CHECK_FALSE(facts->listing("services", "watch")->read());
}

TEST_CASE("An API server that is lost on the way ends the diagnosis, whatever was being read") {
  for (const char* stage : {"workloads, pods, endpoints", "the adapter", "Prometheus", "values"}) {
    INFO(stage);
    fakes::FakeKubeApi api;
    fakes::ScriptedHttp http;
    fakes::FakeClock clock;
    fill(api, 1);
    CollectOptions options;
    options.space = "shop";
    options.reading = [&](const std::string& what) { api.lose(what == stage); };
    Result<Facts> facts = collect(api, http, clock, options);
    REQUIRE_FALSE(facts);
    CHECK(exit_code(facts.error().kind) == 3);
  }
}

TEST_CASE("An adapter that does not answer, behind an API server that does, ends no diagnosis") {
  fakes::FakeKubeApi api;
  fakes::ScriptedHttp http;
  fakes::FakeClock clock;
  fill(api, 1);
  api.get("/version", {{"gitVersion", "v1.34.4"}});
  const std::string key = "api /apis/custom.metrics.k8s.io/v1beta1/namespaces/shop/services/object-value/lab_value";
  api.script("GET " + healthy()["readings"][key]["path"].get<std::string>(), {502, "dial tcp 10.0.0.1:6443: i/o timeout"});
  CollectOptions options;
  options.space = "shop";
  Result<Facts> facts = collect(api, http, clock, options);
  REQUIRE(facts);
  REQUIRE(facts->find(key) != nullptr);
  CHECK(facts->find(key)->error_id == "kube-unreachable");
}
