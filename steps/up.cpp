#include "steps/up.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/text.hpp"
#include "hpasim/version.hpp"
#include "manifests/manifests.hpp"
#include "steps/board.hpp"
#include "steps/chart.hpp"
#include "steps/installer.hpp"
#include "steps/release_recovery.hpp"
#include "steps/work.hpp"
#include "world/kube_resource.hpp"
#include "world/workers.hpp"

namespace hpawalk::steps {

namespace {

using namespace std::chrono_literals;
using Came = StageReport::Outcome;

constexpr world::Duration unreadable_for =
    30s;  // an API server that restarts is back by then; a right that is missing is not

struct Job {
  const Stage* stage;
  StageReport report;
  Work work = {};
  std::optional<Error> error = {};
};

Error not_holding(const Stage& stage, const StageJudgement& seen, const config::Config& config) {
  std::string name(stage.name), hint;
  if (!stage.logs(config).selector.empty())
    hint = config.again("logs " + name) + "   shows the logs of its pods\n";
  hint += config.again("up") + "   continues from here once the cause is fixed";
  Error error{ErrorClass::check_failed, "stage-NAME",
              fmt::format("Stage {} failed: this is not true yet: {}", name, stage.rules[seen.rule].says),
              seen.judgement.evidence, hint};
  return named(std::move(error), name);
}

bool stands(const StageJudgement& seen) {
  return seen.judgement.ok() || seen.judgement.mark == Mark::not_applicable;
}

void add_needs(const Stage& stage, std::set<std::string_view>& needed) {
  for (std::string_view name : stage.needs) {
    if (needed.insert(name).second) add_needs(*find_stage(name), needed);
  }
}

// Which stage ran out of time first says little: the first one that does not hold now is the one to look at.
Error first_broken(const Error& error, std::set<std::string_view> concerned, const StageContext& context) {
  if (!error.in("stage-NAME")) return error;
  for (std::string_view name : std::set(concerned)) add_needs(*find_stage(name), concerned);
  for (const Stage& stage : stages()) {
    if (!concerned.contains(stage.name)) continue;
    StageJudgement seen = judge_stage(stage, context);
    if (!stands(seen)) return not_holding(stage, seen, context.config);
  }
  return error;
}

// What `names` build on must stand already, but for the stages that this run builds itself.
Status needs_stand(const std::vector<std::string>& names, const std::set<std::string_view>& built_here,
                   const StageContext& context) {
  std::set<std::string_view> needed;
  for (const std::string& name : names) add_needs(*find_stage(name), needed);
  for (const Stage& stage : stages()) {
    if (!needed.contains(stage.name) || built_here.contains(stage.name)) continue;
    StageJudgement seen = judge_stage(stage, context);
    if (stands(seen)) continue;
    return failure(
        ErrorClass::check_failed, "needs-stage",
        fmt::format("Stage {} needs stage {}, which is left out and not ready", names.front(), stage.name),
        seen.judgement.evidence, context.config.again("up") + "   builds everything that is missing");
  }
  return {};
}

class Run {
 public:
  Run(world::World& world, const config::Config& config, cluster::ClusterTarget& target,
      const cluster::ClusterAccess& access, world::KubeApi& api, world::Progress& progress)
      : world_(world), config_(config), target_(target), access_(access), api_(api), progress_(progress) {}

  // Reads only.
  Status prepare(Job& job) {
    Result<Work> work = find_work(world_, config_, access_, api_, *job.stage);
    if (!work) return failure(work.error());
    job.work = *std::move(work);
    if (job.stage->name == "hpa" && new_hpas_are_synced_at_once()) {
      for (Operation& operation : job.work.todo) operation.after.push_back(stage_ready("adapter"));
    }
    return {};
  }

  void expect(const Job& job) {
    board_.expect(stage_ready(job.stage->name));
    for (const Operation& operation : job.work.todo) {
      if (operation.reaches) board_.expect(*operation.reaches);
    }
  }

