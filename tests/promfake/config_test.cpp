#include "config.hpp"

#include <doctest/doctest.h>

#include "config_file.hpp"
#include "options.hpp"

using namespace promfake;

static Combined configured(std::vector<std::string> flags, std::vector<std::string> environment = {}) {
  return configure(parse_options(flags, environment));
}

TEST_CASE("without anything there is prom_fake_value on 0.0.0.0:8080") {
  auto [config, wrong] = configured({});
  CHECK(wrong.empty());
  CHECK(to_string(config.listen) == "0.0.0.0:8080");
  REQUIRE(config.series.size() == 1);
  CHECK(series_title(config.series[0]) == "prom_fake_value");
  CHECK(config.series[0].kind == Kind::gauge);
  CHECK_FALSE(config.log_requests);
}

TEST_CASE("flags describe the default metric and add further ones") {
  auto [config, wrong] = configured({"--metric", "queue", "--label=a=b", "--label", "c=\"d,e\"", "--value",
                                     "7", "--metric-help=Waiting.", "--add-metric", "x{y=\"1\"}=2; z_total=3",
                                     "--log-requests", "--self-metrics=false", "--max-connections", "5"});
  REQUIRE(wrong.empty());
  REQUIRE(config.series.size() == 3);
  CHECK(series_title(config.series[0]) == "queue{a=\"b\",c=\"d,e\"}");
  CHECK(config.series[0].value == 7);
  CHECK(config.series[0].help == "Waiting.");
  CHECK(config.series[2].kind == Kind::counter);
  CHECK(config.log_requests);
  CHECK_FALSE(config.self_metrics);
  CHECK(config.max_connections == 5);
}

TEST_CASE("the environment lies between the file and the flags, and what Kubernetes puts there is ignored") {
  auto [config, wrong] =
      configured({"--value=3"},
                 {"PROMFAKE_VALUE=2", "PROMFAKE_METRIC=m", "PROMFAKE_LABELS=a=b,c=d",
                  "PROMFAKE_HELP_=", "PROM_FAKE_PORT=tcp://10.0.0.1:8080",
                  "PROMFAKE_PORT=tcp://10.0.0.1:8080", "PROMFAKE_ADD_METRICS=n=1;o=2", "PROMFAKE_LISTEN="});
  REQUIRE(wrong.size() == 1);
  CHECK(wrong[0] == "unknown environment variable PROMFAKE_HELP_");
  CHECK(config.series[0].value == 3);
  CHECK(series_title(config.series[0]) == "m{a=\"b\",c=\"d\"}");
  CHECK(config.series.size() == 3);
}

TEST_CASE("all mistakes on the command line are told at once") {
  auto [config, wrong] =
      configured({"--lsten", "x", "--value", "y", "--listen", "nowhere", "--max-connections=0",
                  "--log-requests=maybe", "--metric-type=summary", "--metric"});
  CHECK(wrong.size() == 8);
}

TEST_CASE("addresses are numbers with a port, and what is wrong with others is told") {
  for (const char* good :
       {"0.0.0.0:8080", "127.0.0.1:0", "[::1]:80", "[::]:8080", ":8080", "*:8080", "localhost:1"}) {
    CAPTURE(good);
    CHECK(parse_address(good));
  }
  for (const char* bad : {"", "8080", "x:80", "1.2.3:80", "::1:80", "1.2.3.4:", "1.2.3.4:70000", "1.2.3.4:-1",
                          "[::1]", "[1.2.3.4]:80"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_address(bad));
  }
  CHECK(to_string(*parse_address("[::1]:80")) == "[::1]:80");
}

TEST_CASE("a YAML file holds settings and metrics") {
  Layer file = parse_config_file(R"(
listen: "127.0.0.1:9000"
self_metrics: true
metrics:
  - name: queue_length
    help: "Jobs that wait"
    labels: {queue: orders, zone: "1"}
    value: 7
  - {name: done_total, value: 3}
  - {name: hot, value: .inf}
)",
                                 "f.yaml");
  CHECK(file.mistakes.empty());
  auto [config, wrong] = combine({file});
  REQUIRE(wrong.empty());
  CHECK(config.self_metrics);
  CHECK(series_title(config.series[0]) == "queue_length{queue=\"orders\",zone=\"1\"}");
  CHECK(config.series[1].kind == Kind::counter);
  CHECK(config.series[2].value > 1e308);
}

TEST_CASE("mistakes in the file come with their line") {
  auto mistakes = [](const char* text) { return parse_config_file(text, "f.yaml").mistakes; };
  CHECK(mistakes("").empty());
  CHECK(mistakes("a: [").size() == 1);
  CHECK(mistakes("\nlog_requsts: true\n")[0].starts_with("f.yaml:2: unknown key \"log_requsts\""));
  CHECK(mistakes("metrics: []").size() == 1);
  CHECK(mistakes("metrics:\n- {name: a, value: x}\n")[0].starts_with("f.yaml:2: not a number"));
  CHECK(mistakes("metrics:\n- {nme: a}\n").size() == 2);
  CHECK(mistakes("- a").size() == 1);
  CHECK(mistakes("max_connections: many")[0].starts_with("f.yaml:1: "));
  CHECK(mistakes("listen: a:1\nlisten: b:2").size() == 3);
  CHECK(mistakes("config: other.yaml").size() == 1);
}

TEST_CASE("a file that is not there is told with its name") {
  auto [config, wrong] = configured({"--config", "/nowhere/prom-fake.yaml"});
  REQUIRE(wrong.size() == 1);
  CHECK(wrong[0] == "the configuration /nowhere/prom-fake.yaml cannot be read: No such file or directory");
}

TEST_CASE("the help names every flag with its environment variable") {
  std::string help = help_text();
  for (const char* text : {"--listen ADDRESS:PORT", "[PROMFAKE_LISTEN]", "[PROMFAKE_LABELS]",
                           "[PROMFAKE_ADD_METRICS]", "Examples:", "curl -d 50"})
    CHECK(help.find(text) != std::string::npos);
}
