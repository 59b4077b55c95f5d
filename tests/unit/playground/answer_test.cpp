// What the page of `playground` is answered.
#include <doctest/doctest.h>

#include "cli/run.hpp"
#include "hpasim/version.hpp"
#include "playground/answer.hpp"
#include "tests/fakes/fakes.hpp"
#include "tests/fakes/walkthrough_hpa.hpp"

using namespace hpawalk;
using Object = nlohmann::ordered_json;

namespace {

Object question(const std::string& load, const Object& options = Object::object()) {
  return {{"hpa", std::string(fakes::walkthrough_hpa)}, {"load", load}, {"options", options}};
}

Object ask(const Object& asked) {
  return Object::parse(playground::answer(asked.dump()));
}

// What `simulate -o json` prints for the same.
Object simulated(const std::string& load, std::vector<std::string> more) {
  fakes::FakeWorld world;
  world.files.content["hpa.yaml"] = std::string(fakes::walkthrough_hpa);
  world.files.content["load.csv"] = load;
  std::vector<std::string> args = {"hpawalk", "simulate", "--hpa", "hpa.yaml", "-o", "json"};
  args.insert(args.end(), more.begin(), more.end());
  REQUIRE_MESSAGE(cli::run(args, world.world) == 0, world.terminal.errors);
  Object result = Object::parse(world.terminal.output)["variants"][0];
  result.erase("name");
  return result;
}

}  // namespace

TEST_CASE("The playground's result is that of simulate") {
  std::string words = "step 5..50 at 1m for 8m; sine 5..60 every 5m for 10m noise=10%";
  CHECK(ask(question(words))["result"] == simulated("", {"--profile", words}));
  Object csv = question("0,5\n60,50\n300,20\n900,20\n", {{"kube-version", "1.30"},
                                                         {"pod-start", "20s"},
                                                         {"metric-is", "shared"},
                                                         {"hpa-sync-period", "5s"},
                                                         {"hpa-tolerance", "0.2"},
                                                         {"seed", "7"},
                                                         {"replicas", "3"}});
  csv["csv"] = csv["linear"] = true;
  CHECK(ask(csv)["result"] == simulated("0,5\n60,50\n300,20\n900,20\n",
                                        {"--profile", "load.csv", "--linear", "--kube-version", "1.30",
                                         "--pod-start", "20s", "--metric-is", "shared", "--hpa-sync-period",
                                         "5s", "--hpa-tolerance", "0.2", "--seed", "7", "--replicas", "3"}));
}

TEST_CASE("The playground's answer has what its pictures and tables show") {
  Object answer = ask(question("step 5..50 at 1m for 15m"));
  CHECK(answer["durationSeconds"] == 900);
  CHECK(answer["maxReplicas"] == 10);
  CHECK(answer["kubernetes"] == hpasim::newest_version);
  CHECK(answer["windowSeconds"] == Object{{"down", 300.0}, {"up", 0.0}});
  CHECK(answer["load"] ==
        Object::array({{0.0, 5.0}, {60.0, 5.0}, {60.0, 50.0}, {900.0, 50.0}, {900.0, 50.0}}));
  CHECK(answer["replicas"].size() == answer["result"]["sequence"].size());
  CHECK(answer["told"][0]["time"] == "1:00");
  CHECK(answer["told"][0]["why"] == answer["result"]["changes"][0]["why"]);
  CHECK(answer["figures"][0][0] == "first wait for enough pods");
  CHECK(answer["held"].size() == 3);
}