  void execute(Job& job) {
    world::TimePoint start = world_.clock.now();
    progress_.started(job.report.name);
    Status done = change(job);
    if (done && job.report.evidence.empty()) job.report.evidence = job.work.evidence;
    if (done) done = watch(job);
    job.report.took = world_.clock.now() - start;
    if (done) {
      job.report.outcome = job.work.used ? Came::used : job.work.todo.empty() ? Came::unchanged : Came::built;
      board_.reach(stage_ready(job.stage->name));
      progress_.done(job.report.name, job.report.evidence);
      return;
    }
    job.error = done.error();
    bool stopped = done.error().is("stopped") || done.error().kind == ErrorClass::interrupted;
    job.report.outcome = stopped ? Came::stopped : Came::failed;
    if (!stopped)
      job.report.evidence = done.error().because.empty() ? done.error().what : done.error().because;
    progress_.failed(job.report.name, stopped ? "stopped: " + job.report.evidence : job.report.evidence);
    board_.stop();
  }

  void stop() { board_.stop(); }

 private:
  // Its controller looks at a new HPA for the first time after a sync period, or at once, and then every sync
  // period. In the first case the HPA is created early, so that its wait runs beside everything else; in the
  // second case, when its metric is there: a look before that would be in vain, and the next one is 15 s
  // away.
  bool new_hpas_are_synced_at_once() {
    Result<Json> version = world::kube_get(api_, "/version");
    std::optional<hpasim::Rules> rules =
        hpasim::rules_of_cluster(version ? text_at(*version, "gitVersion") : "");
    return rules && rules->first_sync_at_once;
  }

  Status change(Job& job) {
    for (const Milestone& milestone : job.work.reached) board_.reach(milestone);
    if (job.work.todo.empty()) return {};
    std::vector<Status> results(job.work.todo.size());
    world::Workers workers([this] { board_.stop(); });
    for (size_t i = 0; i < job.work.todo.size(); ++i) {
      workers.start([&, i] {
        results[i] = perform(job, job.work.todo[i]);
        if (!results[i]) board_.stop();
      });
    }
    if (Status done = workers.join(); !done) return done;
    for (const Status& result : results) {
      if (!result && !result.error().is("stopped")) return result;
    }
    for (const Status& result : results) {
      if (!result) return result;
    }
    return {};
  }

  tl::unexpected<Error> stopped() {
    if (world_.interrupt.requested()) return interrupted("building the chain");
    return failure(ErrorClass::check_failed, "stopped", "Another stage failed first");
  }

  Status perform(const Job& job, const Operation& operation) {
    std::string stage(job.stage->name);
    if (std::optional<Milestone> missing = board_.missing(operation.after)) {
      progress_.now(stage, "waiting for " + to_text(*missing));
    }
    if (!board_.wait(operation.after)) return stopped();
    progress_.now(stage, operation.subject);
    Status done = act(operation);
    if (done && operation.reaches && operation.reaches->kind == Milestone::Kind::custom_resource) {
      done = wait_served(operation.reaches->name);
    }
    if (done && operation.reaches) board_.reach(*operation.reaches);
    return done;
  }

  Status act(Operation operation) {
    std::string chart;
    if (auto* upgrade = std::get_if<HelmUpgrade>(&operation.action)) {
      if (Status ready = prepare_helm(operation.subject); !ready) return ready;
      Result<std::string> written = write_chart(world_);
      if (!written) return failure(written.error());
      chart = *written;
      upgrade->installer = this_installer(world_.files);
    }
    // Whatever passes by itself: a cluster that has just started, a namespace that an earlier `down` is still
    // removing, another `up` at the same moment.
    world::TimePoint end = world_.clock.now() + 60s;
    while (true) {
      Status done = change_by(operation, chart);
      bool again = !done && passes_by_itself(done.error()) && world_.clock.now() < end && !board_.stopped();
      if (!again || !world_.clock.sleep(300ms)) return done;
    }
  }

  Status prepare_helm(const std::string& subject) {
    return recover_release(world_, config_, access_, api_, [&](const std::string& waiting_for) {
      progress_.now("adapter", subject + ": waiting for " + waiting_for);
      return !board_.stopped();
    });
  }

