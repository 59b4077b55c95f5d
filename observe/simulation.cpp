#include "observe/simulation.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "observe/history.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::observe {

using hpasim::Document;
using hpasim::Profile;

namespace {

// Connected when somebody first asks for it: a file and a typed load need no cluster.
class Cluster {
 public:
  Cluster(world::World& world, const std::string& space,
          const std::function<Result<world::KubeTarget>()>& where)
      : world_(world), space_(space), where_(where) {}
  Result<world::KubeApi*> api() {
    if (api_) return api_.get();
    auto target = where_();
    if (!target) return failure(target.error());
    target_ = *target;
    auto connected = world::connect(world_, target_);
    if (!connected) return failure(connected.error());
    api_ = std::move(*connected);
    return api_.get();
  }
  Result<std::string> space() {
    if (!space_.empty()) return space_;
    return world::current_namespace(world_, target_);
  }

 private:
  world::World& world_;
  const std::string& space_;
  const std::function<Result<world::KubeTarget>()>& where_;
  world::KubeTarget target_;
  std::unique_ptr<world::KubeApi> api_;
};

bool looks_like_file(world::World& world, const std::string& file) {
  return file.find('/') != std::string::npos || file.ends_with(".yaml") || file.ends_with(".yml") ||
         file.ends_with(".json") || world.files.exists(file);
}

Result<Document> hpa_in_cluster(Cluster& cluster, const std::string& name) {
  auto api = cluster.api();
  if (!api) return failure(api.error());
  auto space = cluster.space();
  if (!space) return failure(space.error());
  auto object = world::kube_get(**api, world::kube_kind("HorizontalPodAutoscaler").object(*space, name));
  if (!object) {
    Error error = object.error();
    if (error.is("kube-not-found")) {
      error.what = fmt::format("HPA {} not found in namespace {}", name, *space);
      error.hint = fmt::format(
          "File {} not found either. kubectl get hpa -A lists the HPAs; -n names another namespace", name);
    }
    return failure(std::move(error));
  }
  Document document = Document::parse(object->dump());
  if (!document.is_object())
    return failure(ErrorClass::check_failed, "kube-refused", "The API server's response is not an HPA",
                   object->dump().substr(0, 200));
  document.erase("status");
  if (document.contains("metadata") && document["metadata"].is_object())
    document["metadata"].erase("managedFields");
  return document;
}

// --- the load

auto wrong_prometheus(const std::string& text) {
  return failure(ErrorClass::usage, "prometheus-address",
                 "\"" + text + "\" is neither a URL nor NAMESPACE/SERVICE:PORT", {},
                 "For example --prometheus prom-metrics/prometheus:9090");
}

Result<Profile> recorded(world::World& world, world::Progress& progress, Cluster& cluster,
                         const SimulationRequest& o, std::vector<std::string>& notes) {
  History history{o.query, o.last, o.step, o.linear};
  if (Status possible = check(history); !possible) return failure(possible.error());
  if (o.prometheus.starts_with("http://") || o.prometheus.starts_with("https://")) {
    return load_history(world.clock, progress, world::prometheus_at(world.http, o.prometheus), history,
                        notes);
  }
  size_t slash = o.prometheus.find('/'), colon = o.prometheus.rfind(':');
  if (slash == std::string::npos || colon == std::string::npos || colon < slash)
    return wrong_prometheus(o.prometheus);
  auto api = cluster.api();
  if (!api) return failure(api.error());
  world::Backend backend{o.prometheus.substr(0, slash), o.prometheus.substr(slash + 1, colon - slash - 1),
                         o.prometheus.substr(colon + 1)};
  return load_history(world.clock, progress, world::prometheus_behind(**api, backend), history, notes);
}

Status load_profiles(world::World& world, world::Progress& progress, Cluster& cluster,
                     const SimulationRequest& o, Simulation& simulation) {
  if (!o.query.empty()) {
    auto profile = recorded(world, progress, cluster, o, simulation.notes);
    if (!profile) return failure(profile.error());
    simulation.profiles.push_back(*profile);
    simulation.profile_names.push_back(o.query + ", last " + o.last);
  }
  for (const std::string& text : o.profiles) {
    auto profile = load_profile(world, text, o.linear, hpasim::seed_of_all(o.seed));
    if (!profile) return failure(profile.error());
    simulation.profiles.push_back(*profile);
    simulation.profile_names.push_back(text);
  }
  if (simulation.profiles.empty()) {
    return failure(ErrorClass::usage, "profile", "No load to simulate", {},
                   "For example --profile 'step 5..50 at 1m'");
  }
  if (simulation.profiles.size() > 1 && simulation.profiles.size() != simulation.spec.metrics.size()) {
    return failure(ErrorClass::usage, "profile",
                   fmt::format("{} profiles given for {} metrics", simulation.profiles.size(),
                               simulation.spec.metrics.size()),
                   {}, "Give one for all, or one for each metric in the HPA's order");
  }
  return {};
}

// --- the controller and its pods

Status load_controller(Cluster& cluster, bool in_cluster, const SimulationRequest& o,
                       Simulation& simulation) {
  hpasim::Setup& setup = simulation.setup;
  simulation.version = o.version.empty() ? hpasim::default_version : o.version;
  if (in_cluster) {
    auto api = cluster.api();
    if (!api) return failure(api.error());
    diagnose::ControllerSettings controller = diagnose::read_controller(**api);
    if (o.version.empty() && !controller.version.empty()) simulation.version = controller.version;
    setup.rules = controller.rules;
    setup.flags = controller.flags;
    if (controller.version.empty())
      simulation.notes.push_back("The cluster's version could not be read; " + simulation.version +
                                 " is assumed.");
    if (!controller.seen)
      simulation.notes.push_back(
          "Assumes Kubernetes' defaults, because the controller's flags are not visible on this cluster.");
  }
  if (!in_cluster || !o.version.empty()) {
    auto rules = hpasim::rules_for(simulation.version);
    if (!rules) return failure(rules.error());
    setup.rules = *rules;
  }
  hpasim::read_gates(o, setup);
  return {};
}

// A file is judged as the API server would judge it; what a cluster has stored, only where --set changes it.
Result<hpasim::Spec> read_spec(const Simulation& simulation, bool in_cluster, bool changed) {
  if (in_cluster && !changed) return hpasim::parse_spec(simulation.document);
  return hpasim::parse_spec(simulation.document,
                            {simulation.setup.rules, in_cluster ? &simulation.original : nullptr});
}

Status load_spec(const SimulationRequest& o, bool in_cluster, Simulation& simulation) {
  for (const std::string& set : o.sets) {
    if (auto ok = hpasim::set_field(simulation.document, set); !ok) return ok;
  }
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

Result<Simulation> load_simulation(world::World& world, world::Progress& progress, const SimulationRequest& o,
                                   const std::function<Result<world::KubeTarget>()>& where) {
  Simulation simulation;
  Cluster cluster(world, o.name_space, where);
  std::string file = o.hpa.substr(0, o.hpa.rfind('#'));
  bool in_cluster = !looks_like_file(world, file);
  // What was typed is looked at before anything is asked for.
  if (auto ok = hpasim::read_setup(o, simulation.setup); !ok) return failure(ok.error());
  auto document = [&]() -> Result<Document> {
    if (in_cluster) return hpa_in_cluster(cluster, o.hpa);
    auto text = world.files.read(file);
    if (!text) return failure(text.error());
    return hpasim::find_hpa(*text, file.size() == o.hpa.size() ? "" : o.hpa.substr(file.size() + 1));
  }();
  if (!document) return failure(document.error());
  simulation.original = simulation.document = *document;
  if (auto ok = load_controller(cluster, in_cluster, o, simulation); !ok) return failure(ok.error());
  if (auto ok = load_spec(o, in_cluster, simulation); !ok) return failure(ok.error());
  if (auto ok = hpasim::read_setup(o, simulation.setup); !ok)
    return failure(ok.error());  // the options over the cluster's
  if (auto ok = load_profiles(world, progress, cluster, o, simulation); !ok) return failure(ok.error());
  if (auto ok = hpasim::check_length(simulation.profiles, simulation.setup); !ok) return failure(ok.error());
  return simulation;
}

}  // namespace hpawalk::observe
