// What the Prometheus object does to all monitors, what targets respond, and what old lines of a log prove.
#include <doctest/doctest.h>

#include <filesystem>

#include "diagnose/diagnosis.hpp"
#include "tests/fakes/facts_files.hpp"

using namespace hpawalk;
using namespace hpawalk::diagnose;

namespace {

Json document_of(const std::string& file) {
  return fakes::facts_document(std::filesystem::path(TESTS_FOLDER) / "facts" / (file + ".json"));
}

// The first finding of the HPA that the document is about; none: an empty cause.
Finding first_of(const Json& document) {
  Result<Facts> facts = facts_from(document.dump());
  REQUIRE(facts);
  std::vector<HpaDiagnosis> all = diagnose_hpas(*facts, facts->asked_space, facts->asked_name);
  REQUIRE(all.size() == 1);
  const Finding* first = all[0].chains[0].first_broken();
  return first == nullptr ? Finding{} : *first;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

Json& item(Json& document, const std::string& reading, const std::string& name) {
  for (Json& one : document["readings"][reading]["value"]["items"]) {
    if (one["metadata"]["name"] == name) return one;
  }
  throw std::runtime_error(name);
}

}  // namespace

TEST_CASE(
    "Shards behind one Service break a chain whichever of them responds, and a Service of one shard does "
    "not") {
  Json document = document_of("prometheus-sharded");
  CHECK(first_of(document).cause == "prometheus-sharded");
  document["readings"]["prom:watch/prom-web:9191 samples"]["value"] = Json::array();
  document["readings"]["prom:watch/prom-web:9191 counts"]["value"] = Json::object();
  CHECK(first_of(document).cause == "prometheus-sharded");
  item(document, "services", "prom-web")["spec"]["selector"]["operator.prometheus.io/shard"] = "0";
  CHECK(first_of(document).cause != "prometheus-sharded");
  document = document_of("healthy");
  item(document, "prometheuses", "k9")["spec"]["shards"] = 1;
  CHECK(first_of(document).cause.empty());
}

TEST_CASE(
    "An enforced namespace is named where the samples have the monitor's, and the monitor can be excluded") {
  Json document = document_of("namespace-label-enforced");
  Finding finding = first_of(document);
  CHECK(finding.cause == "namespace-label-enforced");
  CHECK(finding.fix.body.at("excludedFromEnforcement").at(0).at("name") == "object-value");
  Json& spec = item(document, "prometheuses", "k9")["spec"];
  spec["enforcedNamespaceLabel"] = "tenant";
  CHECK(first_of(document).cause == "object-not-in-series");
}

TEST_CASE("A Content-Type that Prometheus refuses has a fallback, unless the monitor has one") {
  Json document = document_of("target-down@content-type");
  CHECK(contains(command_of(first_of(document).fix),
                 R"({"spec":{"fallbackScrapeProtocol":"PrometheusText0.0.4"}})"));
  item(document, "servicemonitors", "object-value")["spec"]["fallbackScrapeProtocol"] = "PrometheusText1.0.0";
  CHECK(command_of(first_of(document).fix).empty());
  CHECK(contains(first_of(document_of("target-down@sample-limit")).fix.says,
                 "raise spec.sampleLimit of ServiceMonitor"));
}

TEST_CASE("A line of the adapter's log proves nothing once something newer contradicts it") {
  Json document = document_of("adapter-other-server");
  CHECK(first_of(document).cause == "adapter-other-server");
  CHECK(contains(first_of(document).fix.says, "Restart the adapter"));
  auto log_in = [](Json& of, const std::string& line) {
    for (auto& [key, reading] : of["readings"].items()) {
      if (key.starts_with("log ")) reading["value"] = {line};
    }
  };
  const std::string trouble =
      "unable to update list of all metrics: unable to fetch metrics for query \"x\": ";
  const std::string dns = trouble + "dial tcp: lookup prom-web.watch.svc: no such host";
  log_in(document, dns);
  CHECK(first_of(document).cause == "adapter-prometheus-url");
  CHECK_FALSE(contains(command_of(first_of(document).fix), "prometheus-url"));  // it has the right one
  log_in(document,
         "E1124 03:39:00.000000       1 provider.go:229] " + dns);  // over a minute, many listings ago
  CHECK(first_of(document).cause != "adapter-prometheus-url");
  Json healthy = document_of("healthy");
  log_in(healthy, dns);
  CHECK(first_of(healthy).cause.empty());
}

TEST_CASE("A Prometheus without a ready pod says nothing about the adapter's URL") {
  Json document = document_of("adapter-other-server");
  for (Json& pod : document["readings"]["pods/watch"]["value"]["items"]) {
    for (Json& c : pod["status"]["conditions"]) c["status"] = "False";
  }
  for (Json& slice : document["readings"]["endpointslices/watch"]["value"]["items"])
    slice["endpoints"] = Json::array();
  for (auto& [key, reading] : document["readings"].items()) {
    if (key.starts_with("log "))
      reading["value"] = {
          "unable to update list of all metrics: dial tcp 10.96.0.9:9191: connect: connection refused"};
    if (key.starts_with("prom:"))
      reading = {{"path", "/p"},
                 {"error", {{"id", "prometheus-http"}, {"message", "no endpoints available"}}}};
  }
  Result<Facts> facts = facts_from(document.dump());
  REQUIRE(facts);
  HpaDiagnosis hpa = diagnose_hpas(*facts, facts->asked_space, facts->asked_name).at(0);
  CHECK(first_of(document).cause == "prometheus-not-ready");
  for (const Finding& f : hpa.chains[0].findings) CHECK(f.cause != "adapter-prometheus-url");
}
