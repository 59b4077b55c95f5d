#include "world/kube_api.hpp"

#include <doctest/doctest.h>

#include "tests/fakes/fake_kube_api.hpp"
#include "tests/fakes/fakes.hpp"
#include "world/kube_proxy.hpp"
#include "world/prometheus_api.hpp"

using namespace hpawalk;
using namespace hpawalk::world;
using fakes::FakeKubeApi;

static Json pod(const std::string& name, const std::string& version) {
  return {{"metadata", {{"name", name}, {"resourceVersion", version}}}};
}

static std::string line(const std::string& type, const Json& object) {
  return Json{{"type", type}, {"object", object}}.dump();
}

TEST_CASE("Each refusal of the API server has its own stable id, and a 403 names the missing right") {
  FakeKubeApi api;
  api.refuse("/api/v1/namespaces/web/services/x", 404, "services \"x\" not found");
  api.refuse("/apis/monitoring.coreos.com/v1/namespaces/web/servicemonitors", 403, "forbidden: User \"eve\"");
  api.refuse("/apis/custom.metrics.k8s.io/v1beta1", 503,
             "the server is currently unable to handle the request");
  api.refuse("/api/v1/pods", 401, "Unauthorized");

  Error gone = kube_get(api, "/api/v1/namespaces/web/services/x").error();
  CHECK(gone.id == "kube-not-found");
  CHECK(gone.because == "services \"x\" not found");

  Error forbidden = kube_get(api, "/apis/monitoring.coreos.com/v1/namespaces/web/servicemonitors").error();
  CHECK(forbidden.id == "kube-forbidden");
  CHECK(forbidden.what ==
        "Forbidden: this login cannot list servicemonitors.monitoring.coreos.com in namespace web");

  CHECK(kube_get(api, "/apis/custom.metrics.k8s.io/v1beta1").error().id == "kube-unavailable");
  Error login = kube_get(api, "/api/v1/pods").error();
  CHECK(login.id == "kube-unauthorized");
  CHECK(login.kind == ErrorClass::environment);
}

TEST_CASE("What kubectl proxy says when it cannot reach the cluster is an environment error with a hint") {
  KubeRequest request{"GET", "/version"};
  Error refused = kube_error(request, {500, "dial tcp 10.0.0.1:443: connect: connection refused\n"});
  CHECK(refused.id == "kube-unreachable");
  // A server that takes connections and says nothing: kubectl gives up after 10 s, as hpawalk does; who is
  // first is chance.
  CHECK(kube_error(request, {500, "net/http: TLS handshake timeout\n"}).id == "kube-unreachable");
  CHECK(refused.kind == ErrorClass::environment);
  CHECK_FALSE(refused.hint.empty());
  CHECK(
      kube_error(request, {500, "tls: failed to verify certificate: x509: signed by unknown authority"}).id ==
      "kube-tls");
  CHECK(kube_error(request, {500, "getting credentials: exec: executable aws not found"}).id ==
        "kube-unauthorized");
  // The API server's own 500, which is JSON, is not a lost connection even when it quotes one.
  CHECK(kube_error(request, {500, R"({"kind":"Status","message":"dial tcp: refused"})"}).id ==
        "kube-refused");
}

TEST_CASE("The right that a path needs is named as kubectl auth can-i names it") {
  CHECK(right_needed("GET", "/api/v1/pods?limit=1") == "list pods in all namespaces");
  CHECK(right_needed("GET", "/api/v1/namespaces/a/pods/b/log") == "get pods/log in namespace a");
  CHECK(right_needed("GET", "/api/v1/namespaces/a/services/b:web/proxy/value") ==
        "get services/proxy in namespace a");
  CHECK(right_needed("PUT", "/api/v1/namespaces/a/services/b:web/proxy/value") ==
        "update services/proxy in namespace a");
  CHECK(right_needed("GET", "/apis/autoscaling/v2/namespaces/a/horizontalpodautoscalers/b") ==
        "get horizontalpodautoscalers.autoscaling in namespace a");
  CHECK(right_needed("GET", "/api/v1/pods?watch=1") == "watch pods in all namespaces");
  CHECK(right_needed("GET", "/version") == "get /version");
}

