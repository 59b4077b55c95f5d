// `hpawalk simulate -o json` for an HPA that somebody changes in the middle, for tests/cluster/hpa_proof.py:
// the same options, and
//   --change SECONDS=FILE   the HPA from then on; repeatable, by time
#include <thread>
#include <utility>

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "cli/simulation_options.hpp"
#include "cli/timeline_text.hpp"

using namespace hpawalk;

namespace {

struct Silent : world::Progress {
  void started(const std::string&) override {}
  void now(const std::string&, const std::string&) override {}
  void done(const std::string&, const std::string&) override {}
  void failed(const std::string&, const std::string&) override {}
};

template <class T>
T value_of(Result<T> result) {
  if (result) return std::move(*result);
  fmt::print(stderr, "{}: {}\n", result.error().what, result.error().because);
  std::exit(2);
}

hpasim::SpecChange change(world::World& world, const std::string& text) {
  size_t equals = text.find('=');
  hpasim::Time at = value_of(hpasim::parse_duration(text.substr(0, equals) + "s"));
  hpasim::Document hpa = value_of(hpasim::find_hpa(value_of(world.files.read(text.substr(equals + 1)))));
  return {at, value_of(hpasim::parse_spec(hpa))};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app;
  cli::SimulationOptions options;
  std::vector<std::string> changes;
  int runs = 0;
  cli::add_simulation_options(app, options, "");
  app.add_option("--change", changes);
  app.add_option("--runs", runs);
  CLI11_PARSE(app, argc, argv);

  world::SignalInterrupt interrupt;
  world::Environment variables;
  world::SystemProcesses processes(interrupt, variables);
  world::CurlHttp http(interrupt);
  world::DiskFiles files;
  world::SystemClock clock(interrupt);
  world::StandardTerminal terminal([] {});
  world::World world{processes, http, files, clock, terminal, interrupt, variables};
  Silent progress;
  observe::Simulation simulation = value_of(observe::load_simulation(world, progress, options, [] {
    return failure(ErrorClass::usage, "hpa-spec", "--hpa must be a file");
  }));
  for (const std::string& text : changes) simulation.setup.changes.push_back(change(world, text));

  cli::Variant variant{{}, simulation.spec, {}, {}};
  variant.timeline = hpasim::simulate(simulation.spec, simulation.profiles, simulation.setup);
  if (runs > 0)
    variant.runs = hpasim::simulate_runs(simulation.spec, simulation.profiles, simulation.setup, runs,
                                         std::max(1u, std::thread::hardware_concurrency()));
  // Why a sync decided as it did is not explained: its rules are those of the HPA at that time.
  nlohmann::ordered_json moments = nlohmann::ordered_json::array();
  for (const hpasim::Sync& sync : std::exchange(variant.timeline.syncs, {})) {
    const hpasim::Decision& d = sync.decision;
    if (d.rescaled())
      moments.push_back({{"at", hpasim::in_seconds(sync.at)}, {"from", d.from}, {"to", d.to}});
  }
  nlohmann::ordered_json shown = cli::timeline_json(variant, false);
  shown["changes"] = moments;
  nlohmann::ordered_json data = {{"variants", {shown}}};
  fmt::print("{}\n", json_text(data, 2));
  return 0;
}
