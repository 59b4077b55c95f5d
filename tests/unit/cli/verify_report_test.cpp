#include "cli/verify_report.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "tests/fakes/fakes.hpp"

using namespace hpawalk;
using namespace hpawalk::world;
using namespace hpawalk::diagnose;
using namespace hpawalk::cli;
using namespace std::chrono_literals;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

Json facts_file(const std::string& name) {
  std::ifstream in(std::filesystem::path(TESTS_FOLDER) / "facts" / name);
  return Json::parse(in);
}

// A healthy chain, and what is different about it.
Facts saved_facts(const std::string& difference = {}) {
  Json document = facts_file("healthy.json");
  if (!difference.empty()) document.merge_patch(facts_file(difference));
  return facts_from(document.dump()).value();
}

// The chain of tests/facts.
KnownChain known(const std::string& name) {
  KnownChain chain{"shop", {}, "serviceMonitor/shop/", "app=" + name};
  chain.hpa = Json::parse(
      R"({"metadata":{"namespace":"shop"},"spec":{"metrics":[{"type":"Object","object":{"metric":{"name":"lab_value"}}}]}})");
  chain.hpa["metadata"]["name"] = name;
  return chain;
}

Facts with_pods_value(Facts facts) {
  facts.readings["value for the pods"] = {
      "/pods", {}, {}, {}, {{"items", {{{"describedObject", {{"name", "p-0"}}}, {"value", "50"}}}}}, 1};
  return facts;
}

}  // namespace

TEST_CASE("A healthy chain is verified: every link with its evidence, none of them broken") {
  Verification verification = verify(with_pods_value(saved_facts()), known("object-value"));
  for (const VerifiedLink& link : verification.links) {
    CAPTURE(link.name);
    CAPTURE(link.evidence);
    CHECK((link.mark == Mark::ok || link.mark == Mark::note));
    CHECK_FALSE(link.evidence.empty());
  }
  CHECK(verification.verdict() == Mark::ok);
  CHECK(verification.links.size() == all_links.size() + 1);
  CHECK_FALSE(verification.first_broken);
}

TEST_CASE("A chain without its HPA: everything before it is proven, and the HPA is the first broken link") {
  KnownChain chain = known("object-value");
  Facts facts = with_pods_value(saved_facts());
  Json& hpa = facts.readings["hpas"].value["items"][0];
  hpa["metadata"]["annotations"]["hpawalk/assumed"] = "true";
  hpa.erase("status");
  Verification verification = verify(facts, chain);
  CHECK(verification.verdict() == Mark::broken);
  REQUIRE(verification.first_broken);
  CHECK(verification.first_broken->cause == "hpa-missing");
  for (const VerifiedLink& link : verification.links) {
    CAPTURE(link.name);
    CHECK((link.mark == Mark::broken) == (link.name == "hpa"));
  }
}

TEST_CASE("A broken link is named with cause, evidence and fix, in text, JSON and JUnit") {
  fakes::FakeWorld fake;
  Facts facts = saved_facts("target-not-discovered.json");
  Verification verification = verify(facts, known("object-value"));
  REQUIRE(verification.first_broken);
  CHECK(verification.verdict() == Mark::broken);
  CHECK(has(verification_text(verification, Style(fake.world, false), 60).bytes(), "FAIL "));
  Json json = verification_json(verification, "here", 120ms);
  CHECK(json["firstBroken"]["cause"] == "target-not-discovered");
  CHECK(json["verdict"] == "broken");
  std::string junit = verification_junit(verification, "here & <there>", 120ms);
  CHECK(has(junit, "<failure type=\"target-not-discovered\""));
  CHECK(has(junit, "here &amp; &lt;there&gt;"));
  CHECK(has(junit, "time=\"0.120\""));
}

TEST_CASE("A value for the pods that could not be read is unknown, never ok") {
  Facts facts = saved_facts();
  facts.readings["value for the pods"] = {"/pods", "kube-forbidden", "not allowed", "", {}, 1};
  CHECK(verify(facts, known("object-value")).verdict() == Mark::unknown);
  facts.readings.erase("value for the pods");
  CHECK(verify(facts, known("object-value")).verdict() == Mark::unknown);
}
