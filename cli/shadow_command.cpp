// hpawalk shadow: what another HPA would do with the metrics of a running one. Nothing is written.
#include <memory>

#include <fmt/format.h>

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "cli/columns.hpp"
#include "cli/open_chain.hpp"
#include "cli/read_chain.hpp"
#include "cli/simulation_report.hpp"
#include "hpasim/explain.hpp"
#include "hpasim/why.hpp"
#include "observe/any_chain.hpp"
#include "observe/shadow_look.hpp"
#include "observe/simulation_parts.hpp"

namespace hpawalk::cli {
namespace {

using hpasim::Time;

constexpr const char *real_name = "in the cluster", *shadow_name = "shadow";

struct ShadowOptions : observe::SimulationRequest {
  std::string kubeconfig, context, duration = "1h", report;
};

// The HPA of the cluster that scales the same workload, if one does.
const Json* running_hpa(const diagnose::Facts& facts, const hpasim::Spec& spec, const std::string& space) {
  for (const Json* hpa : facts.items("hpas")) {
    bool same = text_at(*hpa, "metadata.namespace") == space && !diagnose::assumed(*hpa) &&
                text_at(*hpa, "spec.scaleTargetRef.kind") == spec.target_kind &&
                text_at(*hpa, "spec.scaleTargetRef.name") == spec.target_name;
    if (same) return hpa;
  }
  return nullptr;
}

struct Shadowed {
  observe::Simulation simulation;
  observe::ShadowTarget target;
  Time length{0};                            // to observe
  std::optional<hpasim::Spec> running_spec;  // of the HPA that scales it now
  std::string workload, running;             // "Deployment web", "HPA web" (empty: none)
};

Result<Shadowed> load_shadowed(Session& session, observe::Cluster& cluster, const ShadowOptions& o) {
  Result<Time> length = hpasim::parse_duration(o.duration);
  if (!length) return failure(length.error());
  Result<observe::Simulation> simulation = observe::load_subject(session.world, o, cluster);
  if (!simulation) return failure(simulation.error());
  Time period = simulation->setup.flags.sync_period;
  if (*length < period)
    return failure(ErrorClass::usage, "duration", "--for " + o.duration + " is too short", {},
                   fmt::format("At least one sync period of the controller: {}", hpasim::time_text(period)));
  if (simulation->setup.keda)
    return failure(
        ErrorClass::usage, "scaled-object-unsupported", "shadow decides as the HPA controller does",
        "this is a ScaledObject, whose replicas KEDA decides on too", "hpawalk simulate knows ScaledObjects");
  Result<world::KubeApi*> api = cluster.api();
  if (!api) return failure(api.error());
  const std::string& of_file = simulation->spec.name_space;
  Result<std::string> space = o.name_space.empty() && !of_file.empty() ? of_file : cluster.space();
  if (!space) return failure(space.error());
  // No HPA in a cluster can have this name: its chain is read as if it was there.
  const std::string name = simulation->spec.name + " (shadow)";
  Json assumed = Json::parse(simulation->document.dump());
  assumed["metadata"]["name"] = name;
  assumed["metadata"]["namespace"] = *space;
  diagnose::CollectOptions what{.space = *space, .name = name};
  what.assumed = assumed;
  Result<diagnose::Facts> facts = read_chain(session, **api, what);
  if (!facts) return failure(facts.error());
  Result<observe::LiveChain> chain = observe::chain_of(*facts, *space, name, {});
  if (!chain) return failure(chain.error());
  const Json* running = running_hpa(*facts, simulation->spec, *space);
  Shadowed subject{std::move(*simulation), {}, *length, {}, {}, {}};
  hpasim::Spec& spec = subject.simulation.spec;
  subject.workload = spec.target_kind + " " + spec.target_name;
  if (running != nullptr) {
    subject.running = "HPA " + text_at(*running, "metadata.name");
    subject.running_spec = hpasim::spec_of(*running);
  }
  const hpasim::Setup& setup = subject.simulation.setup;
  bool own_zero = running != nullptr && text_at(condition(*running, "ScaledToZero"), "status") == "True";
  subject.target = {std::move(*chain), spec,     setup.rules,
                    setup.flags,       own_zero, session.world.clock.wall_now()};
  return subject;
}

// A line for every change of either.
class ShadowLines {
 public:
  explicit ShadowLines(world::World& world) : world_(world) {}
  void tell(const observe::Shadow& shadow, const observe::ShadowLook& look, const hpasim::Spec& spec) {
    if (look.scale.spec_replicas == real_ && shadow.replicas() == shadow_) return;
    real_ = look.scale.spec_replicas, shadow_ = shadow.replicas();
    const hpasim::Sync& sync = shadow.syncs().back();
    world_.terminal.err(fmt::format("{:<8} {}: {}, shadow: {}; {}\n", hpasim::time_text(sync.at), real_name,
                                    real_, shadow_,
                                    printable_line(hpasim::explain(spec, sync.decision, sync.proposal))));
  }

