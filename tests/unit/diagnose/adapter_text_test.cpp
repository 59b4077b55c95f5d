#include "diagnose/adapter_text.hpp"

#include <doctest/doctest.h>

#include "base/yaml.hpp"
#include "diagnose/adapter_config.hpp"

namespace hpawalk::diagnose {

static std::string unknown_in(const std::string& config) {
  std::optional<UnknownField> unknown = unknown_field(Json(yaml::parse(config).value()));
  return unknown ? unknown->path + " -> " + unknown->near.value_or("") : "";
}

TEST_CASE("A field that the adapter does not know is found, with the name that was meant") {
  CHECK(unknown_in("rules:\n- {seriesQuery: x, metricQuery: y}\n") == "rules[0].metricQuery -> metricsQuery");
  CHECK(unknown_in("rules:\n- {resources: {overrides: {a: {resource: pod, version: v1}}}}\n") ==
        "rules[0].resources.overrides.a.version -> ");
  CHECK(unknown_in("externalRules:\n- {}\n- {name: {match: x}}\n") ==
        "externalRules[1].name.match -> matches");
  CHECK(unknown_in("resourceRules: {cpu: {readyPodsOnlyContainerQuery: x}}\n") ==
        "resourceRules.cpu.readyPodsOnlyContainerQuery -> ");
  CHECK(unknown_in("rule: []\n") == "rule -> rules");
}

TEST_CASE("Every field of the adapter is known, and overrides have names of their own") {
  CHECK(unknown_in(R"(
rules:
- seriesQuery: x
  seriesFilters: [{is: a}, {isNot: b}]
  resources: {template: t, namespaced: false, overrides: {any_name: {group: apps, resource: deployment}}}
  name: {matches: a, as: b}
  metricsQuery: q
externalRules: [{seriesQuery: x}]
resourceRules:
  cpu: {containerQuery: q, nodeQuery: q, containerLabel: c, resources: {overrides: {pod: {resource: pod}}}}
  memory: {containerQuery: q, nodeQuery: q, containerLabel: c}
  window: 1m
)") == "");
  CHECK(unknown_in("rules:\n") == "");
}

TEST_CASE("A configuration with an unknown field is none") {
  Result<AdapterConfig> config = parse_adapter_config("rules:\n- {seriesQuery: x, metricQuery: y}\n");
  REQUIRE_FALSE(config);
  CHECK(config.error().because ==
        "rules[0].metricQuery: no such field; the adapter refuses it when it starts. Did you mean "
        "metricsQuery?");
}

}  // namespace hpawalk::diagnose
