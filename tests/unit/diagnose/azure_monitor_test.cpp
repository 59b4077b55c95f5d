// Azure Monitor's managed Prometheus: monitors of a group of its own, and a workspace that wants a token.
#include <doctest/doctest.h>

#include "diagnose/collect.hpp"
#include "tests/fakes/fake_kube_api.hpp"
#include "tests/fakes/fakes.hpp"
#include "tests/fakes/judged.hpp"
#include "tests/fakes/one_answer_http.hpp"

using namespace hpawalk;
using namespace hpawalk::diagnose;
using namespace hpawalk::fakes;

namespace {

const std::string workspace = "https://shop.westeurope.prometheus.monitor.azure.com";
const std::string azure_service_monitors = "servicemonitors.azmonitoring.coreos.com";

bool starts(const std::string& text, const std::string& start) {
  INFO(text);
  return text.starts_with(start);
}

const LinkState& link_of(const ChainDiagnosis& chain, Link link) {
  return chain.links[static_cast<size_t>(link)];
}

}  // namespace

TEST_CASE("A patch of a monitor names its group, where the cluster serves both") {
  CHECK(starts(command_of(first_of(document_of("monitor-port-name@azure")).fix),
               "kubectl patch servicemonitor.azmonitoring.coreos.com object-value -n watch "));
  Json document = document_of("monitor-not-selected");
  CHECK(starts(command_of(first_of(document).fix), "kubectl patch servicemonitor object-value -n watch "));
  // A cluster that has managed Prometheus as well.
  Json azure = document_of("monitor-other-group")["readings"];
  for (const char* key : {"discovery azmonitoring.coreos.com", "podmonitors.azmonitoring.coreos.com"})
    document["readings"][key] = azure[key];
  CHECK(starts(command_of(first_of(document).fix),
               "kubectl patch servicemonitor.monitoring.coreos.com object-value -n watch "));
}

TEST_CASE("A monitor that only another Prometheus reads is told with the group that is needed") {
  Finding of_operator = first_of(document_of("monitor-other-group"));
  CHECK(of_operator.cause == "monitor-other-group");
  CHECK(of_operator.fix.says == "Create the same ServiceMonitor with apiVersion monitoring.coreos.com/v1");
  CHECK(look_of(of_operator.fix) ==
        "kubectl get servicemonitor.azmonitoring.coreos.com object-value -n watch -o yaml");
  Finding of_azure = first_of(document_of("monitor-other-group@azure"));
  CHECK(of_azure.fix.says == "Create the same ServiceMonitor with apiVersion azmonitoring.coreos.com/v1");
  CHECK(look_of(of_azure.fix) ==
        "kubectl get servicemonitor.monitoring.coreos.com object-value -n watch -o yaml");
}

TEST_CASE(
    "Where nobody knows which Prometheus it is, and it lists no targets, the monitors of both groups count") {
  // As behind a proxy that adds the token for Azure Monitor: a Service with pods, and no Prometheus object.
  Json document = document_of("target-not-discovered");
  Json& readings = document["readings"];
  items(document, "prometheuses") = Json::array();
  const std::string prometheus = "prom:watch/prom-web:9191 ";
  for (const char* question : {"targets", "config", "runtime"}) {
    readings[prometheus + question].erase("value");
    readings[prometheus + question]["error"] = {{"id", "prometheus-http"}, {"message", "404 page not found"}};
  }
  Json azure = document_of("monitor-other-group")["readings"];
  for (const char* key : {"discovery azmonitoring.coreos.com", "podmonitors.azmonitoring.coreos.com"})
    readings[key] = azure[key];
  readings[azure_service_monitors] = azure[azure_service_monitors];
  items(document, "servicemonitors") = Json::array();
  ChainDiagnosis chain = judged(document);
  CHECK(link_of(chain, Link::monitor).mark == Mark::ok);
  CHECK(link_of(chain, Link::monitor).text == "ServiceMonitor (azmonitoring.coreos.com) watch/object-value");
  CHECK(link_of(chain, Link::prometheus).mark == Mark::unknown);
  CHECK(starts(link_of(chain, Link::prometheus).text, "it responds, but does not list its targets"));
  // With --prometheus, it is known.
  readings["prometheus-url"] = {{"path", workspace}, {"value", {{"url", workspace}}}};
  items(document, "servicemonitors") =
      document_of("healthy")["readings"]["servicemonitors"]["value"]["items"];
  items(document, azure_service_monitors) = Json::array();
  CHECK(first_cause(document) == "monitor-other-group");
  readings.erase("prometheus-url");
  items(document, "servicemonitors") = Json::array();
  items(document, azure_service_monitors) = azure[azure_service_monitors]["value"]["items"];
  // One that lists its targets is no workspace of Azure Monitor: it reads prometheus-operator's group, or
  // none.
  readings[prometheus + "targets"] = {{"path", "/api/v1/targets"}, {"value", Json::array()}};
  CHECK(first_cause(document) == "monitor-other-group");
}

TEST_CASE("The kinds of managed Prometheus are listed only where the API server serves their group") {
  for (bool served : {false, true}) {
    FakeKubeApi api;
    ScriptedHttp http;
    FakeClock clock;
    answer_as_read(api, clock, healthy_document());
    const std::string group = "/apis/azmonitoring.coreos.com/v1";
    if (served) {
      api.get(group, {{"resources", Json::array()}});
      for (const char* plural : {"/servicemonitors", "/podmonitors"})
        api.get(group + plural, {{"items", {{{"metadata", {{"name", "web"}, {"namespace", "shop"}}}}}}});
    }
    Result<Facts> facts = collect(api, http, clock, {.space = "shop"});
    REQUIRE(facts);
    CHECK(facts->items(azure_service_monitors).size() == (served ? 1 : 0));
    CHECK((facts->find(azure_service_monitors) != nullptr) == served);
  }
}

TEST_CASE("An adapter that queries a workspace is diagnosed with what --prometheus answers there") {
  FakeKubeApi api;
  FakeClock clock;
  Json document = document_of("healthy@azure");
  document["readings"].erase("prometheus-url");
  answer_as_read(api, clock, document);
  OneAnswerHttp http({401, "no token"});
  Result<Facts> facts = collect(
      api, http, clock,
      {.space = "shop", .prometheus_url = workspace, .prometheus_login = {.when_refused = "Use --flag"}});
  REQUIRE(facts);
  ChainDiagnosis chain = judged_hpa(*facts).chains[0];
  CHECK(link_of(chain, Link::prometheus).mark == Mark::unknown);
  CHECK(link_of(chain, Link::series).text.find("HTTP 401: no token). Use --flag") != std::string::npos);
  CHECK_FALSE(http.requests.empty());
  for (const world::HttpRequest& request : http.requests) CHECK(starts(request.url, workspace + "/api/v1/"));
  for (const std::string& request : api.requests) CHECK(request.find("/proxy/") == std::string::npos);
}
