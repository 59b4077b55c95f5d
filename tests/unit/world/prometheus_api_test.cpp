#include "world/prometheus_api.hpp"

#include <doctest/doctest.h>

#include "tests/fakes/fake_kube_api.hpp"
#include "tests/fakes/one_answer_http.hpp"

using namespace hpawalk;
using namespace hpawalk::world;

TEST_CASE("A query that the API server does not pass on is told from one that Prometheus refuses") {
  fakes::FakeKubeApi api;
  const std::string query = "GET /api/v1/namespaces/m/services/prometheus:9090/proxy/api/v1/query?query=up";
  PrometheusApi prometheus = prometheus_behind(api, {"m", "prometheus", "9090"});
  api.answers[query] = {
      403, R"({"kind":"Status","message":"services \"prometheus:9090\" is forbidden: User \"eve\" )"
           R"(cannot get resource \"services/proxy\" in API group \"\" in the namespace \"m\""})"};
  Error forbidden = prometheus.query("up").error();
  CHECK(forbidden.id == "prometheus-forbidden");
  CHECK(forbidden.because.find("services/proxy") != std::string::npos);
  api.answers[query] = {403, "Forbidden"};
  CHECK(prometheus.query("up").error().id == "prometheus-login");
  api.answers[query] = {502, "Bad Gateway"};
  CHECK(prometheus.query("up").error().id == "prometheus-http");
}

TEST_CASE("What a Prometheus at a URL requires is sent with each request, and its token is asked for each") {
  fakes::OneAnswerHttp http({200, R"({"status":"success","data":{"resultType":"vector","result":[]}})"});
  int asked = 0;
  PrometheusApi prometheus =
      prometheus_at(http, "https://prom/prefix/",
                    {.headers = {{"X-Scope-OrgID", "shop"}},
                     .token = [&]() -> Result<std::string> { return "token-" + std::to_string(++asked); },
                     .client_certificate = "client.pem",
                     .client_key = "client.key",
                     .ca = "ca.pem"});
  REQUIRE(prometheus.query("up"));
  REQUIRE(prometheus.query("up"));
  REQUIRE(http.requests.size() == 2);
  const HttpRequest& second = http.requests[1];
  CHECK(second.url == "https://prom/prefix/api/v1/query?query=up");
  CHECK(second.headers ==
        std::map<std::string, std::string>{{"X-Scope-OrgID", "shop"}, {"Authorization", "Bearer token-2"}});
  CHECK(second.client_certificate == "client.pem");
  CHECK(second.client_key == "client.key");
  CHECK(second.ca == "ca.pem");
}

TEST_CASE("A token that cannot be read is not replaced by a request without one") {
  fakes::OneAnswerHttp http({200, "{}"});
  PrometheusApi prometheus =
      prometheus_at(http, "http://prom", {.token = []() -> Result<std::string> {
                      return failure(ErrorClass::environment, "file", "Cannot read token");
                    }});
  CHECK(prometheus.query("up").error().id == "file");
  CHECK(http.requests.empty());
}

TEST_CASE("A refusal says what to do, and never repeats the credentials") {
  for (int status : {401, 403}) {
    fakes::OneAnswerHttp http(
        {status, "unknown key hunter2-abcdef of tenant shop; Authorization was: Bearer hunter2-token"});
    PrometheusApi prometheus =
        prometheus_at(http, "http://prom",
                      {.headers = {{"X-Api-Key", "hunter2-abcdef"}, {"X-Scope-OrgID", "shop"}},
                       .token = []() -> Result<std::string> { return "hunter2-token"; },
                       .when_refused = "Give other credentials"});
    Error error = prometheus.query("up").error();
    CHECK(error.id == "prometheus-login");
    CHECK(error.hint == "Give other credentials");
    CHECK(error.because.starts_with("HTTP " + std::to_string(status) + ": unknown key"));
    CHECK(error.because.find("tenant shop") != std::string::npos);
    CHECK(error.because.find("hunter2") == std::string::npos);
  }
}

TEST_CASE("Only an https URL of an Azure Monitor workspace's query endpoint is one") {
  for (const char* url :
       {"https://shop-a1b2.westeurope.prometheus.monitor.azure.com",
        "https://SHOP.prometheus.Monitor.Azure.com/", "https://a.prometheus.monitor.azure.com:443/x"})
    CHECK_MESSAGE(is_azure_monitor_url(url), std::string(url));
  for (const char* url :
       {"http://shop.prometheus.monitor.azure.com", "https://prometheus.monitor.azure.com",
        "https://.prometheus.monitor.azure.com.evil.example", "https://shop-prometheus.monitor.azure.com",
        "https://evil.example/shop.prometheus.monitor.azure.com",
        "https://evil.example?x=.prometheus.monitor.azure.com",
        "https://evil.example#.prometheus.monitor.azure.com",
        "https://shop.prometheus.monitor.azure.com@evil.example",
        "https://evil.example\\.prometheus.monitor.azure.com",
        "https://evil.example:443\\@a.prometheus.monitor.azure.com", "shop.prometheus.monitor.azure.com",
        "ftp://shop.prometheus.monitor.azure.com", ""})
    CHECK_FALSE_MESSAGE(is_azure_monitor_url(url), std::string(url));
}
