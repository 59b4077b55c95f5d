#include "world/prometheus_api.hpp"

#include <doctest/doctest.h>

#include "tests/fakes/fake_kube_api.hpp"

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
  CHECK(prometheus.query("up").error().id == "prometheus-http");
}
