#include <doctest/doctest.h>

#include "base/yaml.hpp"
#include "cli/migrate_report.hpp"
#include "cli/run.hpp"
#include "migrate/to_keda.hpp"
#include "tests/fakes/fakes.hpp"
#include "tests/unit/migrate/chain.hpp"

namespace hpawalk::cli {

namespace {

struct RanMigrate {
  int code = 0;
  std::string out, err;
};

RanMigrate ran_migrate(std::vector<std::string> words) {
  fakes::FakeWorld fake;
  words.insert(words.begin(), {"hpawalk", "migrate"});
  int code = run(words, fake.world);
  return {code, fake.terminal.output, fake.terminal.errors};
}

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

migrate::Looked planned() {
  migrate::Looked looked;
  const Json hpa = migrate::adapter_hpa();
  looked.plan = migrate::plan_to_keda(hpa, migrate::facts_with(hpa));
  looked.plan.metrics[0].rows = 1;
  looked.plan.metrics[0].now = "50";
  looked.state.hpa = hpa;
  looked.around.keda_defined = true;
  return looked;
}

MigrationShown shown_of(const migrate::Looked& looked) {
  return {looked,
          migrate::steps_of(looked.plan, looked.state),
          migrate::obstacles(looked.plan, looked.state, looked.around),
          "1h",
          migrate::Replayed{},
          {}};
}

}  // namespace

TEST_CASE("migrate --apply changes only a cluster that is named") {
  RanMigrate result = ran_migrate({"web", "--to", "keda", "--apply"});
  CHECK(result.code == 2);
  CHECK_MESSAGE(says(result.err, "[cluster-not-chosen]"), result.err);
  CHECK(says(result.err, "Nothing was changed"));
}

TEST_CASE("migrate takes one of the two sides, a name and durations") {
  CHECK(ran_migrate({"web", "--to", "vpa"}).code == 2);
  CHECK(ran_migrate({"web"}).code == 2);
  CHECK(ran_migrate({"--to", "keda"}).code == 2);
  CHECK(says(ran_migrate({"web", "--to", "keda", "--since", "soon"}).err, "[duration]"));
}

TEST_CASE("The plan says what becomes of the metrics, what is not equal, how the past went, and the steps") {
  const migrate::Looked looked = planned();
  const std::string text =
      migration_text(shown_of(looked), {100, false, Style(fakes::FakeWorld().world, false)}).bytes();
  for (const char* part :
       {"Deployment object-value in namespace shop: to KEDA", "Without --apply, nothing is changed",
        "Service object-value's lab_value becomes trigger 0 (prometheus)", "now    50",
        "rounding: ", "Replay of the last 1h", "0 differences", "1. Create ScaledObject object-value",
        "kubectl create -f -", "kind: ScaledObject"})
    CHECK_MESSAGE(says(text, part), part, "\n", text);
  CHECK_FALSE(says(text, "does not begin"));
}

TEST_CASE("The manifest as YAML is the manifest, and rules are comments before it") {
  migrate::Looked looked = planned();
  auto parsed = yaml::parse(migration_yaml(looked.plan));
  REQUIRE(parsed);
  CHECK(*parsed == looked.plan.manifest);
  looked.plan.rules = {{{"seriesQuery", "x"}}};
  looked.plan.rules_place = "ConfigMap rules";
  const std::string with_rules = migration_yaml(looked.plan);
  CHECK(with_rules.starts_with(
      "# Rules that the adapter needs first, in ConfigMap rules:\n#   - seriesQuery: x\n"));
  CHECK(*yaml::parse(with_rules) == looked.plan.manifest);
}

TEST_CASE("The JSON has the same, with ids that stay") {
  const migrate::Looked looked = planned();
  const auto json = migration_json(shown_of(looked), false);
  CHECK(json["to"] == "keda");
  CHECK(json["steps"][0]["id"] == "create");
  CHECK(json["differences"][0]["id"] == "rounding");
  CHECK(json["replay"]["differences"].empty());
  CHECK(json["metrics"][0]["results"] == 1);
  CHECK(json["obstacles"].empty());
  CHECK(json["manifest"]["kind"] == "ScaledObject");
}

}  // namespace hpawalk::cli