  Status change_by(const Operation& operation, const std::string& chart) {
    std::optional<CommandLine> line = command_line(operation, access_, chart);
    if (std::holds_alternative<BringKeda>(operation.action)) return target_.bring_keda(progress_);
    if (!line) {
      return target_.load_image(api_, std::get<LoadImage>(operation.action).image, progress_);
    }
    world::Command command{.argv = line->argv, .input = line->input, .limit = config_.duration("timeout")};
    bool helm = std::holds_alternative<HelmUpgrade>(operation.action);
    Result<std::string> changed =
        world::run_checked(world_.processes, command, helm ? ErrorId("helm") : ErrorId("kubectl-apply"),
                           "Cannot apply " + operation.subject);
    if (!changed) return failure(changed.error());
    return {};
  }

  // A namespace that is still going away, a connection that broke, a custom resource that was established
  // just now.
  static bool passes_by_itself(const Error& error) {
    for (const char* sign :
         {"connection refused", "EOF", "TLS handshake timeout", "is being terminated", "no matches for kind",
          "the server is currently unable", "etcdserver: ", "connection reset", "object is being deleted",
          "another operation (install/upgrade/rollback) is in progress", "already exists",
          "restart has already been triggered"}) {
      if (error.output.find(sign) != std::string::npos) return true;
    }
    return false;
  }

  Status wait_served(const std::string& resource) {
    return world::wait_until(
        world_.clock, {config_.duration("timeout"), 50ms}, "waiting for the API server to serve " + resource,
        [&]() -> Result<world::StillWaiting> {
          if (board_.stopped()) return stopped();
          for (const char* version :
               {"monitoring.coreos.com/v1", "monitoring.coreos.com/v1alpha1", "keda.sh/v1alpha1"}) {
            Result<Json> list = world::kube_get(api_, world::api_root(version));
            if (!list) continue;
            for (const Json& served : list_at(*list, "resources")) {
              if (text_at(served, "name") == resource) return world::StillWaiting();
            }
          }
          return world::StillWaiting(resource + " is not served yet");
        });
  }

  // Until the stage's rules hold, each in turn. What could not be read is tried again for a while.
  Status watch(Job& job) {
    StageContext context{api_, world_.clock, config_};
    world::TimePoint end = world_.clock.now() + config_.duration("timeout");
    world::TimePoint readable = world_.clock.now();
    size_t held = 0;
    while (held < job.stage->rules.size()) {
      diagnose::Judgement judgement = job.stage->rules[held].check(context);
      world::TimePoint now = world_.clock.now();
      if (judgement.mark != Mark::unknown) readable = now;
      if (judgement.ok()) {
        ++held;
        job.report.evidence = judgement.evidence;
        continue;
      }
      job.report.evidence = judgement.evidence;
      progress_.now(job.report.name, judgement.evidence);
      if (world_.interrupt.requested()) return interrupted("waiting for " + job.report.name);
      if (board_.stopped()) return stopped();
      // A registry that takes minutes to build the image does not use up the time of the stages that need its
      // metric.
      if (board_.missing({{Milestone::Kind::image}})) end = now + config_.duration("timeout");
      if (now >= end || now - readable > unreadable_for) {
        Result<Json> there = world::kube_get(api_, "/version");
        if (!there && there.error().kind == ErrorClass::environment) return failure(there.error());
        if (now >= end || judgement.forbidden())
          return failure(not_holding(*job.stage, {judgement, held}, config_));
        readable = now;  // the API server is there: it is what stands behind it that does not answer yet
      }
      if (!world_.clock.sleep(150ms)) return interrupted("waiting for " + job.report.name);
    }
    return {};
  }

