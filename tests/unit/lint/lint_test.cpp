#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "diagnose/causes.hpp"
#include "tests/unit/lint/chain.hpp"

namespace hpawalk::lint {

using diagnose::Certainty;

TEST_CASE("A whole chain has no finding") {
  Report report = linted(whole_chain());
  CHECK_MESSAGE(report.findings.empty(), told(report));
  CHECK(report.files == 2);
  CHECK(report.objects == 5);
  CHECK(report.hpas == 1);
}

TEST_CASE("A fault that files show has diagnose's cause, its line and who has to change it") {
  struct Case {
    const char *part, *instead, *cause, *at;  // at: what its line holds
    Level level = Level::error;
  };
  const Case cases[] = {
      {"port: metrics, interval", "port: metrix, interval", "monitor-port-name", "metrix"},
      {"release: stack}\nspec:\n  selector", "release: other}\nspec:\n  selector", "monitor-not-selected",
       "release: other"},
      {"{svc: web}}\n  namespaceSelector", "{svc: wed}}\n  namespaceSelector", "monitor-selects-no-service",
       "labels: {svc: web}"},
      {"selector: {app: web}\n  ports", "selector: {app: wed}\n  ports", "service-selects-no-pod",
       "{app: wed}"},
      {"targetPort: 9113", "targetPort: web", "service-target-port", "targetPort: web"},
      {"targetPort: 9113", "targetPort: 9114", "service-target-port", "targetPort: 9114", Level::warning},
      {"kind: Deployment, name: web", "kind: Deployment, name: wed", "target-missing", "name: wed"},
      {"kind: Deployment, name: web", "kind: Deployment, name: web}\n  extra: {a: b", "hpa-refused", "extra"},
      {"apiVersion: apps/v1, kind: Deployment", "apiVersion: extensions/v1beta1, kind: Deployment",
       "target-api-version", "extensions/v1beta1"},
      {"minReplicas: 1", "minReplicas: 0", "metric-gone-at-zero", "minReplicas: 0", Level::warning},
      {"spec:\n  selector: {matchLabels: {app: web}}",
       "spec:\n  replicas: 2\n  selector: {matchLabels: {app: web}}", "replicas-reset", "replicas: 2",
       Level::note},
      {"spec:\n  selector: {matchLabels: {app: web}}",
       "spec:\n  replicas: 0\n  selector: {matchLabels: {app: web}}", "scaling-disabled", "replicas: 0"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.cause);
    const std::string chain = with(whole_chain(), one.part, one.instead);
    Report report = linted(chain);
    const Finding* finding = find(report, one.cause);
    REQUIRE_MESSAGE(finding != nullptr, told(report));
    CHECK_MESSAGE(finding->place.line == line_of(chain, one.at), told(report));
    CHECK(finding->place.file == "chain.yaml");
    CHECK(finding->level == one.level);
    CHECK(finding->object != "");
  }
}

TEST_CASE("What the files do not hold is no finding") {
  for (const char* part : {workload_yaml, service_yaml, monitor_yaml, prometheus_yaml}) {
    std::string less = with(whole_chain(), part, part == std::string(workload_yaml) ? "---\n" : "");
    Report report = linted(less);
    CHECK_MESSAGE(report.findings.empty(), part, told(report));
  }
  CHECK(linted(hpa_yaml, "").findings.empty());
  CHECK(
      linted(with(hpa_yaml, "name: web}\n      metric", "name: other}\n      metric"), "").findings.empty());
}

TEST_CASE("The adapter's rules are judged where they are written") {
  struct Case {
    const char *part, *instead, *cause;
    int line;
  };
  const Case cases[] = {
      {"metricsQuery: sum", "metricQuery: sum", "adapter-config-invalid", 7},
      {"(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)", "(<<.Series>>{<<.LabelMatchers>>})",
       "rule-drops-group-label", 7},
      {"<<.Series>>{<<.LabelMatchers>>}", "'{{.Series}}{{{.LabelMatchers}}}'", "rule-template", 7},
      {"{<<.LabelMatchers>>}", "", "rule-template", 7},
      {"{<<.LabelMatchers>>}", "{,<<.LabelMatchers>>}", "metric-query-fails", 7},
      {") by (<<.GroupBy>>)", " by (<<.GroupBy>>)", "metric-query-fails", 7},
      {"sum(<<.Series>>{<<.LabelMatchers>>})", "sum(rate(<<.Series>>{<<.LabelMatchers>>}[20s]))",
       "rate-window-too-short", 7},
      {"{template: <<.Resource>>}", "{overrides: {namespace: {resource: namespace}}}", "rule-not-namespaced",
       6},
      {"{template: <<.Resource>>}", "{overrides: {ns: {resource: namespace}, pod: {resource: pod}}}",
       "rule-labels-mismatch", 6},
  };
  for (const Case& one : cases) {
    CAPTURE(one.cause);
    Report report = linted(whole_chain(), with(values_yaml, one.part, one.instead));
    const Finding* finding = find(report, one.cause);
    REQUIRE_MESSAGE(finding != nullptr, told(report));
    CHECK(finding->place.file == "values.yaml");
    CHECK_MESSAGE(finding->place.line == one.line, told(report));
  }
}

TEST_CASE("A label of a resource that Kubernetes does not have is found in the rules") {
  std::string values =
      with(values_yaml, "{template: <<.Resource>>}", "{overrides: {queue: {resource: queue}}}");
  const Report report = linted(whole_chain(), values);
  const Finding* finding = find(report, "adapter-config-invalid");
  REQUIRE_MESSAGE(finding != nullptr, told(report));
  CHECK(finding->place.line == 6);
  CHECK(finding->certainty == Certainty::likely);
  const char* definition =
      "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: "
      "queues.a.b}\n"
      "spec: {names: {plural: queues}}\n";
  CHECK(find(linted(whole_chain() + definition, values), "adapter-config-invalid") == nullptr);
}

TEST_CASE("A metric that no rule yields is found at the HPA") {
  Report report = linted(whole_chain(), with(values_yaml, "jobs{", "queue{"));
  const Finding* finding = find(report, "rule-matches-no-series");
  REQUIRE_MESSAGE(finding != nullptr, told(report));
  CHECK(finding->place.file == "chain.yaml");
  CHECK(finding->hpas == std::vector<std::string>{"shop/web"});

  SUBCASE("unless the chart adds its own rules") {
    CHECK(find(linted(whole_chain(),
                      with(with(values_yaml, "jobs{", "queue{"), "default: false", "default: true")),
               "rule-matches-no-series") == nullptr);
  }
  SUBCASE("under another name") {
    report = linted(whole_chain(),
                    with(values_yaml, "    metricsQuery", "    name: {as: work}\n    metricsQuery"));
    CHECK_MESSAGE(find(report, "metric-renamed") != nullptr, told(report));
  }
  SUBCASE("of the other type") {
    report = linted(whole_chain(), with(values_yaml, "  custom:", "  external:"));
    CHECK_MESSAGE(find(report, "metric-type-mismatch") != nullptr, told(report));
  }
}

TEST_CASE("A counter without a rate, and two rules of one name") {
  std::string counter = with(values_yaml, "jobs{", "jobs_total{");
  std::string hpa = with(whole_chain(), "{name: jobs}", "{name: jobs_total}");
  CHECK(find(linted(hpa, counter), "raw-counter") != nullptr);
  std::string rule = std::string(values_yaml).substr(std::string(values_yaml).find("  - seriesQuery"));
  CHECK(find(linted(whole_chain(), values_yaml + rule), "rules-overlap") != nullptr);
}

TEST_CASE("A recording rule that Prometheus does not select is found at the PrometheusRule") {
  std::string record =
      "---\napiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\n"
      "metadata: {name: jobs, namespace: watch, labels: {role: other}}\n"
      "spec: {groups: [{name: jobs, rules: [{record: jobs, expr: sum(x)}]}]}\n";
  const Report report = linted(whole_chain() + record);
  const Finding* finding = find(report, "recording-rule-not-selected");
  REQUIRE_MESSAGE(finding != nullptr, told(report));
  CHECK(finding->object == "PrometheusRule watch/jobs");
  CHECK(find(linted(whole_chain() + with(record, "other", "rules")), "recording-rule-not-selected") ==
        nullptr);
}

TEST_CASE("Two HPAs on one workload, and one metric that fails beside one that works") {
  Report report = linted(whole_chain() + with(hpa_yaml, "name: web\n", "name: second\n"));
  CHECK_MESSAGE(find(report, "ambiguous-selector") != nullptr, told(report));
  std::string more =
      "  - {type: External, external: {metric: {name: nobody}, target: {type: Value, value: \"1\"}}}\n";
  std::string external = "  external:\n  - {seriesQuery: queue, metricsQuery: sum(<<.Series>>)}\n";
  report = linted(whole_chain() + more, std::string(values_yaml) + external);
  CHECK_MESSAGE(find(report, "rule-matches-no-series") != nullptr, told(report));
  CHECK_MESSAGE(find(report, "one-metric-blocks-scale-down") != nullptr, told(report));
}

TEST_CASE("An HPA of a version that is gone is said to be gone, and judged all the same") {
  std::string old = with(hpa_yaml, "autoscaling/v2", "autoscaling/v2beta2");
  Report report = linted(with(whole_chain(), hpa_yaml, with(old, "name: jobs}", "name: jobz}")));
  CHECK_MESSAGE(find(report, "hpa-version-gone") != nullptr, told(report));
  CHECK(find(report, "hpa-refused") == nullptr);
  CHECK(find(report, "rule-matches-no-series") != nullptr);
  CHECK(find(linted(old, "", "1.25"), "hpa-version-gone") == nullptr);
}

TEST_CASE("An annotation ignores a cause, if it says why") {
  auto annotated = [](const char* text) {
    std::string annotation =
        fmt::format("  annotations: {{hpawalk/ignore: \"{}\"}}\nspec:\n  scaleTargetRef", text);
    std::string chain = with(whole_chain(), "spec:\n  scaleTargetRef", annotation);
    return linted(with(chain, "kind: Deployment, name: web", "kind: Deployment, name: wed"));
  };
  Report report = annotated("target-missing: another repository has it");
  const Finding* finding = find(report, "target-missing");
  REQUIRE_MESSAGE(finding != nullptr, told(report));
  CHECK(finding->ignored == "another repository has it");
  CHECK(find(report, "ignore-without-reason") == nullptr);
  report = annotated("target-missing");
  CHECK(find(report, "target-missing")->ignored == "");
  CHECK(find(report, "ignore-without-reason") != nullptr);
}

TEST_CASE("A comment ignores a cause of its line, of the next line, or of the object below it") {
  auto commented = [](const std::string& part, const std::string& instead) {
    return linted(with(with(whole_chain(), part, instead), "kind: Deployment, name: web}",
                       "kind: Deployment, name: wed}"));
  };
  const std::string target = "  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}";
  const std::string comment = "# hpawalk/ignore: target-missing: another repository has it";
  for (const auto& [part, instead] :
       {std::pair{target, target + "  " + comment},
        {target, "  " + comment + "\n  # and more\n\n" + target},
        {std::string("apiVersion: autoscaling/v2"), comment + "\napiVersion: autoscaling/v2"}}) {
    CAPTURE(instead);
    Report report = commented(part, instead);
    const Finding* finding = find(report, "target-missing");
    REQUIRE_MESSAGE(finding != nullptr, told(report));
    CHECK(finding->ignored == "another repository has it");
    CHECK_MESSAGE(find(report, "ignore-unused") == nullptr, told(report));
  }
  Report report = commented("  minReplicas: 1", "  minReplicas: 1  " + comment);
  CHECK(find(report, "target-missing")->ignored == "");
  const Finding* unused = find(report, "ignore-unused");
  REQUIRE(unused != nullptr);
  CHECK(unused->level == Level::note);
  CHECK(unused->place.line > 0);
}

TEST_CASE("A comment without a reason does not count, and a cause that does not exist is told") {
  auto lines = [](const std::string& comment) {
    return linted(
        with(whole_chain(), "  minReplicas: 1", "  # hpawalk/ignore: " + comment + "\n  minReplicas: 1"));
  };
  CHECK(find(lines("target-missing"), "ignore-without-reason") != nullptr);
  const Report report = lines("target-missin: known; at-max: known");
  const Finding* unused = find(report, "ignore-unused");
  REQUIRE_MESSAGE(unused != nullptr, told(report));
  CHECK(unused->sentence.find("did you mean target-missing?") != std::string::npos);
  // Text that is no comment, and a comment of something else.
  CHECK(linted(with(whole_chain(), "image: web", "image: \"web# hpawalk/ignore: a: b\"")).findings.empty());
}

TEST_CASE("An annotation that ignores what is not found is told") {
  const Report report =
      linted(with(whole_chain(), "spec:\n  scaleTargetRef",
                  "  annotations: {hpawalk/ignore: \"at-max: known\"}\nspec:\n  scaleTargetRef"));
  const Finding* unused = find(report, "ignore-unused");
  REQUIRE_MESSAGE(unused != nullptr, told(report));
  CHECK(unused->object == "HorizontalPodAutoscaler shop/web");
}

TEST_CASE("A quota without room for maxReplicas is found at the quota") {
  std::string quota =
      "---\napiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q, namespace: shop}\nspec:\n  hard: {pods: "
      "\"5\"}\n";
  const Report report = linted(whole_chain() + quota);
  const Finding* finding = find(report, "pods-not-created");
  REQUIRE_MESSAGE(finding != nullptr, told(report));
  CHECK(finding->object == "ResourceQuota shop/q");
  CHECK(find(linted(whole_chain() + with(quota, "5", "50")), "pods-not-created") == nullptr);
}

TEST_CASE("Objects that are there twice with other fields, and a regex that the operator rejects") {
  Report report = linted(whole_chain() + with(service_yaml, "port: 9113", "port: 9114"));
  CHECK_MESSAGE(find(report, "duplicate-object") != nullptr, told(report));
  CHECK(find(linted(whole_chain() + service_yaml), "duplicate-object") == nullptr);
  report = linted(with(whole_chain(), "interval: 15s}", "interval: 15s, relabelings: [{regex: (}]}"));
  CHECK_MESSAGE(find(report, "monitor-rejected") != nullptr, told(report));
}

TEST_CASE("Each cause that only files show has an id of its own, and its place in the documentation") {
  std::ifstream file(std::filesystem::path(TESTS_FOLDER).parent_path() / "docs/lint.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  for (const FileCause& cause : file_causes) {
    CHECK(diagnose::find_cause(cause.id) == nullptr);
    CHECK_MESSAGE(page.find(fmt::format("| <a id=\"{0}\"></a>`{0}` | {1} |", cause.id, cause.meaning)) !=
                      std::string::npos,
                  cause.id);
  }
}

}  // namespace hpawalk::lint
