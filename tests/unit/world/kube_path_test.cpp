#include "world/kube_path.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <regex>

#include "diagnose/collect.hpp"
#include "tests/fakes/facts_files.hpp"
#include "tests/fakes/fake_kube_api.hpp"
#include "tests/fakes/fakes.hpp"
#include "world/kube_api.hpp"

using namespace hpawalk;
using namespace hpawalk::diagnose;
using namespace hpawalk::world;

namespace {

std::string folded(const std::string& path) {
  return std::filesystem::path(path).lexically_normal().string();
}

// As a server reads a path: decoded, before it folds it.
std::string decoded_path(std::string path) {
  path = path.substr(0, path.find('?'));
  std::string decoded;
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '%') {
      decoded += static_cast<char>(std::stoi(path.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      decoded += path[i];
    }
  }
  return decoded;
}

std::string as_served(const std::string& path) {
  return folded(decoded_path(path));
}

}  // namespace

TEST_CASE("A name stays in its segment, however a server decodes it") {
  CHECK(kube_path("/api/v1/namespaces/{}/pods/{}/log", "shop", "web-0") ==
        "/api/v1/namespaces/shop/pods/web-0/log");
  CHECK(kube_path("/apis/{}/x", Segments{"apps/v1"}) == "/apis/apps/v1/x");
  CHECK(path_segment("*") == "%2A");
  CHECK(path_segment("system:node") == "system:node");
  for (const char* name : {"..", ".", "../..", "a/../../secrets", "%2e%2e", "%2e%2e%2fsecrets", "x?y=", "x#y",
                           "x/log", "a b", "\x1b[2J"}) {
    CAPTURE(name);
    std::string path = kube_path("/api/v1/namespaces/{}/pods/{}/log", "shop", name);
    CHECK(path.find_first_of("?# \x1b") == std::string::npos);
    std::string served = as_served(path);
    CHECK(served.starts_with("/api/v1/namespaces/shop/pods/"));
    CHECK(served.ends_with("/log"));
    CHECK(std::count(served.begin(), served.end(), '/') == 7);
  }
  Backend backend{"shop", "../../secrets", "9090", "http"};
  CHECK(as_served(proxy_path(backend, "/value")).starts_with("/api/v1/namespaces/shop/services/"));
}

TEST_CASE("No field of an HPA makes diagnose ask for another path than the chain's") {
  const Json& facts = fakes::healthy_document();
  const std::string evil = "../../../../api/v1/namespaces/kube-system/secrets?x=";
  // Each in turn, behind pointers into the HPA.
  for (std::string field :
       {"/spec/scaleTargetRef/apiVersion", "/spec/scaleTargetRef/kind", "/spec/scaleTargetRef/name",
        "/spec/metrics/0/object/metric/name", "/spec/metrics/0/object/describedObject/name",
        "/spec/metrics/0/object/describedObject/kind", "/spec/metrics/0/object/describedObject/apiVersion",
        "/metadata/namespace"}) {
    CAPTURE(field);
    fakes::FakeKubeApi api;
    fakes::FakeClock clock;
    api.absent("/*");
    fakes::answer_as_read(api, clock, facts);
    Json hpa = facts["readings"]["hpas"]["value"]["items"][0];
    if (field.starts_with("/spec/scaleTargetRef"))
      hpa["spec"]["scaleTargetRef"] = {
          {"apiVersion", "stable.example.com/v1"}, {"kind", "CronTab"}, {"name", "web"}};
    hpa[Json::json_pointer(field)] = evil;
    api.get("/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers", {{"items", Json::array({hpa})}});
    fakes::ScriptedHttp http;
    CollectOptions options;
    options.space = "shop";
    CHECK(collect(api, http, clock, options));
    for (const std::string& request : api.requests) {
      CAPTURE(request);
      std::string path = request.substr(request.find('/'));
      path = path.substr(0, path.find('?'));
      CHECK(folded(path) == path);
      CHECK(folded(decoded_path(path)) ==
            decoded_path(path));  // nothing climbs out of its place, before or after decoding
      CHECK_FALSE(as_served(path).starts_with("/api/v1/namespaces/kube-system/secrets"));
    }
  }
}
