// The parts of a simulation's input, each loaded by itself: the HPAs (a file's or a cluster's), the
// controller, the load. For simulation.cpp, upgrade.cpp and who simulates without a load.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "observe/simulation.hpp"

namespace hpawalk::observe {

// Connected when somebody first asks for it: a file and a typed load need no cluster.
class Cluster {
 public:
  Cluster(world::World& world, std::string space, std::function<Result<world::KubeTarget>()> where)
      : world_(world), space_(std::move(space)), where_(std::move(where)) {}
  // One that is connected, and its namespace.
  Cluster(world::World& world, std::string space, std::unique_ptr<world::KubeApi> api)
      : world_(world), space_(std::move(space)), api_(std::move(api)) {}

  Result<world::KubeApi*> api();
  Result<std::string> space();

 private:
  world::World& world_;
  std::string space_;
  std::function<Result<world::KubeTarget>()> where_;
  world::KubeTarget target_;
  std::unique_ptr<world::KubeApi> api_;
};

bool looks_like_file(world::World& world, const std::string& file);

// "hpas.yaml#web"
struct HpaFile {
  std::string path, name;
};
HpaFile hpa_file(const std::string& hpa);

Result<Json> read_hpa(Cluster& cluster, const std::string& name);
// The HPA of that name, or the ScaledObject whose HPA it is, or which has that name itself.
Result<Json> read_autoscaler(Cluster& cluster, const std::string& name);
// When its triggers were last active, and when it was created, counted from now.
void take_past(const Json& scaled_object, world::WallTime now, hpasim::Keda& keda);
// Of a namespace; of all where it is empty.
Result<std::vector<Json>> read_hpas(Cluster& cluster, const std::string& space);
// As a person would have written it: without what a cluster adds.
hpasim::Document written(const Json& hpa);

// The HPA and its controller, without a load.
Result<Simulation> load_subject(world::World& world, const SimulationRequest& request, Cluster& cluster);

// One load for all metrics, or one for each metric of `spec`. None: nothing is loaded.
Status load_profiles(world::World& world, world::Progress& progress, Cluster& cluster,
                     const SimulationRequest& request, Simulation& simulation);
Status profiles_fit(const Simulation& simulation, const hpasim::Spec& spec);

// How the loads are read where a reader may mean something else; each note once.
void note_loads(const hpasim::Spec& spec, Simulation& simulation);

// The version, the flags and the gates. `of_cluster`: those that the cluster shows.
Status load_controller(Cluster& cluster, bool of_cluster, const SimulationRequest& request,
                       Simulation& simulation);

}  // namespace hpawalk::observe
