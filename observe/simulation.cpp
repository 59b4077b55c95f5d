#include "observe/simulation.hpp"

#include <fmt/format.h>

#include "hpasim/older_version.hpp"
#include "observe/simulation_parts.hpp"

namespace hpawalk::observe {

using hpasim::Document;
using hpasim::Profile;

namespace {

// A file is judged as the API server would judge it; what a cluster has stored, only where --set changes it.
Result<hpasim::Spec> read_spec(const Simulation& simulation, bool in_cluster, bool changed) {
  if (in_cluster && !changed) return hpasim::parse_spec(simulation.document);
  return hpasim::parse_spec(simulation.document,
                            {simulation.setup.rules, in_cluster ? &simulation.original : nullptr});
}

// Of a ScaledObject: the HPA that KEDA makes of it, which is new to the API server, and KEDA's own part.
Status load_scaled_object(bool changed, Simulation& simulation) {
  auto now = hpasim::read_scaled_object(simulation.document);
  if (!now) return failure(now.error());
  auto spec = hpasim::parse_spec(now->hpa, {simulation.setup.rules});
  if (!spec) return failure(spec.error());
  simulation.spec = *spec;
  simulation.setup.keda = now->keda;
  if (!changed) return {};
  auto before = hpasim::read_scaled_object(simulation.original);
  if (!before) return {};
  auto original = hpasim::parse_spec(before->hpa);
  if (original) simulation.original_spec = *original, simulation.original_keda = before->keda;
  return {};
}

Status load_spec(const SimulationRequest& o, bool in_cluster, Simulation& simulation) {
  for (const std::string& set : o.sets) {
    if (auto ok = hpasim::set_field(simulation.document, set); !ok) return ok;
  }
  if (hpasim::is_scaled_object(simulation.document)) return load_scaled_object(!o.sets.empty(), simulation);
  auto spec = read_spec(simulation, in_cluster, !o.sets.empty());
  if (!spec) return failure(spec.error());
  simulation.spec = *spec;
  if (o.sets.empty()) return {};
  auto original = hpasim::parse_spec(simulation.original);
  if (original) simulation.original_spec = *original;
  return {};
}

}  // namespace

Result<Profile> load_profile(world::World& world, const std::string& text, bool linear, std::uint64_t seed) {
  if (!text.ends_with(".csv") && !world.files.exists(text)) return hpasim::parse_profile(text, seed);
  auto content = world.files.read(text);
  if (!content) return failure(content.error());
  return hpasim::read_csv(*content, linear);
}

std::string controller_text(const std::string& version, const hpasim::Flags& flags) {
  return fmt::format("Kubernetes {}, a sync every {}s", version,
                     static_cast<double>(flags.sync_period.count()) / 1e6);
}

Result<std::vector<SimulationRequest>> request_of_each(world::World& world,
                                                       const SimulationRequest& request) {
  HpaFile file = hpa_file(request.hpa);
  if (!looks_like_file(world, file.path) || !file.name.empty()) return std::vector{request};
  auto text = world.files.read(file.path);
  if (!text) return failure(text.error());
  SimulationRequest read = request;
  read.file_text = *text;
  std::vector<std::string> names = hpasim::autoscaler_names(*text);
  if (names.size() < 2) return std::vector{read};
  std::vector<SimulationRequest> all;
  for (const std::string& name : names) {
    all.push_back(read);
    all.back().hpa = request.hpa + "#" + name;
  }
  return all;
}

Result<Simulation> load_subject(world::World& world, const SimulationRequest& o, Cluster& cluster) {
  Simulation simulation;
  HpaFile file = hpa_file(o.hpa);
  bool in_cluster = o.never_file || !looks_like_file(world, file.path);
  // What was typed is looked at before anything is asked for.
  if (auto ok = hpasim::read_setup(o, simulation.setup); !ok) return failure(ok.error());
  Json stored;
  auto document = [&]() -> Result<Document> {
    if (in_cluster) {
      auto object = read_autoscaler(cluster, o.hpa);
      if (!object) return failure(object.error());
      stored = *object;
      return written(stored);
    }
    if (!o.file_text.empty()) return hpasim::find_autoscaler(o.file_text, file.name);
    auto text = world.files.read(file.path);
    if (!text) return failure(text.error());
    return hpasim::find_autoscaler(*text, file.name);
  }();
  if (!document) return failure(document.error());
  if (auto v2 = hpasim::as_v2(*document)) {
    document = v2->hpa;
    simulation.notes = v2->notes;
  }
  simulation.original = simulation.document = *document;
  if (auto ok = load_controller(cluster, in_cluster || o.cluster_named, o, simulation); !ok)
    return failure(ok.error());
  if (auto ok = load_spec(o, in_cluster, simulation); !ok) return failure(ok.error());
  if (in_cluster && simulation.setup.keda) take_past(stored, world.clock.wall_now(), *simulation.setup.keda);
  if (auto ok = hpasim::read_setup(o, simulation.setup); !ok)
    return failure(ok.error());  // the options over the cluster's
  return simulation;
}

Result<Simulation> load_simulation(world::World& world, world::Progress& progress, const SimulationRequest& o,
                                   const std::function<Result<world::KubeTarget>()>& where) {
  Cluster cluster(world, o.name_space, where);
  Result<Simulation> loaded = load_subject(world, o, cluster);
  if (!loaded) return loaded;
  Simulation& simulation = *loaded;
  if (auto ok = load_profiles(world, progress, cluster, o, simulation); !ok) return failure(ok.error());
  if (simulation.profiles.empty()) {
    return failure(ErrorClass::usage, "profile", "No load to simulate", {},
                   "For example --profile 'step 5..50 at 1m'");
  }
  if (auto ok = profiles_fit(simulation, simulation.spec); !ok) return failure(ok.error());
  if (auto ok = hpasim::check_length(simulation.profiles, simulation.setup); !ok) return failure(ok.error());
  note_loads(simulation.spec, simulation);
  return loaded;
}

}  // namespace hpawalk::observe
