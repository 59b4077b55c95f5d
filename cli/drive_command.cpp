// hpawalk drive: follow a load with prom-fake's value, and record what every hop of the chain does.
#include <cmath>
#include <memory>

#include <fmt/format.h>

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "cli/open_chain.hpp"
#include "cli/recording_report.hpp"
#include "diagnose/controller.hpp"
#include "observe/drive.hpp"
#include "observe/simulation.hpp"
#include "steps/chain_names.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::cli {
namespace {

using hpasim::Profile;
using hpasim::Time;

struct DriveOptions {
  std::string profile, record, report, every = "1s";
  bool restore = false, compare = false, linear = false;
  std::uint64_t seed = 0;
};

Result<observe::Load> load_of(world::World& world, const DriveOptions& o) {
  auto profile = observe::load_profile(world, o.profile, o.linear, o.seed);
  if (!profile) return failure(profile.error());
  auto every = hpasim::parse_duration(o.every);
  if (!every) return failure(every.error());
  if (*every < std::chrono::milliseconds(200))
    return failure(ErrorClass::usage, "duration", "--every " + o.every + " is too short", {},
                   "The minimum is 200ms; Prometheus scrapes every few seconds");
  if (profile->end() <= Time(0))
    return failure(ErrorClass::usage, "profile", "The profile's duration is zero", {},
                   "For example: hold 50 for 5m");
  if (!o.record.empty() && world.files.exists(o.record)) {
    return failure(ErrorClass::usage, "record-exists", "File already exists: " + o.record,
                   "drive does not overwrite a recording", "Use another name, or remove the file first");
  }
  if (!o.report.empty()) {  // what cannot be written is said now, not after the load
    if (Status writable = world.files.append(o.report, ""); !writable) return failure(writable.error());
  }
  return observe::Load{sampled(*profile, *every), profile->end()};
}

std::string value_text(double value) {
  return fmt::format("{:.6g}", value);
}

// What goes on, as lines on stderr.
class Commentary {
 public:
  Commentary(world::World& world, world::TimePoint start, Time duration)
      : world_(world), start_(start), duration_(duration) {}
  void tell(const observe::Change& change, bool recorded, const observe::Recording& recording) {
    bool told = change.hop == observe::Hop::hpa || change.hop == observe::Hop::workload ||
                change.hop == observe::Hop::event || change.hop == observe::Hop::lost;
    if (auto happening = last_happening(recording, name_of(change.hop)); told && recorded && happening)
      say(*happening);
    if (change.hop == observe::Hop::tick) still(recording);
  }