TEST_CASE("An access review asks as the service account, with the groups that the API server gives it") {
  FakeKubeApi api;
  api.answers["POST /apis/authorization.k8s.io/v1/subjectaccessreviews"] = {201,
                                                                            R"({"status":{"allowed":true}})"};
  Result<bool> allowed = may(api, {"list", "", "pods/proxy", "web", "system:serviceaccount:prom:prometheus"});
  CHECK(allowed.value());
  Json body = Json::parse(api.sent.at(0).body);
  CHECK(body["spec"]["user"] == "system:serviceaccount:prom:prometheus");
  CHECK(body["spec"]["groups"][2] == "system:serviceaccounts:prom");
  CHECK(body["spec"]["resourceAttributes"]["resource"] == "pods");
  CHECK(body["spec"]["resourceAttributes"]["subresource"] == "proxy");
}

TEST_CASE("A watch lists, follows, resumes at its place, and lists again when the place is forgotten") {
  FakeKubeApi api;
  fakes::FakeClock clock;
  api.get("/api/v1/pods", {{"metadata", {{"resourceVersion", "5"}}}, {"items", {pod("a", "3")}}});
  std::string query = "/api/v1/pods?watch=1&allowWatchBookmarks=true&resourceVersion=";
  api.streams[query + "5"] = {{line("MODIFIED", pod("a", "6")), line("BOOKMARK", pod("", "9"))}};
  api.streams[query + "9"] = {{line("ERROR", {{"code", 410}})}, {line("DELETED", pod("a", "11"))}};
  std::vector<std::string> seen;
  bool relisted_twice = false;
  Status end = watch(api, clock, "/api/v1/pods", [&](const WatchEvent& event) {
    if (event.type == "IDLE") return true;
    seen.push_back(event.type);
    if (std::count(seen.begin(), seen.end(), "RELISTED") == 2 && !relisted_twice) {
      relisted_twice = true;
      api.streams[query + "5"] = {{line("DELETED", pod("a", "11"))}};
    }
    return event.type != "DELETED";
  });
  CHECK(end.has_value());
  CHECK(seen == std::vector<std::string>{"RELISTED", "ADDED", "SYNCED", "MODIFIED", "RELISTED", "ADDED",
                                         "SYNCED", "DELETED"});
}

TEST_CASE("A watch of something that may not be read ends with the missing right") {
  FakeKubeApi api;
  fakes::FakeClock clock;
  api.refuse("/api/v1/pods", 403, "no");
  Status end = watch(api, clock, "/api/v1/pods", [](const WatchEvent&) { return true; });
  CHECK(end.error().id == "kube-forbidden");
}

TEST_CASE("A watch whose server is gone waits longer each time, and ends at Ctrl-C") {
  FakeKubeApi api;
  fakes::FakeClock clock;
  clock.interrupt_at = std::chrono::seconds(20);
  api.get("/api/v1/pods", {{"metadata", {{"resourceVersion", "5"}}}, {"items", Json::array()}});
  api.streams["/api/v1/pods?watch=1&allowWatchBookmarks=true&resourceVersion=5"] = {};
  Status end = watch(api, clock, "/api/v1/pods", [](const WatchEvent&) { return true; });
  CHECK(end.error().kind == ErrorClass::interrupted);
  CHECK(api.requests.size() < 15);
}

TEST_CASE("Services and pods are reached through the API server's proxy") {
  CHECK(proxy_path({"web", "prom-fake", "web"}, "/value") ==
        "/api/v1/namespaces/web/services/prom-fake:web/proxy/value");
  CHECK(proxy_path({"m", "p", "9090", "https"}, "/") == "/api/v1/namespaces/m/services/https:p:9090/proxy/");
  CHECK(proxy_path({"m", "p-0", "9090", "http", true}, "/x") == "/api/v1/namespaces/m/pods/p-0:9090/proxy/x");
}

