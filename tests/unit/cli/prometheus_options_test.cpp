// The credentials of a Prometheus at a URL, from the options to what is sent.
#include "cli/prometheus_options.hpp"

#include <doctest/doctest.h>

#include "tests/fakes/fakes.hpp"

using namespace hpawalk;
using namespace hpawalk::cli;

namespace {

const std::string az =
    "az account get-access-token --resource https://prometheus.monitor.azure.com --query accessToken "
    "--output "
    "tsv";
const std::string workspace = "https://shop.westeurope.prometheus.monitor.azure.com";

std::string error_of(const PrometheusOptions& options, const std::string& where) {
  fakes::FakeWorld world;
  Result<world::PrometheusLogin> login = prometheus_login(world.world, options, where);
  if (login) return {};
  CHECK(login.error().kind == ErrorClass::usage);
  CHECK(login.error().id == "prometheus-login");
  return login.error().what + login.error().because + login.error().hint;
}

}  // namespace

TEST_CASE("Headers are taken as they are written, with the blanks around the value left out") {
  fakes::FakeWorld world;
  Result<world::PrometheusLogin> login = prometheus_login(
      world.world, {.headers = {"X-Scope-OrgID: shop", "Authorization:Basic YTpi "}}, "http://prom:9090");
  REQUIRE(login);
  CHECK(login->headers ==
        std::map<std::string, std::string>{{"X-Scope-OrgID", "shop"}, {"Authorization", "Basic YTpi"}});
  CHECK_FALSE(login->token);
}

TEST_CASE("A header that is none is refused without being repeated") {
  for (const char* header :
       {"hunter2", "hunter2:", ": hunter2", "X Key: hunter2", "X-Key: hunter2\r\nHost: x"}) {
    std::string error = error_of({.headers = {header}}, "http://prom:9090");
    CHECK(error.find("NAME: VALUE") != std::string::npos);
    CHECK(error.find("hunter2") == std::string::npos);
  }
}

TEST_CASE("Credentials go to a URL only, and there is one Authorization") {
  for (const PrometheusOptions& options : {PrometheusOptions{.headers = {"A: b"}},
                                           {.token_file = "t"},
                                           {.client_certificate = "c"},
                                           {.ca = "c"}})
    CHECK(error_of(options, "prom-metrics/prometheus:9090").find("--prometheus URL") != std::string::npos);
  CHECK(error_of({}, "prom-metrics/prometheus:9090").empty());
  CHECK(error_of({.headers = {"authorization: Basic x"}, .token_file = "t"}, "http://prom:9090") !=
        std::string());
}

TEST_CASE("The token's file is read at each use") {
  fakes::FakeWorld world;
  Result<world::PrometheusLogin> login =
      prometheus_login(world.world, {.token_file = "token"}, "http://prom:9090");
  REQUIRE(login);
  CHECK(login->token().error().id == "file");
  for (const char* token : {"first", "second"}) {
    world.files.content["token"] = std::string(token) + "\n";
    CHECK(*login->token() == token);
  }
  for (const char* wrong : {"", "\n", "two words", "two\nlines"}) {
    world.files.content["token"] = wrong;
    CHECK(login->token().error().id == "prometheus-login");
    CHECK(login->token().error().because.find("words") == std::string::npos);
  }
}

TEST_CASE("An Azure Monitor workspace gets a token of az, which is asked once") {
  fakes::FakeWorld world;
  world.processes.expect(az, {0, "hunter2\n", ""});
  Result<world::PrometheusLogin> login = prometheus_login(world.world, {}, workspace);
  REQUIRE(login);
  CHECK(*login->token() == "hunter2");
  CHECK(*login->token() == "hunter2");
  CHECK(login->when_refused.find("Monitoring Data Reader") != std::string::npos);
}

TEST_CASE("Without a login of az, the error says so") {
  fakes::FakeWorld world;
  world.processes.expect(az, {1, "", "ERROR: Please run 'az login' to setup account."});
  Result<world::PrometheusLogin> login = prometheus_login(world.world, {}, workspace);
  REQUIRE(login);
  for (int i = 0; i < 2; ++i) CHECK(login->token().error().id == "az-login");
}

TEST_CASE("az is not asked for anybody else, nor where another token is given") {
  fakes::FakeWorld world;
  world.files.content["token"] = "mine";
  CHECK_FALSE(prometheus_login(world.world, {}, "http://shop.prometheus.monitor.azure.com")->token);
  CHECK_FALSE(prometheus_login(world.world, {}, "https://evil.example/.prometheus.monitor.azure.com")->token);
  CHECK_FALSE(prometheus_login(world.world, {.headers = {"Authorization: Bearer x"}}, workspace)->token);
  CHECK(*prometheus_login(world.world, {.token_file = "token"}, workspace)->token() == "mine");
}
