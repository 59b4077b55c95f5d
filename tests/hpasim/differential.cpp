// Replays the oracle's cases (one JSON a line) through hpasim: the same input at the same times must give the
// same replicas, the same conditions and the same status. Also checks the times of the syncs themselves
// against the model of the controller's queue. Prints the first differences; exit code 1 if there are any.
#include <cstdio>
#include <fstream>
#include <map>
#include <string>

#include <fmt/format.h>

#include "hpasim/controller.hpp"
#include "hpasim/sync_clock.hpp"

using namespace hpawalk::hpasim;

namespace {

using Json = Document;

Time micros(const Json& value) {
  return Time(value.get<std::int64_t>());
}

Phase phase(const std::string& name) {
  static const std::map<std::string, Phase> phases = {{"Running", Phase::running},
                                                      {"Pending", Phase::pending},
                                                      {"Failed", Phase::failed},
                                                      {"Unlisted", Phase::unlisted}};
  return phases.at(name);
}

struct Observed {
  std::vector<PodGroup> pods;
  std::vector<std::vector<std::int64_t>> values;
  std::vector<std::vector<PodSample>> samples;
  std::vector<Reading> readings;
};

Observed observed(const Json& sync) {
  Observed o;
  for (const Json& pod : sync["pods"]) {
    o.pods.push_back({pod["count"].get<std::int32_t>(), phase(pod["phase"]), pod.value("deleting", false),
                      pod["ready"].get<bool>() && pod["hasConditions"].get<bool>(),
                      pod["hasConditions"].get<bool>(), micros(pod["started"]), micros(pod["readyChanged"])});
  }
  size_t n = sync["readings"].size();
  o.values.resize(n), o.samples.resize(n), o.readings.resize(n);
  for (size_t i = 0; i < n; ++i) {
    const Json& reading = sync["readings"][i];
    if (reading.contains("failure")) o.readings[i].failure = Failure::unavailable;
    if (reading.contains("values")) o.values[i] = reading["values"].get<std::vector<std::int64_t>>();
    if (reading.contains("samples")) {
      for (const Json& s : reading["samples"]) {
        o.samples[i].push_back({s["present"].get<bool>(), s["milli"].get<std::int64_t>(), micros(s["at"]),
                                micros(s["window"]), s["hasRequest"].get<bool>(),
                                s["request"].get<std::int64_t>()});
      }
    }
    o.readings[i].values = o.values[i];
    o.readings[i].samples = o.samples[i];
  }
  return o;
}

std::vector<std::int64_t> currents(const Controller& controller) {
  std::vector<std::int64_t> values;
  for (size_t i = 0; i < controller.proposals().size(); ++i) {
    const Proposal& p = controller.proposals()[i];
    bool utilization = controller.spec().metrics[i].target_kind == TargetKind::utilization;
    values.push_back(p.because == Because::failed ? INT64_MIN : utilization ? p.utilization : p.current);
  }
  return values;
}

struct Tally {
  long cases = 0, syncs = 0, changes = 0, metrics = 0, differences = 0, races = 0;
  std::map<std::string, long> rules;
};

void differ(Tally& tally, const Json& c, size_t sync, const std::string& what) {
  if (++tally.differences <= 20) {
    fmt::print("DIFFERS seed {} sync {}: {}\n  {}\n  {}\n", c["seed"].dump(), sync, what,
               c["hpa"]["spec"].dump(), c["syncs"][sync].dump());
  }
}

void replay(const Json& c, Tally& tally) {
  auto spec = parse_spec(c["hpa"]);
  if (!spec) return differ(tally, c, 0, "the spec was refused: " + spec.error().because);
  Rules rules = *rules_for("1.34");
  rules.tolerance_from_spec = c["toleranceFromSpec"].get<bool>();
  Flags flags;
  flags.sync_period = micros(c["syncPeriod"]);
  flags.downscale_stabilization = micros(c["stabilization"]);
  flags.tolerance = c["tolerance"].get<double>();
  flags.cpu_initialization_period = micros(c["cpuInitialization"]);
  flags.initial_readiness_delay = micros(c["readinessDelay"]);
  Controller controller(*spec, rules, flags);
  Time expected_at = micros(c["created"]) + flags.sync_period;
  for (size_t i = 0; i < c["syncs"].size(); ++i) {
    const Json& sync = c["syncs"][i];
    Time at = micros(sync["at"]);
    // A resync in the same microsecond as the sync's start may come before or after it.
    bool race = i > 0 && micros(c["syncs"][i - 1]["at"]).count() % flags.sync_period.count() == 0;
    tally.races += race;
    if (at != expected_at && !(race && at == micros(c["syncs"][i - 1]["at"]) + flags.sync_period)) {
      differ(tally, c, i, fmt::format("the sync was expected at {} us", expected_at.count()));
    }
    Observed o = observed(sync);
    Time now = micros(sync["now"]), wrote = micros(sync["wrote"]), status = micros(sync["status"]);
    Decision d = controller.sync(
        o.readings, o.pods, {sync["spec"].get<std::int32_t>(), sync["statusReplicas"].get<std::int32_t>()},
        now, now);
    if (d.rescaled()) controller.wrote(d, wrote);
    ++tally.syncs;
    tally.changes += d.rescaled();
    ++tally.rules[std::string(rule_name(d.rule))];
    bool same = d.to == sync["desired"].get<std::int32_t>() &&
                reason(d.conditions.able) == sync["able"].get<std::string>() &&
                reason(d.conditions, *spec) == sync["active"].get<std::string>() &&
                reason(d.conditions.limited) == sync["limited"].get<std::string>();
    if (!same) {
      differ(tally, c, i,
             fmt::format("hpasim says {} ({}), {} {} {}", d.to, rule_name(d.rule), reason(d.conditions.able),
                         reason(d.conditions, *spec), reason(d.conditions.limited)));
      return;  // what follows would differ for this reason
    }
    bool looked = d.rule != Rule::zero && d.rule != Rule::above_max && d.rule != Rule::below_min;
    auto expected = sync["currents"].is_null() ? std::vector<std::int64_t>()
                                               : sync["currents"].get<std::vector<std::int64_t>>();
    if (looked && currents(controller) != expected) {
      differ(tally, c, i,
             "the metrics' current values are not the same: " + Json(currents(controller)).dump());
      return;
    }
    tally.metrics += looked ? static_cast<long>(expected.size()) : 0;
    Time end = std::max({now, wrote, status});
    expected_at = next_sync(at, end, end, Time(0), flags.sync_period);
  }
  ++tally.cases;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  std::ifstream in(argv[1]);
  Tally tally;
  for (std::string line; std::getline(in, line);) replay(Json::parse(line), tally);
  fmt::print(
      "{} cases of the real controller, {} syncs ({} of them locked to a resync), {} changes of replicas, {} "
      "metric values: {} differences\n",
      tally.cases, tally.syncs, tally.races, tally.changes, tally.metrics, tally.differences);
  for (const auto& [rule, count] : tally.rules) fmt::print("  {:<16} {}\n", rule, count);
  if (tally.cases + tally.differences == 0) ++tally.differences;  // nothing to compare is no success
  fmt::print("{} passed, {} failed, 0 skipped\n", tally.cases, tally.differences);
  return tally.differences == 0 ? 0 : 1;
}
