// What a ScaledObject says, and what is judged of it beyond the facts files.
#include <doctest/doctest.h>

#include "diagnose/collect.hpp"
#include "diagnose/kept.hpp"
#include "diagnose/view_keda.hpp"
#include "tests/fakes/fake_kube_api.hpp"
#include "tests/fakes/fakes.hpp"
#include "tests/fakes/judged.hpp"

using namespace hpawalk;
using namespace hpawalk::diagnose;
using fakes::document_of;
using fakes::judged;

namespace {

Mark mark_of(const std::string& file, Link link) {
  return judged(document_of(file)).links[static_cast<size_t>(link)].mark;
}

}  // namespace

TEST_CASE("The series of a query are its names, and not its functions, labels and numbers") {
  using Names = std::vector<std::string>;
  CHECK(series_in("sum(rate(http_requests_total{job=\"web\",path=~\"/a{2}\"}[2m])) by (pod)") ==
        Names{"http_requests_total"});
  CHECK(series_in("sum by (pod, job) (queue:length:sum) / on (job) group_left (x) workers * 1e3") ==
        Names{"queue:length:sum", "workers"});
  CHECK(series_in("max(a) or vector(0) unless b offset 5m") == Names{"a", "b"});
  CHECK(series_in("count_values('le', c) + c") == Names{"c"});
  CHECK(series_in("{__name__=~\"a|b\"}").empty());
  CHECK(series_in("sum(").empty());
  CHECK(series_in("a{b=\"").size() == 1);
}

TEST_CASE("A metric's trigger is the one of its number; a formula's metric has none") {
  Json object = {{"spec", {{"triggers", {{{"type", "cron"}}, {{"type", "prometheus"}}}}}}};
  CHECK((*trigger_of(object, "s1-prometheus"))["type"] == "prometheus");
  CHECK((*trigger_of(object, "s0-cron-UTC"))["type"] == "cron");
  for (const char* metric :
       {"s2-kafka", "composite-metric", "s-prometheus", "sx1-y", "", "s99999999999999999999-x"})
    CHECK(trigger_of(object, metric) == nullptr);
}

TEST_CASE("KEDA idles at 0 where minReplicaCount, or else its default, or idleReplicaCount is 0") {
  auto idles = [](const Json& spec) { return may_be_idle({{"spec", spec}}); };
  CHECK(idles(Json::object()));
  CHECK(idles({{"minReplicaCount", 2}, {"idleReplicaCount", 0}}));
  CHECK_FALSE(idles({{"minReplicaCount", 1}}));
}

TEST_CASE("The series of a KEDA chain is followed to its pods, and 0 replicas are what they should be") {
  for (Link link : all_links) {
    INFO(name_of(link));
    // An external metric is of no object: its source is seen in the series.
    bool of_object = link == Link::pods || link == Link::service;
    CHECK(mark_of("healthy@keda", link) == (of_object ? Mark::not_applicable : Mark::ok));
  }
  CHECK(mark_of("healthy@keda-idle", Link::hpa) == Mark::note);
  Json unread = document_of("healthy@keda-idle");
  unread["readings"].erase("scaledobjects");
  CHECK(judged(unread).links[static_cast<size_t>(Link::hpa)].mark == Mark::unknown);
}

TEST_CASE("A query without a result is a fault where its series has samples, and a note where it has none") {
  Json document = document_of("keda-empty-result");
  CHECK(fakes::find(judged(document), "keda-empty-result")->severity == Mark::broken);
  document["readings"]["prom:watch/prom-web:9191 samples"]["value"] = Json::array();
  document["readings"]["prom:watch/prom-web:9191 counts"]["value"] = Json::object();
  CHECK(fakes::find(judged(document), "keda-empty-result")->severity == Mark::note);
}

TEST_CASE("Of a trigger's headers only the names are kept, and of a Secret only its keys") {
  Json object = {{"spec",
                  {{"triggers",
                    {{{"type", "prometheus"},
                      {"metadata", {{"customHeaders", "X-Scope-OrgID=shop,Authorization=Bearer abc"}}}}}}}}};
  CHECK(kept("scaledobjects", object)["spec"]["triggers"][0]["metadata"]["customHeaders"] ==
        "X-Scope-OrgID,Authorization");
  Json secret = {{"metadata",
                  {{"name", "login"},
                   {"annotations", {{"note", "hunter2"}}},
                   {"managedFields",
                    {{{"fieldsV1", {{"f:data", {{".", Json::object()}, {"f:token", Json::object()}}}}}},
                     {{"fieldsV1", {{"f:metadata", Json::object()}}}}}}}},
                 {"data", {{"token", "aHVudGVyMg=="}}}};
  Json cut = kept("secrets/shop/login", secret);
  CHECK(cut == Json{{"metadata", {{"name", "login"}, {"hpawalkKeys", {"token"}}}}});
}

TEST_CASE("KEDA's own text counts only since the ScaledObject's last change, and while the trigger fails") {
  Json document = document_of("keda-login-rejected");
  CHECK(fakes::first_cause(document) == "keda-login-rejected");
  Json& metadata = document["readings"]["scaledobjects"]["value"]["items"][0]["metadata"];
  metadata["hpawalkLastChange"] = "2199-01-01T00:00:00Z";
  CHECK(fakes::first_cause(document) == "keda-scaledobject");
  Json works = document_of("healthy@keda");
  works["readings"]["log metrics-api/keda-operator-5c9f"] =
      document_of("keda-login-rejected")["readings"]["log metrics-api/keda-operator-5c9f"];
  CHECK(judged(works).verdict() == Mark::ok);
}

