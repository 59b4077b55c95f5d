#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "cli/columns.hpp"
#include "cli/completion.hpp"
#include "cli/live_screen.hpp"
#include "cli/live_text.hpp"
#include "cli/run.hpp"
#include "cli/verify_report.hpp"
#include "tests/fakes/fake_kube_api.hpp"
#include "tests/fakes/fakes.hpp"

using namespace hpawalk;
using namespace hpawalk::world;
using namespace hpawalk::observe;
using namespace hpawalk::diagnose;
using namespace hpawalk::cli;
using namespace std::chrono_literals;

namespace {

int call(fakes::FakeWorld& fake, std::vector<std::string> words, const std::string& program = "hpawalk") {
  words.insert(words.begin(), program);
  return run(words, fake.world);
}

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

TEST_CASE("A value that no metric can have is refused before anything is asked") {
  for (const char* wrong : {"fifty", "0x10", "1e999", "--", "1 2", "5m", "1,5"}) {
    CAPTURE(wrong);
    fakes::FakeWorld fake;
    CHECK(call(fake, {"set-value", wrong}) == 2);
    CHECK(fake.processes.calls.empty());
  }
  fakes::FakeWorld none;
  CHECK(call(none, {"set-value"}) == 2);
  fakes::FakeWorld unknown;
  CHECK(call(unknown, {"set-value", "5", "--no-such-option"}) == 2);
}

TEST_CASE("Every float that Prometheus knows is taken, negative ones too") {
  for (const char* value : {"50", "-5", "0.25", ".5", "1e3", "NaN", "+Inf", "-inf", "1.7e308"}) {
    CAPTURE(value);
    fakes::FakeWorld fake;
    CHECK(call(fake, {"set-value", value}) != 2);  // it goes on to look for the cluster, and there is none
    CHECK(has(fake.terminal.errors, "[no-cluster]"));
  }
}

TEST_CASE("As a kubectl plugin hpawalk calls itself so") {
  fakes::FakeWorld plugin, plain;
  CHECK(call(plugin, {"watch", "--help"}, "/usr/local/bin/kubectl-hpawalk") == 0);
  CHECK(has(plugin.terminal.output, "Usage: kubectl hpawalk watch"));
  CHECK(has(plugin.terminal.output, "  kubectl hpawalk watch --until replicas=10"));
  CHECK(call(plain, {"watch", "--help"}) == 0);
  CHECK_FALSE(has(plain.terminal.output, "kubectl hpawalk"));
}

TEST_CASE(
    "Completion knows commands, options and values, and offers the many settings only when they are asked "
    "for") {
  auto words = [](const std::vector<std::string>& line) {
    fakes::FakeWorld fake;
    std::vector<std::string> all = {"__complete"};
    all.insert(all.end(), line.begin(), line.end());
    CHECK(call(fake, all) == 0);
    return fake.terminal.output;
  };
  CHECK(has(words({"set"}), "set-value\t"));
  CHECK_FALSE(has(words({""}), "__complete"));
  CHECK(words({"completion", ""}) == "bash\nzsh\nfish\n");
  CHECK(words({"open", "prom-"}) == "prom-fake\n");
  CHECK(has(words({"cluster", ""}), "up\t"));
  CHECK(has(words({"watch", "--"}), "--until\t"));
  CHECK_FALSE(has(words({"watch", "--"}), "--hpa-max\t"));
  CHECK(has(words({"watch", "--hpa-m"}), "--hpa-max\t"));
  CHECK(words({"verify", "-o", ""}) == "text\njson\njunit\n");
  CHECK(words({"verify", "--output=j"}) == "--output=json\n--output=junit\n");
  CHECK(has(words({"up", "--only", "pro"}), "prom-fake\n"));
  CHECK(words({"up", "--config", ""}) == ":files\n");
  CHECK(words({"no-such-command", "x", "--zz"}).empty());
}

TEST_CASE("Text is wrapped at blanks and fitted to a width in characters") {
  CHECK(wrap("a chain of eight parts", 10) == std::vector<std::string>{"a chain of", "eight", "parts"});
  CHECK(fit("→→→", 2) == "→→");
  CHECK(fit("→", 3) == "→  ");
  CHECK(bars({0, 0.5, 1}, 2, true) == std::vector<std::string>{"  █", " ██"});
  CHECK(bars({0, 0.01, 1, std::nan("")}, 1, false) == std::vector<std::string>{" .# "});
}

TEST_CASE("The live view fits the terminal, however narrow") {
  fakes::FakeWorld fake;
  Hops hops;
  WallTime now{std::chrono::seconds(1'800'000'000)};
  hops.prom_fake = {"50", 50, {}, now, now, now};
  hops.prometheus = hops.prom_fake;
  hops.api = {{},
              {},
              "Unavailable: no backend responds for /apis/custom.metrics.k8s.io/v1beta1, and this goes on "
              "for quite a while",
              now,
              now,
              {}};
  hops.hpa.known = hops.hpa.there = true;
  hops.hpa.max = 10;
  hops.workload = {true, true, {}, 4, 4, 2, now};
  hops.events.push_back({now, "HorizontalPodAutoscaler", "nginx", "Normal", "SuccessfulRescale",
                         "New size: 4; reason: Service metric above target", 1, false});
  Outlook outlook{Outlook::State::broken,
                  "metrics-api",
                  "Unavailable: no backend responds for the custom metrics API, which is a long sentence "
                  "that has to be wrapped",
                  {},
                  {}};
  for (int columns : {40, 60, 80, 120}) {
    Canvas canvas{columns, true, Style(fake.world, false)};
    LiveScreen screen("default/nginx on local cluster local", {});
    screen.note(hops, now - 30s);
    screen.note(hops, now);
    for (const Painted& painted_line : screen.draw(hops, outlook, now, canvas, 24)) {
      const std::string& line = painted_line.bytes();
      CAPTURE(line);
      CHECK(shown_width(line) <= static_cast<size_t>(columns));
    }
    CHECK(screen.draw(hops, outlook, now, canvas, 24).size() < 24);
    CHECK(screen.draw(hops, outlook, now, canvas, 10).size() < 10);
  }
}

TEST_CASE("Values that JSON has no numbers for are texts") {
  Hops hops;
  WallTime now{std::chrono::seconds(1'800'000'000)};
  hops.prom_fake = {"NaN", std::nan(""), {}, now, now, now};
  Json json = to_json(hops, {Hop::prom_fake, now + 5ms}, {});
  CHECK(json["promFake"]["value"] == "NaN");
  CHECK(json["time"] == "2027-01-15T08:00:00.005Z");
  CHECK(json["changed"] == "prom-fake");
  CHECK(json["prometheus"].is_null());
}

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
  Json json = to_json(verification, "here", 120ms);
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
