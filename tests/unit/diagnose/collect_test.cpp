#include "diagnose/collect.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "diagnose/diagnosis.hpp"
#include "tests/fakes/facts_files.hpp"
#include "tests/fakes/fake_kube_api.hpp"
#include "tests/fakes/fakes.hpp"
#include "tests/fakes/sample.hpp"

using namespace hpawalk;
using namespace hpawalk::diagnose;

// A cluster that answers what was once read from a real one, with the HPA copied so often.
static void fill(fakes::FakeKubeApi& api, fakes::FakeClock& clock, size_t hpas) {
  const Json& facts = fakes::healthy_document();
  fakes::answer_as_read(api, clock, facts);
  // The copies' metric has no value, for none of their Services.
  if (hpas > 1) {
    api.absent({"/apis/custom.metrics.k8s.io/v1beta1/namespaces/shop/services/%2A/lab_value",
                "/apis/custom.metrics.k8s.io/v1beta1/namespaces/shop/services/service-*/lab_value",
                "*/proxy/api/v1/query?query=label_replace%28sum*"});
  }
  Json item = facts["readings"]["hpas"]["value"]["items"][0];
  Json items = Json::array();
  for (size_t i = 0; i < hpas; ++i) {
    Json copy = item;
    copy["metadata"]["name"] = i == 0 ? "object-value" : "copy-" + std::to_string(i);
    copy["spec"]["metrics"][0]["object"]["describedObject"]["name"] =
        i == 0 ? "object-value" : "service-" + std::to_string(i);
    items.push_back(copy);
  }
  api.get("/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers", {{"items", items}});
}

static size_t requests_for(size_t hpas) {
  fakes::FakeKubeApi api;
  fakes::ScriptedHttp http;
  fakes::FakeClock clock;
  fill(api, clock, hpas);
  CollectOptions options;
  options.space = "shop";
  Result<Facts> facts = collect(api, http, clock, options);
  REQUIRE(facts);
  CHECK(diagnose_hpas(*facts).size() == hpas);
  return api.requests.size();
}

TEST_CASE(
    "Many HPAs need as many requests as one, apart from a limited number of probes of the metrics API") {
  const size_t hpas = fakes::every_case() ? 200 : CollectOptions{}.probe_limit + 2;
  size_t one = requests_for(1), many = requests_for(hpas);
  MESSAGE("requests for 1 HPA: " << one << ", for " << hpas << ": " << many);
  CHECK(many <= one + CollectOptions{}.probe_limit);
  CHECK(requests_for(hpas * 2) == many);
}

TEST_CASE("A wrong name of an HPA is answered with the nearest") {
  fakes::FakeKubeApi api;
  fakes::ScriptedHttp http;
  fakes::FakeClock clock;
  fill(api, clock, 1);
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
  api.absent("/*");
  api.refuse("/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers", 403, "forbidden");
  CollectOptions options;
  options.space = "shop";
  Result<Facts> facts = collect(api, http, clock, options);
  REQUIRE_FALSE(facts);
  CHECK(exit_code(facts.error().kind) == 3);
  CHECK(facts.error().hint ==
        "The missing permission: list horizontalpodautoscalers.autoscaling in namespace shop");
}

TEST_CASE("What may not be listed in the whole cluster is listed in the namespaces that matter") {
  fakes::FakeKubeApi api;
  fakes::ScriptedHttp http;
  fakes::FakeClock clock;
  fill(api, clock, 1);
  api.refuse("/api/v1/services", 403, "forbidden");
  api.get("/api/v1/namespaces/shop/services", {{"items", Json::array()}});
  api.absent({"/api/v1/namespaces/metrics-api/services", "/api/v1/namespaces/watch/services"});
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
    fill(api, clock, 1);
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
  fill(api, clock, 1);
  api.get("/version", {{"gitVersion", "v1.34.4"}});
  const std::string key =
      "api /apis/custom.metrics.k8s.io/v1beta1/namespaces/shop/services/object-value/lab_value";
  api.script("GET " + fakes::healthy_document()["readings"][key]["path"].get<std::string>(),
             {502, "dial tcp 10.0.0.1:6443: i/o timeout"});
  CollectOptions options;
  options.space = "shop";
  Result<Facts> facts = collect(api, http, clock, options);
  REQUIRE(facts);
  REQUIRE(facts->find(key) != nullptr);
  CHECK(facts->find(key)->error_id == "kube-unreachable");
}

