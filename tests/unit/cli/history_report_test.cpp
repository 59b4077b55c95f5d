// What history prints of an account.
#include "cli/history_report.hpp"

#include <doctest/doctest.h>

#include "cli/run.hpp"
#include "tests/fakes/fakes.hpp"
#include "tests/fakes/walkthrough_hpa.hpp"

using namespace hpawalk;
using namespace hpawalk::cli;
using hpasim::Time;
using observe::Entry;
using std::chrono::minutes;
using std::chrono::seconds;
using Kind = Entry::Kind;

namespace {

constexpr Time epoch = seconds(1'800'000'000);  // 2027-01-15T08:00:00Z

ToldHistory told_history() {
  ToldHistory told;
  told.hpa = "web", told.space = "shop", told.workload = "Deployment web", told.states = "kube-state-metrics";
  told.simulation.version = "1.37";
  told.simulation.document = hpasim::find_hpa(fakes::walkthrough_hpa).value();
  told.simulation.spec = hpasim::parse_spec(told.simulation.document).value();
  observe::Trace& trace = told.trace;
  trace.from = trace.begin = epoch, trace.to = epoch + minutes(60);
  trace.step = seconds(15), trace.scrape = seconds(30);
  trace.metrics = {{"sum(load)", {{epoch, 10}, {epoch + minutes(20), 40}}, false, false}};
  observe::Account& account = told.account;
  account.replicas = {{Time(0), 1}, {minutes(20), 4}};
  account.ready = account.replicas;
  account.exact = seconds(60);
  account.notes = {"Something <b>is</b> not known."};
  Entry change;
  change.from = epoch + minutes(19), change.to = epoch + minutes(20);
  change.before = 1, change.after = 4;
  change.rule = "metric", change.metric = "load", change.proposed = 4;
  change.why = "40 / 10 = 4 x 1 ready = 4";
  Entry reset = change;
  reset.kind = Kind::another_client;
  reset.from = reset.to = epoch + minutes(30);
  reset.before = 4, reset.after = 1;
  reset.rule.clear(), reset.metric.clear();
  reset.why = "no recommendation gives 1: another | client";
  reset.evidence = {"It was set to 1 2 times in this period."};
  reset.cause = "replicas-reset";
  Entry stays;
  stays.kind = Kind::stays;
  stays.from = epoch + minutes(40), stays.to = epoch + minutes(45);
  stays.before = stays.after = 4;
  stays.rule = "stabilized-down";
  stays.why = "held";
  account.entries = {change, reset, stays};
  return told;
}

}  // namespace

TEST_CASE("The text of a history has every entry with its time, who did it and why, and how exact that is") {
  fakes::FakeWorld world;
  const std::string text = history_text(told_history(), canvas_for(world.world)).bytes();
  for (const char* part :
       {"HPA web in namespace shop, which scales Deployment web, from 2027-01-15T08:00:00Z", "08:20:00",
        "1 -> 4", "another client", "08:40:00 - 08:45:00", "hpawalk explain replicas-reset",
        "1 change by the HPA, 1 by another client, 1 time off its target.",
        "A change happened at most 45s before its time", "scraped every 30s",
        "note: Something <b>is</b> not known."})
    CHECK_MESSAGE(text.find(part) != std::string::npos, part, "\n", text);
}

TEST_CASE("The JSON of a history has the rules and the contradictions") {
  const nlohmann::ordered_json json = history_json(told_history());
  CHECK(json["from"] == "2027-01-15T08:00:00Z");
  CHECK(json["sequence"] == std::vector<int>{1, 4});
  REQUIRE(json["entries"].size() == 3);
  CHECK(json["entries"][0]["rule"] == "metric");
  CHECK(json["entries"][0]["contradicts"] == false);
  CHECK(json["entries"][1]["kind"] == "another-client");
  CHECK(json["entries"][1]["contradicts"] == true);
  CHECK(!json["entries"][1].contains("rule"));
  CHECK(json["entries"][1]["cause"] == "replicas-reset");
}

TEST_CASE("Markdown and HTML of a history hold what others wrote as text") {
  const std::string markdown = history_markdown(told_history());
  CHECK(markdown.find(
            "| 08:30:00 | 4 → 1 | another client | no recommendation gives 1: another \\| client<br>") !=
        std::string::npos);
  CHECK(markdown.find("\\<b\\>is") != std::string::npos);
  const std::string page = html::render(history_report(told_history()));
  CHECK(page.find("What happened to HPA web") != std::string::npos);
  CHECK(page.find("the record contradicts the controller") != std::string::npos);
  CHECK(page.find("&lt;b&gt;is") != std::string::npos);
}

TEST_CASE("A period of a day or longer shows dates") {
  CHECK(clock_of(epoch, epoch + std::chrono::hours(25))(epoch) == "01-15 08:00:00");
  CHECK(clock_of(epoch, epoch + std::chrono::hours(2))(epoch) == "08:00:00");
}

TEST_CASE("history refuses a period that is not of the past before anything is asked") {
  for (const char* since : {"1s", "tomorrow", "2100-01-01T00:00:00Z"}) {
    fakes::FakeWorld world;
    const int code = run({"hpawalk", "history", "web", "-n", "shop", "--since", since}, world.world);
    CHECK(code == 2);
    CHECK_MESSAGE(world.terminal.errors.find("[duration]") != std::string::npos, world.terminal.errors);
  }
}
