#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "base/json_text.hpp"
#include "cli/open_chain.hpp"
#include "cli/simulation_options.hpp"
#include "cli/simulation_report.hpp"
#include "hpasim/tune.hpp"

namespace hpawalk::cli {

using namespace hpasim;

namespace {

struct TuneOptions : SimulationOptions {
  std::string goal = "least short, least pod-hours, least changes", report, write;
  int candidates = 400;
};

std::string row(const char* mark, const hpasim::Candidate& c) {
  return fmt::format("{} {:>9.0f}s {:>10.2f} {:>8}  {}{}\n", mark, value_of(c.figures, Measure::time_short),
                     c.figures.pod_hours, c.figures.changes, c.settings,
                     c.within ? "" : "  (exceeds a limit)");
}

// Pod-hours across, shortage upwards; the chosen one as an X, the original as an O.
std::string picture(const Tuned& tuned, const Canvas& canvas) {
  int width = std::max(20, canvas.columns - 14), height = 10;
  double right = tuned.original.figures.pod_hours,
         top = value_of(tuned.original.figures, Measure::time_short);
  for (const hpasim::Candidate& c : tuned.front)
    right = std::max(right, c.figures.pod_hours),
    top = std::max(top, value_of(c.figures, Measure::time_short));
  std::vector<std::string> rows(static_cast<size_t>(height), std::string(static_cast<size_t>(width), ' '));
  auto put = [&](const Figures& f, char mark) {
    auto x = static_cast<size_t>(
        std::clamp(static_cast<int>(f.pod_hours / std::max(right, 1e-9) * (width - 1)), 0, width - 1));
    auto y = static_cast<size_t>(
        std::clamp(static_cast<int>(value_of(f, Measure::time_short) / std::max(top, 1e-9) * (height - 1)), 0,
                   height - 1));
    rows[static_cast<size_t>(height) - 1 - y][x] = mark;
  };
  for (const hpasim::Candidate& c : tuned.front) put(c.figures, '*');
  put(tuned.original.figures, 'O');
  put(tuned.front[tuned.best].figures, 'X');
  std::string out =
      "time with too few ready pods; X chosen, O current settings, * others on the Pareto front\n";
  for (int i = 0; i < height; ++i)
    out += fmt::format("{:>8} | {}\n",
                       i == 0            ? fmt::format("{:.0f}s", top)
                       : i == height - 1 ? "0"
                                         : "",
                       rows[static_cast<size_t>(i)]);
  return out + fmt::format("{:>8} +{}\n{:>11}{:>{}}\n", "", std::string(static_cast<size_t>(width), '-'), "0",
                           fmt::format("{:.1f} pod-hours", right), width - 1);
}

Painted for_people(const Tuned& tuned, const Canvas& canvas) {
  Painted out = fmt::format("{} candidates, {} on the Pareto front:\n\n", tuned.tried, tuned.front.size()) +
                picture(tuned, canvas) + "\n";
  out +=
      canvas.style.bold(fmt::format("  {:>11} {:>10} {:>8}  settings", "too few", "pod-hours", "changes")) +
      "\n" + row("O", tuned.original);
  for (std::size_t i = 0; i < tuned.front.size(); ++i) {
    bool near = i == tuned.best || tuned.front.size() <= 15 || i % (tuned.front.size() / 12 + 1) == 0;
    if (near) out += row(i == tuned.best ? "X" : "*", tuned.front[i]);
  }
  return out + "\n" + to_yaml(tuned.front[tuned.best].hpa);
}

nlohmann::ordered_json as_json(const hpasim::Candidate& c) {
  return {{"settings", c.settings},          {"shortSeconds", value_of(c.figures, Measure::time_short)},
          {"podHours", c.figures.pod_hours}, {"changes", c.figures.changes},
          {"withinLimits", c.within},        {"hpa", c.hpa}};
}

html::Report tune_report(const observe::Simulation& simulation, const Tuned& tuned, const Setup& setup) {
  const hpasim::Candidate& best = tuned.front[tuned.best];
  auto variant = [&](const char* name, const Spec& spec) {
    return Variant{name, spec, simulate(spec, simulation.profiles, setup), {}};
  };
  html::Report report =
      simulation_report(simulation, {variant("as it is", tuned.original.spec), variant("tuned", best.spec)});
  report.title = "The HPA " + simulation.spec.name + ", tuned";
  html::Scatter scatter{
      "Trade-offs",
      fmt::format("{} candidates on the Pareto front; the chosen one is larger.", tuned.front.size()),
      "pod-hours",
      "seconds with too few ready pods",
      {}};
  html::Table front{"Candidates on the Pareto front",
                    {"too few, s", "pod-hours", "changes", "settings"},
                    {},
                    tuned.front.size() > 20};
  for (std::size_t i = 0; i < tuned.front.size(); ++i) {
    const hpasim::Candidate& c = tuned.front[i];
    double seconds = value_of(c.figures, Measure::time_short);
    scatter.dots.push_back({c.figures.pod_hours, seconds, c.settings, i == tuned.best});
    front.rows.push_back({fmt::format("{:.0f}", seconds), fmt::format("{:.2f}", c.figures.pod_hours),
                          std::to_string(c.figures.changes),
                          c.settings + (i == tuned.best ? " (chosen)" : "")});
  }
  report.scatters.push_back(scatter);
  report.tables.insert(report.tables.begin(), front);
  report.texts = {{"The tuned HPA", to_yaml(best.hpa), true}};
  return report;
}

Status run_tune(Session& session, const TuneOptions& o) {
  auto goal = hpasim::parse_goal(o.goal);
  if (!goal) return tl::unexpected(goal.error());
  auto simulation = observe::load_simulation(session.world, session.progress, o, [&] {
    return any_cluster(session.world, {o.kubeconfig, o.context});
  });
  if (!simulation) return tl::unexpected(simulation.error());
  if (simulation->setup.keda) {
    return failure(ErrorClass::usage, "scaled-object-unsupported",
                   "tune searches settings of an HPA, and this is a ScaledObject", {},
                   "Try single settings: hpawalk simulate --set spec.cooldownPeriod=60");
  }
  simulation->original_spec.reset();  // "as it is" is with --set, which is where the search begins
  Counting keep_on(session, "candidates", o.candidates);
  Tuned tuned = tune(simulation->document, simulation->profiles, simulation->setup, *goal, o.candidates,
                     std::ref(keep_on));
  if (session.world.interrupt.requested()) return interrupted("tuning");
  const hpasim::Candidate& best = tuned.front[tuned.best];
  if (!o.write.empty()) {
    if (auto ok = session.world.files.write(o.write, to_yaml(best.hpa)); !ok) return ok;
  }
  if (!o.report.empty()) {
    Setup setup = simulation->setup;
    for (const MetricSpec& metric : simulation->spec.metrics)
      setup.carries.push_back(per_pod(metric, setup.pods.requests));
    if (auto ok = session.world.files.write(o.report, html::render(tune_report(*simulation, tuned, setup)));
        !ok)
      return ok;
  }
  nlohmann::ordered_json data = {{"tried", tuned.tried},
                                 {"original", as_json(tuned.original)},
                                 {"best", as_json(best)},
                                 {"front", nlohmann::ordered_json::array()}};
  for (const hpasim::Candidate& c : tuned.front) data["front"].push_back(as_json(c));
  Painted text = session.json ? Painted() : for_people(tuned, canvas_for(session.world)).without_line_end();
  session.print(text, session.json ? json_text(data, 2) : "");
  if (best.within) return {};
  return failure(ErrorClass::check_failed, "goal-missed", "No candidate meets all limits of the goal",
                 best.settings + " is the closest",
                 "Relax a limit, raise maxReplicas, or try --candidates 2000");
}

}  // namespace

void add_tune(CLI::App& app, Chosen& chosen) {
  auto* command = app.add_subcommand(
      "tune", "Search for the target, windows and policies of an HPA that best meet a goal under a load");
  auto options = std::make_shared<TuneOptions>();
  add_simulation_options(*command, *options,
                         "  hpawalk tune --hpa hpa.yaml --profile load.csv --goal 'short <= 30s, changes <= "
                         "20, least pod-hours' --write tuned.yaml\n"
                         "  hpawalk tune --hpa web -n shop --from-prometheus "
                         "'sum(rate(http_requests_total[2m]))' --last 24h --report out.html")
      ->required();
  command
      ->add_option("--goal", options->goal,
                   "Limits and measures to minimize, as in \"short <= 30s, changes <= 10, least pod-hours\"; "
                   "measures: short, first, share, pod-hours, changes, reversals")
      ->capture_default_str()
      ->type_name("GOAL");
  command->add_option("--candidates", options->candidates, "Number of candidates")
      ->check(CLI::Range(10, 20'000))
      ->capture_default_str();
  command->add_option("--write", options->write, "Write the tuned HPA's YAML to this file")
      ->type_name("FILE");
  command->add_option("--report", options->report, "Also write an HTML report")->type_name("FILE");
  add_output_option(*command, chosen);
  command->callback([options, &chosen] {
    chosen.action = [options](Session& session) -> Status {
      if (Status login = take_prometheus_login(session.world, *options); !login) return login;
      return run_tune(session, *options);
    };
  });
}

}  // namespace hpawalk::cli
