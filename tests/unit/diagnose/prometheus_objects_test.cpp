// What the Prometheus object does to all monitors, what targets respond, and what old lines of a log prove.
#include <doctest/doctest.h>

#include "diagnose/diagnosis.hpp"
#include "diagnose/view.hpp"
#include "tests/fakes/judged.hpp"

using namespace hpawalk;
using namespace hpawalk::diagnose;
using namespace hpawalk::fakes;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE(
    "Shards behind one Service break a chain whichever of them responds, and a Service of one shard does "
    "not") {
  Json document = document_of("prometheus-sharded");
  CHECK(first_cause(document) == "prometheus-sharded");
  document["readings"]["prom:watch/prom-web:9191 samples"]["value"] = Json::array();
  document["readings"]["prom:watch/prom-web:9191 counts"]["value"] = Json::object();
  CHECK(first_cause(document) == "prometheus-sharded");
  item(document, "services", "prom-web")["spec"]["selector"]["operator.prometheus.io/shard"] = "0";
  CHECK(first_cause(document) != "prometheus-sharded");
  document = document_of("healthy");
  item(document, "prometheuses", "k9")["spec"]["shards"] = 1;
  CHECK(first_cause(document).empty());
}

TEST_CASE(
    "An enforced namespace is named where the samples have the monitor's, and the monitor can be excluded") {
  Json document = document_of("namespace-label-enforced");
  Finding finding = first_of(document);
  CHECK(finding.cause == "namespace-label-enforced");
  CHECK(finding.fix.body.at("excludedFromEnforcement").at(0).at("name") == "object-value");
  Json& spec = item(document, "prometheuses", "k9")["spec"];
  spec["enforcedNamespaceLabel"] = "tenant";
  CHECK(first_cause(document) == "object-not-in-series");
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
  CHECK(first_cause(document) == "adapter-other-server");
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
  CHECK(first_cause(document) == "adapter-prometheus-url");
  CHECK_FALSE(contains(command_of(first_of(document).fix), "prometheus-url"));  // it has the right one
  log_in(document,
         "E1124 03:39:00.000000       1 provider.go:229] " + dns);  // over a minute, many listings ago
  CHECK(first_cause(document) != "adapter-prometheus-url");
  Json healthy = document_of("healthy");
  log_in(healthy, dns);
  CHECK(first_cause(healthy).empty());
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
  CHECK(first_cause(document) == "prometheus-not-ready");
  CHECK(find(judged(document), "adapter-prometheus-url") == nullptr);
}

TEST_CASE("A monitor that another Prometheus selects is not taken away from it") {
  Json document = document_of("monitor-not-selected");
  Finding alone = first_of(document);
  CHECK(alone.cause == "monitor-not-selected");
  CHECK(alone.fix.kind != Fix::Kind::advice);
  Json other = item(document, "prometheuses", "k9");
  other["metadata"]["name"] = "other";
  other["spec"]["serviceMonitorSelector"] = {{"matchLabels", {{"release", "other"}}}};
  document["readings"]["prometheuses"]["value"]["items"].push_back(other);
  Finding finding = first_of(document);
  CHECK(finding.cause == "monitor-not-selected");
  CHECK(contains(finding.sentence, "selected by Prometheus watch/other"));
  CHECK(finding.fix.kind == Fix::Kind::advice);
  CHECK(contains(finding.fix.says, "take it away from watch/other"));
  // One label more does that other Prometheus no harm.
  document["readings"]["prometheuses"]["value"]["items"][0]["spec"]["serviceMonitorSelector"] = {
      {"matchLabels", {{"team", "shop"}}}};
  CHECK(first_of(document).fix.kind != Fix::Kind::advice);
}

TEST_CASE("An address leads to a Service by its DNS name only") {
  const Json service = {{"metadata", {{"name", "web"}, {"namespace", "shop"}}}};
  for (const char* address : {"web.shop", "web.shop:80", "web.shop.svc:80",
                              "http://web.shop.svc.cluster.local/x", "https://web.shop/", "web.shop?x=1"}) {
    CHECK_MESSAGE(leads_to(address, service), address);
  }
  for (const char* address : {"", "web", "web.shopping:80", "aweb.shop:80", "http://other/web.shop",
                              "10.0.0.1:80", "web.other.svc:80"}) {
    CHECK_MESSAGE(!leads_to(address, service), address);
  }
}

TEST_CASE(
    "A ScrapeConfig is told from another whose name is longer, and judged by what Prometheus has of it") {
  Finding rejected = first_of(document_of("prometheus-config-rejected@scrape-config"));
  CHECK(contains(rejected.evidence.front(), "no job scrapeConfig/watch/object-value"));
  Json document = document_of("target-down@scrape-config");
  CHECK(contains(first_of(document).sentence, "http://object-value.shop.svc:9999/metrics"));
  document["readings"]["prom:watch/prom-web:9191 targets"]["value"][0]["lastError"] =
      "dial tcp 10.96.75.214:9999: connect: connection refused";
  Finding port = first_of(document);
  CHECK(port.cause == "target-down");
  CHECK(contains(port.sentence, "Service shop/object-value has no port 9999"));
  CHECK(contains(port.fix.says, "ScrapeConfig watch/object-value"));
  // Whether one names the Service is not known where they cannot be listed: no longer certain.
  document = document_of("monitor-not-selected@scrape-config");
  document["readings"]["scrapeconfigs"] = {
      {"path", "/x"},
      {"error", {{"id", "kube-forbidden"}, {"message", "no"}, {"right", "list scrapeconfigs"}}}};
  Finding unread = first_of(document);
  CHECK(unread.cause == "monitor-selects-no-service");
  CHECK(unread.certainty == Certainty::likely);
}

TEST_CASE("A job without a monitor that leads to the Service is judged by its targets") {
  Json document = document_of("target-down@additional-scrape-config");
  document["readings"]["prom:watch/prom-web:9191 targets"]["value"][0]["health"] = "up";
  CHECK(first_cause(document) == "metric-not-exposed");
  // Of a monitor that is gone, Prometheus has the target only until it loads its next configuration.
  document["readings"]["prom:watch/prom-web:9191 targets"]["value"][0]["pool"] =
      "serviceMonitor/watch/gone/0";
  CHECK(first_cause(document) == "monitor-selects-no-service");
}
