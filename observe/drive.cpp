#include "observe/drive.hpp"

#include <atomic>

#include <fmt/format.h>

#include "base/text.hpp"
#include "world/kube_path.hpp"
#include "world/workers.hpp"

namespace hpawalk::observe {

using hpasim::Profile;
using hpasim::Time;

Status Recorder::take(const std::string& line) {
  std::lock_guard lock(mutex_);
  if (line.empty() || ended_) return {};
  if (Status taken = take_line(recording_, text::trim(line)); !taken) return taken;
  if (file_.empty()) return {};
  return world_.files.append(file_, line, world::private_mode);
}

Status Recorder::end(double at, std::string_view why) {
  Status written = take(end_line(at, why));
  std::lock_guard lock(mutex_);
  ended_ = true;
  return written;
}

Recording Recorder::recording() const {
  std::lock_guard lock(mutex_);
  return recording_;
}

namespace {

// Sets the values, each at its time, on a thread of its own. A value that cannot be set is tried again for a
// while.
class Setter {
 public:
  Setter(world::World& world, world::KubeApi& api, const Source& source, const Load& load, Recorder& recorder,
         world::TimePoint began)
      : world_(world), api_(api), source_(source), load_(load), recorder_(recorder), began_(began) {
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
    world::TimePoint due = began_ + std::chrono::duration_cast<world::Duration>(at);
    while (world_.clock.now() < due) {
      world::Duration left = due - world_.clock.now();
      if (stop_ || !world_.clock.sleep(std::min<world::Duration>(left, std::chrono::milliseconds(100))))
        return false;
    }
    return !stop_;
  }

  bool set(double value) {
    world::TimePoint tried = world_.clock.now();
    while (true) {
      Status set = set_source(api_, source_, fmt::format("{:.6g}", value));
      if (set) return keep(recorder_.take(set_line(now(), value)));
      bool again = set.error().kind != ErrorClass::usage && set.error().kind != ErrorClass::interrupted &&
                   world_.clock.now() - tried < std::chrono::seconds(30);
      if (!again || stop_ || !world_.clock.sleep(std::chrono::seconds(1))) return keep(set);
    }
  }

  bool keep(Status status) {
    std::lock_guard lock(mutex_);
    result_ = std::move(status);
    return result_.has_value();
  }

  world::World& world_;
  world::KubeApi& api_;
  const Source& source_;
  const Load& load_;
  Recorder& recorder_;
  world::TimePoint began_;
  std::atomic<bool> stop_ = false, done_ = false, failed_ = false;
  std::mutex mutex_;
  Status result_;
  world::Workers workers_{[this] { failed_ = true; }};  // last: they use all of the above
};

}  // namespace

RecordingHead recording_head(world::Clock& clock, const LiveChain& chain,
                             const diagnose::ControllerSettings& controller, const Json& hpa) {
  auto seconds = [](hpasim::Time t) { return static_cast<double>(t.count()) / 1e6; };
  RecordingHead head;
  head.began = clock.wall_now();
  head.start = clock.now();
  head.kubernetes =
      controller.version.empty() ? fmt::format("1.{}", controller.rules.minor) : controller.version;
  head.space = chain.space, head.metric = chain.metric().name, head.service = chain.source->service;
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

Status drive(world::World& world, world::KubeApi& api, const LiveChain& chain, const Load& load,
             Recorder& recorder, const RecordingHead& head,
             const std::function<void(const Change&, bool recorded)>& on_change) {
  Setter setter(world, api, *chain.source, load, recorder, head.start);
  Status kept;
  Status seen = watch_chain(api, world.clock, chain, [&](const Hops& hops, const Change& change) {
    std::string line = change_line(head, hops, change);
    kept = recorder.take(line);
    on_change(change, !line.empty());
    bool over = setter.done() &&
                world.clock.now() - head.start >= std::chrono::duration_cast<world::Duration>(load.duration);
    return kept && !setter.failed() && !over;
  });
  if (!kept) return kept;
  if (Status set = setter.end(); !set) return set;
  return seen;
}

// Each pod's value as it was, also after Ctrl-C. A pod that is gone needs none.
Status put_back(world::KubeApi& api, const Source& source, const std::map<std::string, std::string>& values) {
  for (const auto& [pod, value] : values) {
    world::KubeRequest request{"PUT",
                               world::proxy_path({source.space, pod, source.port, "http", true}, "/value"),
                               value,
                               std::chrono::seconds(5),
                               {{"Content-Type", "text/plain"}},
                               true};
    auto answer = api.send(request);
    if (!answer) return failure(answer.error());
    if (!answer->ok() && answer->status != 404) return failure(world::kube_error(request, *answer));
  }
  return {};
}

}  // namespace hpawalk::observe
