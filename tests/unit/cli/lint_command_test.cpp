#include <doctest/doctest.h>

#include "cli/run.hpp"
#include "tests/fakes/facts_files.hpp"
#include "tests/fakes/fakes.hpp"
#include "tests/unit/lint/chain.hpp"

namespace hpawalk::cli {

namespace {

struct Ran {
  int code = 0;
  std::string out, err;
  std::map<fs::path, std::string> files;
};

Ran ran(std::vector<std::string> words, const std::map<fs::path, std::string>& files) {
  fakes::FakeWorld fake;
  fake.files.content = files;
  words.insert(words.begin(), {"hpawalk", "lint"});
  Ran result{run(words, fake.world), {}, {}, {}};
  result.out = fake.terminal.output;
  result.err = fake.terminal.errors;
  result.files = fake.files.content;
  return result;
}

std::string broken_chain() {
  return lint::with(lint::whole_chain(), "port: metrics, interval", "port: metrix, interval");
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("lint reads folders, and says in its exit code whether anything is wrong") {
  Ran whole =
      ran({"/deploy"}, {{"/deploy/a/chain.yaml", lint::whole_chain()}, {"/deploy/README.md", "# {{"}});
  CHECK_MESSAGE(whole.code == 0, whole.out, whole.err);
  CHECK(has(whole.out, "5 objects in 1 file, 1 HPA: no findings"));
  Ran broken = ran({"/deploy"}, {{"/deploy/chain.yaml", broken_chain()}});
  CHECK(broken.code == 1);
  CHECK(has(broken.out, "/deploy/chain.yaml:35: error monitor-port-name"));
  CHECK(has(broken.err, "[lint-findings]"));
  CHECK(ran({"/deploy", "--fail-on", "never"}, {{"/deploy/chain.yaml", broken_chain()}}).code == 0);
  CHECK(has(ran({"-"}, {{"/dev/stdin", broken_chain()}}).out, "stdin:35: error"));
}

TEST_CASE("lint ends with 2 where it has nothing to judge") {
  Ran nothing = ran({"/deploy"}, {{"/deploy/a.yaml", "a: b\n"}});
  CHECK(nothing.code == 2);
  CHECK(has(nothing.err, "[manifest-missing]"));
  for (const char* baseline : {"{", "{}", "[]"}) {
    Ran wrong = ran({"/hpa.yaml", "--baseline", "/known.json"},
                    {{"/hpa.yaml", lint::hpa_yaml}, {"/known.json", baseline}});
    CHECK(wrong.code == 2);
    CHECK_MESSAGE(has(wrong.err, "[lint-baseline]"), wrong.err);
  }
  CHECK(ran({"/nothing.yaml"}, {}).code == 2);
  CHECK(ran({"/deploy", "--kube-version", "1.2"}, {{"/deploy/a.yaml", lint::hpa_yaml}}).code == 2);
  CHECK(ran({}, {}).code == 2);
}

TEST_CASE("lint --facts reads what else is in the cluster") {
  std::map<fs::path, std::string> files = {
      {"/facts.json", fakes::healthy_document().dump()},
      {"/wrong.json", "{}"},
      {"/hpa.yaml",
       lint::with(lint::hpa_yaml, "name: web}\n  minReplicas", "name: object-valu}\n  minReplicas")}};
  CHECK(ran({"/hpa.yaml"}, files).code == 0);
  Ran beside = ran({"/hpa.yaml", "--facts", "/facts.json"}, files);
  CHECK(beside.code == 1);
  CHECK_MESSAGE(has(beside.out, "target-missing"), beside.out);
  CHECK(has(ran({"/hpa.yaml", "--facts", "/wrong.json"}, files).err, "[facts-file]"));
}

TEST_CASE("A chart and a kustomization are told with the command that renders them, and not read") {
  for (auto [file, command] :
       {std::pair("Chart.yaml", "helm template /deploy | hpawalk lint -"),
        std::pair("kustomization.yaml", "kubectl kustomize /deploy | hpawalk lint -")}) {
    Ran chart =
        ran({"/deploy"}, {{fs::path("/deploy") / file, "name: x\n"}, {"/deploy/hpa.yaml", broken_chain()}});
    CHECK(chart.code == 0);
    CHECK_MESSAGE(has(chart.out, command), chart.out);
    CHECK_FALSE(has(chart.out, "monitor-port-name"));
  }
}

TEST_CASE("What a baseline holds does not count, and what is new does") {
  Ran first = ran({"/deploy", "--write-baseline", "/known.json"}, {{"/deploy/chain.yaml", broken_chain()}});
  CHECK(first.code == 0);
  std::map<fs::path, std::string> files = first.files;
  CHECK(ran({"/deploy", "--baseline", "/known.json"}, files).code == 0);
  files["/deploy/chain.yaml"] =
      lint::with(broken_chain(), "kind: Deployment, name: web", "kind: Deployment, name: wed");
  Ran second = ran({"/deploy", "--baseline", "/known.json"}, files);
  CHECK(second.code == 1);
  CHECK_FALSE(has(second.out, "monitor-port-name"));
  CHECK(has(second.out, "target-missing"));
}

TEST_CASE("lint --fix writes HPAs of versions that are gone as autoscaling/v2") {
  std::string old = lint::with(lint::whole_chain(), "autoscaling/v2\n", "autoscaling/v2beta2  # old\n");
  CHECK(ran({"/deploy"}, {{"/deploy/chain.yaml", old}}).code == 1);
  Ran fixed = ran({"/deploy", "--fix"}, {{"/deploy/chain.yaml", old}});
  CHECK_MESSAGE(fixed.code == 0, fixed.out);
  CHECK(has(fixed.files.at("/deploy/chain.yaml"), "autoscaling/v2  # old"));
  CHECK(has(fixed.err, "fixed: /deploy/chain.yaml"));
}

TEST_CASE("Findings are printed as JSON, SARIF, JUnit's XML and GitHub's commands") {
  auto as = [](const char* output) {
    return ran({"/deploy", "-o", output}, {{"/deploy/chain.yaml", broken_chain()}}).out;
  };
  Json json = Json::parse(as("json"));
  CHECK(json["errors"] == 1);
  CHECK(json["findings"][0]["cause"] == "monitor-port-name");
  CHECK(json["findings"][0]["line"] == 35);
  CHECK(json["findings"][0]["docs"] == "causes.md#monitor-port-name");
  Json sarif = Json::parse(as("sarif"));
  CHECK(sarif["version"] == "2.1.0");
  const Json& result = sarif["runs"][0]["results"][0];
  CHECK(result["ruleId"] == sarif["runs"][0]["tool"]["driver"]["rules"][0]["id"]);
  CHECK(result["locations"][0]["physicalLocation"]["region"]["startLine"] == 35);
  CHECK(has(as("junit"), "<failure type=\"monitor-port-name\""));
  CHECK(as("github").starts_with("::error file=/deploy/chain.yaml,line=35,title=monitor-port-name::"));
}

TEST_CASE("A finding that is ignored is in the machine's formats with its reason, and not in the text") {
  std::string ignored =
      lint::with(broken_chain(), "  labels: {release: stack}\nspec:\n  selector",
                 "  labels: {release: stack}\n  annotations: {hpawalk/ignore: \"monitor-port-name: "
                 "known, %\"}\nspec:\n  selector");
  auto as = [&](const char* output) {
    return ran({"/deploy", "-o", output}, {{"/deploy/chain.yaml", ignored}});
  };
  CHECK(as("text").code == 0);
  CHECK(has(as("text").out, "1 ignored"));
  CHECK_FALSE(has(as("text").out, "error monitor-port-name"));
  CHECK(Json::parse(as("json").out)["findings"][0]["ignored"] == "known, %");
  CHECK(Json::parse(as("sarif").out)["runs"][0]["results"][0]["suppressions"][0]["justification"] ==
        "known, %");
  CHECK(has(as("junit").out, "<skipped message=\"known, %\"/>"));
  CHECK(as("github").out == "1 ignored\n");
}

}  // namespace hpawalk::cli
