#include "observe/upgrade.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "observe/simulation_parts.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::observe {

using hpasim::Document;
using hpasim::Rules;

namespace {

// An HPA as it was found.
struct Found {
  Document hpa;
  hpasim::Standing standing;
  std::optional<std::int32_t> replicas;  // of its workload, where a cluster says so
};

Found found_in_cluster(const Json& hpa) {
  Found found{written(hpa), {}, {}};
  found.standing.stored = true;
  found.standing.scaled_to_zero = text_at(condition(hpa, "ScaledToZero"), "status") == "True";
  found.standing.ambiguous = text_at(condition(hpa, "ScalingActive"), "reason") == "AmbiguousSelector";
  if (list_at(hpa, "status.conditions").empty()) return found;  // no sync yet
  // The API leaves out a currentReplicas of 0.
  found.replicas = static_cast<std::int32_t>(int_at(hpa, "status.currentReplicas"));
  found.standing.at_zero = *found.replicas == 0 && int_at(hpa, "status.desiredReplicas") == 0;
  return found;
}

Result<std::vector<Found>> find_in_cluster(Cluster& cluster, const UpgradeRequest& o) {
  std::vector<Found> all;
  if (!o.hpa.empty()) {
    auto hpa = read_hpa(cluster, o.hpa);
    if (!hpa) return failure(hpa.error());
    all.push_back(found_in_cluster(*hpa));
    return all;
  }
  auto api = cluster.api();  // the context's namespace is known once this is connected
  if (!api) return failure(api.error());
  auto space = o.all_namespaces ? Result<std::string>() : cluster.space();
  if (!space) return failure(space.error());
  auto hpas = read_hpas(cluster, *space);
  if (!hpas) return failure(hpas.error());
  for (const Json& hpa : *hpas) all.push_back(found_in_cluster(hpa));
  return all;
}

Result<std::vector<Found>> find_in_file(const std::string& text, const std::string& name) {
  std::vector<Document> hpas;
  if (name.empty()) {
    auto all = hpasim::all_hpas(text);
    if (!all) return failure(all.error());
    hpas = *all;
  } else {
    auto one = hpasim::find_hpa(text, name);
    if (!one) return failure(one.error());
    hpas.push_back(*one);
  }
  std::vector<Found> all;
  for (const Document& hpa : hpas) all.push_back({hpa, {}, {}});
  return all;
}

std::string text_of(const Document& hpa, const char* path) {
  Document::json_pointer pointer(path);
  return hpa.contains(pointer) && hpa[pointer].is_string() ? hpa[pointer].get<std::string>() : "";
}

// The template of an HPA's pods, where their own requests begin (or cease) to count.
class Templates {
 public:
  Templates(const std::string& file_text, Cluster* cluster, std::vector<std::string>& notes)
      : file_text_(file_text), cluster_(cluster), notes_(notes) {}

  Document of(const Document& hpa) {
    std::string kind = text_of(hpa, "/spec/scaleTargetRef/kind");
    std::string name = text_of(hpa, "/spec/scaleTargetRef/name");
    Document workload = cluster_ == nullptr ? hpasim::find_object(file_text_, kind, name)
                                            : stored(kind, text_of(hpa, "/metadata/namespace"), name);
    static const Document::json_pointer pods("/spec/template");
    return workload.is_object() && workload.contains(pods) ? workload[pods] : Document();
  }

 private:
  Document stored(const std::string& kind, const std::string& space, const std::string& name) {
    const world::KubeResource* known = world::find_kube_kind(kind);
    if (known == nullptr || !known->namespaced || name.empty()) return nullptr;
    auto api = cluster_->api();
    if (!api) return nullptr;
    auto object = world::kube_get(**api, known->object(space, name));
    if (object) return Document::parse(object->dump());
    if (told_.insert(object.error().id).second)
      notes_.push_back("Whether pods have requests of their own could not be read: " + object.error().what);
    return nullptr;
  }

