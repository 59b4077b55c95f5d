// hpawalk drive and report: follow a load with prom-fake's value, record what every hop of the chain does, and show a
// recording later.
#include <atomic>
#include <cmath>
#include <memory>
#include <mutex>

#include <fmt/format.h>

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "chain/controller.hpp"
#include "cli/open_chain.hpp"
#include "cli/recording_report.hpp"
#include "cli/simulation.hpp"
#include "world/kube_path.hpp"
#include "world/workers.hpp"

namespace hpawalk {
namespace {

using hpasim::Profile;
using hpasim::Time;

struct DriveOptions {
  std::string profile, record, report, every = "1s";
  bool restore = false, compare = false, linear = false;
  std::uint64_t seed = 0;
};

struct Load {
  std::vector<Profile::Point> settings;
  Time duration{0};
};

Result<Load> load_of(World& world, const DriveOptions& o) {
  auto profile = load_profile(world, o.profile, o.linear, o.seed);
  if (!profile) return failure(profile.error());
  auto every = hpasim::parse_duration(o.every);
  if (!every) return failure(every.error());
  if (*every < std::chrono::milliseconds(200)) return failure(ErrorClass::usage, "duration", "--every " + o.every + " is too often", {}, "200ms is the least; Prometheus scrapes every few seconds");
  if (profile->end() <= Time(0)) return failure(ErrorClass::usage, "profile", "The profile has no length", {}, "For example: hold 50 for 5m");
  if (!o.record.empty() && world.files.exists(o.record)) {
    return failure(ErrorClass::usage, "record-exists", "There is a file " + o.record + " already", "A recording is not written over", "Another name, or remove it first");
  }
  if (!o.report.empty()) {  // what cannot be written is said now, not after the load
    if (Status writable = world.files.append(o.report, ""); !writable) return failure(writable.error());
  }
  return Load{sampled(*profile, *every), profile->end()};
}

std::string value_text(double value) { return fmt::format("{:.6g}", value); }

// The recording in memory and, if wanted, in its file: after every line, so that nothing is lost whatever happens.
class Recorder {
 public:
  Recorder(World& world, std::string file) : world_(world), file_(std::move(file)) {}

  Status take(const std::string& line) {
    std::lock_guard lock(mutex_);
    if (line.empty() || ended_) return {};
    if (Status taken = take_line(recording_, text::trim(line)); !taken) return taken;
    if (file_.empty()) return {};
    return world_.files.append(file_, line, private_mode);
  }
  Status end(double at, std::string_view why) {
    Status written = take(end_line(at, why));
    std::lock_guard lock(mutex_);
    ended_ = true;
    return written;
  }
  // A copy, while others may still write.
  Recording recording() {
    std::lock_guard lock(mutex_);
    return recording_;
  }
  std::optional<Happening> last(std::string_view hop) {
    std::lock_guard lock(mutex_);
    return last_happening(recording_, hop);
  }

 private:
  World& world_;
  std::string file_;
  std::mutex mutex_;
  Recording recording_;
  bool ended_ = false;
};

// Sets the values, each at its time, on a thread of its own. A value that cannot be set is tried again for a while.
class Setter {
 public:
  Setter(World& world, KubeApi& api, const LiveChain& chain, const Load& load, Recorder& recorder, TimePoint began)
      : world_(world), api_(api), chain_(chain), load_(load), recorder_(recorder), began_(began) {
    workers_.start([this] { run(); });
  }
  ~Setter() { stop_ = true; }
  bool done() const { return done_; }
  bool failed() {
    std::lock_guard lock(mutex_);
    return failed_ || !result_;
  }
  // Nothing is set any more.
  Status end() {
    {
      std::lock_guard lock(mutex_);
      if (!result_) return result_;
    }
    stop_ = true;
    return workers_.join();
  }

 private:
  double now() const { return static_cast<double>((world_.clock.now() - began_).count()) / 1000; }

  void run() {
    for (const Profile::Point& point : load_.settings) {
      if (!sleep_until(point.at) || !set(point.value)) break;
    }
    done_ = true;
  }

  bool sleep_until(Time at) {
    TimePoint due = began_ + std::chrono::duration_cast<Duration>(at);
    while (world_.clock.now() < due) {
      Duration left = due - world_.clock.now();
      if (stop_ || !world_.clock.sleep(std::min<Duration>(left, std::chrono::milliseconds(100)))) return false;
    }
    return !stop_;
  }

  bool set(double value) {
    TimePoint tried = world_.clock.now();
    while (true) {
      Status set = set_prom_fake(api_, chain_, value_text(value));
      if (set) return keep(recorder_.take(set_line(now(), value)));
      bool again = set.error().kind != ErrorClass::usage && set.error().kind != ErrorClass::interrupted && world_.clock.now() - tried < std::chrono::seconds(30);
      if (!again || stop_ || !world_.clock.sleep(std::chrono::seconds(1))) return keep(set);
    }
  }

  bool keep(Status status) {
    std::lock_guard lock(mutex_);
    result_ = std::move(status);
    return result_.has_value();
  }

