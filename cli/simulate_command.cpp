#include <algorithm>
#include <memory>
#include <thread>

#include <fmt/format.h>

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "cli/open_chain.hpp"
#include "cli/simulation_options.hpp"
#include "cli/simulation_report.hpp"
#include "cli/upgrade_report.hpp"
#include "observe/simulation_parts.hpp"

namespace hpawalk::cli {

using namespace hpasim;

namespace {

struct SimulateOptions : SimulationOptions {
  bool all_syncs = false;
  int runs = 0;
  std::string report;
  std::string upgrade_to;
  bool all_namespaces = false;
};

std::string name_of(const observe::Simulation& s) {
  if (s.setup.keda) return s.document["metadata"]["name"];
  return s.spec.name.empty() ? "without a name" : s.spec.name;
}

std::string heading(const observe::Simulation& s) {
  const std::optional<Keda>& keda = s.setup.keda;
  const std::string polls = keda ? fmt::format("KEDA polls every {}s, cooldown {}s. ",
                                               in_seconds(keda->polling_interval), in_seconds(keda->cooldown))
                                 : "";
  return fmt::format("{} {}: {} to {} replicas, {}. {}{}. Load: {}.\n", keda ? "ScaledObject" : "HPA",
                     name_of(s), keda ? keda->inactive_replicas() : s.spec.min, s.spec.max,
                     text::join(
                         [&] {
                           std::vector<std::string> names;
                           for (const MetricSpec& metric : s.spec.metrics) names.push_back(describe(metric));
                           return names;
                         }(),
                         " and "),
                     polls, observe::controller_text(s.version, s.setup.flags),
                     text::join(s.profile_names, "; "));
}

Painted for_people(const observe::Simulation& simulation, const std::vector<Variant>& variants,
                   const Canvas& canvas) {
  Painted out = heading(simulation);
  for (const std::string& note : simulation.notes) out += note + "\n";
  for (const Variant& variant : variants) {
    out += "\n";
    if (!variant.name.empty()) out += canvas.style.bold(variant.name) + "\n";
    out += plot(variant, simulation.profiles.front(), canvas) + "\n" + change_table(variant, canvas);
  }
  out += "\n" + figure_table(variants, canvas);
  for (const Variant& variant : variants) {
    if (variant.runs) out += "\n" + run_table(variant, canvas);
  }
  return std::move(out).without_line_end();
}

// With --set: the HPA as it is, and what if.
Result<std::vector<Variant>> simulated(Session& session, const observe::Simulation& simulation, int runs) {
  std::vector<Variant> variants;
  Counting keep_on(session, "runs", runs * (simulation.original_spec ? 2 : 1));
  auto add = [&](std::string name, const Spec& spec, const std::optional<Keda>& keda) {
    Setup setup = simulation.setup;
    setup.keda = keda;
    Variant variant{std::move(name), spec, simulate(spec, simulation.profiles, setup), {}};
    int before = static_cast<int>(variants.size()) * runs;
    unsigned threads = std::max(1u, std::thread::hardware_concurrency());
    if (runs > 0)
      variant.runs = simulate_runs(spec, simulation.profiles, setup, runs, threads,
                                   [&](int done) { return keep_on(before + done); });
    variants.push_back(std::move(variant));
  };
  if (simulation.original_spec) add("current settings", *simulation.original_spec, simulation.original_keda);
  add(simulation.original_spec ? "what if" : "", simulation.spec, simulation.setup.keda);
  if (session.world.interrupt.requested()) return interrupted("simulating");
  return variants;
}

auto wrong_usage(const std::string& what, const std::string& hint) {
  return failure(ErrorClass::usage, "usage", what, {}, hint);
}

Status run_upgrade(Session& session, const SimulateOptions& o, const std::string& output) {
  if (output == "csv") return wrong_usage("-o csv shows one simulation", "With --upgrade-to, use -o json");
  observe::Cluster cluster(session.world, o.name_space, [&] {
    return any_cluster(session.world, {o.kubeconfig, o.context});
  });
  auto report =
      observe::load_upgrade(session.world, session.progress, {o, o.upgrade_to, o.all_namespaces}, cluster);
  if (!report) return failure(report.error());
  session.print(session.json ? Painted() : upgrade_text(*report, canvas_for(session.world)),
                session.json ? json_text(upgrade_json(*report), 2) : "");
  auto failed = std::count_if(report->hpas.begin(), report->hpas.end(),
                              [](const observe::HpaUpgrade& hpa) { return hpa.trouble.has_value(); });
  if (failed == 0) return {};
  return failure(ErrorClass::check_failed, "hpa-not-compared",
                 fmt::format("{} of {} HPAs could not be compared", failed, report->hpas.size()));
}

struct Simulated {
  observe::Simulation simulation;
  std::vector<Variant> variants;
};

Result<Simulated> simulate_one(Session& session, const SimulateOptions& o,
                               const observe::SimulationRequest& request) {
  auto simulation = observe::load_simulation(session.world, session.progress, request, [&] {
    return any_cluster(session.world, {o.kubeconfig, o.context});
  });
  if (!simulation) return tl::unexpected(simulation.error());
  auto variants = simulated(session, *simulation, o.runs);
  if (!variants) return tl::unexpected(variants.error());
  return Simulated{*std::move(simulation), *std::move(variants)};
}

nlohmann::ordered_json simulation_json(const Simulated& made, bool all_syncs) {
  const auto& [simulation, variants] = made;
  nlohmann::ordered_json data = {
      {"hpa", simulation.spec.name},
      {"kubernetes", simulation.version},
      {"profiles", simulation.profile_names},
      {"notes", simulation.notes},
      {"durationSeconds", static_cast<double>(variants.front().timeline.duration.count()) / 1e6},
      {"variants", nlohmann::ordered_json::array()}};
  if (simulation.setup.keda) data["scaledObject"] = name_of(simulation);
  for (const Variant& variant : variants) data["variants"].push_back(timeline_json(variant, all_syncs));
  return data;
}

Status write_report(Session& session, const std::string& file, const Simulated& made) {
  auto written =
      session.world.files.write(file, html::render(simulation_report(made.simulation, made.variants)));
  if (written) session.world.terminal.err("report: " + file + "\n");
  return written;
}

// Every autoscaler of a file, one after the other.
Status run_each(Session& session, const SimulateOptions& o,
                const std::vector<observe::SimulationRequest>& requests) {
  Painted text;
  nlohmann::ordered_json data = {{"simulations", nlohmann::ordered_json::array()}};
  for (const observe::SimulationRequest& request : requests) {
    auto made = simulate_one(session, o, request);
    if (!made) return failure(made.error());
    if (session.json) {
      data["simulations"].push_back(simulation_json(*made, o.all_syncs));
    } else {
      text += for_people(made->simulation, made->variants, canvas_for(session.world)) + "\n\n";
    }
  }
  session.print(std::move(text).without_line_end().without_line_end(),
                session.json ? json_text(data, 2) : "");
  return {};
}

Status run_simulate(Session& session, const SimulateOptions& o, const std::string& output) {
  if (!o.upgrade_to.empty()) return run_upgrade(session, o, output);
  if (o.hpa.empty())
    return wrong_usage("--hpa is required", "Name a file or an HPA of the cluster: --hpa FILE|NAME");
  auto requests = observe::request_of_each(session.world, o);
  if (!requests) return failure(requests.error());
  if (requests->size() > 1) {
    if (output == "csv" || !o.report.empty())
      return wrong_usage("-o csv and --report show one simulation",
                         "Name one: --hpa " + requests->front().hpa);
    return run_each(session, o, *requests);
  }
  auto made = simulate_one(session, o, requests->front());
  if (!made) return failure(made.error());
  if (!o.report.empty()) {
    if (Status written = write_report(session, o.report, *made); !written) return written;
  }
  if (output == "csv") {
    session.world.terminal.out(timeline_csv(made->variants, made->simulation.profiles));
    return {};
  }
  session.print(
      session.json ? Painted() : for_people(made->simulation, made->variants, canvas_for(session.world)),
      session.json ? json_text(simulation_json(*made, o.all_syncs), 2) : "");
  return {};
}

}  // namespace

void add_simulate(CLI::App& app, Chosen& chosen) {
  auto* command = app.add_subcommand(
      "simulate", "Simulate an HPA under a load, without touching a cluster: replicas over time, and why");
  auto options = std::make_shared<SimulateOptions>();
  CLI::Option* hpa = add_simulation_options(
      *command, *options,
      "  hpawalk simulate --hpa hpa.yaml --profile 'step 5..50 at 1m for 15m'\n"
      "  hpawalk simulate --hpa web -n shop --from-prometheus "
      "'sum(rate(http_requests_total{app=\"web\"}[2m]))' --last 24h\n"
      "  hpawalk simulate --hpa hpa.yaml --profile 'ramp 5..80 over 5m' --set "
      "spec.behavior.scaleDown.stabilizationWindowSeconds=60\n"
      "  hpawalk simulate --hpa hpa.yaml --profile load.csv --runs 1000 --report out.html\n"
      "  hpawalk simulate --hpa scaledobject.yaml --profile 'steps 0,40,0 every 10m' --outage 12m..14m\n"
      "  hpawalk simulate --upgrade-to 1.37 -A\n"
      "  hpawalk simulate --upgrade-to 1.37 web -n shop --profile load.csv\n"
      "  hpawalk simulate --upgrade-to 1.37 --hpa hpas.yaml --kube-version 1.34");
  auto* runs = command
                   ->add_option("--runs", options->runs,
                                "Number of runs with random delays: what can happen, and how likely it is")
                   ->check(CLI::Range(1, 1'000'000));
  auto* report =
      command->add_option("--report", options->report, "Also write an HTML report")->type_name("FILE");
  auto* all_syncs =
      command->add_flag("--all-syncs", options->all_syncs, "With -o json: every sync, not only the changes");
  const char* upgrade = "An upgrade of Kubernetes";
  auto* to = command
                 ->add_option("--upgrade-to", options->upgrade_to,
                              "What changes for the HPA when its cluster is upgraded to this version; with a "
                              "load, also its replicas. Without an HPA: for every HPA of the namespace")
                 ->type_name("VERSION")
                 ->group(upgrade);
  for (CLI::Option* other : {runs, report, all_syncs, command->get_option("--set")}) to->excludes(other);
  command
      ->add_flag("-A,--all-namespaces", options->all_namespaces,
                 "With --upgrade-to: for every HPA of the cluster")
      ->needs(to)
      ->excludes(hpa)
      ->excludes(command->get_option("--namespace"))
      ->group(upgrade);
  command->add_option("-o,--output", chosen.output, "Output format")
      ->check(CLI::IsMember({"text", "json", "csv"}))
      ->type_name("text|json|csv")
      ->capture_default_str();
  command->callback([options, &chosen] {
    chosen.action = [options, &chosen](Session& session) -> Status {
      if (Status login = take_prometheus_login(session.world, *options); !login) return login;
      return run_simulate(session, *options, chosen.output);
    };
  });
}

}  // namespace hpawalk::cli
