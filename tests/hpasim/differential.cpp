// Replays the oracle's cases (one JSON a line) through hpasim with the rules of the same Kubernetes version:
// the same input at the same times must give the same replicas, the same conditions and the same status. Also
// checks the times of the syncs themselves against the model of the controller's queue, and the feature
// gates' defaults. Prints the first differences; exit code 1 if there are any.
//
//   hpasim_differential VERSION CASES
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
  long cases = 0, syncs = 0, rescales = 0, metrics = 0, differences = 0, races = 0;
  long changes = 0, at_once = 0, to_zero = 0, from_zero = 0;
  std::map<std::string, long> rules;
};

void differ(Tally& tally, const Json& c, size_t sync, const std::string& what) {
  if (++tally.differences <= 20) {
    fmt::print("DIFFERS seed {} sync {}: {}\n  {}\n  {}\n", c["seed"].dump(), sync, what,
               c["hpa"]["spec"].dump(), c["syncs"][sync].dump());
  }
}

std::string_view scaled_to_zero(const Conditions& conditions) {
  return !conditions.scaled_to_zero ? "" : *conditions.scaled_to_zero ? "ScaledToZero" : "NotScaledToZero";
}

void replay(const Json& c, Rules rules, Tally& tally) {
  auto spec = parse_spec(c["hpa"]);
  if (!spec) return differ(tally, c, 0, "the spec was refused: " + spec.error().because);
  rules.tolerance_from_spec = c["toleranceFromSpec"].get<bool>();
  rules.zero_allowed = c["zeroAllowed"].get<bool>();
  Flags flags;
  flags.sync_period = micros(c["syncPeriod"]);
  flags.downscale_stabilization = micros(c["stabilization"]);
  flags.tolerance = c["tolerance"].get<double>();
  flags.cpu_initialization_period = micros(c["cpuInitialization"]);
  flags.initial_readiness_delay = micros(c["readinessDelay"]);
  Controller controller(*spec, rules, flags);
  SyncQueue queue(flags.sync_period);
  queue.delay_until(micros(c["created"]) + (rules.first_sync_at_once ? Time(0) : flags.sync_period));
  Time end{0};
  std::optional<Time> race;
  const Json no_changes = Json::array();
  const Json& changes = c["changes"].is_null() ? no_changes : c["changes"];
  auto change = changes.begin();
  for (size_t i = 0; i < c["syncs"].size(); ++i) {
    const Json& sync = c["syncs"][i];
    Time at = micros(sync["at"]);
    // A resync in the same microsecond as a sync's start may come before or after it: then the next one may
    // too.
    if (at == race) queue.delay_until(at);
    bool locked = at.count() % flags.sync_period.count() == 0;
    if (locked) race = at + flags.sync_period;
    tally.races += locked;
    std::optional<Time> at_once;
    if (rules.first_sync_at_once && change != changes.end()) at_once = micros((*change)["at"]);
    Time expected_at = queue.next(end, at_once);
    tally.at_once += at_once == expected_at;
    if (at != expected_at) {
      differ(tally, c, i, fmt::format("the sync was expected at {} us", expected_at.count()));
    }
    for (; change != changes.end() && micros((*change)["at"]) <= at; ++change, ++tally.changes) {
      auto changed = parse_spec((*change)["hpa"]);
      if (!changed) return differ(tally, c, i, "the changed spec was refused: " + changed.error().because);
      controller.change(*changed);
    }
    Observed o = observed(sync);
    Time now = micros(sync["now"]), wrote = micros(sync["wrote"]), status = micros(sync["status"]);
    Decision d = controller.sync(
        o.readings, o.pods, {sync["spec"].get<std::int32_t>(), sync["statusReplicas"].get<std::int32_t>()},
        now, now);
    if (d.rescaled()) controller.wrote(d, wrote);
    ++tally.syncs;
    tally.rescales += d.rescaled();
    tally.to_zero += d.rescaled() && d.to == 0;
    tally.from_zero += d.rescaled() && d.from == 0;
    ++tally.rules[std::string(rule_name(d.rule))];
    bool same = d.to == sync["desired"].get<std::int32_t>() &&
                reason(d.conditions.able) == sync["able"].get<std::string>() &&
                reason(d.conditions) == sync["active"].get<std::string>() &&
                reason(d.conditions.limited) == sync["limited"].get<std::string>() &&
                scaled_to_zero(d.conditions) == sync["scaledToZero"].get<std::string>();
    if (!same) {
      differ(
          tally, c, i,
          fmt::format("hpasim says {} ({}), {} {} {} {}", d.to, rule_name(d.rule), reason(d.conditions.able),
                      reason(d.conditions), reason(d.conditions.limited), scaled_to_zero(d.conditions)));
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
    end = std::max({now, wrote, status});
    put_back(queue, at, end, end, Time(0), flags.sync_period);
  }
  ++tally.cases;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  auto rules = rules_for(argv[1]);
  if (!rules) return 2;
  std::ifstream in(argv[2]);
  Tally tally;
  std::string line;
  if (std::getline(in, line)) {
    Json defaults = Json::parse(line);
    if (rules->tolerance_from_spec != defaults["toleranceFromSpec"].get<bool>() ||
        rules->zero_allowed != defaults["zeroAllowed"].get<bool>()) {
      fmt::print("DIFFERS the feature gates' defaults: {}\n", line);
      ++tally.differences;
    }
  }
  while (std::getline(in, line)) replay(Json::parse(line), *rules, tally);
  fmt::print(
      "{} cases of the controller of Kubernetes {}, {} syncs ({} of them locked to a resync), {} changes of "
      "replicas ({} to zero, {} from there), {} changed HPAs ({} looked at at once), {} metric values: {} "
      "differences\n",
      tally.cases, argv[1], tally.syncs, tally.races, tally.rescales, tally.to_zero, tally.from_zero,
      tally.changes, tally.at_once, tally.metrics, tally.differences);
  for (const auto& [rule, count] : tally.rules) fmt::print("  {:<16} {}\n", rule, count);
  if (tally.cases + tally.differences == 0) ++tally.differences;  // nothing to compare is no success
  fmt::print("{} passed, {} failed, 0 skipped\n", tally.cases, tally.differences);
  return tally.differences == 0 ? 0 : 1;
}
