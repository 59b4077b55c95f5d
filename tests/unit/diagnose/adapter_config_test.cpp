#include "diagnose/adapter_config.hpp"

#include <doctest/doctest.h>

#include "diagnose/view.hpp"

using namespace hpawalk;
using namespace hpawalk::diagnose;

static AdapterRule rule(const std::string& yaml) {
  auto config = parse_adapter_config("rules:\n" + yaml);
  REQUIRE(config);
  REQUIRE(config->rules.size() == 1);
  return config->rules[0];
}

static const char* chart_rule = R"(
- seriesQuery: '{namespace!="",__name__!~"^container_.*"}'
  seriesFilters:
  - isNot: .*_seconds_total
  resources: {template: <<.Resource>>}
  name: {matches: ^(.*)_total$, as: ""}
  metricsQuery: sum(rate(<<.Series>>{<<.LabelMatchers>>}[5m])) by (<<.GroupBy>>)
)";

TEST_CASE("A rule names its metrics as the adapter does") {
  AdapterRule r = rule(chart_rule);
  CHECK(accepts(r, "http_requests_total"));
  CHECK_FALSE(accepts(r, "cpu_seconds_total"));
  CHECK_FALSE(accepts(r, "queue_length"));
  CHECK(api_name(r, "http_requests_total") == "http_requests");
  r.as = "${1}_per_second";
  CHECK(api_name(r, "http_requests_total") == "http_requests_per_second");
  r.as = "$1_per_second";  // Go reads a group named "1_per_second"
  CHECK(api_name(r, "http_requests_total") == "");
  r.matches = Pattern::constant("^(?P<base>.*)_total$");
  r.as = "${base}_x";
  CHECK(api_name(r, "http_requests_total") == "http_requests_x");
}

TEST_CASE("Labels stand for resources by override first, then by template") {
  AdapterRule r = rule(
      "- seriesQuery: x\n  resources:\n    template: kube_<<.Group>>_<<.Resource>>\n    overrides: {svc: "
      "{resource: service}, dep: {group: apps, resource: deployment}}\n");
  CHECK(label_for(r, {"", "services"}) == "svc");
  CHECK(label_for(r, {"apps", "deployments"}) == "dep");
  CHECK(label_for(r, {"networking.k8s.io", "ingresses"}) == "kube_networking_k8s_io_ingress");
  r.resource_template.clear();
  CHECK_FALSE(label_for(r, {"", "pods"}));
}

TEST_CASE("A request becomes the query that the adapter sends") {
  AdapterRule r = rule(chart_rule);
  CHECK(expand(r, "a_total", {"", "services"}, "web", Json(), {"api"}).value() ==
        R"(sum(rate(a_total{namespace="web",service="api"}[5m])) by (service))");
  CHECK(expand(r, "a_total", {"", "pods"}, "web", Json(), {"p1", "p2"}).value() ==
        R"(sum(rate(a_total{namespace="web",pod=~"p1|p2"}[5m])) by (pod))");
  Json selector = {{"matchLabels", {{"verb", "GET"}}},
                   {"matchExpressions", {{{"key", "code"}, {"operator", "In"}, {"values", {"500", "200"}}}}}};
  CHECK(expand(r, "a_total", {"", "services"}, "web", selector, {"api"}).value() ==
        R"(sum(rate(a_total{code=~"200|500",verb="GET",namespace="web",service="api"}[5m])) by (service))");
  CHECK(expand_external(r, "a_total", "web", Json()).value() ==
        R"(sum(rate(a_total{namespace="web"}[5m])) by ())");
  r.metrics_query = "<<if .GroupBy>>g<<else>>n<<end>> <<index .LabelValuesByName \"namespace\">>";
  CHECK(expand(r, "a", {"", "services"}, "web", Json(), {"api"}).value() == "g web");
  r.metrics_query = "<<range .X>>";
  CHECK(expand(r, "a", {"", "services"}, "web", Json(), {"api"}).error().id == "adapter-template");
}

