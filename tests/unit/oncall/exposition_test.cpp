// What the exporter says of HPAs, in the text format that Prometheus reads.
#include <doctest/doctest.h>
#include <re2/re2.h>

#include <set>

#include "base/text.hpp"
#include "oncall/exposition.hpp"
#include "tests/fakes/facts_files.hpp"
#include "tests/fakes/judged.hpp"

using namespace hpawalk;
using namespace hpawalk::oncall;

namespace {

std::string metrics_of(const diagnose::Facts& facts) {
  return hpa_metrics(facts, diagnose::diagnose_hpas(facts));
}
std::string metrics_of(const Json& document) {
  return metrics_of(*diagnose::facts_from(document.dump()));
}

bool has_line(const std::string& page, const std::string& line) {
  return ("\n" + page).find("\n" + line + "\n") != std::string::npos;
}

// As https://prometheus.io/docs/instrumenting/exposition_formats describes it: a group of lines for a metric,
// each series once.
void check_format(const std::string& page) {
  static const re2::RE2 sample(
      R"re(([a-z_]+)(\{[a-z_]+="(?:[^"\\\n]|\\["\\n])*"(?:,[a-z_]+="(?:[^"\\\n]|\\["\\n])*")*\})? (?:-?[0-9.]+|NaN))re");
  std::set<std::string> series, groups;
  std::string group;
  REQUIRE(page.ends_with("\n"));
  for (const std::string& line : text::lines(page)) {
    if (line.starts_with("# HELP ")) {
      group = line.substr(7, line.find(' ', 7) - 7);
      CHECK_MESSAGE(groups.insert(group).second, line);
    } else if (line.starts_with("# TYPE ")) {
      CHECK_MESSAGE(line.starts_with("# TYPE " + group + " "), line);
      CHECK_MESSAGE(line.ends_with("counter") == group.ends_with("_total"), line);
    } else {
      std::string name, labels;
      CHECK_MESSAGE(re2::RE2::FullMatch(line, sample, &name, &labels), line);
      CHECK_MESSAGE(name == group, line);
      CHECK_MESSAGE(series.insert(name + labels).second, line);
    }
  }
}

}  // namespace

TEST_CASE("A healthy HPA has a state, each link of its chain, its conditions and its replicas") {
  std::string page = metrics_of(fakes::healthy_document());
  const std::string hpa = R"(namespace="shop",horizontalpodautoscaler="object-value")";
  CHECK(has_line(page, "hpawalk_hpa_state{" + hpa + R"(,state="ok"} 1)"));
  for (diagnose::Link link : diagnose::all_links) {
    CHECK_MESSAGE(has_line(page, "hpawalk_hpa_link_state{" + hpa +
                                     R"(,metric="lab_value of Service object-value",link=")" +
                                     std::string(name_of(link)) + R"(",state="ok",cause=""} 1)"),
                  page);
  }
  CHECK(has_line(page,
                 "hpawalk_hpa_status_condition{" + hpa + R"(,condition="ScalingActive",status="True"} 1)"));
  CHECK(has_line(page, "hpawalk_hpa_spec_min_replicas{" + hpa + "} 1"));
  CHECK(has_line(page, "hpawalk_hpa_spec_max_replicas{" + hpa + "} 3"));
  CHECK(has_line(page, "hpawalk_hpa_status_current_replicas{" + hpa + "} 1"));
  CHECK(has_line(page, "hpawalk_hpa_status_desired_replicas{" + hpa + "} 1"));
}

TEST_CASE("A broken link has the cause that diagnose names first there") {
  Json document = fakes::document_of("monitor-not-selected");
  std::string page = metrics_of(document);
  CHECK_MESSAGE(
      page.find(R"(link="monitor",state="broken",cause="monitor-not-selected"} 1)") != std::string::npos,
      page);
  CHECK(page.find(R"(horizontalpodautoscaler="object-value",state="broken"} 1)") != std::string::npos);
  CHECK(page.find(R"(link="monitor",cause="monitor-not-selected",severity="broken"} 1)") !=
        std::string::npos);
}

TEST_CASE("Every cause has a series, also one behind another on its link") {
  size_t several = 0;
  for (const auto& file : fakes::facts_files()) {
    CAPTURE(file.string());
    const diagnose::Facts& facts = fakes::facts_of(file);
    std::string page = metrics_of(facts);
    for (const diagnose::HpaDiagnosis& hpa : diagnose::diagnose_hpas(facts)) {
      for (const diagnose::ChainDiagnosis& chain : hpa.chains) {
        std::set<std::string_view> links;
        for (const diagnose::Finding& finding : chain.findings) {
          several += links.insert(name_of(finding.link)).second ? 0 : 1;
          CHECK(page.find("\",cause=\"" + finding.cause + "\",severity=\"" +
                          std::string(name_of(finding.severity)) + "\"} 1") != std::string::npos);
        }
      }
    }
  }
  CHECK(several > 0);
}

TEST_CASE("The metrics of all facts files are in Prometheus's format, with no series twice") {
  for (const auto& file : fakes::facts_files()) {
    CAPTURE(file.string());
    check_format(metrics_of(fakes::facts_of(file)));
  }
}

TEST_CASE("Two entries of spec.metrics with the same title make one series each, and odd names are escaped") {
  Json document = fakes::healthy_document();
  Json& hpa = fakes::hpa_of(document);
  hpa["spec"]["metrics"].push_back(hpa["spec"]["metrics"][0]);
  Json odd = hpa["spec"]["metrics"][0];
  odd["object"]["metric"]["name"] = "a\"b\\c\nd";
  hpa["spec"]["metrics"].push_back(odd);
  hpa["status"].erase("currentReplicas");
  std::string page = metrics_of(document);
  check_format(page);
  CHECK(page.find(R"(metric="a\"b\\c\nd of Service object-value")") != std::string::npos);
  CHECK(page.find("hpawalk_hpa_status_current_replicas{namespace=\"shop\",horizontalpodautoscaler=\"object-"
                  "value\"} 0\n") != std::string::npos);
}

TEST_CASE("The exporter's own health is in the same format") {
  check_format(health_metrics({}));
  std::string page = health_metrics({7, 2, 90, false, 1'800'000'000.5, 0.25, "1.2.3"});
  check_format(page);
  CHECK(has_line(page, R"(hpawalk_build_info{version="1.2.3"} 1)"));
  CHECK(has_line(page, "hpawalk_exporter_diagnoses_total 7"));
  CHECK(has_line(page, "hpawalk_exporter_diagnosis_failures_total 2"));
  CHECK(has_line(page, "hpawalk_exporter_last_diagnosis_success 1"));
  CHECK(has_line(page, "hpawalk_exporter_last_success_timestamp_seconds 1800000000.500"));
  CHECK(has_line(page, "hpawalk_exporter_last_diagnosis_duration_seconds 0.250"));
  CHECK(has_line(page, "hpawalk_exporter_api_requests_total 90"));
}
