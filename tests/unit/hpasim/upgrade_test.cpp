// What an upgrade changes for an HPA: each difference is named where the spec can meet it, and nothing
// elsewhere.
#include <doctest/doctest.h>

#include <algorithm>

#include "hpasim/simulate.hpp"
#include "hpasim/upgrade.hpp"
#include "tests/fakes/sample.hpp"
#include "tests/fakes/walkthrough_hpa.hpp"

using namespace hpawalk;
using namespace hpawalk::hpasim;
using std::chrono::minutes;

namespace {

Document hpa_with(const std::vector<std::string>& sets) {
  Document hpa = *find_hpa(fakes::walkthrough_hpa);
  for (const std::string& set : sets) REQUIRE(set_field(hpa, set));
  return hpa;
}

const std::string cpu =
    "spec.metrics=[{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: "
    "80}}}]";
const std::string queue =
    "spec.metrics=[{type: External, external: {metric: {name: depth}, target: {type: AverageValue, "
    "averageValue: \"10\"}}}]";

Upgrade between(std::string_view from, std::string_view to) {
  return {*rules_for(from), *rules_for(to), Flags{}};
}

using Ids = std::vector<std::string>;

Ids ids(const std::vector<Change>& changes) {
  Ids all;
  for (const Change& change : changes) all.emplace_back(change.id);
  return all;
}

Compared compared(const std::vector<std::string>& sets, const Upgrade& upgrade, const Standing& standing) {
  auto result = compare(hpa_with(sets), upgrade, standing);
  REQUIRE_MESSAGE(result.has_value(), result.error().because);
  return *result;
}

const Standing stored{true, false, false, false, {}};

Ids changes(const std::vector<std::string>& sets, std::string_view from, std::string_view to,
            const Standing& standing = stored) {
  return ids(compared(sets, between(from, to), standing).changes);
}

std::string text(const std::vector<std::string>& sets, std::string_view from, std::string_view to,
                 const Standing& standing = stored) {
  auto all = compared(sets, between(from, to), standing).changes;
  REQUIRE(all.size() == 1);
  return all[0].text;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("An upgrade changes nothing for an HPA that meets no difference") {
  CHECK(changes({}, "1.35", "1.37").empty());
  CHECK(changes({cpu}, "1.33", "1.37").empty());
  CHECK(changes({queue}, "1.34", "1.37").empty());
  CHECK(changes({}, "1.34", "1.34").empty());
  CHECK(changes_everywhere(between("1.34", "1.36")).empty());
  CHECK(changes_everywhere(between("1.37", "1.37")).empty());
}

TEST_CASE("A new or changed HPA syncs at once from 1.37 on, which every HPA meets") {
  auto all = changes_everywhere(between("1.36", "1.37"));
  REQUIRE(all.size() == 1);
  CHECK(all[0].id == "first-sync");
  CHECK(has(all[0].text, "at once in Kubernetes 1.37; in 1.36 only after up to one sync period (15s)"));
}

TEST_CASE(
    "A tolerance in the spec takes effect with the upgrade: a stored one by itself, a file's when applied") {
  const std::vector<std::string> own = {cpu, "spec.behavior.scaleUp.tolerance=\"0.05\""};
  CHECK(changes(own, "1.34", "1.35") == Ids{"tolerance"});
  CHECK(changes(own, "1.35", "1.37").empty());
  CHECK(changes({cpu, "spec.behavior.scaleUp.tolerance=\"0.1\""}, "1.34", "1.37").empty());
  std::string now = text(own, "1.34", "1.37");
  CHECK(has(now, "spec.behavior.scaleUp.tolerance: Kubernetes 1.34 ignores the field"));
  CHECK(has(now, "scales up above 1.1 times the target. In 1.37"));
  CHECK(has(now, "scales up above 1.05 times the target"));
  CHECK_FALSE(has(now, "apply the file again"));
  std::string file = text(own, "1.34", "1.37", {});
  CHECK(has(file, "1.34 drops the field when the file is applied"));
  CHECK(has(file, "apply the file again"));
  CHECK(has(text({cpu, "spec.behavior.scaleDown.tolerance=\"0.2\""}, "1.34", "1.37"),
            "scales down below 0.8 times the target"));
}

TEST_CASE("A gate that is set counts in both versions") {
  Upgrade upgrade = between("1.34", "1.37");
  take_gate(upgrade.from, "HPAConfigurableTolerance=true");
  const std::vector<std::string> own = {cpu, "spec.behavior.scaleUp.tolerance=\"0.05\""};
  CHECK(compared(own, upgrade, stored).changes.empty());
  Rules rules = *rules_for("1.36");
  take_gate(rules, "HPAConfigurableTolerance=false");
  CHECK_FALSE(rules.tolerance_from_spec);
  rules = *rules_for("1.37");
  take_gate(rules, "HPAConfigurableTolerance=false");  // such a controller does not start
  CHECK(rules.tolerance_from_spec);
}

TEST_CASE("The edge of the tolerance is told with the value that is exactly there") {
  CHECK(has(text({}, "1.32", "1.33"),
            "11 of 10 is exactly at the edge of the tolerance. Kubernetes 1.32 scales there, 1.33 does not"));
  CHECK(has(text({cpu}, "1.32", "1.33"), "88% of 80%"));
  Ids external = changes({queue}, "1.32", "1.33");
  CHECK(external == Ids{"tolerance-edge"});
  // 0.5 is exact in binary: both forms judge alike.
  Upgrade half = between("1.32", "1.33");
  half.flags.tolerance = 0.5;
  CHECK(compared({cpu}, half, stored).changes.empty());
}

TEST_CASE("Huge values no longer wrap: External averages from 1.34 on, Value targets from 1.35 on") {
  CHECK(changes({queue}, "1.33", "1.34") == Ids{"huge-value"});
  CHECK(changes({queue}, "1.34", "1.35").empty());
  CHECK(changes({}, "1.33", "1.34").empty());
  CHECK(has(text({}, "1.34", "1.35"),
            "Service prom-fake's prom_fake_value: a value that asks for more than 2147483647 replicas"));
  CHECK(has(text({}, "1.34", "1.35"), "1.35 scales up to maxReplicas 10"));
}

TEST_CASE("minReplicas 0 in a file is refused until the gate is on by default") {
  Compared result = compared({queue, "spec.minReplicas=0"}, between("1.34", "1.37"), {});
  CHECK(ids(result.changes) == Ids{"accepted"});
  CHECK(has(result.changes[0].text, "1.34 refuses this HPA, that of 1.37 takes it: spec.minReplicas:"));
  CHECK_FALSE(result.before);
  REQUIRE(result.after);
  CHECK(result.after->min == 0);
  auto neither = compare(hpa_with({queue, "spec.minReplicas=0"}), between("1.34", "1.36"), {});
  REQUIRE_FALSE(neither);
  CHECK(neither.error().is("hpa-spec"));
  CHECK(has(neither.error().because, "Kubernetes 1.36 does not enable by default"));
}

TEST_CASE("An API version that is removed is said to be gone, and the HPA is compared all the same") {
  const std::vector<std::string> old = {queue, "apiVersion=autoscaling/v2beta2"};
  Compared result = compared(old, between("1.25", "1.26"), {});
  CHECK(ids(result.changes) == Ids{"version-gone"});
  CHECK(has(result.changes[0].text,
            "autoscaling/v2beta2 is not served since Kubernetes 1.26: the API server "
            "of 1.26 refuses the file that 1.25 takes. Write autoscaling/v2"));
  CHECK(result.before);
  CHECK(result.after);
  // Long gone: it is read as autoscaling/v2, with what else changes.
  result = compared({cpu, "spec.behavior.scaleUp.tolerance=\"0.05\"", "apiVersion=autoscaling/v2beta2"},
                    between("1.34", "1.37"), {});
  CHECK(ids(result.changes) == Ids{"version-gone", "tolerance"});
  CHECK(has(result.changes[0].text, "the API servers of 1.34 and of 1.37 refuse the file"));
  Document first = hpa_with({"apiVersion=autoscaling/v2beta1",
                             "spec.metrics=[{type: Resource, resource: {name: cpu, targetAverageUtilization: "
                             "80}}]"});
  auto beta1 = compare(first, between("1.34", "1.37"), {});
  REQUIRE_MESSAGE(beta1, beta1.error().because);
  CHECK(ids(beta1->changes) == Ids{"version-gone"});
  CHECK(has(beta1->changes[0].text, "since Kubernetes 1.25"));
  CHECK(beta1->after->metrics.at(0).target == 80);
  CHECK(compare(first, between("1.23", "1.24"), {}));
}

TEST_CASE("minReplicas 0: who scaled to 0 counts from 1.36 on") {
  const std::vector<std::string> zero = {queue, "spec.minReplicas=0"};
  Standing at_zero = stored;
  at_zero.at_zero = true;
  CHECK(changes(zero, "1.35", "1.37") == Ids{"zero-by-hand"});
  CHECK(changes(zero, "1.35", "1.37", at_zero) == Ids{"zero-stays"});
  CHECK(has(text(zero, "1.35", "1.37", at_zero), "ScaledToZero, which 1.35 does not write"));
  CHECK(changes(zero, "1.35", "1.36") == Ids{"zero-needs-gate"});
  CHECK(changes(zero, "1.36", "1.37") == Ids{"zero-comes-back"});
  CHECK(changes(zero, "1.36", "1.37", at_zero) == Ids{"zero-stays"});
  CHECK(changes({queue}, "1.35", "1.37", at_zero).empty());  // minReplicas 1: disabled in both
  // With the gate in both, the condition goes along.
  Upgrade gated = between("1.36", "1.37");
  take_gate(gated.from, "HPAScaleToZero=true");
  at_zero.scaled_to_zero = true;
  CHECK(compared(zero, gated, at_zero).changes.empty());
}

TEST_CASE("The pods' own requests count from 1.34 on, for a utilization of their resources") {
  Standing own = stored;
  own.pod_template = {{"spec", {{"resources", {{"requests", {{"cpu", "1"}}}}}}}};
  CHECK(changes({cpu}, "1.33", "1.34", own) == Ids{"pod-level-requests"});
  CHECK(changes({cpu}, "1.34", "1.37", own).empty());
  CHECK(
      changes({"spec.metrics=[{type: ContainerResource, containerResource: {name: cpu, container: a, target: "
               "{type: Utilization, averageUtilization: 80}}}]"},
              "1.33", "1.34", own)
          .empty());
  own.pod_template = {{"spec", {{"containers", Document::array()}}}};
  CHECK(changes({cpu}, "1.33", "1.34", own).empty());
}

TEST_CASE("The message of an ambiguous selector is another one in 1.37") {
  Standing ambiguous = stored;
  ambiguous.ambiguous = true;
  CHECK(changes({queue}, "1.36", "1.37", ambiguous) == Ids{"ambiguous-selector-text"});
  CHECK(changes({queue}, "1.35", "1.36", ambiguous).empty());
}

TEST_CASE("Where no change is named, both versions scale alike") {
  fakes::Sample sample(4);
  const std::vector<std::vector<std::string>> specs = {
      {},
      {cpu},
      {queue},
      {"spec.behavior={}"},
      {cpu, "spec.behavior.scaleUp.tolerance=\"0.3\""},
      {queue, "spec.minReplicas=0"},
      {queue, "spec.minReplicas=0", "spec.behavior.scaleDown.stabilizationWindowSeconds=0"},
      {"spec.metrics[0].object.target={type: AverageValue, averageValue: \"10\"}"}};
  const std::vector<std::string> loads = {"step 5..50 at 1m for 8m; hold 0 for 9m; hold 30 for 3m",
                                          "steps 10,11,22,33,1000000000000000 every 2m",
                                          "sine 0..130 every 4m for 20m"};
  int same = 0, different = 0;
  for (const auto& sets : specs) {
    Document hpa = hpa_with(sets);
    for (int from = 32; from < newest_minor; ++from) {
      for (int to = from + 1; to <= newest_minor; ++to) {
        if (!sample.takes()) continue;
        Upgrade upgrade{rules_of_minor(from), rules_of_minor(to), Flags{}};
        auto result = compare(hpa, upgrade, stored);
        REQUIRE(result);
        if (!result->changes.empty()) {
          ++different;
          continue;
        }
        ++same;
        for (const std::string& load : loads) {
          auto profile = parse_profile(load, 0);
          REQUIRE_MESSAGE(profile.has_value(), load);
          Setup setup;
          setup.first_sync = setup.flags.sync_period;
          setup.replicas = 1;
          setup.duration = minutes(20);
          setup.rules = upgrade.from;
          auto before = simulate(*result->before, {*profile}, setup);
          setup.rules = upgrade.to;
          CAPTURE(load);
          CAPTURE(from);
          CAPTURE(to);
          CHECK(simulate(*result->after, {*profile}, setup).sequence() == before.sequence());
        }
      }
    }
  }
  CHECK(same > 0);
  CHECK(different > 0);
}