 private:
  void say(const Happening& happening) {
    told_ = world_.clock.now();
    line(happening.at, fmt::format("{:<12} {}", happening.hop, happening.text));
  }
  // Now and then, when nothing else is said.
  void still(const observe::Recording& r) {
    world::TimePoint now = world_.clock.now();
    if (now - told_ < std::chrono::seconds(30) || r.workload.empty()) return;
    told_ = now;
    double value = r.set.empty() ? 0 : r.set.back().value.value_or(0);
    line(static_cast<double>((now - start_).count()) / 1000,
         fmt::format("of {}: the value is {}, {} replicas, {} ready", hpasim::time_text(duration_),
                     value_text(value), r.workload.back().wanted, r.workload.back().ready));
  }
  void line(double at, const std::string& text) {
    world_.terminal.err(
        fmt::format("{:<8} {}\n", hpasim::time_text(Time(std::llround(at * 1e6))), printable_line(text)));
  }
  world::World& world_;
  world::TimePoint start_;
  Time duration_;
  world::TimePoint told_{};
};

Status run_drive(Session& session, const DriveOptions& o, const SettingFlags& flags) {
  world::World& world = session.world;
  auto load = load_of(world, o);
  if (!load) return failure(load.error());
  auto chain = open_chain(session, flags);
  if (!chain) return failure(chain.error());
  world::KubeApi& api = *chain->api;
  observe::LiveChain live = steps::chain_names(*chain->config);
  auto before = observe::source_values(api, *live.source);
  if (!before) return failure(before.error());
  auto hpa = world::kube_get(api, world::kube_kind("HorizontalPodAutoscaler").object(live.space, live.hpa));
  if (!hpa) return failure(hpa.error());
  diagnose::ControllerSettings controller = diagnose::read_controller(api);
  observe::RecordingHead head = observe::recording_head(world.clock, live, controller, *hpa);
  if (chain->config->text("metrics") == "keda") {
    auto scaled_object = world::kube_get(api, world::kube_kind("ScaledObject").object(live.space, live.hpa));
    if (!scaled_object) return failure(scaled_object.error());
    head.scaled_object = *scaled_object;
  }
  head.hpawalk = HPAWALK_VERSION;
  head.cluster = chain->target->name();
  head.profile = o.profile;
  head.duration = static_cast<double>(load->duration.count()) / 1e6;
  observe::Recorder recorder(world, o.record);
  if (Status begun = recorder.take(observe::head_line(head)); !begun)
    return begun;  // the file can be written: now something is changed
  world.terminal.err(fmt::format("{} on {}: {} long, {} values to set{}\n", o.profile, head.cluster,
                                 hpasim::time_text(load->duration), load->settings.size(),
                                 o.record.empty() ? "" : ", recorded to " + o.record));
  Commentary commentary(world, head.start, load->duration);
  Status driven = observe::drive(world, api, live, *load, recorder, head,
                                 [&](const observe::Change& change, bool recorded) {
                                   commentary.tell(change, recorded, recorder.recording());
                                 });
  bool stopped = !driven && driven.error().kind == ErrorClass::interrupted;
  Status ended = recorder.end(static_cast<double>((world.clock.now() - head.start).count()) / 1000,
                              driven    ? "finished"
                              : stopped ? "interrupted"
                                        : "failed");
  if (o.restore) {
    Status back = observe::put_back(api, *live.source, *before);
    world.terminal.err(back ? fmt::format("the value is {} again\n", before->begin()->second)
                            : "the value could not be restored: " + back.error().what + "\n");
    if (!back && driven) driven = back;
  }
  if (driven && !ended) driven = ended;
  auto recorded = observe::looked_at(recorder.recording(), o.compare);
  if (recorded) {
    Status shown = show_recorded(session, *recorded, o.report);
    if (driven && !shown) driven = shown;
  } else if (driven) {
    driven = failure(recorded.error());
  }
  if (stopped) return interrupted("driving the load");
  return driven && recorded ? differs(*recorded) : driven;
}

}  // namespace

void add_drive(CLI::App& app, Chosen& chosen) {
  auto* command =
      app.add_subcommand("drive", "Apply a load with prom-fake's value, and record every step of the chain");
  auto options = std::make_shared<DriveOptions>();
  command->add_option("PROFILE", options->profile, "The load, as below")->required();
  command->add_option("--record", options->record, "Record to this file, for hpawalk report")
      ->type_name("FILE");
  command->add_option("--report", options->report, "Write an HTML report at the end")->type_name("FILE");
  command->add_flag("--compare-simulation", options->compare,
                    "Also simulate the load, and compare the real chain with the simulation");
  command->add_flag("--restore", options->restore,
                    "Restore the original value at the end, also after Ctrl-C");
  command->add_option("--every", options->every, "Minimum time between two values")
      ->capture_default_str()
      ->type_name("TIME");
  command->add_flag("--linear", options->linear,
                    "Interpolate linearly between the lines of a CSV file; default: hold each value");
  command->add_option("--seed", options->seed, "Seed of the profile's noise");
  add_output_option(*command, chosen);
  auto flags =
      add_settings(*command,
                   "  hpawalk drive 'step 5..50 at 1m for 10m' --record run.jsonl --report run.html\n"
                   "  hpawalk drive load.csv --compare-simulation --restore\n"
                   "  hpawalk report run.jsonl --compare-simulation --report run.html\n\n" +
                       std::string(hpasim::profile_help()));
  command->callback([options, flags, &chosen] {
    chosen.action = [options, flags](Session& session) { return run_drive(session, *options, *flags); };
  });
}

}  // namespace hpawalk::cli
