#include "observe/simulation_parts.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "observe/history.hpp"
#include "world/kube_list.hpp"
#include "world/kube_resource.hpp"
#include "world/times.hpp"

namespace hpawalk::observe {

using hpasim::Document;
using hpasim::Profile;

Result<world::KubeApi*> Cluster::api() {
  if (api_) return api_.get();
  auto target = where_();
  if (!target) return failure(target.error());
  target_ = *target;
  auto connected = world::connect(world_, target_);
  if (!connected) return failure(connected.error());
  api_ = std::move(*connected);
  return api_.get();
}

Result<std::string> Cluster::space() {
  if (!space_.empty()) return space_;
  return world::current_namespace(world_, target_);
}

// --- the HPA

static const std::string standard_input = "/dev/stdin";

bool looks_like_file(world::World& world, const std::string& file) {
  return file == standard_input || file.find('/') != std::string::npos || file.ends_with(".yaml") ||
         file.ends_with(".yml") || file.ends_with(".json") || world.files.exists(file);
}

HpaFile hpa_file(const std::string& hpa) {
  size_t hash = hpa.rfind('#');
  std::string path = hpa.substr(0, hash);
  return {path == "-" ? standard_input : path, hash == std::string::npos ? "" : hpa.substr(hash + 1)};
}

Result<Json> read_hpa(Cluster& cluster, const std::string& name) {
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
  if (!object->is_object())
    return failure(ErrorClass::check_failed, "kube-refused", "The API server's response is not an HPA",
                   object->dump().substr(0, 200));
  return *object;
}

Result<Json> read_autoscaler(Cluster& cluster, const std::string& name) {
  const world::KubeResource kind = world::kube_kind("ScaledObject");
  auto scaled_object = [&](const std::string& its_name) -> Result<Json> {
    auto api = cluster.api();
    if (!api) return failure(api.error());
    auto space = cluster.space();
    if (!space) return failure(space.error());
    return world::kube_get(**api, kind.object(*space, its_name));
  };
  auto hpa = read_hpa(cluster, name);
  if (!hpa) {
    if (!hpa.error().is("kube-not-found")) return hpa;
    auto object = scaled_object(name);
    return object ? object : hpa;
  }
  for (const Json& owner : list_at(*hpa, "metadata.ownerReferences")) {
    if (text_at(owner, "kind") == "ScaledObject") return scaled_object(text_at(owner, "name"));
  }
  return hpa;
}

void take_past(const Json& scaled_object, world::WallTime now, hpasim::Keda& keda) {
  auto since = [&](const std::string& text) -> std::optional<hpasim::Time> {
    std::optional<world::WallTime> at = world::parse_time(text);
    if (!at) return std::nullopt;
    return std::chrono::duration_cast<hpasim::Time>(*at - now);
  };
  keda.last_active = since(text_at(scaled_object, "status.lastActiveTime"));
  keda.created = since(text_at(scaled_object, "metadata.creationTimestamp")).value_or(hpasim::Time(0));
}

Result<std::vector<Json>> read_hpas(Cluster& cluster, const std::string& space) {
  auto api = cluster.api();
  if (!api) return failure(api.error());
  auto list = world::kube_list(**api, world::kube_kind("HorizontalPodAutoscaler").collection(space));
  if (!list) return failure(list.error());
  std::vector<Json> hpas;
  for (const Json& hpa : list_at(*list, "items")) {
    hpas.push_back(hpa);
    // The items of a list carry neither.
    hpas.back()["apiVersion"] = "autoscaling/v2";
    hpas.back()["kind"] = "HorizontalPodAutoscaler";
  }
  return hpas;
}

Document written(const Json& hpa) {
  Document document = Document::parse(hpa.dump());
  document.erase("status");
  if (document.contains("metadata") && document["metadata"].is_object())
    document["metadata"].erase("managedFields");
  return document;
}

// --- the load

namespace {

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
    world::PrometheusApi prometheus = world::prometheus_at(world.http, o.prometheus, o.prometheus_login);
    return load_history(world.clock, progress, prometheus, history, notes);
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

}  // namespace

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
  return {};
}

Status profiles_fit(const Simulation& simulation, const hpasim::Spec& spec) {
  if (simulation.profiles.size() <= 1 || simulation.profiles.size() == spec.metrics.size()) return {};
  return failure(
      ErrorClass::usage, "profile",
      fmt::format("{} profiles given for {} metrics", simulation.profiles.size(), spec.metrics.size()), {},
      "Give one for all, or one for each metric in the HPA's order");
}

void note_loads(const hpasim::Spec& spec, Simulation& simulation) {
  auto note = [&](std::string text) {
    std::vector<std::string>& notes = simulation.notes;
    if (std::find(notes.begin(), notes.end(), text) == notes.end()) notes.push_back(std::move(text));
  };
  for (const hpasim::MetricSpec& metric : spec.metrics) {
    if (metric.target_kind != hpasim::TargetKind::utilization ||
        simulation.setup.pods.requests.find(metric.name))
      continue;
    const bool memory = metric.name == "memory";
    note(
        fmt::format("The load of {0} is read as a percentage of a pod's request. For a load in {1}, name the "
                    "request, as in --pod-request {0}={2}.",
                    metric.name,
                    metric.name == "cpu" ? "cores"
                    : memory             ? "bytes"
                                         : "units of the resource",
                    metric.name == "cpu" ? "500m"
                    : memory             ? "256Mi"
                                         : "1"));
  }
  if (simulation.profiles.size() == 1 && spec.metrics.size() > 1)
    note(fmt::format("All {} metrics of the HPA get the same load; repeat --profile to give each its own.",
                     spec.metrics.size()));
}

// --- the controller

Status load_controller(Cluster& cluster, bool of_cluster, const SimulationRequest& o,
                       Simulation& simulation) {
  hpasim::Setup& setup = simulation.setup;
  simulation.version = o.version.empty() ? hpasim::newest_version : o.version;
  // What was typed is looked at before anything is asked for.
  auto typed = hpasim::rules_for(simulation.version);
  if (!typed) return failure(typed.error());
  setup.rules = *typed;
  if (of_cluster) {
    auto api = cluster.api();
    if (!api) return failure(api.error());
    diagnose::ControllerSettings controller = diagnose::read_controller(**api);
    simulation.version_seen = !controller.version.empty();
    if (o.version.empty() && simulation.version_seen) {
      setup.rules = controller.rules;
      simulation.version = controller.version;
    }
    for (const std::string& gate : controller.gates) hpasim::take_gate(setup.rules, gate);
    setup.flags = controller.flags;
    simulation.gates = controller.gates;
    if (!simulation.version_seen)
      simulation.notes.push_back("The cluster's version could not be read; " + simulation.version +
                                 " is assumed.");
    if (setup.rules.minor > hpasim::newest_minor)
      simulation.notes.push_back(
          fmt::format("Kubernetes {} is newer than this hpawalk knows; the rules of {} "
                      "are assumed.",
                      simulation.version, hpasim::newest_version));
    if (!controller.seen)
      simulation.notes.push_back(
          "Assumes Kubernetes' defaults, because the controller's flags are not visible on this cluster.");
  }
  hpasim::take_gate_options(o, setup.rules);
  if (o.tolerance) setup.flags.tolerance = *o.tolerance;
  return {};
}

}  // namespace hpawalk::observe
