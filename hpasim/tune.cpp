#include "hpasim/tune.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "base/quantity.hpp"
#include "base/text.hpp"
#include "hpasim/sync_clock.hpp"

namespace hpawalk::hpasim {

namespace {

constexpr std::pair<std::string_view, Measure> kMeasures[] = {
    {"short", Measure::time_short},    {"first", Measure::first_short}, {"share", Measure::share_short},
    {"pod-hours", Measure::pod_hours}, {"changes", Measure::changes},   {"reversals", Measure::reversals}};

// A point of the search space; each number is an index into the choices below.
struct Genes {
  int target = 4, up_window = 0, up_kind = 1, up_value = 2, up_period = 0, down_window = 3, down_value = 4,
      down_period = 0;
  auto operator<=>(const Genes&) const = default;
};

constexpr double kTargets[] = {0.6, 0.7, 0.8, 0.9, 1.0, 1.1};
constexpr int kUpWindows[] = {0, 30, 60, 120, 180};
constexpr int kUpPods[] = {1, 2, 4, 8, 16};
constexpr int kUpPercents[] = {25, 50, 100, 200, 400};
constexpr int kPeriods[] = {15, 30, 60, 120};
constexpr int kDownWindows[] = {0, 60, 180, 300, 600, 900};
constexpr int kDownPercents[] = {5, 10, 25, 50, 100};
constexpr int kDownPeriods[] = {15, 60, 120, 300};

template <typename T, std::size_t N>
constexpr int size_of(const T (&)[N]) {
  return static_cast<int>(N);
}

constexpr std::pair<int Genes::*, int> kSpace[] = {{&Genes::target, size_of(kTargets)},
                                                   {&Genes::up_window, size_of(kUpWindows)},
                                                   {&Genes::up_kind, 2},
                                                   {&Genes::up_value, size_of(kUpPods)},
                                                   {&Genes::up_period, size_of(kPeriods)},
                                                   {&Genes::down_window, size_of(kDownWindows)},
                                                   {&Genes::down_value, size_of(kDownPercents)},
                                                   {&Genes::down_period, size_of(kDownPeriods)}};

int pick(Random& random, int count) {
  return static_cast<int>(random.next() % static_cast<std::uint64_t>(count));
}

// The target's place in the document, and the HPA with `factor` times the original target.
void scale_target(Document& metric, double factor) {
  for (const char* field : {"object", "pods", "external", "resource", "containerResource"}) {
    if (!metric.contains(field)) continue;
    Document& target = metric[field]["target"];
    if (target.contains("averageUtilization")) {
      target["averageUtilization"] =
          std::max<std::int64_t>(1, std::llround(target["averageUtilization"].get<double>() * factor));
    }
    for (const char* key : {"value", "averageValue"}) {
      if (!target.contains(key)) continue;
      const Document& old = target[key];
      auto quantity = parse_quantity(old.is_string() ? old.get<std::string>() : old.dump());
      if (quantity)
        target[key] = milli_text(
            std::max<std::int64_t>(1, std::llround(static_cast<double>(to_milli(*quantity)) * factor)));
    }
  }
}

Candidate build(const Document& hpa, const Genes& g) {
  Candidate c;
  c.hpa = hpa;
  Document& spec = c.hpa["spec"];
  if (spec.contains("metrics") && kTargets[g.target] != 1.0) {
    for (Document& metric : spec["metrics"]) scale_target(metric, kTargets[g.target]);
  }
  bool percent = g.up_kind == 1;
  int up_value = percent ? kUpPercents[g.up_value] : kUpPods[g.up_value];
  Document up_policy = {
      {"type", percent ? "Percent" : "Pods"}, {"value", up_value}, {"periodSeconds", kPeriods[g.up_period]}};
  Document policies = Document::array({up_policy});
  if (percent)
    policies.push_back({{"type", "Pods"},
                        {"value", 2},
                        {"periodSeconds", kPeriods[g.up_period]}});  // from 1 a percentage alone crawls
  Document down_policy = {{"type", "Percent"},
                          {"value", kDownPercents[g.down_value]},
                          {"periodSeconds", kDownPeriods[g.down_period]}};
  Document behavior = {
      {"scaleUp", {{"stabilizationWindowSeconds", kUpWindows[g.up_window]}, {"policies", policies}}},
      {"scaleDown",
       {{"stabilizationWindowSeconds", kDownWindows[g.down_window]},
        {"policies", Document::array({down_policy})}}}};
  for (const char* side : {"scaleUp", "scaleDown"}) {  // what is not searched stays
    if (!spec.contains("behavior") || !spec["behavior"].contains(side) ||
        !spec["behavior"][side].contains("tolerance"))
      continue;
    behavior[side]["tolerance"] = spec["behavior"][side]["tolerance"];
  }
  spec["behavior"] = behavior;
  c.settings = fmt::format("target x {:.1f}; up +{}{} in {}s, window {}s; down {}% in {}s, window {}s",
                           kTargets[g.target], up_value, percent ? " %" : " pods", kPeriods[g.up_period],
                           kUpWindows[g.up_window], kDownPercents[g.down_value], kDownPeriods[g.down_period],
                           kDownWindows[g.down_window]);
  return c;
}

Figures mean_figures(const Spec& spec, const std::vector<Profile>& profiles, Setup setup, int runs) {
  Figures sum;
  double changes = 0, reversals = 0;
  std::uint64_t seed = setup.seed;
  setup.details = false;
  setup.jitter = true;
  for (int i = 0; i < runs; ++i) {
    setup.seed = seed_of_run(seed, i);
    Figures f = simulate(spec, profiles, setup).figures;
    sum.pod_hours += f.pod_hours / runs, sum.share_short += f.share_short / runs,
        sum.idle_pod_hours += f.idle_pod_hours / runs;
    sum.time_short += f.time_short / runs, sum.first_short += f.first_short / runs,
        sum.longest_short = std::max(sum.longest_short, f.longest_short);
    changes += f.changes, reversals += f.reversals;
    sum.highest = std::max(sum.highest, f.highest);
    sum.lowest = i == 0 ? f.lowest : std::min(sum.lowest, f.lowest);
  }
  sum.changes = static_cast<int>(std::lround(changes / runs));
  sum.reversals = static_cast<int>(std::lround(reversals / runs));
  return sum;
}

// Shortage, pod-hours and changes, and what else the goal names.
std::vector<Measure> axes_of(const Goal& goal) {
  std::vector<Measure> axes = {Measure::time_short, Measure::pod_hours, Measure::changes};
  auto add = [&](Measure measure) {
    if (std::find(axes.begin(), axes.end(), measure) == axes.end()) axes.push_back(measure);
  };
  for (const Limit& limit : goal.limits) add(limit.measure);
  for (Measure measure : goal.least) add(measure);
  return axes;
}

bool dominates(const Figures& a, const Figures& b, const std::vector<Measure>& axes) {
  bool better = false;
  for (Measure axis : axes) {
    if (value_of(a, axis) > value_of(b, axis)) return false;
    better = better || value_of(a, axis) < value_of(b, axis);
  }
  return better;
}

bool same_figures(const Figures& a, const Figures& b, const std::vector<Measure>& axes) {
  return std::all_of(axes.begin(), axes.end(),
                     [&](Measure axis) { return value_of(a, axis) == value_of(b, axis); });
}

// Smaller is better: how far beyond the limits, then what is to be small, against the original, the first the
// most.
double cost(const Figures& f, const Figures& original, const Goal& goal) {
  double sum = 0, weight = 1;
  for (const Limit& limit : goal.limits) {
    double over = value_of(f, limit.measure) - limit.most;
    if (over > 0) sum += 1000 * (1 + over / std::max(limit.most, 1e-6));
  }
  for (Measure measure : goal.least) {
    sum += weight * value_of(f, measure) /
           std::max(value_of(original, measure), measure == Measure::share_short ? 0.001 : 1.0);
    weight /= 2;
  }
  return sum;
}

}  // namespace

double value_of(const Figures& f, Measure measure) {
  switch (measure) {
    case Measure::time_short: return static_cast<double>(f.time_short.count()) / 1e6;
    case Measure::first_short: return static_cast<double>(f.first_short.count()) / 1e6;
    case Measure::share_short: return f.share_short;
    case Measure::pod_hours: return f.pod_hours;
    case Measure::changes: return f.changes;
    case Measure::reversals: return f.reversals;
  }
  return 0;
}

std::string_view measure_name(Measure measure) {
  for (const auto& [name, m] : kMeasures) {
    if (m == measure) return name;
  }
  return "";
}

Result<Goal> parse_goal(std::string_view text) {
  Goal goal;
  std::vector<std::string> names;
  for (const auto& [name, m] : kMeasures) names.emplace_back(name);
  auto wrong = [&](const std::string& part, std::string because) {
    return failure(
        ErrorClass::usage, "goal", "\"" + part + "\" is not a goal", std::move(because),
        "For example \"short <= 30s, changes <= 10, least pod-hours\"; measures: " + text::join(names, ", "));
  };
  for (const std::string& part : text::split(text, ',')) {
    std::string_view rest = text::trim(part);
    if (rest.empty()) continue;
    bool least = rest.starts_with("least ");
    size_t sign = rest.find_first_of("<=");
    if (!least && sign == std::string_view::npos)
      return wrong(part, "It is not a limit (<=) and does not begin with least");
    std::string name(text::trim(least ? rest.substr(6) : rest.substr(0, sign)));
    auto found = std::find_if(std::begin(kMeasures), std::end(kMeasures),
                              [&](const auto& m) { return m.first == name; });
    if (found == std::end(kMeasures)) {
      auto nearest = text::nearest(name, names);
      return wrong(part, nearest ? "Did you mean " + *nearest + "?" : "Unknown measure \"" + name + "\"");
    }
    if (least) {
      goal.least.push_back(found->second);
      continue;
    }
    std::string value(text::trim(rest.substr(rest.find_first_not_of("<=", sign) == std::string_view::npos
                                                 ? rest.size()
                                                 : rest.find_first_not_of("<=", sign))));
    Limit limit{found->second, 0};
    if (limit.measure == Measure::time_short || limit.measure == Measure::first_short) {
      auto time = parse_duration(value);
      if (!time) return tl::unexpected(time.error());
      limit.most = static_cast<double>(time->count()) / 1e6;
    } else {
      bool percent = value.ends_with("%");
      auto number =
          typed_quantity(percent ? std::string(text::trim(value.substr(0, value.size() - 1))) : value);
      if (!number) return wrong(part, "\"" + value + "\" is not a number");
      limit.most = number->number / (percent ? 100 : 1);
    }
    goal.limits.push_back(limit);
  }
  if (goal.limits.empty() && goal.least.empty()) return wrong(std::string(text), "It is empty");
  if (goal.least.empty()) goal.least = {Measure::pod_hours};
  return goal;
}

Tuned tune(const Document& hpa, const std::vector<Profile>& profiles, const Setup& given, const Goal& goal,
           int candidates, const KeepOn& keep_on) {
  constexpr int kRuns = 4;
  Tuned result;
  Setup setup = given;
  result.original.hpa = hpa;
  result.original.spec = *parse_spec(hpa);
  result.original.settings = "current settings";
  if (setup.carries.empty()) {
    for (const MetricSpec& metric : result.original.spec.metrics)
      setup.carries.push_back(per_pod(metric, setup.pods.requests));
  }
  auto within = [&](const Figures& f) {
    return std::all_of(goal.limits.begin(), goal.limits.end(),
                       [&](const Limit& l) { return value_of(f, l.measure) <= l.most; });
  };
  result.original.figures = mean_figures(result.original.spec, profiles, setup, kRuns);
  result.original.within = within(result.original.figures);
  Random random(setup.seed ^ 0x74756e65);
  std::set<Genes> seen;
  std::vector<std::pair<double, Genes>> parents;  // the best so far
  std::vector<Candidate> all = {result.original};
  for (int i = 0; i < candidates; ++i) {
    if (keep_on && !keep_on(i)) break;
    Genes genes;
    if (i > 0) {
      bool explore = i < candidates / 3 || parents.empty() || pick(random, 5) == 0;
      if (!explore)
        genes = parents[static_cast<std::size_t>(pick(random, static_cast<int>(parents.size())))].second;
      for (const auto& [gene, count] : kSpace) {
        if (explore || pick(random, 4) == 0) genes.*gene = pick(random, count);
      }
    }
    if (!seen.insert(genes).second) continue;
    Candidate candidate = build(hpa, genes);
    auto spec = parse_spec(candidate.hpa);
    if (!spec) continue;
    candidate.spec = *spec;
    candidate.figures = mean_figures(candidate.spec, profiles, setup, kRuns);
    candidate.within = within(candidate.figures);
    parents.emplace_back(cost(candidate.figures, result.original.figures, goal), genes);
    std::stable_sort(parents.begin(), parents.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    if (parents.size() > 12) parents.pop_back();
    all.push_back(std::move(candidate));
  }
  result.tried = static_cast<int>(all.size()) - 1;
  const std::vector<Measure> axes = axes_of(goal);
  for (const Candidate& candidate : all) {
    bool beaten = std::any_of(all.begin(), all.end(), [&](const Candidate& other) {
      return dominates(other.figures, candidate.figures, axes);
    });
    bool there = std::any_of(result.front.begin(), result.front.end(), [&](const Candidate& other) {
      return same_figures(other.figures, candidate.figures, axes);
    });
    if (!beaten && !there) result.front.push_back(candidate);
  }
  std::stable_sort(result.front.begin(), result.front.end(), [](const Candidate& a, const Candidate& b) {
    return a.figures.pod_hours < b.figures.pod_hours;
  });
  for (std::size_t i = 1; i < result.front.size(); ++i) {
    if (cost(result.front[i].figures, result.original.figures, goal) <
        cost(result.front[result.best].figures, result.original.figures, goal))
      result.best = i;
  }
  return result;
}

}  // namespace hpawalk::hpasim
