// Loads what a simulation needs: which HPA (a file's or a cluster's), which load, which controller, as
// hpasim's spec, profiles and setup. Knows nothing about how a result is shown.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "diagnose/controller.hpp"
#include "hpasim/setup_request.hpp"
#include "world/kube_proxy.hpp"
#include "world/progress.hpp"
#include "world/prometheus_api.hpp"

namespace hpawalk::observe {

// What is to be simulated, as people type it.
struct SimulationRequest : hpasim::SetupRequest {
  std::string hpa;         // FILE, FILE#NAME, - (standard input), or the name of one in the cluster
  std::string file_text;   // of FILE, where it was read before
  std::string name_space;  // the HPA's; empty: the context's
  std::vector<std::string> profiles;
  std::string query, last = "24h", step, prometheus = "prom-metrics/prometheus:9090";  // --from-prometheus
  world::PrometheusLogin prometheus_login;  // where `prometheus` is a URL
  std::vector<std::string> sets;
  bool cluster_named = false;  // then a file's HPA is one of that cluster
  bool never_file = false;     // `hpa` is a name, whatever files there are
  bool linear = false;
};

struct Simulation {
  hpasim::Document original, document;  // without and with --set: the HPA, or the ScaledObject
  hpasim::Spec spec;
  std::optional<hpasim::Spec> original_spec;  // where --set changed something, and it is valid
  std::optional<hpasim::Keda> original_keda;  // with it, of a ScaledObject
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

// The request of each autoscaler of a file that names none behind a #; of all others just this one.
Result<std::vector<SimulationRequest>> request_of_each(world::World& world, const SimulationRequest& request);

// A load as people type it: a profile's words, or a CSV file's name.
Result<hpasim::Profile> load_profile(world::World& world, const std::string& text, bool linear,
                                     std::uint64_t seed);

// How the HPA's controller reads: "Kubernetes 1.34, a sync every 15s".
std::string controller_text(const std::string& version, const hpasim::Flags& flags);

}  // namespace hpawalk::observe