TEST_CASE("What a seriesQuery can match is read from its matchers on the name") {
  auto names = [](const char* query) { return name_matchers(query).value(); };
  CHECK(names("up{job=\"a\"}").literal == std::vector<std::string>{"up"});
  CHECK(names("{__name__=~\"^(a|b)$\",x=\"y\"}").literal == std::vector<std::string>{"a", "b"});
  CHECK(names("{__name__=~\"^http_.*\"}").literal.empty());
  CHECK(may_match(names("{__name__=~\"^http_.*\",__name__!~\".*_total\"}"), "http_open"));
  CHECK_FALSE(may_match(names("{__name__=~\"^http_.*\",__name__!~\".*_total\"}"), "http_total"));
  CHECK_FALSE(may_match(names("{__name__!=\"a.b\"}"), "a.b"));
  CHECK(may_match(names("{__name__!=\"a.b\"}"), "axb"));
  CHECK_FALSE(may_match(names("up"), "down"));
  // Names of any characters, in either of the two ways in which PromQL takes them.
  for (const char* query : {R"({__name__="http.open"})", R"({"http.open"})", R"({ "http.open", job="a" })"}) {
    CHECK(names(query).literal == std::vector<std::string>{"http.open"});
    CHECK_FALSE(may_match(names(query), "up"));
  }
}

TEST_CASE("A rule with a pattern that does not compile says so") {
  for (const char* yaml :
       {"- seriesQuery: '{__name__=~\"(\"}'\n", "- seriesQuery: x\n  seriesFilters: [{isNot: 'a{2,1}'}]\n",
        "- seriesQuery: x\n  name: {matches: '(?!x)', as: ''}\n"}) {
    CHECK_MESSAGE(
        rule(yaml).not_understood.find("is not a valid Go regular expression: ") != std::string::npos, yaml);
  }
  CHECK(rule(chart_rule).not_understood.empty());
}

TEST_CASE("Kinds become resources and back") {
  for (auto [one, many] : {std::pair{"service", "services"},
                           {"ingress", "ingresses"},
                           {"networkpolicy", "networkpolicies"},
                           {"gateway", "gateways"},
                           {"pod", "pods"}}) {
    CHECK(plural(one) == many);
    CHECK(singular(many) == one);
    CHECK(plural(many) == many);
  }
}

TEST_CASE("The smallest window of a query counts") {
  CHECK(smallest_window("rate(a[5m]) / rate(b[30s])")->count() == 30'000);
  CHECK_FALSE(smallest_window("sum(a)"));
}

TEST_CASE("Values of the Helm chart are not the adapter's configuration") {
  auto config = parse_adapter_config("rules:\n  default: false\n  external: []\n");
  REQUIRE_FALSE(config);
  CHECK(config.error().what == "The adapter's configuration has no list of rules under `rules`");
  CHECK(config.error().because.find("values of the Helm chart") != std::string::npos);
  CHECK(parse_adapter_config("rules:\nexternalRules: []\n"));
}

TEST_CASE("A rule that would take a series that does not exist counts only where no series exists") {
  // As in k8s-prom-hpa: a catch-all rule behind the one that serves cpu_usage from another series.
  auto config = parse_adapter_config(
      "rules:\n- {seriesQuery: container_cpu_usage_seconds_total, name: {matches: .*, as: cpu_usage}}\n"
      "- {seriesQuery: '{__name__=~\"^.*$\"}'}\n");
  REQUIRE(config);
  Group group;
  group.adapter.config = *config;
  group.index.all = {
      {&group.adapter.config->rules[0], "container_cpu_usage_seconds_total", "cpu_usage", true}};
  group.index.by_api_name["cpu_usage"] = {0};
  MetricNeed need;
  need.type = "Pods";
  need.metric = "cpu_usage";
  auto series = [&] {
    std::vector<std::string> all;
    for (const Candidate& candidate : candidates(group, need)) all.push_back(candidate.series);
    return all;
  };
  CHECK(series() == std::vector<std::string>{"container_cpu_usage_seconds_total"});
  group.index.all[0].seen = false;
  CHECK(series() == std::vector<std::string>{"container_cpu_usage_seconds_total", "cpu_usage"});
}
