#include "chain/diagnosis.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <regex>
#include <set>
#include <sstream>

#include "chain/causes.hpp"
#include "tests/fakes/golden.hpp"

using namespace hpawalk;

static std::string content(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

static const std::filesystem::path root = std::filesystem::path(TESTS_FOLDER).parent_path();

TEST_CASE("Every cause that a rule can name is in the list, every cause of the list has a rule, and none is there twice") {
  std::set<std::string> listed, named;
  for (const Cause& c : causes()) CHECK_MESSAGE(listed.insert(std::string(c.id)).second, c.id);
  std::regex literal("\"([a-z0-9]+(?:-[a-z0-9]+)*)\"");
  for (const auto& file : std::filesystem::directory_iterator(root / "chain")) {
    std::string name = file.path().filename().string();
    if (name != "diagnosis.cpp" && !(name.starts_with("rules_") && name.ends_with(".cpp"))) continue;
    std::string text = content(file.path());
    std::regex call("(?:broken|note|add)\\(\\s*(?:refused \\? )?\"([a-z0-9-]+)\"");
    for (auto it = std::sregex_iterator(text.begin(), text.end(), call); it != std::sregex_iterator(); ++it) {
      CHECK_MESSAGE(listed.contains((*it)[1].str()), (*it)[1].str());
    }
    for (auto it = std::sregex_iterator(text.begin(), text.end(), literal); it != std::sregex_iterator(); ++it) named.insert((*it)[1].str());
  }
  for (const std::string& id : listed) CHECK_MESSAGE(named.contains(id), id << " is named by no rule");
}

TEST_CASE("A cause is tested the way that the list says") {
  std::string faults = content(root / "tests" / "cluster" / "faults" / "faults.py");
  std::set<std::string> files;
  for (const auto& file : std::filesystem::directory_iterator(root / "tests" / "facts")) {
    std::string stem = file.path().stem().string();
    files.insert(stem.substr(0, stem.find('@')));
  }
  for (const Cause& c : causes()) {
    bool real = faults.find("\"" + std::string(c.id) + "\"") != std::string::npos, recorded = files.contains(std::string(c.id));
    CHECK_MESSAGE((c.tested == "real fault" ? real : c.tested == "facts file" && recorded), c.id);
  }
}

TEST_CASE("docs/causes.md is what the list says") {
  CHECK(fakes::golden_difference("../../docs/causes.md", causes_page()) == "");
}

static const Json& healthy() {
  static const Json base = Json::parse(content(root / "tests" / "facts" / "healthy.json"));
  return base;
}

// The other files hold what differs from healthy.json.
static Json document_of(const std::filesystem::path& file) {
  Json document = healthy();
  document.merge_patch(Json::parse(content(file)));
  return document;
}

static ChainDiagnosis judged(const Json& document) {
  Result<Facts> facts = facts_from(document.dump());
  REQUIRE(facts);
  std::vector<HpaDiagnosis> all = diagnose(*facts);
  REQUIRE(all.size() == 1);
  REQUIRE_FALSE(all[0].chains.empty());
  return all[0].chains[0];
}

TEST_CASE("Each facts file is judged as its name says") {
  size_t count = 0;
  for (const auto& file : std::filesystem::directory_iterator(root / "tests" / "facts")) {
    if (file.path().extension() != ".json") continue;
    std::string cause = file.path().stem().string();
    cause = cause.substr(0, cause.find('@'));
    INFO(file.path().filename().string());
    ChainDiagnosis chain = judged(document_of(file.path()));
    ++count;
    if (cause == "healthy") {
      CHECK(chain.verdict() == Mark::ok);
      continue;
    }
    if (cause == "unknown") {
      CHECK(chain.verdict() == Mark::unknown);
      continue;
    }
    if (cause == "unseen-monitor") {
      const LinkState& monitor = chain.links[static_cast<size_t>(Link::monitor)];
      CHECK(monitor.mark == Mark::unknown);
      CHECK(monitor.text.find("not allowed to list") != std::string::npos);
      CHECK(chain.first_broken() == nullptr);
      continue;
    }
    const Finding* first = chain.first_broken();
    if (first == nullptr && !chain.findings.empty()) first = &chain.findings.front();
    REQUIRE(first != nullptr);
    CHECK(first->cause == cause);
    CHECK_FALSE(first->evidence.empty());
    CHECK_FALSE(first->sentence.empty());
  }
  CHECK(count > 30);
}

// Every reading of the document in turn could not be read.
static void refuse_each(const Json& document, const std::function<void(const std::string& key, const Json&)>& check) {
  for (const auto& [key, reading] : document["readings"].items()) {
    if (key == "hpas") continue;  // without these nothing is judged at all
    Json without = document;
    without["readings"][key] = {{"path", reading.value("path", "")},
                                {"error", {{"id", "kube-forbidden"}, {"message", "no"}, {"right", "read " + key}}}};
    check(key, without);
  }
}

TEST_CASE("No reading that is refused makes a healthy chain look broken") {
  ChainDiagnosis whole = judged(healthy());
  refuse_each(healthy(), [&](const std::string& key, const Json& document) {
    INFO(key);
    ChainDiagnosis chain = judged(document);
    const Finding* first = chain.first_broken();
    CHECK_MESSAGE(first == nullptr, (first == nullptr ? "" : first->cause + ": " + first->sentence));
    CHECK(chain.verdict() != Mark::broken);
  });
}

TEST_CASE("No reading that is refused makes up a cause that is certain, or a link that is ok") {
  ChainDiagnosis whole = judged(document_of(root / "tests" / "facts" / "target-not-discovered.json"));
  refuse_each(document_of(root / "tests" / "facts" / "target-not-discovered.json"), [&](const std::string& key, const Json& document) {
    INFO(key);
    ChainDiagnosis chain = judged(document);
    for (const Finding& f : chain.findings) {
      bool known = std::any_of(whole.findings.begin(), whole.findings.end(), [&](const Finding& w) { return w.cause == f.cause; });
      CHECK_MESSAGE((known || f.severity != Mark::broken || f.certainty != Certainty::certain), f.cause << ": " << f.sentence);
    }
    for (const LinkState& link : whole.links) {
      bool was_fine = link.mark == Mark::ok || link.mark == Mark::note;
      bool is_ok = chain.links[static_cast<size_t>(link.link)].mark == Mark::ok;
      CHECK_MESSAGE((was_fine || !is_ok), name_of(link.link));
    }
  });
}

TEST_CASE("Facts survive saving, and other files are refused with a reason") {
  Facts facts;
  facts.readings["pods/web"] = Reading{"/api/v1/namespaces/web/pods", "kube-forbidden", "no", "list pods in namespace web", {}, 0};
  facts.readings["hpas"] = Reading{"/apis/x", {}, {}, {}, {{"items", Json::array()}}, 3};
  Result<Facts> back = facts_from(to_json(facts).dump());
  REQUIRE(back);
  CHECK(to_json(*back) == to_json(facts));
  CHECK(facts_from("hello").error().because == "it is not JSON");
  CHECK(facts_from("{}").error().kind == ErrorClass::usage);
}

TEST_CASE("Facts carry no environment variables, no last-applied copies and no passwords") {
  Json pod = {{"metadata", {{"name", "p"}, {"annotations", {{"kubectl.kubernetes.io/last-applied-configuration", R"({"spec":{"replicas":3}})"}}},
                            {"managedFields", {{{"manager", "kubectl"}, {"time", "2026-01-01T00:00:00Z"}, {"fieldsV1", {{"f:spec", {{"f:replicas", Json::object()}}}}}}}}}},
              {"spec", {{"containers", {{{"name", "c"}, {"env", {{{"name", "PASSWORD"}, {"value", "x"}}}}, {"args", {"--prometheus-header=Authorization=Bearer abc"}}}}}}}};
  Json out = trimmed(pod);
  CHECK(out["spec"]["containers"][0].find("env") == out["spec"]["containers"][0].end());
  CHECK(out.dump().find("abc") == std::string::npos);
  CHECK(out.dump().find("last-applied") == std::string::npos);
  CHECK(out["metadata"]["hpawalkAppliedReplicas"] == 3);
  CHECK(out["metadata"]["hpawalkReplicaManagers"][0]["manager"] == "kubectl");
}
