#include <memory>
#include <thread>

#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/simulation_report.hpp"

namespace hpawalk {

using namespace hpasim;

namespace {

struct SimulateOptions : SimulationOptions {
  bool compare = false, all_syncs = false;
  int runs = 0;
  std::string report;
};

std::string heading(const Simulation& s) {
  return fmt::format("HPA {}: {} to {} replicas, {}. Kubernetes {}, a sync every {} s. Load: {}.\n", s.spec.name.empty() ? "without a name" : s.spec.name, s.spec.min, s.spec.max,
                     text::join([&] {
                       std::vector<std::string> names;
                       for (const MetricSpec& metric : s.spec.metrics) names.push_back(describe(metric));
                       return names;
                     }(), " and "),
                     s.version, static_cast<double>(s.setup.flags.sync_period.count()) / 1e6, text::join(s.profile_names, "; "));
}

std::string for_people(const Simulation& simulation, const std::vector<Variant>& variants, const Canvas& canvas) {
  std::string out = heading(simulation);
  for (const Variant& variant : variants) {
    out += "\n";
    if (!variant.name.empty()) out += canvas.style.bold(variant.name) + "\n";
    out += plot(variant, simulation.profiles.front(), canvas) + "\n" + change_table(variant, canvas);
  }
  out += "\n" + figure_table(variants, canvas);
  for (const Variant& variant : variants) {
    if (variant.runs) out += "\n" + run_table(variant, canvas);
  }
  out.pop_back();
  return out;
}

Status run_simulate(Session& session, const SimulateOptions& o, const std::string& output) {
  if (o.compare && o.sets.empty()) {
    return failure(ErrorClass::usage, "compare", "--compare needs something to compare with", {}, "Add --set PATH=VALUE: then the HPA is shown without and with it");
  }
  auto simulation = load_simulation(session.world, o);
  if (!simulation) return tl::unexpected(simulation.error());
  std::vector<Variant> variants;
  auto add = [&](std::string name, const Spec& spec) {
    Variant variant{std::move(name), spec, simulate(spec, simulation->profiles, simulation->setup), {}};
    if (o.runs > 0) variant.runs = simulate_runs(spec, simulation->profiles, simulation->setup, o.runs, std::max(1u, std::thread::hardware_concurrency()));
    variants.push_back(std::move(variant));
  };
  if (o.compare) add("as it is", simulation->original_spec);
  add(o.compare ? "what if" : "", simulation->spec);
  if (!o.report.empty()) {
    auto written = session.world.files.write(o.report, html::render(simulation_report(*simulation, variants)));
    if (!written) return written;
    session.world.terminal.err("report: " + o.report + "\n");
  }
  if (output == "csv") {
    session.world.terminal.out(timeline_csv(variants, simulation->profiles));
    return {};
  }
  nlohmann::ordered_json data = {{"hpa", simulation->spec.name}, {"kubernetes", simulation->version}, {"profiles", simulation->profile_names},
                                 {"durationSeconds", static_cast<double>(variants.front().timeline.duration.count()) / 1e6}, {"variants", nlohmann::ordered_json::array()}};
  if (session.json) {
    for (const Variant& variant : variants) data["variants"].push_back(timeline_json(variant, o.all_syncs));
  }
  session.print(session.json ? "" : for_people(*simulation, variants, canvas_for(session.world)), session.json ? data.dump(2) : "");
  return {};
}

}  // namespace

void add_simulate(CLI::App& app, Chosen& chosen) {
  auto* command = app.add_subcommand("simulate", "Show what an HPA does under a load, without a cluster: replicas over time, and why");
  auto options = std::make_shared<SimulateOptions>();
  add_simulation_options(*command, *options);
  command->add_flag("--compare", options->compare, "Show the HPA without and with --set, side by side");
  command->add_option("--runs", options->runs, "So many runs with drawn delays: what can happen, and how likely it is")->check(CLI::Range(1, 1'000'000));
  command->add_option("--report", options->report, "Also write an HTML report")->type_name("FILE");
  command->add_flag("--all-syncs", options->all_syncs, "In JSON: every sync, not only the changes");
  command->add_option("-o,--output", chosen.output, "How results are printed")->check(CLI::IsMember({"text", "json", "csv"}))->type_name("text|json|csv")->capture_default_str();
  command->callback([options, &chosen] {
    chosen.action = [options, &chosen](Session& session) { return run_simulate(session, *options, chosen.output); };
  });
}

}  // namespace hpawalk
