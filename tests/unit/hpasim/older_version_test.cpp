#include "hpasim/older_version.hpp"

#include <doctest/doctest.h>

#include <fmt/format.h>

namespace hpawalk::hpasim {

static Document hpa(const std::string& version, const std::string& annotations, const std::string& spec) {
  auto found = find_hpa(fmt::format(
      "apiVersion: autoscaling/{}\nkind: HorizontalPodAutoscaler\nmetadata:\n  name: web\n  "
      "annotations:\n{}spec:\n  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}\n"
      "  maxReplicas: 10\n{}",
      version, annotations, spec));
  REQUIRE(found);
  return *found;
}

static std::string metrics(const std::string& json) {
  return "    autoscaling.alpha.kubernetes.io/metrics: '" + json + "'\n";
}

static std::vector<std::string> described(const Document& document) {
  auto spec = parse_spec(document, {*rules_for("1.37")});
  REQUIRE_MESSAGE(spec, (spec ? "" : spec.error().because));
  std::vector<std::string> all;
  for (const MetricSpec& metric : spec->metrics)
    all.push_back(
        fmt::format("{} {} {}", describe(metric), static_cast<int>(metric.target_kind), metric.target));
  return all;
}

TEST_CASE("The metrics in an annotation of autoscaling/v1 count, before that of the CPU") {
  CHECK(described(hpa(
            "v1",
            metrics(R"([{"type":"External","external":{"metricName":"queue","metricSelector":{"matchLabels")"
                    R"(:{"a":"b"}},"targetAverageValue":"50"}}])"),
            "")) == std::vector<std::string>{"queue (external) 1 50000"});
  CHECK(described(hpa(
            "v1",
            metrics(R"([{"type":"Resource","resource":{"name":"memory","targetAverageUtilization":70}}])"),
            "  targetCPUUtilizationPercentage: 90\n")) ==
        std::vector<std::string>{"memory 2 70", "cpu 2 90"});
  CHECK(described(hpa("v1", "    a: b\n", "")) == std::vector<std::string>{"cpu 2 80"});
}

TEST_CASE("An annotation that is no list of metrics is passed over, and in autoscaling/v2 every one") {
  for (const char* json : {"{", "{}", "[1]", "null"}) {
    CHECK_FALSE(as_v2(hpa("v1", metrics(json), "")));
    CHECK(described(hpa("v1", metrics(json), "")) == std::vector<std::string>{"cpu 2 80"});
  }
  CHECK_FALSE(as_v2(hpa("v2", metrics("[]"), "")));
}

TEST_CASE("The behavior in an annotation has Go's names, in any case") {
  auto v2 = as_v2(hpa("v1",
                      "    autoscaling.alpha.kubernetes.io/behavior: "
                      "'{\"ScaleDown\":{\"SelectPolicy\":\"Disabled\",\"policies\":"
                      "[{\"Type\":\"Percent\",\"Value\":100,\"PeriodSeconds\":15}]}}'\n",
                      ""));
  REQUIRE(v2);
  CHECK(v2->notes.size() == 1);
  auto spec = parse_spec(v2->hpa);
  REQUIRE(spec);
  REQUIRE(spec->behavior);
  CHECK(spec->behavior->down.select == SelectPolicy::disabled);
  CHECK(described(v2->hpa) == std::vector<std::string>{"cpu 2 80"});
}

TEST_CASE("autoscaling/v2beta1 is converted, type by type") {
  Document old = hpa("v2beta1", "    a: b\n", R"(  metrics:
  - {type: Resource, resource: {name: cpu, targetAverageUtilization: 80}}
  - {type: Pods, pods: {metricName: q, targetAverageValue: 5}}
  - {type: Object, object: {metricName: o, target: {apiVersion: v1, kind: Service, name: s}, targetValue: 7}}
  - {type: Object, object: {metricName: p, target: {apiVersion: v1, kind: Service, name: s}, averageValue: 3}}
  - {type: External, external: {metricName: e, targetValue: 9}}
  - {type: ContainerResource, containerResource: {name: cpu, container: main, targetAverageValue: 1}}
)");
  auto v2 = as_v2(old);
  REQUIRE(v2);
  CHECK(v2->notes.at(0).find("not served since Kubernetes 1.25") != std::string::npos);
  CHECK(described(v2->hpa) == std::vector<std::string>{"cpu 2 80", "q (of the pods) 1 5000",
                                                       "Service s's o 0 7000", "Service s's p 1 3000",
                                                       "e (external) 0 9000",
                                                       "cpu of container main 1 1000"});
}

TEST_CASE("A version that is gone is refused by newer API servers only, and not when it is stored") {
  Document old = hpa("v2beta2", "    a: b\n", "");
  CHECK(parse_spec(old));
  CHECK(parse_spec(old, {*rules_for("1.25")}));
  auto refused = parse_spec(old, {*rules_for("1.26")});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().because.find("not served since Kubernetes 1.26") != std::string::npos);
  CHECK(gone_since("autoscaling/v2") == std::nullopt);
}

}  // namespace hpawalk::hpasim