  World& world_;
  KubeApi& api_;
  const LiveChain& chain_;
  const Load& load_;
  Recorder& recorder_;
  TimePoint began_;
  std::atomic<bool> stop_ = false, done_ = false, failed_ = false;
  std::mutex mutex_;
  Status result_;
  Workers workers_{[this] { failed_ = true; }};  // last: they use all of the above
};

// Each pod's value as it was, also after Ctrl-C. A pod that is gone needs none.
Status put_back(KubeApi& api, const LiveChain& chain, const std::map<std::string, std::string>& values) {
  for (const auto& [pod, value] : values) {
    KubeRequest request{"PUT", proxy_path({chain.space, pod, chain.port, "http", true}, "/value"), value, std::chrono::seconds(5), {{"Content-Type", "text/plain"}}, true};
    auto answer = api.send(request);
    if (!answer) return failure(answer.error());
    if (!answer->ok() && answer->status != 404) return failure(kube_error(request, *answer));
  }
  return {};
}

RecordingHead head_of(World& world, const LiveChain& chain, const ControllerSettings& controller, const Json& hpa, const std::string& cluster,
                      const std::string& profile, Time duration) {
  auto seconds = [](Time t) { return static_cast<double>(t.count()) / 1e6; };
  RecordingHead head;
  head.began = world.clock.wall_now();
  head.start = world.clock.now();
  head.hpawalk = HPAWALK_VERSION;
  head.cluster = cluster;
  head.kubernetes = controller.version.empty() ? fmt::format("1.{}", controller.rules.minor) : controller.version;
  head.profile = profile;
  head.duration = seconds(duration);
  head.space = chain.space, head.metric = chain.metric, head.service = chain.service;
  head.scrape_interval = static_cast<double>(chain.interval.count()) / 1000;
  head.flags_seen = controller.seen;
  head.sync_period = seconds(controller.flags.sync_period);
  head.downscale_stabilization = seconds(controller.flags.downscale_stabilization);
  head.tolerance = controller.flags.tolerance;
  head.tolerance_from_spec = controller.rules.tolerance_from_spec;
  head.zero_allowed = controller.rules.zero_allowed;
  head.hpa = hpa;
  return head;
}

// What goes on, as lines on stderr.
class Commentary {
 public:
  Commentary(World& world, Time duration) : world_(world), duration_(duration) {}
  void say(const Happening& happening) {
    told_ = world_.clock.now();
    line(happening.at, fmt::format("{:<12} {}", happening.hop, happening.text));
  }
  // Now and then, when nothing else is said.
  void still(double at, const Recording& r) {
    TimePoint now = world_.clock.now();
    if (now - told_ < std::chrono::seconds(30) || r.workload.empty()) return;
    told_ = now;
    double value = r.set.empty() ? 0 : r.set.back().value.value_or(0);
    line(at, fmt::format("of {}: the value is {}, {} replicas, {} ready", hpasim::time_text(duration_), value_text(value), r.workload.back().wanted, r.workload.back().ready));
  }