  world::World& world_;
  const config::Config& config_;
  cluster::ClusterTarget& target_;
  const cluster::ClusterAccess& access_;
  world::KubeApi& api_;
  world::Progress& progress_;
  Board board_;
};

Status run_parallel(Run& run, std::vector<Job>& jobs) {
  // Reading first, all at once: this is the last moment at which nothing has changed.
  std::vector<Status> prepared(jobs.size());
  world::Workers workers([&] { run.stop(); });
  for (size_t i = 0; i < jobs.size(); ++i) {
    workers.start([&, i] { prepared[i] = run.prepare(jobs[i]); });
  }
  if (Status done = workers.join(); !done) return done;
  for (const Status& status : prepared) {
    if (!status) return status;
  }
  for (const Job& job : jobs) run.expect(job);
  for (Job& job : jobs) workers.start([&] { run.execute(job); });
  return workers.join();
}

}  // namespace

std::string_view outcome_name(StageReport::Outcome outcome) {
  switch (outcome) {
    case StageReport::Outcome::built: return "built";
    case StageReport::Outcome::unchanged: return "unchanged";
    case StageReport::Outcome::used: return "used";
    case StageReport::Outcome::left_out: return "left-out";
    case StageReport::Outcome::failed: return "failed";
    case StageReport::Outcome::stopped: return "stopped";
  }
  return "";
}

Result<std::vector<std::string>> selected_stages(const UpOptions& options, const config::Config& config) {
  std::vector<std::string> named = options.only;
  if (!options.from.empty()) named.push_back(options.from);
  for (const std::string& name : named) {
    if (Status known = check_stage(name, config); !known) return failure(known.error());
  }
  std::vector<std::string> names;
  bool reached = options.from.empty();
  for (const std::string& name : stage_names(config)) {
    reached = reached || name == options.from;
    bool wanted = options.only.empty() ||
                  std::find(options.only.begin(), options.only.end(), name) != options.only.end();
    if (reached && wanted) names.push_back(name);
  }
  if (names.empty()) return failure(ErrorClass::usage, "no-stage", "No stage in --only comes after --from");
  return names;
}

Status up(world::World& world, const config::Config& config, cluster::ClusterTarget& target,
          const cluster::ClusterAccess& access, world::KubeApi& api, const UpOptions& options,
          world::Progress& progress, UpReport& report) {
  Result<std::vector<std::string>> names = selected_stages(options, config);
  if (!names) return failure(names.error());
  world::TimePoint start = world.clock.now();
  StageContext context{api, world.clock, config};
  std::vector<Job> jobs;
  std::set<std::string_view> selected;
  for (const std::string& name : *names) {
    jobs.push_back(Job{find_stage(name), StageReport{.name = name}});
    selected.insert(jobs.back().stage->name);
  }
  Status status = needs_stand(*names, selected, context);
  if (!status) return status;
  if (!options.one_by_one) {
    Run run(world, config, target, access, api, progress);
    status = run_parallel(run, jobs);
  } else {
    for (Job& job : jobs) {
      Run run(world, config, target, access, api, progress);
      status = needs_stand({std::string(job.stage->name)}, selected, context);
      if (status) status = run.prepare(job);
      if (!status) break;
      if (options.before) {
        Result<std::vector<Operation>> all = job.stage->operations(config, access);
        Result<bool> yes = all ? options.before(*job.stage, *all) : Result<bool>(failure(all.error()));
        if (!yes) status = failure(yes.error());
        if (!yes) break;
        if (!*yes) {
          job.report.outcome = Came::left_out;
          selected.erase(job.stage->name);
          continue;
        }
      }
      run.expect(job);
      run.execute(job);
      if (job.error) break;
    }
  }
  report.took = world.clock.now() - start;
  for (const Job& job : jobs) report.stages.push_back(job.report);
  if (!status) return status;
  const Error* first = nullptr;
  for (const Job& job : jobs) {
    if (job.error && (first == nullptr || first->is("stopped"))) first = &*job.error;
  }
  if (world.interrupt.requested())
    return interrupted("building the chain; " + config.again("up") + " continues where it stopped");
  if (first != nullptr) return failure(first_broken(*first, selected, context));
  return {};
}

}  // namespace hpawalk::steps
