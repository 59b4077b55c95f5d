#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "cli/progress_report.hpp"
#include "cli/run.hpp"
#include "tests/fakes/fakes.hpp"

using namespace hpawalk;
using namespace hpawalk::cli;

namespace {
int call(fakes::FakeWorld& fake, std::vector<std::string> words) {
  words.insert(words.begin(), "hpawalk");
  return run(words, fake.world);
}
}  // namespace

TEST_CASE("Help and version are results: on stdout, exit code 0") {
  fakes::FakeWorld help, version;
  CHECK(call(help, {"cluster", "up", "--help"}) == 0);
  CHECK(help.terminal.output.find("Examples:") != std::string::npos);
  CHECK(help.terminal.errors.empty());
  CHECK(call(version, {"--version"}) == 0);
  CHECK(version.terminal.output.starts_with("hpawalk "));
}

TEST_CASE("Wrong words are usage errors, on stderr, exit code 2, and change nothing") {
  for (std::vector<std::string> words : {std::vector<std::string>{},
                                         {"no-such-command"},
                                         {"cluster", "up", "--no-such-option"},
                                         {"cluster", "up", "--hpa-sync-period", "soon"},
                                         {"cluster", "status", "-o", "xml"}}) {
    fakes::FakeWorld fake;
    CHECK(call(fake, words) == 2);
    CHECK(fake.terminal.output.empty());
    CHECK(fake.terminal.errors.find("error: ") == 0);
    CHECK(fake.files.content.empty());
  }
}

TEST_CASE("With --output json a failure is one JSON document on stdout") {
  fakes::FakeWorld fake;
  CHECK(call(fake, {"cluster", "kubeconfig", "-o", "json"}) == 1);
  nlohmann::json document = nlohmann::json::parse(fake.terminal.output);
  CHECK(document["error"]["id"] == "cluster-absent");
  CHECK(document["error"]["hint"] == "hpawalk cluster up --name local");
}

TEST_CASE("A status that is a failure prints its document once, and the failure on stderr") {
  fakes::FakeWorld fake;
  CHECK(call(fake, {"cluster", "status", "--name", "other", "-o", "json"}) == 1);
  nlohmann::json document = nlohmann::json::parse(fake.terminal.output);
  CHECK(document[0]["phase"] == "absent");
  CHECK(fake.terminal.errors.find("[cluster-not-running]") != std::string::npos);
}

TEST_CASE("Without a terminal progress is plain lines, at most one every ten seconds a step, and no colour") {
  fakes::FakeWorld fake;
  auto progress = make_progress(fake.world);
  progress->started("images");
  progress->now("images", "1 of 9");
  fake.clock.elapsed += std::chrono::seconds(11);
  progress->now("images", "2 of 9");
  progress->now("images", "3 of 9");
  progress->done("images", "9 images imported");
  CHECK(fake.terminal.errors ==
        "...  images         2 of 9 (11s)\nok   images         9 images imported  (11s)\n");
}

TEST_CASE("down --cluster without a name removes the cluster, with one it says where the chain is") {
  fakes::FakeWorld whole, chain;
  CHECK(call(whole, {"down", "--cluster", "--context", "prod"}) == 2);
  CHECK(whole.terminal.errors.find("[not-our-cluster]") != std::string::npos);
  CHECK(call(chain, {"down", "--cluster", "local"}) == 0);
  CHECK(chain.terminal.output ==
        "Nothing to remove: hpawalk has created no objects on this machine (cluster not found).\n");
}

TEST_CASE(
    "explain lists all causes, explains one, and suggests the nearest to a name that it does not know") {
  fakes::FakeWorld all, one, json, near;
  CHECK(call(all, {"explain"}) == 0);
  CHECK(all.terminal.output.find("\n  monitor-port-name ") != std::string::npos);
  CHECK(call(one, {"explain", "monitor-port-name"}) == 0);
  CHECK(one.terminal.output.starts_with("monitor-port-name   (link: monitor)\n\n  symptom "));
  CHECK(call(json, {"explain", "-o", "json"}) == 0);
  CHECK(nlohmann::json::parse(json.terminal.output)["causes"].size() > 50);
  fakes::FakeWorld of_files, of_files_json;
  CHECK(call(of_files, {"explain", "hpa-refused"}) == 0);
  CHECK(of_files.terminal.output.starts_with("hpa-refused   (only in files)\n\n  symptom "));
  CHECK(call(of_files_json, {"explain", "keda-refused", "-o", "json"}) == 0);
  CHECK(nlohmann::json::parse(of_files_json.terminal.output)["link"] == "files");
  CHECK(all.terminal.output.find("\n  ignore-unused ") != std::string::npos);
  CHECK(call(near, {"explain", "monitor-port-nam"}) == 2);
  CHECK(near.terminal.errors.find("Did you mean monitor-port-name?") != std::string::npos);
}

TEST_CASE("version says which program this is, and which libraries it has") {
  fakes::FakeWorld fake;
  CHECK(call(fake, {"version", "-o", "json"}) == 0);
  nlohmann::json document = nlohmann::json::parse(fake.terminal.output);
  CHECK(document["platform"].get<std::string>().starts_with("linux/"));
  CHECK(document["libraries"][0].get<std::string>().starts_with("libcurl/"));
}
