// What could not be read is unknown: never broken.
#include <doctest/doctest.h>

#include <filesystem>
#include <set>
#include <utility>

#include "base/text.hpp"
#include "diagnose/collect.hpp"
#include "diagnose/diagnosis.hpp"
#include "tests/fakes/facts_files.hpp"
#include "tests/fakes/fake_kube_api.hpp"
#include "tests/fakes/fakes.hpp"
#include "tests/fakes/sample.hpp"

using namespace hpawalk;
using namespace hpawalk::diagnose;
namespace fs = std::filesystem;

namespace {

const fs::path folder = fs::path(TESTS_FOLDER) / "facts";

// How a question can go without an answer.
struct Refusal {
  const char* id;
  const char* words;
};
constexpr Refusal refusals[] = {{"kube-forbidden", "forbidden: User \"eve\" cannot list resource"},
                                {"kube-unavailable", "the server is currently unable to handle the request"},
                                {"kube-busy", "too many requests, please try again later"},
                                {"kube-slow", "GET /x: no data arrived for 10s"},
                                {"kube-too-large", "the response is larger than 256 MiB"},
                                {"kube-refused", "etcdserver: request timed out"}};

Reading refused(const Reading& reading, const Refusal& refusal) {
  Reading answer{reading.path, refusal.id, refusal.words, {}, {}, 0};
  if (std::string_view(refusal.id) == "kube-forbidden") answer.right = "list x";
  return answer;
}

// Facts in which, while this lives, one reading is refused. Facts are too large to copy them each time.
class Without {
 public:
  Without(Facts& facts, const std::string& key, const Refusal& refusal) : place_(facts.readings.at(key)) {
    was_ = std::exchange(place_, refused(place_, refusal));
  }
  ~Without() { place_ = std::move(was_); }
  Without(const Without&) = delete;
  Without& operator=(const Without&) = delete;

 private:
  Reading& place_;
  Reading was_;
};

// The metrics API's 500 is the adapter's own word, which counts.
bool answered_by_the_adapter(const std::string& path, const std::string& id) {
  bool metrics =
      path.starts_with("/apis/custom.metrics.k8s.io/") || path.starts_with("/apis/external.metrics.k8s.io/");
  return metrics && id == "kube-refused";
}

// "shop/web: prom_fake_value of Service x: no-endpoints (certain)", of everything that is broken.
std::vector<std::string> broken(const Facts& facts) {
  std::vector<std::string> all;
  for (const HpaDiagnosis& hpa : diagnose_hpas(facts)) {
    for (const ChainDiagnosis& chain : hpa.chains) {
      std::string place = hpa.space + "/" + hpa.name + ": " + chain.metric + ": ";
      for (const Finding& finding : chain.findings) {
        if (finding.severity == Mark::broken) all.push_back(place + finding.cause);
      }
      if (chain.verdict() == Mark::broken && chain.first_broken() == nullptr) {
        for (const LinkState& link : chain.links) {
          if (link.mark == Mark::broken) all.push_back(place + "link " + std::string(name_of(link.link)));
        }
      }
    }
  }
  return all;
}

}  // namespace

TEST_CASE("No reading that is refused, unavailable, too slow or too large makes a healthy chain broken") {
  const Facts& healthy = fakes::facts_of(folder / "healthy.json");
  REQUIRE(broken(healthy).empty());
  Facts facts = healthy;
  fakes::Sample some(6);
  for (const auto& [key, reading] : healthy.readings) {
    for (const Refusal& refusal : refusals) {
      if (answered_by_the_adapter(reading.path, refusal.id) || !some.takes()) continue;
      Without without(facts, key, refusal);
      CAPTURE(key);
      CAPTURE(std::string(refusal.id));
      CHECK(text::join(broken(facts), "; ") == "");
    }
  }
}

TEST_CASE("No two readings that are refused make a healthy chain broken") {
  const Facts& healthy = fakes::facts_of(folder / "healthy.json");
  Facts facts = healthy;
  fakes::Sample some(20);
  for (const auto& [first, one] : healthy.readings) {
    Without without_one(facts, first, refusals[2]);
    for (const auto& [second, other] : healthy.readings) {
      if (first >= second || !some.takes()) continue;
      Without without_other(facts, second, refusals[2]);
      CAPTURE(first);
      CAPTURE(second);
      CHECK(text::join(broken(facts), "; ") == "");
    }
  }
}

TEST_CASE("A working chain is never reported as broken because a reading is missing") {
  size_t chains = 0;
  fakes::Sample some(16);
  for (const auto& file : fs::directory_iterator(folder)) {
    if (file.path().extension() != ".json") continue;
    // Its HPA says that the last sync failed: only the value, which is there again, speaks against that.
    if (file.path().filename() == "waiting-for-sync.json") continue;
    const Facts& whole = fakes::facts_of(file.path());
    if (!broken(whole).empty()) continue;  // of those that are, another cause may be what is still seen
    ++chains;
    Facts facts = whole;
    for (const auto& [key, reading] : whole.readings) {
      if (!reading.read()) continue;
      for (const Refusal& refusal : refusals) {
        if (answered_by_the_adapter(reading.path, refusal.id) || !some.takes()) continue;
        Without without(facts, key, refusal);
        CAPTURE(file.path().filename());
        CAPTURE(key);
        CAPTURE(std::string(refusal.id));
        CHECK(text::join(broken(facts), "; ") == "");
      }
    }
  }
  CHECK(chains > 3);
}

TEST_CASE("A healthy chain is not reported as broken when any one request gets no response") {
  std::set<std::string> requests;
  for (const auto& [key, reading] : fakes::healthy_document()["readings"].items())
    requests.insert(fakes::exchange(key, reading).request);
  fakes::Sample some(16);
  for (const std::string& unanswered : requests) {
    for (int status : {403, 429, 500, 503, 504}) {
      if (!some.takes()) continue;
      fakes::FakeKubeApi api;
      fakes::ScriptedHttp http;
      fakes::FakeClock clock;
      fakes::answer_as_read(api, clock, fakes::healthy_document());
      if (unanswered.starts_with("GET /apis/custom.metrics.k8s.io/") && status == 500) continue;
      const world::HttpResponse refusal{status, R"({"kind":"Status","message":"not now"})"};
      api.script(unanswered, refusal);
      // Who may not list in the whole cluster may not in its namespaces.
      size_t slash = unanswered.rfind('/');
      if (unanswered.find("/namespaces/") == std::string::npos && unanswered.find('?') == std::string::npos) {
        for (const char* space : {"shop", "watch", "metrics-api"}) {
          api.script(unanswered.substr(0, slash) + "/namespaces/" + space + unanswered.substr(slash),
                     refusal);
        }
      }
      CollectOptions options;
      options.space = "shop";
      Result<Facts> facts = collect(api, http, clock, options);
      CAPTURE(unanswered);
      CAPTURE(status);
      if (facts) {
        CHECK(text::join(broken(*facts), "; ") == "");
      } else {
        CHECK(exit_code(facts.error().kind) == 3);
      }
    }
  }
}
