// Loads what a simulation needs: which HPA (a file's or a cluster's), which load, which controller, as
// hpasim's spec, profiles and setup. Knows nothing about how a result is shown.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "diagnose/controller.hpp"
#include "hpasim/simulate.hpp"
#include "world/kube_proxy.hpp"
#include "world/progress.hpp"

namespace hpawalk::observe {

// What is to be simulated, as people type it.
struct SimulationRequest {
  std::string hpa;         // FILE, FILE#NAME, or the name of one in the cluster
  std::string name_space;  // the HPA's; empty: the context's
  std::vector<std::string> profiles;
  std::string query, last = "24h", step, prometheus = "prom-metrics/prometheus:9090";  // --from-prometheus
  std::vector<std::string> sets;
  std::string version;         // empty: the cluster's, else the newest that is known
  bool cluster_named = false;  // then a file's HPA is one of that cluster
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

struct Simulation {
  hpasim::Document original, document;  // without and with --set
  hpasim::Spec spec;
  std::optional<hpasim::Spec> original_spec;  // where --set changed something, and it is valid
  std::vector<hpasim::Profile> profiles;
  std::vector<std::string> profile_names;
  hpasim::Setup setup;
  std::string version;
  bool version_seen = false;       // it is a cluster's own
  std::vector<std::string> gates;  // of the controller's command line
  std::vector<std::string> notes;  // what a person should know about where this came from
};
// `cluster`: which one; asked only when the HPA or the load comes from one.
Result<Simulation> load_simulation(world::World& world, world::Progress& progress,
                                   const SimulationRequest& request,
                                   const std::function<Result<world::KubeTarget>()>& cluster);

// A load as people type it: a profile's words, or a CSV file's name.
Result<hpasim::Profile> load_profile(world::World& world, const std::string& text, bool linear,
                                     std::uint64_t seed);

// How the HPA's controller reads: "Kubernetes 1.34, a sync every 15s".
std::string controller_text(const std::string& version, const hpasim::Flags& flags);

}  // namespace hpawalk::observe