TEST_CASE("Credentials that are missing are named as far as they can be seen") {
  auto finding = [](const std::string& file) { return fakes::first_of(document_of(file)); };
  CHECK(finding("keda-auth-missing").sentence ==
        "TriggerAuthentication shop/login not found, which the trigger names: KEDA goes on without "
        "credentials");
  CHECK(finding("keda-auth-secret").certainty == Certainty::certain);
  CHECK(finding("keda-auth-secret@forbidden").certainty == Certainty::likely);
  CHECK(finding("keda-auth-key").sentence.starts_with("Secret shop/prom-token has no key token"));
  // A TriggerAuthentication that nobody misses is a note.
  Json document = document_of("healthy@keda");
  document["readings"]["scaledobjects"]["value"]["items"][0]["spec"]["triggers"][0]["authenticationRef"] = {
      {"name", "login"}};
  document["readings"]["triggerauthentications"] = {{"path", "/x"}, {"value", {{"items", Json::array()}}}};
  CHECK(judged(document).verdict() == Mark::note);
  CHECK(fakes::find(judged(document), "keda-auth-missing")->severity == Mark::note);
}

TEST_CASE("Of several triggers the one that fails is named, and what the HPA does then") {
  HpaDiagnosis diagnosis = fakes::judged_hpa(document_of("keda-one-trigger-fails"));
  REQUIRE(diagnosis.chains.size() == 2);
  CHECK(diagnosis.chains[0].first_broken()->sentence ==
        "s1-rabbitmq-orders of ScaledObject orders fails, and this one works: the HPA still scales up by it, "
        "and does not scale down");
  CHECK(diagnosis.chains[1].first_broken() != nullptr);
}

TEST_CASE("An HPA beside KEDA's, of the same workload, is told to be taken over or deleted") {
  Json document = document_of("healthy@keda");
  Json& hpas = document["readings"]["hpas"]["value"]["items"];
  Json own = hpas[0];
  own["metadata"]["name"] = "own";
  own["spec"]["metrics"] = {
      {{"type", "Resource"},
       {"resource", {{"name", "cpu"}, {"target", {{"type", "AverageValue"}, {"averageValue", "1"}}}}}}};
  hpas.push_back(own);
  fakes::set_condition(
      document, "ScalingActive",
      {{"status", "False"}, {"reason", "AmbiguousSelector"}, {"message", "pods by selector"}});
  Facts facts = *facts_from(document.dump());
  for (const char* name : {"object-value", "own"}) {
    std::vector<HpaDiagnosis> all = diagnose_hpas(facts, "shop", name);
    REQUIRE(all.size() == 1);
    const Finding* found = fakes::find(all[0].chains[0], "keda-hpa-not-taken-over");
    REQUIRE(found != nullptr);
    CHECK(found->sentence.starts_with(
        "HPA own scales the same Deployment object-value as KEDA's HPA object-value"));
    CHECK(found->fix.says.find("horizontalPodAutoscalerConfig.name: own") != std::string::npos);
    CHECK(fakes::find(all[0].chains[0], "ambiguous-selector") == nullptr);
  }
}

TEST_CASE("Intervals are spoken of only where they have no effect") {
  auto notes = [](const Json& spec) {
    Json document = document_of("healthy@keda");
    document["readings"]["scaledobjects"]["value"]["items"][0]["spec"].update(spec);
    size_t count = 0;
    for (const Finding& f : judged(document).findings) count += f.cause == "keda-intervals";
    return count;
  };
  CHECK(notes({{"cooldownPeriod", 300}, {"pollingInterval", 30}}) == 0);
  CHECK(notes({{"cooldownPeriod", 60}, {"pollingInterval", 5}}) == 2);
  CHECK(notes({{"cooldownPeriod", 60}, {"pollingInterval", 5}, {"minReplicaCount", 0}}) == 0);
  CHECK(notes({{"cooldownPeriod", 60}, {"minReplicaCount", 2}, {"idleReplicaCount", 0}}) == 0);
}

TEST_CASE("A ScaledObject without an HPA is diagnosed, by its own name and by that of the HPA") {
  Json document = document_of("healthy@keda");
  Json object = document["readings"]["scaledobjects"]["value"]["items"][0];
  object["metadata"]["name"] = "late";
  object["status"] = {{"conditions",
                       {{{"type", "Ready"},
                         {"status", "False"},
                         {"reason", "ScaledObjectCheckFailed"},
                         {"message",
                          "failed to ensure HPA is correctly created for ScaledObject: no scaler found for "
                          "type: promtheus"}}}}};
  document["readings"]["scaledobjects"]["value"]["items"].push_back(object);
  for (const char* name : {"late", "keda-hpa-late"}) {
    fakes::FakeKubeApi api;
    fakes::ScriptedHttp http;
    fakes::FakeClock clock;
    fakes::answer_as_read(api, clock, document);
    api.absent("/*");
    CollectOptions options{.space = "shop", .name = name, .scaled_objects = true};
    Result<Facts> facts = collect(api, http, clock, options);
    REQUIRE(facts);
    CHECK(facts->asked_name == "keda-hpa-late");
    std::vector<HpaDiagnosis> all = diagnose_hpas(*facts, "shop", facts->asked_name);
    REQUIRE(all.size() == 1);
    CHECK(all[0].verdict() == Mark::broken);
    CHECK(all[0].chains[0].first_broken()->cause == "keda-trigger-invalid");
    options.scaled_objects = false;
    CHECK(collect(api, http, clock, options).error().id == "hpa-not-found");
  }
}