TEST_CASE("A question that is not answered in time ends no diagnosis while the API server answers others") {
  for (const char* path : {"/api/v1/services", "/apis/apps/v1/namespaces/shop/deployments"}) {
    fakes::FakeKubeApi api;
    fakes::ScriptedHttp http;
    fakes::FakeClock clock;
    fill(api, clock, 1);
    api.get("/version", {{"gitVersion", "v1.34.4"}});
    api.refuse(path, 504, "Timeout: request did not complete within the allotted timeout");
    CollectOptions options;
    options.space = "shop";
    Result<Facts> facts = collect(api, http, clock, options);
    REQUIRE(facts);
    // but if not even its version is answered, it is out of reach
    api.refuse("/version", 504, "Timeout: request did not complete within the allotted timeout");
    Result<Facts> silent = collect(api, http, clock, options);
    REQUIRE_FALSE(silent);
    CHECK(silent.error().id == "kube-unreachable");
    CHECK(exit_code(silent.error().kind) == 3);
  }
}

// 600 pods of others, and HPAs in so many namespaces.
static std::vector<std::string> pod_lists(size_t spaces, size_t others) {
  fakes::FakeKubeApi api;
  fakes::ScriptedHttp http;
  fakes::FakeClock clock;
  fill(api, clock, 1);
  api.absent({"/apis/apps/v1/*", "/apis/discovery.k8s.io/v1/*", "/apis/networking.k8s.io/v1/*"});
  Json hpas = Json::array(), pods = Json::array();
  for (size_t i = 0; i < spaces; ++i) {
    std::string space = "s" + std::to_string(i);
    hpas.push_back({{"metadata", {{"name", "web"}, {"namespace", space}}}});
    api.get("/api/v1/namespaces/" + space + "/pods",
            {{"items", {{{"metadata", {{"name", "web-0"}, {"namespace", space}}}}}}});
  }
  for (size_t i = 0; i < others; ++i) {
    pods.push_back({{"metadata", {{"name", "p" + std::to_string(i)}, {"namespace", "other"}}}});
  }
  api.get("/apis/autoscaling/v2/horizontalpodautoscalers", {{"items", hpas}});
  api.get("/api/v1/pods", {{"items", pods}});
  Result<Facts> facts = collect(api, http, clock, {});
  REQUIRE(facts);
  std::vector<std::string> lists;
  for (const std::string& request : api.requests) {
    bool list = request.starts_with("GET /api/v1/pods") ||
                (request.starts_with("GET /api/v1/namespaces/") && request.ends_with("/pods"));
    if (list && request.find('?') == std::string::npos) lists.push_back(request);
  }
  return lists;
}

TEST_CASE(
    "The pods of many namespaces are read with fewer requests: the whole cluster's list, or the "
    "namespaces'") {
  // 6 namespaces: two of shop's own Prometheus and adapter, and these
  std::vector<std::string> few = pod_lists(4, 1200);
  CHECK(few == std::vector<std::string>{"GET /api/v1/pods", "GET /api/v1/pods from 500",
                                        "GET /api/v1/pods from 1000"});
  std::vector<std::string> many = pod_lists(4, 4'000);
  CHECK(many.size() == 7);  // the first page, then each namespace
  CHECK(std::count_if(many.begin(), many.end(),
                      [](const std::string& r) { return r.find("from") != std::string::npos; }) == 0);
}

TEST_CASE("An index finds the same objects as a search through all objects") {
  fakes::Sample some(6);
  for (const auto& file :
       std::filesystem::directory_iterator(std::filesystem::path(TESTS_FOLDER) / "facts")) {
    if (file.path().extension() != ".json" || !some.takes()) continue;
    const Facts& facts = fakes::facts_of(file.path());
    for (const char* resource :
         {"pods", "services", "deployments", "replicasets", "endpointslices", "hpas", "adapter-pods"}) {
      CAPTURE(file.path().filename());
      CAPTURE(resource);
      const std::vector<const Json*> all = facts.items(resource);
      for (const Json* object : all) {
        std::string space = text_at(*object, "metadata.namespace"), name = text_at(*object, "metadata.name");
        std::vector<const Json*> in_space = facts.items(resource, space);
        const Json* named = facts.object(resource, space, name);
        Json labels = at(*object, "metadata.labels");
        StillFacts still(facts);
        CHECK(facts.items(resource) == all);
        CHECK(facts.items(resource, space) == in_space);
        CHECK(facts.object(resource, space, name) == named);
        std::vector<const Json*> labelled = facts.labelled(resource, space, labels);
        CHECK(std::find(labelled.begin(), labelled.end(), object) != labelled.end());
        CHECK(facts.items(resource, "no such namespace").empty());
        CHECK(facts.object(resource, space, "no such name") == nullptr);
        CHECK(facts.labelled(resource, space, {{"no-such-label", "x"}}).empty());
      }
    }
  }
}

TEST_CASE("A copy of facts does not share the index of the original") {
  auto copy = std::make_unique<Facts>();
  {
    Facts facts;
    facts.readings["pods"].value = {{"items", {{{"metadata", {{"name", "a"}, {"namespace", "x"}}}}}}};
    StillFacts still(facts);
    CHECK(facts.items("pods", "x").size() == 1);
    *copy = facts;
  }
  CHECK(copy->place.index == nullptr);
  CHECK(copy->items("pods", "x").size() == 1);
}
