// What could not be read is unknown: never broken.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "chain/collect.hpp"
#include "chain/diagnosis.hpp"
#include "tests/fakes/fake_kube_api.hpp"
#include "tests/fakes/fakes.hpp"

using namespace hpawalk;
namespace fs = std::filesystem;

namespace {

Facts facts_in(const fs::path& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  Result<Facts> facts = facts_from(text.str());
  REQUIRE(facts);
  return *facts;
}

// How a question can go without an answer.
struct Refusal {
  const char* id;
  const char* words;
};
constexpr Refusal refusals[] = {{"kube-forbidden", "forbidden: User \"eve\" cannot list resource"},
                                {"kube-unavailable", "the server is currently unable to handle the request"},
                                {"kube-busy", "too many requests, please try again later"},
                                {"kube-slow", "GET /x: nothing came for 10 s"},
                                {"kube-too-large", "the answer is larger than 256 MiB"},
                                {"kube-refused", "etcdserver: request timed out"}};

Reading refused(const Reading& reading, const Refusal& refusal) {
  Reading answer{reading.path, refusal.id, refusal.words, {}, {}, 0};
  if (std::string_view(refusal.id) == "kube-forbidden") answer.right = "list x";
  return answer;
}

// "shop/web: prom_fake_value of Service x: no-endpoints (certain)", of everything that is broken.
std::set<std::string> broken(const Facts& facts) {
  std::set<std::string> all;
  for (const HpaDiagnosis& hpa : diagnose(facts)) {
    for (const ChainDiagnosis& chain : hpa.chains) {
      std::string place = hpa.space + "/" + hpa.name + ": " + chain.metric + ": ";
      for (const Finding& finding : chain.findings) {
        if (finding.severity == Mark::broken) all.insert(place + finding.cause);
      }
      if (chain.verdict() == Mark::broken && chain.first_broken() == nullptr) {
        for (const LinkState& link : chain.links) {
          if (link.mark == Mark::broken) all.insert(place + "link " + std::string(name_of(link.link)));
        }
      }
    }
  }
  return all;
}

std::vector<std::string> new_in(const std::set<std::string>& before, const std::set<std::string>& after) {
  std::vector<std::string> more;
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(), std::back_inserter(more));
  return more;
}

}  // namespace

TEST_CASE("No reading that is refused, unavailable, too slow or too large makes a healthy chain broken") {
  const Facts healthy = facts_in(fs::path(TESTS_FOLDER) / "facts" / "healthy.json");
  REQUIRE(broken(healthy).empty());
  for (const auto& [key, reading] : healthy.readings) {
    for (const Refusal& refusal : refusals) {
      Facts facts = healthy;
      facts.readings[key] = refused(reading, refusal);
      CAPTURE(key);
      CAPTURE(refusal.id);
      CHECK(new_in({}, broken(facts)) == std::vector<std::string>{});
    }
  }
}

TEST_CASE("No two readings that are refused make a healthy chain broken") {
  const Facts healthy = facts_in(fs::path(TESTS_FOLDER) / "facts" / "healthy.json");
  for (const auto& [first, one] : healthy.readings) {
    for (const auto& [second, other] : healthy.readings) {
      if (first >= second) continue;
      Facts facts = healthy;
      facts.readings[first] = refused(one, refusals[2]);
      facts.readings[second] = refused(other, refusals[2]);
      CAPTURE(first);
      CAPTURE(second);
      CHECK(new_in({}, broken(facts)) == std::vector<std::string>{});
    }
  }
}

TEST_CASE("In no chain does a reading that is refused make more broken than was") {
  for (const auto& file : fs::directory_iterator(fs::path(TESTS_FOLDER) / "facts")) {
    if (file.path().extension() != ".json") continue;
    const Facts whole = facts_in(file.path());
    const std::set<std::string> before = broken(whole);
    for (const auto& [key, reading] : whole.readings) {
      if (!reading.read()) continue;
      for (const Refusal& refusal : refusals) {
        Facts facts = whole;
        facts.readings[key] = refused(reading, refusal);
        CAPTURE(file.path().filename());
        CAPTURE(key);
        CAPTURE(refusal.id);
        CHECK(new_in(before, broken(facts)) == std::vector<std::string>{});
      }
    }
  }
}

TEST_CASE("A healthy chain of which any one question is not answered is not called broken, whatever is asked next") {
  const Facts healthy = facts_in(fs::path(TESTS_FOLDER) / "facts" / "healthy.json");
  std::set<std::string> paths;
  for (const auto& [key, reading] : healthy.readings) paths.insert(reading.path);
  for (const std::string& unanswered : paths) {
    for (int status : {403, 429, 500, 503, 504}) {
      fakes::FakeKubeApi api;
      fakes::ScriptedHttp http;
      fakes::FakeClock clock;
      for (const auto& [key, reading] : healthy.readings) {
        if (!reading.read()) continue;
        bool prometheus = key.starts_with("prom:");
        api.get(reading.path, prometheus ? Json{{"status", "success"}, {"data", reading.value}} : reading.value);
      }
      for (const char* review : {"selfsubjectaccessreviews", "subjectaccessreviews"}) {
        api.answers[std::string("POST /apis/authorization.k8s.io/v1/") + review] = {201, R"({"status":{"allowed":true}})"};
      }
      api.refuse(unanswered, status, "not now");
      CollectOptions options;
      options.space = "shop";
      Result<Facts> facts = collect(api, http, clock, options);
      CAPTURE(unanswered);
      CAPTURE(status);
      if (facts) {
        CHECK(new_in({}, broken(*facts)) == std::vector<std::string>{});
      } else {
        CHECK(exit_code(facts.error().kind) == 3);
      }
    }
  }
}
