#include "chain/diagnosis.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
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
    std::regex call("(?:broken|note|add)\\((?:refused \\? )?\"([a-z0-9-]+)\"");
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

TEST_CASE("Each facts file is judged as its name says") {
  size_t judged = 0;
  const Json base = Json::parse(content(root / "tests" / "facts" / "healthy.json"));
  for (const auto& file : std::filesystem::directory_iterator(root / "tests" / "facts")) {
    if (file.path().extension() != ".json") continue;
    std::string cause = file.path().stem().string();
    cause = cause.substr(0, cause.find('@'));
    INFO(file.path().filename().string());
    Json document = base;  // the other files hold what differs from it
    document.merge_patch(Json::parse(content(file.path())));
    Result<Facts> facts = facts_from(document.dump());
    REQUIRE(facts);
    std::vector<HpaDiagnosis> all = diagnose(*facts);
    REQUIRE(all.size() == 1);
    REQUIRE_FALSE(all[0].chains.empty());
    const ChainDiagnosis& chain = all[0].chains[0];
    ++judged;
    if (cause == "healthy") {
      CHECK(chain.verdict() == Mark::ok);
      continue;
    }
    if (cause == "unknown") {
      CHECK(chain.verdict() == Mark::unknown);
      continue;
    }
    const Finding* first = chain.first_broken();
    if (first == nullptr && !chain.findings.empty()) first = &chain.findings.front();
    REQUIRE(first != nullptr);
    CHECK(first->cause == cause);
    CHECK_FALSE(first->evidence.empty());
    CHECK_FALSE(first->sentence.empty());
  }
  CHECK(judged > 0);
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
