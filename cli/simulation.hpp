// What simulate, tune and report have in common on the command line: which HPA, which load, which controller.
// Turns options into hpasim's spec, profiles and setup. Knows nothing about how a result is shown.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "chain/controller.hpp"
#include "cli/command.hpp"
#include "hpasim/simulate.hpp"
#include "world/kube_proxy.hpp"

namespace hpawalk {

struct ClusterOptions {
  std::string kubeconfig, context, name_space;  // no namespace: the context's
};
void add_cluster_options(CLI::App& command, ClusterOptions& options);

struct SimulationOptions {
  std::string hpa;                       // FILE, FILE#NAME, or the name of one in the cluster
  ClusterOptions cluster;
  std::vector<std::string> profiles;
  std::string query, last = "24h", step, prometheus = "prom-metrics/prometheus:9090";  // --from-prometheus
  std::vector<std::string> sets;
  std::string version;                   // empty: the cluster's, else 1.34
  std::string meaning = "usual";
  std::string duration, pod_start = "2s", pod_warmup = "0s", scrape = "0s", window = "0s", relist = "0s";
  std::string sync_period, downscale_stabilization;  // empty: the cluster's, else Kubernetes' defaults
  std::string request = "1", controller_delay;
  std::optional<double> tolerance;
  bool linear = false;
  bool tolerance_gate = false, zero_gate = false;
  int replicas = -1;
  std::uint64_t seed = 0;
  bool has_seed = false;
};
void add_simulation_options(CLI::App& command, SimulationOptions& options, const std::string& examples);

struct Simulation {
  hpasim::Document original, document;        // without and with --set
  hpasim::Spec spec;
  std::optional<hpasim::Spec> original_spec;  // where --set changed something, and it is valid
  std::vector<hpasim::Profile> profiles;
  std::vector<std::string> profile_names;
  hpasim::Setup setup;
  std::string version;
  std::vector<std::string> notes;             // what a person should know about where this came from
};
Result<Simulation> load_simulation(Session& session, const SimulationOptions& options);

// A load as people type it: a profile's words, or a CSV file's name.
Result<hpasim::Profile> load_profile(World& world, const std::string& text, bool linear, std::uint64_t seed);

// How the HPA's controller reads: "Kubernetes 1.34, a sync every 15 s".
std::string controller_text(const std::string& version, const hpasim::Flags& flags);

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
  TimePoint began_, told_;
  bool shown_ = false;
};

}  // namespace hpawalk
