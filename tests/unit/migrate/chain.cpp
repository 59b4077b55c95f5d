#include "tests/unit/migrate/chain.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include <fmt/format.h>

#include "base/yaml.hpp"
#include "migrate/to_adapter.hpp"
#include "tests/fakes/facts_files.hpp"
#include "tests/fakes/judged.hpp"

namespace hpawalk::migrate {

namespace {

Json from_yaml(const std::string& text) {
  auto value = yaml::parse(text);
  REQUIRE_MESSAGE(value, text);
  return Json::parse(value->dump());
}

}  // namespace

Json adapter_hpa() {
  Json document = fakes::healthy_document();
  Json hpa = fakes::hpa_of(document);
  hpa["apiVersion"] = "autoscaling/v2";
  hpa["kind"] = "HorizontalPodAutoscaler";
  hpa["metadata"]["uid"] = "hpa-uid";
  return hpa;
}

Json hpa_with(const std::string& metrics) {
  Json hpa = adapter_hpa();
  hpa["spec"]["metrics"] = from_yaml(metrics);
  return hpa;
}

diagnose::Facts facts_with(const Json& hpa) {
  Json document = fakes::healthy_document();
  document["readings"]["hpas"]["value"]["items"] = Json::array({hpa});
  auto facts = diagnose::facts_from(document.dump());
  REQUIRE(facts);
  return *facts;
}

Json scaled_object(const std::string& spec, const std::string& name) {
  Json object = {
      {"apiVersion", "keda.sh/v1alpha1"},
      {"kind", "ScaledObject"},
      {"metadata",
       {{"name", name}, {"namespace", "shop"}, {"uid", "object-uid"}, {"finalizers", {keda_finalizer}}}}};
  object["spec"] = from_yaml(spec);
  return object;
}

std::string prometheus_trigger(const std::string& query, const std::string& more) {
  return fmt::format(
      "scaleTargetRef: {{name: object-value}}\nminReplicaCount: 1\nmaxReplicaCount: 3\n{}\ntriggers:\n- "
      "type: "
      "prometheus\n  metricType: Value\n  metadata:\n    serverAddress: http://prom-web.watch.svc:9191\n    "
      "query: "
      "{}\n    threshold: \"50\"\n    ignoreNullValues: \"false\"\n",
      more, yaml::scalar(query));
}

Plan to_adapter(const Json& object) {
  const std::string probe = "web (adapter)";
  SeriesLabels labels;
  for (const Json& trigger : list_at(object, "spec.triggers")) {
    if (std::string series = series_of(trigger); !series.empty()) labels[series] = "namespace";
  }
  return plan_to_adapter(object, facts_with(adapter_probe(object, probe)), probe, labels);
}

bool has_difference(const Plan& plan, const std::string& id) {
  return std::any_of(plan.differences.begin(), plan.differences.end(),
                     [&](const Difference& d) { return d.id == id; });
}

}  // namespace hpawalk::migrate