 private:
  world::World& world_;
  std::int32_t real_ = -1, shadow_ = -1;
};

struct ShownShadow {
  std::vector<Variant> variants;  // in the cluster, and the shadow's
  std::vector<observe::ShadowDifference> differences;
  std::vector<std::string> notes;
};

ShownShadow shown_of(const Shadowed& subject, const observe::ShadowRun& run) {
  const hpasim::Spec& spec = subject.simulation.spec;
  ShownShadow shown{
      {{real_name, subject.running_spec.value_or(spec), run.shadow.real_timeline(run.length), {}},
       {shadow_name, spec, run.shadow.shadow_timeline(run.length), {}}},
      run.shadow.differences(run.length),
      subject.simulation.notes};
  if (run.missed > 0)
    shown.notes.push_back(
        fmt::format("{} without an answer of the API server.", text::count(run.missed, "look")));
  return shown;
}

std::string shadow_heading(const Shadowed& subject, const observe::ShadowRun& run) {
  const observe::Simulation& s = subject.simulation;
  return fmt::format("{} would scale {} in namespace {}, which {}. {} observed. {}.\n",
                     s.spec.name.empty() ? "The HPA" : "HPA " + s.spec.name, subject.workload,
                     subject.target.chain.space,
                     subject.running.empty() ? "no HPA scales" : subject.running + " scales",
                     hpasim::time_text(run.length), observe::controller_text(s.version, s.setup.flags));
}

Painted difference_table(const std::vector<observe::ShadowDifference>& all, const Canvas& canvas) {
  if (all.empty())
    return Painted("Both always had the same number of replicas, but for less than two syncs.\n");
  Painted out =
      canvas.style.bold(fmt::format("{:<20} {:>10} {:>8}  {}", "from to", "cluster", "shadow", "why")) + "\n";
  for (size_t i = 0; i < all.size() && i < 60; ++i) {
    const observe::ShadowDifference& d = all[i];
    out += fmt::format("{:<20} {:>10} {:>8}  ", hpasim::time_text(d.from) + " " + hpasim::time_text(d.to),
                       d.real, d.shadow) +
           wrapped(d.why, static_cast<size_t>(std::max(30, canvas.columns - 42)), 41) + "\n";
  }
  if (all.size() > 60) out += fmt::format("and {} more; -o json has all of them\n", all.size() - 60);
  return out;
}

Painted shadow_text(const Shadowed& subject, const observe::ShadowRun& run, const ShownShadow& shown,
                    const Canvas& canvas) {
  Painted out = shadow_heading(subject, run);
  for (const std::string& note : shown.notes) out += note + "\n";
  const hpasim::Profile load = run.shadow.loads().front();
  for (const Variant& variant : shown.variants)
    out += "\n" + canvas.style.bold(variant.name) + "\n" + plot(variant, load, canvas);
  out += "\n" + difference_table(shown.differences, canvas);
  out += "\n" + figure_table(shown.variants, canvas);
  return std::move(out).without_line_end();
}

nlohmann::ordered_json shadow_json(const Shadowed& subject, const observe::ShadowRun& run,
                                   const ShownShadow& shown) {
  using Object = nlohmann::ordered_json;
  Object out = {{"hpa", subject.simulation.spec.name},
                {"namespace", subject.target.chain.space},
                {"kubernetes", subject.simulation.version},
                {"notes", shown.notes},
                {"durationSeconds", hpasim::in_seconds(run.length)},
                {"looks", run.shadow.syncs().size()},
                {"missedLooks", run.missed},
                {"variants", Object::array()},
                {"differences", Object::array()}};
  for (const Variant& variant : shown.variants) out["variants"].push_back(timeline_json(variant, false));
  for (const observe::ShadowDifference& d : shown.differences)
    out["differences"].push_back({{"fromSeconds", hpasim::in_seconds(d.from)},
                                  {"toSeconds", hpasim::in_seconds(d.to)},
                                  {"replicas", d.real},
                                  {"shadowReplicas", d.shadow},
                                  {"why", d.why}});
  return out;
}

html::Report shadow_report(const Shadowed& subject, const observe::ShadowRun& run, const ShownShadow& shown) {
  observe::Simulation seen = subject.simulation;
  seen.profiles = run.shadow.loads();
  for (const hpasim::MetricSpec& metric : seen.spec.metrics) seen.profile_names.push_back(describe(metric));
  seen.notes = shown.notes;
  html::Report report = simulation_report(seen, shown.variants);
  report.title = fmt::format("What the HPA {} would have done", seen.spec.name);
  report.subtitle = shadow_heading(subject, run);
  html::Table differences{
      "Where they differ, and why", {"from", "to", real_name, shadow_name, "why"}, {}, false};
  for (const observe::ShadowDifference& d : shown.differences)
    differences.rows.push_back({hpasim::time_text(d.from), hpasim::time_text(d.to), std::to_string(d.real),
                                std::to_string(d.shadow), d.why});
  report.tables.insert(report.tables.begin(), std::move(differences));
  return report;
}

Status run_shadow(Session& session, const ShadowOptions& o) {
  world::World& world = session.world;
  if (!o.report.empty()) {  // what cannot be written is said now
    if (Status writable = world.files.append(o.report, ""); !writable) return writable;
  }
  observe::Cluster cluster(world, o.name_space, [&] {
    return any_cluster(world, {o.kubeconfig, o.context});
  });
  Result<Shadowed> subject = load_shadowed(session, cluster, o);
  if (!subject) return failure(subject.error());
  Result<world::KubeApi*> api = cluster.api();
  if (!api) return failure(api.error());
  ShadowLines lines(world);
  Result<observe::ShadowRun> run =
      observe::follow_shadow(**api, world.clock, subject->target, subject->length,
                             [&](const observe::Shadow& shadow, const observe::ShadowLook& look) {
                               lines.tell(shadow, look, subject->simulation.spec);
                             });
  if (!run) return failure(run.error());
  ShownShadow shown = shown_of(*subject, *run);
  session.print(session.json ? Painted() : shadow_text(*subject, *run, shown, canvas_for(world)),
                session.json ? json_text(shadow_json(*subject, *run, shown), 2) : "");
  if (!o.report.empty()) {
    Status written = world.files.write(o.report, html::render(shadow_report(*subject, *run, shown)));
    if (!written) return written;
    world.terminal.err("report: " + o.report + "\n");
  }
  return run->interrupted ? interrupted("shadowing the HPA") : Status{};
}

}  // namespace

void add_shadow(CLI::App& app, Chosen& chosen) {
  CLI::App& command = *app.add_subcommand(
      "shadow",
      "Show what another HPA would do with a running workload's metrics, beside what happens (read-only)");
  auto options = std::make_shared<ShadowOptions>();
  options->cluster_named = true;
  command
      .add_option(
          "HPA,--hpa", options->hpa,
          "The HPA that decides: a YAML or JSON file (FILE#NAME if it contains several), or the name of one "
          "in the cluster, for --set")
      ->required()
      ->type_name("FILE|NAME");
  command
      .add_option("--set", options->sets,
                  "Set a field to another value, as in spec.maxReplicas=20; repeatable")
      ->type_name("PATH=VALUE");
  command.add_option("--for", options->duration, "How long to observe")
      ->capture_default_str()
      ->type_name("TIME");
  command.add_option("--report", options->report, "Also write an HTML report")->type_name("FILE");
  command
      .add_option("-n,--namespace", options->name_space,
                  "The workload's namespace; default: the file's, else the context's")
      ->type_name("NS");
  command.add_option("--context", options->context, "The kubeconfig's context")->type_name("NAME");
  command
      .add_option("--kubeconfig", options->kubeconfig, "The kubeconfig; if none exists, the local cluster's")
      ->type_name("FILE");
  add_output_option(command, chosen);
  command.footer(
      "Examples:\n"
      "  hpawalk shadow --hpa new.yaml -n shop --for 1h\n"
      "  hpawalk shadow web -n shop --set spec.metrics[0].object.target.value=20 --for 30m --report "
      "out.html\n\n"
      "At every sync period it reads the scale, the pods and the metrics API as the HPA controller does, "
      "and\n"
      "decides by the HPA given. It changes nothing: neither the workload nor an HPA.\n"
      "Ctrl-C ends it early and shows what there is (exit code 130).");
  command.callback([options, &chosen] {
    chosen.action = [options](Session& session) { return run_shadow(session, *options); };
  });
}

}  // namespace hpawalk::cli