TEST_CASE("Prometheus's answers become samples, targets and errors with its own words") {
  FakeKubeApi api;
  std::string base = "/api/v1/namespaces/m/services/prometheus:9090/proxy/api/v1/";
  PrometheusApi prometheus = prometheus_behind(api, {"m", "prometheus", "9090"});
  api.get(base + "query?query=up%7Bjob%3D%22a%22%7D",
          Json::parse(R"({"status":"success","data":{"resultType":"vector","result":[
             {"metric":{"__name__":"up","job":"a"},"value":[1700000000.5,"1"]}]}})"));
  auto samples = prometheus.query("up{job=\"a\"}");
  REQUIRE(samples->size() == 1);
  CHECK(samples->at(0).labels.at("job") == "a");
  CHECK(samples->at(0).value == "1");

  api.answers["GET " + base + "query?query=sum%28"] = {
      400, R"({"status":"error","errorType":"bad_data","error":"parse error"})"};
  Error refused = prometheus.query("sum(").error();
  CHECK(refused.id == "prometheus-query");
  CHECK(refused.because == "bad_data: parse error");

  api.answers["GET " + base + "targets?state=active"] = {401, "Unauthorized"};
  Error login = prometheus.targets().error();
  CHECK(login.id == "prometheus-login");
  CHECK(login.because == "HTTP 401: Unauthorized");
  CHECK(login.hint.find("--prometheus URL") != std::string::npos);
}

TEST_CASE("An answer of Prometheus's that has an unexpected format is an error, whatever it is") {
  FakeKubeApi api;
  std::string base = "/api/v1/namespaces/m/services/prometheus:9090/proxy/api/v1/";
  PrometheusApi prometheus = prometheus_behind(api, {"m", "prometheus", "9090"});
  for (const char* body : {"", "[]", "5", "{}", R"({"status": 5})", R"({"status":"success"})",
                           R"({"status":"success","data":[]})", R"({"status":"success","data":5})",
                           R"({"status":"success","data":null})",
                           R"({"status":"success","data":{"resultType":"vector","result":5}})", "<html>"}) {
    CAPTURE(body);
    for (const char* path : {"query?query=up", "targets?state=active"})
      api.answers["GET " + base + path] = {200, body};
    CHECK(prometheus.query("up").error().id == "prometheus-http");
    CHECK(prometheus.targets().error().id == "prometheus-http");
  }
  api.answers["GET " + base + "query?query=up"] = {
      200,
      R"({"status":"success","data":{"resultType":"vector","result":[5,{"value":{"a":1}},{"metric":[],"value":[1,"2"]}]}})"};
  CHECK(prometheus.query("up")->size() == 1);
}

TEST_CASE("An answer of the API server's that has an unexpected format is no exception") {
  for (const char* body :
       {"", "5", "[]", "null", "\"x\"", R"({"status": []})", R"({"status": {"allowed": "yes"}})", "<html>"}) {
    CAPTURE(body);
    FakeKubeApi api;
    api.answers["POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"] = {201, body};
    CHECK(may(api, {"list", "", "pods"}).error().id == "kube-refused");
  }
  for (Json list : {Json(5), Json::array({1}), Json("x"), Json{{"metadata", 5}, {"items", 7}}}) {
    FakeKubeApi api;
    fakes::FakeClock clock;
    api.get("/api/v1/pods", list);
    std::vector<std::string> types;
    Status end = watch(api, clock, "/api/v1/pods", [&](const WatchEvent& event) {
      types.push_back(event.type);
      return event.type != "SYNCED";
    });
    CHECK(end);
    CHECK(types == std::vector<std::string>{"RELISTED", "SYNCED"});
  }
}

TEST_CASE("The kubectl command line names the cluster that was asked for") {
  CHECK(kubectl_line({"/k", "c"}, {"proxy"}) ==
        std::vector<std::string>{"kubectl", "--kubeconfig=/k", "--context=c", "proxy"});
  CHECK(kubectl_line({}, {"get", "pods"}) == std::vector<std::string>{"kubectl", "get", "pods"});
}
