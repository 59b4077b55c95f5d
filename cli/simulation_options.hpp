// The options of simulate and tune: which HPA, which load, which controller; and what they say while they
// calculate.
#pragma once

#include <string>

#include "cli/command.hpp"
#include "cli/prometheus_options.hpp"
#include "observe/simulation.hpp"

namespace hpawalk::cli {

struct SimulationOptions : observe::SimulationRequest {
  std::string kubeconfig, context;
  PrometheusOptions prometheus_options;
};
// Its request, with the credentials that its options name.
Status take_prometheus_login(world::World& world, SimulationOptions& options);
// How the controller is set, where the cluster does not show it.
void add_controller_options(CLI::App& command, hpasim::SetupRequest& options);
// Returns the option of the HPA, which a command can require.
CLI::Option* add_simulation_options(CLI::App& command, SimulationOptions& options,
                                    const std::string& examples);

// Tells how far a long calculation is, from its second second on. Convertible to hpasim::KeepOn: false once
// Ctrl-C was pressed.
class Counting {
 public:
  Counting(Session& session, std::string step, int total);
  ~Counting();
  Counting(const Counting&) = delete;
  Counting& operator=(const Counting&) = delete;
  bool operator()(int done);

 private:
  Session& session_;
  std::string step_;
  int total_;
  world::TimePoint began_, told_;
  bool shown_ = false;
};

}  // namespace hpawalk::cli
