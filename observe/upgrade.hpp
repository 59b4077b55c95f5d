// What an upgrade of Kubernetes changes for the HPAs of a cluster or a file, and for their replicas under a
// load. Reads them; hpasim/upgrade.hpp compares. Knows nothing about how the result is shown.
#pragma once

#include "hpasim/upgrade.hpp"
#include "observe/simulation.hpp"

namespace hpawalk::observe {

struct UpgradeRequest : SimulationRequest {
  std::string to;               // the version after the upgrade
  bool all_namespaces = false;  // an empty `hpa`: every HPA of the namespace, or of all
};

// The same load before and after.
struct SimulatedUpgrade {
  hpasim::Timeline before, after;
  bool differs() const;
};

struct HpaUpgrade {
  std::string name_space, name;
  hpasim::Compared compared;
  std::optional<SimulatedUpgrade> simulated;
  std::optional<Error> trouble;  // it could not be compared

  bool changes() const { return trouble || !compared.changes.empty() || (simulated && simulated->differs()); }
};

struct UpgradeReport {
  std::string from, to;  // "v1.34.4", "1.37"
  std::vector<hpasim::Change> everywhere;
  std::vector<HpaUpgrade> hpas;
  std::vector<hpasim::Profile> profiles;
  std::vector<std::string> profile_names;
  std::vector<std::string> notes;
};

class Cluster;  // simulation_parts.hpp
Result<UpgradeReport> load_upgrade(world::World& world, world::Progress& progress,
                                   const UpgradeRequest& request, Cluster& cluster);

}  // namespace hpawalk::observe
