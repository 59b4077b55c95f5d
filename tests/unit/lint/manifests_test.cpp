#include "lint/manifests.hpp"

#include <doctest/doctest.h>

#include "diagnose/view.hpp"
#include "lint/fix.hpp"

namespace hpawalk::lint {

static Contents read_one(const std::string& text) {
  return read({{"file.yaml", text}}, "prod");
}

TEST_CASE("Objects are found in documents, Lists and JSON, each with its place") {
  Contents contents = read_one(
      "kind: Service\nmetadata: {name: a}\n---\n# nothing\n---\nkind: List\nitems:\n- kind: Pod\n  "
      "metadata:\n    "
      "name: b\n    namespace: x\n- kind: Namespace\n  metadata: {name: c}\n");
  REQUIRE(contents.objects.size() == 3);
  CHECK(contents.objects[0].ref() == "Service prod/a");
  CHECK(contents.objects[1].ref() == "Pod x/b");
  CHECK(contents.objects[1].written.of("metadata.name").line == 10);
  CHECK(contents.objects[1].written.of("spec.containers[0]").line == 8);
  CHECK(contents.objects[2].ref() == "Namespace c");
  CHECK(read_one(R"({"kind": "ServiceList", "apiVersion": "v1", "items": [{"metadata": {"name": "d"}}]})")
            .objects.at(0)
            .ref() == "Service prod/d");
  CHECK(read_one("a: b\n").objects.empty());
}

TEST_CASE("The adapter's rules are found as its own file and as values of its chart") {
  CHECK(read_one("rules:\n- {seriesQuery: x}\n").adapters.size() == 1);
  CHECK(read_one("externalRules:\n- {seriesQuery: x}\n").adapters.size() == 1);
  Contents values = read_one("prometheus-adapter:\n  rules:\n    external:\n    - {seriesQuery: x}\n");
  REQUIRE(values.adapters.size() == 1);
  CHECK(values.adapters[0].more_rules);
  CHECK(values.adapters[0].config.contains("externalRules"));
  CHECK(values.adapters[0].written.of("rules.external[0]").line == 4);
  CHECK(read_one("rules:\n- {alert: x}\n").adapters.empty());
}

TEST_CASE("A template is told with the command that renders it, and broken YAML with its line") {
  Contents contents = read_one("kind: Service\nmetadata:\n  name: {{ .Values.name }}\n");
  REQUIRE(contents.unreadable.size() == 1);
  CHECK(contents.unreadable[0].render == "helm template CHART");
  CHECK(contents.unreadable[0].place.line == 3);
  contents = read_one("kind: Service\nmetadata: [\n");
  REQUIRE(contents.unreadable.size() == 1);
  CHECK(contents.unreadable[0].render == "");
  CHECK(read_one("no manifest: [\n").unreadable.empty());
}

TEST_CASE("An HPA of v2beta2 keeps its comments, one of v2beta1 is written anew, all else stays") {
  const std::string other = "# a Service\nkind: Service\nmetadata: {name: a}\n---\n";
  auto fixed =
      in_v2({"f", other + "# an HPA\napiVersion: autoscaling/v2beta2\nkind: HorizontalPodAutoscaler\n"});
  CHECK(fixed == other + "# an HPA\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\n");
  fixed = in_v2(
      {"f", other + "apiVersion: autoscaling/v2beta1\nkind: HorizontalPodAutoscaler\nspec:\n  metrics:\n  - "
                    "{type: Pods, pods: {metricName: q, targetAverageValue: 5}}\n"});
  REQUIRE(fixed);
  CHECK(fixed->starts_with(other));
  CHECK(fixed->find("averageValue: 5") != std::string::npos);
  CHECK(fixed->find("autoscaling/v2\n") != std::string::npos);
  CHECK(in_v2({"f", other}) == std::nullopt);
  CHECK(in_v2({"f", "apiVersion: autoscaling/v2beta2\nkind: Other\n"}) == std::nullopt);
}

}  // namespace hpawalk::lint
