// What simulate, tune and report have in common on the command line: which HPA, which load, which controller.
// Turns options into hpasim's spec, profiles and setup. Knows nothing about how a result is shown.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "hpasim/simulate.hpp"
#include "world/kube_api.hpp"

namespace hpawalk {

struct ClusterOptions {
  std::string kubeconfig, context, name_space = "default";
};
void add_cluster_options(CLI::App& command, ClusterOptions& options);

struct SimulationOptions {
  std::string hpa;                       // FILE, FILE#NAME, or the name of one in the cluster
  ClusterOptions cluster;
  std::vector<std::string> profiles;
  std::string query, last = "24h", step, prometheus = "prom-metrics/prometheus:9090";  // --from-prometheus
  std::vector<std::string> sets;
  std::string version = "1.34";
  std::string meaning = "usual";
  std::string duration, pod_start = "2s", pod_warmup = "0s", scrape = "0s", window = "0s", relist = "0s";
  std::string sync_period = "15s", downscale_stabilization = "5m", request = "1", controller_delay;
  double tolerance = 0.1;
  bool linear = false;
  bool tolerance_gate = false, zero_gate = false;
  int replicas = -1;
  std::uint64_t seed = 0;
  bool has_seed = false;
};
void add_simulation_options(CLI::App& command, SimulationOptions& options);

struct Simulation {
  hpasim::Document original, document;   // without and with --set
  hpasim::Spec original_spec, spec;
  std::vector<hpasim::Profile> profiles;
  std::vector<std::string> profile_names;
  hpasim::Setup setup;
  std::string version;
};
Result<Simulation> load_simulation(World& world, const SimulationOptions& options);

// The HPA's document from a file or from the cluster.
Result<hpasim::Document> load_hpa(World& world, const std::string& hpa, const ClusterOptions& cluster);

}  // namespace hpawalk