TEST_CASE("Of a long load the playground's picture keeps the peaks, in the order of time") {
  std::string csv;
  for (int i = 0; i < 20'000; ++i) csv += std::to_string(i) + "," + (i == 12'345 ? "900" : "5") + "\n";
  Object asked = question(csv);
  asked["csv"] = asked["linear"] = true;
  Object load = ask(asked)["load"];
  CHECK(load.size() <= 2100);
  double before = 0, most = 0;
  for (const auto& point : load) {
    REQUIRE(point[0].get<double>() >= before);
    before = point[0];
    most = std::max(most, point[1].get<double>());
  }
  CHECK(most == 900);
  CHECK(before == 19'999);
}

TEST_CASE("Of a load that never rests the playground's table has the changes, to the end") {
  Object answer = ask(question("sine 20..60 every 24h for 24h noise=20%", {{"metric-is", "shared"}}));
  REQUIRE(answer["told"].size() == answer["result"]["changes"].size());
  for (const auto& one : answer["told"]) CHECK(one["from"] != one["to"]);
  Object few = ask(question("spike 5..50 at 1m lasting 1m for 15m", {{"metric-is", "shared"}}));
  CHECK(few["told"].size() > few["result"]["changes"].size());
}

TEST_CASE("The playground is told what a sync decided, and why") {
  Object asked = question("step 5..50 at 1m for 15m");
  asked["at"] = 70.0;
  Object moment = ask(asked)["moment"];
  CHECK(moment["time"] == "1:10");
  CHECK(moment["load"] == 50);
  CHECK(moment["from"] == 1);
  CHECK(moment["to"] == 4);
  CHECK(moment["replicas"] == 4);
  CHECK(moment["why"].get<std::string>().find("limited to 4") != std::string::npos);
  asked["at"] = 0.0;
  CHECK_FALSE(ask(asked)["moment"].contains("why"));  // no sync yet
  asked["at"] = 1e9;
  CHECK(ask(asked)["moment"]["time"] == "15:00");
}

TEST_CASE("The playground's mistakes say where they are, in simulate's words") {
  Object asked = question("step 5..50 at 1m");
  auto error = [&] { return ask(asked)["error"]; };
  std::string& hpa = asked["hpa"].get_ref<std::string&>();
  hpa.replace(hpa.find("maxReplicas"), 11, "maxReplica");
  CHECK(error()["where"] == "hpa");
  CHECK(error()["id"] == "hpa-spec");
  auto lines = error()["lines"];
  REQUIRE(lines.size() == 2);
  CHECK(lines[1]["text"] == "spec.maxReplica: no such field; did you mean maxReplicas?");
  size_t line = static_cast<size_t>(
                    std::count(hpa.begin(), hpa.begin() + static_cast<long>(hpa.find("maxReplica:")), '\n')) +
                1;
  CHECK(lines[1]["line"] == line);
  CHECK(lines[0]["text"] == "spec.maxReplicas: is required");
  CHECK(lines[0]["line"] == static_cast<size_t>(std::count(
                                hpa.begin(), hpa.begin() + static_cast<long>(hpa.find("spec:")), '\n')) +
                                1);
  hpa = "a: 1\nb: [\n";
  CHECK(error()["id"] == "hpa-yaml");
  CHECK(error()["lines"] == Object::array({{{"line", 3}, {"text", "end of sequence flow not found"}}}));
  hpa = "kind: Pod\n";
  CHECK(error()["id"] == "hpa-missing");
  CHECK(error()["lines"].empty());

  asked = question("setp 5..50");
  CHECK(error()["where"] == "load");
  CHECK(error()["hint"].get<std::string>().starts_with("Did you mean step?"));
  asked = question("0,1\n0,x\n");
  asked["csv"] = true;
  CHECK(error()["what"] == "Line 2 of the CSV file is not in the form time,value");
  asked = question("hold 5 for 0s");
  CHECK(error()["what"] == "The profile's duration is zero");

  for (const auto& [name, text] : std::vector<std::pair<const char*, const char*>>{{"kube-version", "latest"},
                                                                                   {"pod-start", "soon"},
                                                                                   {"replicas", "1.5"},
                                                                                   {"replicas", "-1"},
                                                                                   {"hpa-tolerance", "11"},
                                                                                   {"hpa-sync-period", "1ms"},
                                                                                   {"pod-request", "0"}}) {
    asked = question("hold 5", {{name, text}});
    CHECK_MESSAGE(error()["where"] == "options", name);
  }
  asked = question("hold 5 for 1h", {{"duration", "300d"}});
  CHECK(error()["what"] == "The simulation is limited to a million syncs");
  CHECK(Object::parse(playground::answer("{"))["error"]["id"] == "json");
}

TEST_CASE("A line of the HPA is found also within a list, and behind other documents") {
  Object asked = question("hold 5");
  asked["hpa"] = "kind: Service\n---\napiVersion: v1\nkind: List\nitems:\n- kind: Pod\n- " + [] {
    std::string indented;
    for (char c : std::string(fakes::walkthrough_hpa))
      indented += c == '\n' ? std::string("\n  ") : std::string(1, c);
    return indented;
  }();
  std::string hpa = asked["hpa"];
  CHECK_FALSE(ask(asked).contains("error"));
  hpa.replace(hpa.find("type: Object"), 12, "type: Objekt");
  asked["hpa"] = hpa;
  auto line = std::count(hpa.begin(), hpa.begin() + static_cast<long>(hpa.find("type: Objekt")), '\n') + 1;
  Object error = ask(asked)["error"];
  CHECK(error["lines"][0]["line"] == line);
}
