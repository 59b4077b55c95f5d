// The way to the API server from inside a pod.
#include "world/pod_account.hpp"

#include <doctest/doctest.h>

#include "tests/fakes/fakes.hpp"
#include "tests/fakes/one_answer_http.hpp"
#include "world/kube_proxy.hpp"

using namespace hpawalk;
using namespace hpawalk::world;

namespace {

struct Pod {
  Pod() {
    fake.world.environment["KUBERNETES_SERVICE_HOST"] = "10.96.0.1";
    fake.world.environment["KUBERNETES_SERVICE_PORT"] = "443";
    fake.files.content[std::string(account_folder) + "/token"] = "secret\n";
    fake.files.content[std::string(account_folder) + "/namespace"] = "hpawalk";
  }
  std::optional<std::string> found() { return api_server_of_pod(fake.world.environment, fake.files); }

  fakes::FakeWorld fake;
};

}  // namespace

TEST_CASE("A pod with a service account reaches the API server by itself, unless a kubeconfig is there") {
  Pod pod;
  CHECK(pod.found() == "https://10.96.0.1:443");
  SUBCASE("An IPv6 address is in brackets") {
    pod.fake.world.environment["KUBERNETES_SERVICE_HOST"] = "fd00::1";
    CHECK(pod.found() == "https://[fd00::1]:443");
  }
  SUBCASE("KUBECONFIG comes first") {
    pod.fake.world.environment["KUBECONFIG"] = "/x";
    CHECK_FALSE(pod.found());
  }
  SUBCASE("So does ~/.kube/config") {
    pod.fake.files.content["/home/user/.kube/config"] = "x";
    CHECK_FALSE(pod.found());
  }
  SUBCASE("Without a token it is no account") {
    pod.fake.files.content.erase(std::string(account_folder) + "/token");
    CHECK_FALSE(pod.found());
  }
  SUBCASE("Outside of a pod there is none") {
    pod.fake.world.environment.erase("KUBERNETES_SERVICE_HOST");
    CHECK_FALSE(pod.found());
  }
}

TEST_CASE("Each request from a pod has the token of its time, and trusts the cluster's authority alone") {
  Pod pod;
  fakes::OneAnswerHttp http({200, R"({"gitVersion":"v1.37.0"})"});
  World world{
      pod.fake.processes,        http, pod.fake.files, pod.fake.clock, pod.fake.terminal, pod.fake.interrupt,
      pod.fake.world.environment};
  Result<std::unique_ptr<KubeApi>> api = connect(world, {});  // starts no kubectl: the fake would refuse it
  REQUIRE(api);
  CHECK(kube_get(**api, "/version"));
  pod.fake.files.content[std::string(account_folder) + "/token"] = "renewed";
  CHECK((*api)->send({"POST", "/apis/x", "{}"}));
  REQUIRE(http.requests.size() == 2);
  CHECK(http.requests[0].url == "https://10.96.0.1:443/version");
  CHECK(http.requests[0].headers.at("Authorization") == "Bearer secret");
  CHECK(http.requests[0].ca == std::string(account_folder) + "/ca.crt");
  CHECK(http.requests[1].headers.at("Authorization") == "Bearer renewed");
  CHECK(http.requests[1].headers.at("Content-Type") == "application/json");
  CHECK(current_namespace(world, {}) == "hpawalk");
  pod.fake.files.content.erase(std::string(account_folder) + "/token");
  CHECK((*api)->send({"GET", "/version"}).error().is("kube-unauthorized"));
}

TEST_CASE("A context that is named is kubectl's matter, in a pod too") {
  Pod pod;
  pod.fake.processes.expect("kubectl --context=prod config view --minify -o 'jsonpath={..namespace}'",
                            {0, "shop", ""});
  CHECK(current_namespace(pod.fake.world, {"", "prod"}) == "shop");
}