 private:
  void line(double at, const std::string& text) {
    world_.terminal.err(fmt::format("{:<8} {}\n", hpasim::time_text(Time(std::llround(at * 1e6))), printable_line(text)));
  }
  World& world_;
  Time duration_;
  TimePoint told_{};
};

// Everything from the first value on. What went wrong, or nothing; the recording is complete either way.
Status drive(World& world, KubeApi& api, const LiveChain& chain, const Load& load, Recorder& recorder, const RecordingHead& head) {
  Commentary commentary(world, load.duration);
  Setter setter(world, api, chain, load, recorder, head.start);
  auto elapsed = [&] { return world.clock.now() - head.start; };
  Status kept;
  Status seen = observe(api, world.clock, chain, [&](const Hops& hops, const Change& change) {
    std::string line = change_line(head, hops, change);
    kept = recorder.take(line);
    bool told = change.hop == Hop::hpa || change.hop == Hop::workload || change.hop == Hop::event || change.hop == Hop::lost;
    if (auto happening = recorder.last(name_of(change.hop)); told && happening && !line.empty()) commentary.say(*happening);
    if (change.hop == Hop::tick) commentary.still(static_cast<double>(elapsed().count()) / 1000, recorder.recording());
    return kept && !setter.failed() && !(setter.done() && elapsed() >= std::chrono::duration_cast<Duration>(load.duration));
  });
  if (!kept) return kept;
  if (Status set = setter.end(); !set) return set;
  return seen;
}

Status show(Session& session, const Recorded& recorded, const std::string& report) {
  if (!report.empty()) {
    if (auto written = session.world.files.write(report, html::render(recorded_report(recorded))); !written) return written;
    session.world.terminal.err("report: " + report + "\n");
  }
  session.print(session.json ? Painted() : recorded_text(recorded, canvas_for(session.world)), session.json ? json_text(recorded_json(recorded), 2) : "");
  return {};
}

Status differs(const Recorded& recorded) {
  if (!recorded.prediction || recorded.prediction->possible()) return {};
  return failure(ErrorClass::check_failed, "prediction-differs", "The replicas were not as the simulator says", verdict(recorded), text::join(recorded.happened.notes, " "));
}

Status run_drive(Session& session, const DriveOptions& o, const SettingFlags& flags) {
  World& world = session.world;
  auto load = load_of(world, o);
  if (!load) return failure(load.error());
  auto chain = open_chain(session, flags);
  if (!chain) return failure(chain.error());
  KubeApi& api = *chain->api;
  LiveChain live = live_chain(*chain->config);
  auto before = prom_fake_values(api, live);
  if (!before) return failure(before.error());
  auto hpa = kube_get(api, kube_path("/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers/{}", live.space, live.hpa));
  if (!hpa) return failure(hpa.error());
  ControllerSettings controller = read_controller(api);
  RecordingHead head = head_of(world, live, controller, *hpa, chain->target->name(), o.profile, load->duration);
  Recorder recorder(world, o.record);
  if (Status begun = recorder.take(head_line(head)); !begun) return begun;  // the file can be written: now something is changed
  world.terminal.err(fmt::format("{} on {}: {} long, {} values to set{}\n", o.profile, head.cluster, hpasim::time_text(load->duration), load->settings.size(),
                                 o.record.empty() ? "" : ", recorded in " + o.record));
  Status driven = drive(world, api, live, *load, recorder, head);
  bool stopped = !driven && driven.error().kind == ErrorClass::interrupted;
  Status ended = recorder.end(static_cast<double>((world.clock.now() - head.start).count()) / 1000, driven ? "finished" : stopped ? "interrupted" : "failed");
  if (o.restore) {
    Status back = put_back(api, live, *before);
    world.terminal.err(back ? fmt::format("the value is {} again\n", before->begin()->second) : "the value could not be put back: " + back.error().what + "\n");
    if (!back && driven) driven = back;
  }
  if (driven && !ended) driven = ended;
  auto recorded = looked_at(recorder.recording(), o.compare);
  if (recorded) {
    Status shown = show(session, *recorded, o.report);
    if (driven && !shown) driven = shown;
  } else if (driven) {
    driven = failure(recorded.error());
  }
  if (stopped) return interrupted("driving the load");
  return driven && recorded ? differs(*recorded) : driven;
}

struct ReportOptions {
  std::string file, report;
  bool compare = false;
};

Status run_report(Session& session, const ReportOptions& o) {
  constexpr size_t most = size_t{1} << 30;  // of days
  auto text = session.world.files.read(o.file, most);
  if (!text) {
    Error error = text.error();
    error.kind = ErrorClass::usage;
    return failure(std::move(error));
  }
  auto recording = parse_recording(*text);
  if (!recording) return failure(recording.error());
  auto recorded = looked_at(*std::move(recording), o.compare);
  if (!recorded) return failure(recorded.error());
  if (Status shown = show(session, *recorded, o.report); !shown) return shown;
  return differs(*recorded);
}

}  // namespace

void add_drive(CLI::App& app, Chosen& chosen) {
  auto* command = app.add_subcommand("drive", "Follow a load with prom-fake's value, and record what every hop of the chain does");
  auto options = std::make_shared<DriveOptions>();
  command->add_option("PROFILE", options->profile, "The load, as below")->required();
  command->add_option("--record", options->record, "Keep what is seen, line by line; hpawalk report shows it")->type_name("FILE");
  command->add_option("--report", options->report, "Write an HTML report at the end")->type_name("FILE");
  command->add_flag("--compare-simulation", options->compare, "Also what the simulator says, and how far the real chain is from it");
  command->add_flag("--restore", options->restore, "At the end, also after Ctrl-C, the value is what it was before");
  command->add_option("--every", options->every, "At most one value every so often")->capture_default_str()->type_name("TIME");
  command->add_flag("--linear", options->linear, "Between a CSV file's lines the load changes evenly; without, it holds");
  command->add_option("--seed", options->seed, "Draws the profile's noise");
  add_output_option(*command, chosen);
  auto flags = add_settings(*command, "  hpawalk drive 'step 5..50 at 1m for 10m' --record run.jsonl --report run.html\n"
                                      "  hpawalk drive load.csv --compare-simulation --restore\n"
                                      "  hpawalk report run.jsonl --compare-simulation --report run.html\n\n" +
                                          std::string(hpasim::profile_help()));
  command->callback([options, flags, &chosen] {
    chosen.action = [options, flags](Session& session) { return run_drive(session, *options, *flags); };
  });
}

void add_report(CLI::App& app, Chosen& chosen) {
  auto* command = app.add_subcommand("report", "Show a recording of drive, and compare it with the simulator");
  auto options = std::make_shared<ReportOptions>();
  command->add_option("RECORDING", options->file, "The file that drive --record made")->required();
  command->add_option("--report,--html", options->report, "Write an HTML report")->type_name("FILE");
  command->add_flag("--compare-simulation", options->compare, "Also what the simulator says; exit code 1 if it was not like that");
  add_output_option(*command, chosen);
  command->footer("Examples:\n  hpawalk report run.jsonl\n  hpawalk report run.jsonl --compare-simulation --html run.html");
  command->callback([options, &chosen] {
    chosen.action = [options](Session& session) { return run_report(session, *options); };
  });
}

}  // namespace hpawalk
