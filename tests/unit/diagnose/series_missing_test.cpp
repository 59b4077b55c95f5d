// A series that Prometheus does not have now: what its targets expose, and who exposed it before.
#include <doctest/doctest.h>

#include "diagnose/diagnosis.hpp"
#include "tests/fakes/judged.hpp"

using namespace hpawalk;
using namespace hpawalk::diagnose;
using namespace hpawalk::fakes;

namespace {

constexpr const char* page = "page http://10.244.0.50:9113/metrics lab_value";

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("That a target does not expose a metric is certain only if its own page was read") {
  CHECK(first_of(document_of("metric-not-exposed@page")).certainty == Certainty::certain);
  Finding unread = first_of(document_of("metric-not-exposed@forbidden"));
  CHECK(unread.cause == "metric-not-exposed");
  CHECK(unread.certainty == Certainty::likely);
  CHECK_FALSE(contains(unread.sentence, "does not expose"));
}

TEST_CASE("Only a name that the same target exposes is suggested") {
  Json document = document_of("metric-not-exposed@page");
  document["readings"]["prom:watch/prom-web:9191 names"]["value"] = {"lab_values"};
  CHECK_FALSE(contains(first_of(document).sentence, "lab_values"));
  Json& target = document["readings"]["prom:watch/prom-web:9191 targets"]["value"][0];
  std::string pod = target["labels"]["pod"];
  std::string names =
      "prom:watch/prom-web:9191 names {job=\"object-value\",namespace=\"shop\",service="
      "\"object-value\",pod=\"" +
      pod + "\"}";
  document["readings"][names] = {{"path", "/names"}, {"value", {"lab_values"}}};
  CHECK(contains(first_of(document).fix.says, "Is lab_values the intended one?"));
}

TEST_CASE("A series that ended says until when it was there, and that `or vector(0)` does not help") {
  Finding ended = first_of(document_of("metric-not-exposed@ended"));
  CHECK(contains(ended.sentence, "it was there until 03:30:09 UTC"));
  CHECK(contains(ended.fix.says, "expose 0 from the start"));
  CHECK(contains(ended.fix.says, "`or vector(0)` in the query does not help"));
}

TEST_CASE("A sample counts as dropped unless its own timestamp explains why Prometheus does not have it") {
  Json document = document_of("sample-timestamps");
  CHECK(first_of(document).cause == "sample-timestamps");
  CHECK(contains(command_of(first_of(document).fix),
                 R"("path":"/spec/endpoints/0/honorTimestamps","value":false)"));
  Json& lines = document["readings"][page]["value"];
  auto with = [&](const char* line) {
    lines = {line};
    return first_of(document).cause;
  };
  // 03:40:09, when these facts were read, in milliseconds and in OpenMetrics's seconds.
  CHECK(with("lab_value 50 1795491609000") == "sample-dropped");
  CHECK(with("lab_value{a=\"b 1 } 2\"} 50 1795491609.123") == "sample-dropped");
  CHECK(with("lab_value{a=\"b\"} 50 1795490000.5 # {id=\"1\"} 1") == "sample-timestamps");
  CHECK(with("lab_value 50 1795495000000") == "sample-timestamps");
  CHECK(with("lab_value") == "sample-dropped");
  lines = {"lab_value 50 1700000000000"};
  document["readings"]["servicemonitors"]["value"]["items"][0]["spec"]["endpoints"][0]["honorTimestamps"] =
      false;
  CHECK(first_of(document).cause == "sample-dropped");
}

TEST_CASE("Where a metric of a whole namespace came from is taken from Prometheus's memory") {
  Json document = document_of("monitor-port-name@namespace");
  CHECK(first_of(document).cause == "monitor-port-name");
  const Json before = document["readings"];
  for (const auto& [key, reading] : before.items()) {
    if (key.find("max_over_time(timestamp(") != std::string::npos) document["readings"].erase(key);
  }
  CHECK(first_of(document).cause == "metric-not-exposed");
  CHECK(first_of(document).certainty == Certainty::likely);
}