  const std::string& file_text_;
  Cluster* cluster_;
  std::vector<std::string>& notes_;
  std::set<std::string> told_;
};

bool computes_utilization(const Document& hpa) {
  auto spec = hpasim::parse_spec(hpa);
  return spec && std::any_of(spec->metrics.begin(), spec->metrics.end(), [](const hpasim::MetricSpec& m) {
           return m.kind == hpasim::MetricKind::resource && m.target_kind == hpasim::TargetKind::utilization;
         });
}

// --- the two versions

Result<Rules> version_after(const UpgradeRequest& o) {
  auto to = hpasim::rules_for(o.to);
  if (to) return to;
  Error error = to.error();
  error.hint = fmt::format("For example --upgrade-to {}", hpasim::newest_version);
  return failure(std::move(error));
}

Result<Rules> rules_after(const UpgradeRequest& o, const Simulation& before,
                          std::vector<std::string>& notes) {
  auto to = version_after(o);
  if (!to) return to;
  for (const std::string& gate : before.gates) hpasim::take_gate(*to, gate);
  hpasim::take_gate_options(o, *to);
  const Rules& from = before.setup.rules;
  if (to->minor < from.minor) {
    return failure(ErrorClass::usage, "kube-version",
                   fmt::format("Kubernetes {} is older than {}", o.to, before.version),
                   "An upgrade goes to a newer version",
                   fmt::format("--upgrade-to {}", hpasim::newest_version));
  }
  bool disables = std::find(before.gates.begin(), before.gates.end(), "HPAConfigurableTolerance=false") !=
                  before.gates.end();
  if (disables && to->tolerance_gate_locked && !from.tolerance_gate_locked) {
    notes.push_back(fmt::format(
        "The controller manager runs with --feature-gates=HPAConfigurableTolerance=false. Kubernetes {} "
        "cannot disable the gate, and its controller manager does not start with this flag.",
        hpasim::version_name(*to)));
  }
  return *to;
}

auto no_version(bool of_cluster) {
  return failure(ErrorClass::usage, "kube-version", "The version before the upgrade is unknown",
                 of_cluster ? "The cluster's version could not be read"
                            : "A file does not say on which cluster its HPAs are",
                 fmt::format("Name the version with --kube-version, as in --kube-version 1.34{}",
                             of_cluster ? "" : ", or the cluster with --context"));
}

// --- under a load

hpasim::Timeline simulated(const hpasim::Spec& spec, const Simulation& simulation, const Found& hpa,
                           const Rules& rules) {
  hpasim::Setup setup = simulation.setup;
  setup.rules = rules;
  // The HPA exists before the upgrade: it is not new to either version, and has the replicas that it has.
  setup.first_sync = setup.flags.sync_period;
  if (!setup.replicas && hpa.replicas) setup.replicas = *hpa.replicas;
  if (!setup.replicas) setup.replicas = std::max(spec.min, 1);
  setup.own_zero = hpa.standing.scaled_to_zero;
  setup.details = false;
  return hpasim::simulate(spec, simulation.profiles, setup);
}

Status simulate_both(const Simulation& simulation, const Found& hpa, const hpasim::Upgrade& upgrade,
                     HpaUpgrade& result) {
  const hpasim::Compared& compared = result.compared;
  if (simulation.profiles.empty() || !compared.before || !compared.after) return {};
  if (auto ok = profiles_fit(simulation, *compared.after); !ok) return ok;
  result.simulated = SimulatedUpgrade{simulated(*compared.before, simulation, hpa, upgrade.from),
                                      simulated(*compared.after, simulation, hpa, upgrade.to)};
  return {};
}

}  // namespace

bool SimulatedUpgrade::differs() const {
  auto same = [](const hpasim::Step& a, const hpasim::Step& b) { return a.at == b.at && a.count == b.count; };
  return !std::equal(before.replicas.begin(), before.replicas.end(), after.replicas.begin(),
                     after.replicas.end(), same);
}

Result<UpgradeReport> load_upgrade(world::World& world, world::Progress& progress, const UpgradeRequest& o,
                                   Cluster& cluster) {
  Simulation simulation;
  HpaFile file = hpa_file(o.hpa);
  bool in_cluster = o.hpa.empty() || !looks_like_file(world, file.path);
  bool of_cluster = in_cluster || o.cluster_named;
  // What was typed is looked at before anything is asked for.
  if (auto ok = hpasim::read_setup(o, simulation.setup); !ok) return failure(ok.error());
  if (auto to = version_after(o); !to) return failure(to.error());
  std::string text;
  if (!in_cluster) {
    auto read = world.files.read(file.path);
    if (!read) return failure(read.error());
    text = *read;
  }
  auto hpas = in_cluster ? find_in_cluster(cluster, o) : find_in_file(text, file.name);
  if (!hpas) return failure(hpas.error());
  if (auto ok = load_controller(cluster, of_cluster, o, simulation); !ok) return failure(ok.error());
  if (o.version.empty() && !simulation.version_seen) return no_version(of_cluster);
  if (auto ok = hpasim::read_setup(o, simulation.setup); !ok)
    return failure(ok.error());  // the options over the cluster's
  if (auto ok = load_profiles(world, progress, cluster, o, simulation); !ok) return failure(ok.error());
  if (!simulation.profiles.empty()) {
    if (auto ok = hpasim::check_length(simulation.profiles, simulation.setup); !ok)
      return failure(ok.error());
  }
  auto to = rules_after(o, simulation, simulation.notes);
  if (!to) return failure(to.error());

  hpasim::Upgrade upgrade{simulation.setup.rules, *to, simulation.setup.flags};
  UpgradeReport report;
  Templates templates(text, in_cluster ? &cluster : nullptr, simulation.notes);
  for (Found& hpa : *hpas) {
    if (world.interrupt.requested()) return interrupted("comparing");
    HpaUpgrade one;
    one.name = text_of(hpa.hpa, "/metadata/name");
    one.name_space = text_of(hpa.hpa, "/metadata/namespace");
    if (upgrade.from.pod_level_requests != upgrade.to.pod_level_requests && computes_utilization(hpa.hpa))
      hpa.standing.pod_template = templates.of(hpa.hpa);
    auto compared = hpasim::compare(hpa.hpa, upgrade, hpa.standing);
    if (compared) {
      one.compared = *compared;
      if (auto ok = simulate_both(simulation, hpa, upgrade, one); !ok) return failure(ok.error());
      if (one.simulated) note_loads(*one.compared.after, simulation);
    } else {
      one.trouble = compared.error();
    }
    report.hpas.push_back(std::move(one));
  }
  report.from = simulation.version;
  report.to = o.to;
  report.everywhere = hpasim::changes_everywhere(upgrade);
  report.profiles = simulation.profiles;
  report.profile_names = simulation.profile_names;
  report.notes = simulation.notes;
  return report;
}

}  // namespace hpawalk::observe
