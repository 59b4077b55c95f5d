#include "steps/up.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "base/text.hpp"
#include "chain/json_read.hpp"
#include "manifests/manifests.hpp"
#include "steps/standing.hpp"

namespace hpawalk {

namespace {

using namespace std::chrono_literals;
using Came = StageReport::Outcome;

// What has been reached, and whether everybody is to stop.
class Board {
 public:
  void expect(const std::string& milestone) { expected_.insert(milestone); }  // before threads start
  void reach(const std::string& milestone) {
    std::lock_guard lock(mutex_);
    reached_.insert(milestone);
    changed_.notify_all();
  }
  void stop() {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }
  bool stopped() {
    std::lock_guard lock(mutex_);
    return stopped_;
  }
  // The first milestone that somebody in this run will reach, but has not yet.
  std::string missing(const std::vector<std::string>& milestones) {
    std::lock_guard lock(mutex_);
    return find_missing(milestones);
  }
  bool wait(const std::vector<std::string>& milestones) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stopped_ || find_missing(milestones).empty(); });
    return !stopped_;
  }

 private:
  std::string find_missing(const std::vector<std::string>& milestones) {
    for (const std::string& milestone : milestones) {
      if (expected_.contains(milestone) && !reached_.contains(milestone)) return milestone;
    }
    return {};
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> expected_, reached_;
  bool stopped_ = false;
};

// A stage with what is left to do for it.
struct Job {
  const Stage* stage;
  std::vector<Operation> todo = {};
  std::vector<std::string> reached = {};  // milestones of what is there already
  bool used = false;                      // somebody else's, and fine
  StageReport report = {};
  std::optional<Error> error = {};
};

class Run {
 public:
  Run(World& world, const Config& config, ClusterTarget& target, const ClusterAccess& access, KubeApi& api, Progress& progress)
      : world_(world), config_(config), target_(target), access_(access), api_(api), progress_(progress) {}

  // Reads only.
  Status prepare(Job& job) {
    Result<std::vector<Operation>> operations = job.stage->operations(config_, access_);
    if (!operations) return failure(operations.error());
    for (Operation& operation : *operations) {
      Status prepared = prepare(job, operation);
      if (!prepared) return prepared;
    }
    return {};
  }

  void expect(const Job& job) {
    for (const Operation& operation : job.todo) {
      if (!operation.reaches.empty()) board_.expect(operation.reaches);
    }
  }

  void execute(Job& job) {
    TimePoint start = world_.clock.now();
    job.report.name = job.stage->name;
    progress_.started(job.report.name);
    Status done = change(job);
    if (done) done = watch(job);
    job.report.took = world_.clock.now() - start;
    if (done) {
      job.report.outcome = job.used ? Came::used : job.todo.empty() ? Came::unchanged : Came::built;
      progress_.done(job.report.name, job.report.evidence);
      return;
    }
    job.error = done.error();
    bool stopped = done.error().id == "stopped" || done.error().kind == ErrorClass::interrupted;
    job.report.outcome = stopped ? Came::stopped : Came::failed;
    if (!stopped) job.report.evidence = done.error().because.empty() ? done.error().what : done.error().because;
    progress_.failed(job.report.name, stopped ? "stopped: " + job.report.evidence : job.report.evidence);
    board_.stop();
  }

 private:
  Status prepare(Job& job, const Operation& operation) {
    switch (operation.does) {
      case Does::bundle: return prepare_bundle(job);
      case Does::helm: return prepare_helm(job, operation);
      case Does::load_image: return prepare_image(job, operation);
      case Does::apply: return prepare_apply(job, operation);
    }
    return {};
  }

  Status prepare_apply(Job& job, const Operation& operation) {
    Result<Comparison> compared = compare_apply(api_, operation);
    if (!compared) return failure(compared.error());
    if (compared->standing == Standing::foreign) return failure(not_ours(compared->foreign));
    if (compared->standing == Standing::same) {
      job.reached.push_back(operation.reaches);
    } else {
      job.todo.push_back(compared->operation);
    }
    return {};
  }

  static Error not_ours(const std::string& object) {
    return Error{ErrorClass::check_failed, "not-ours", object + " is there already, and hpawalk did not make it",
                 "it does not have the labels " + std::string(owner_selector),
                 "Choose another name or namespace (hpawalk config shows the settings), or remove it; nothing was changed", {}, {}};
  }

  // Its ten custom resources are megabytes: only their metadata is looked at.
  Status prepare_bundle(Job& job) {
    KubeRequest request{.path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                        .headers = {{"Accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}}};
    Result<HttpResponse> response = api_.send(request);
    if (!response) return failure(response.error());
    if (!response->ok()) return failure(kube_error(request, *response));
    Json list = Json::parse(response->body, nullptr, false);
    std::set<std::string> current;
    bool foreign = false;
    for (const Json& crd : list_at(list, "items")) {
      std::string name = text_at(crd, "metadata.name");
      if (!name.ends_with(".monitoring.coreos.com")) continue;
      foreign = foreign || !is_ours(crd);
      const Json& version = at(crd, {"metadata", "annotations", "operator.prometheus.io/version"});
      if (version == config_.text("operator.version") && at(crd, "metadata.deletionTimestamp").is_null()) current.insert(name);
    }
    job.used = foreign;
    if (foreign) return {};
    bool whole = current.size() >= 10 && includes_operator();
    if (whole) return {};

    Result<std::string> bundle = read_bundle(world_, bundle_source(config_, access_));
    if (!bundle) return failure(bundle.error());
    Result<std::vector<Operation>> operations = bundle_operations(*bundle, config_, access_);
    if (!operations) return failure(operations.error());
    for (Operation& operation : *operations) {
      bool crd = operation.subject.starts_with("CRD ");
      if (crd && current.contains(operation.subject.substr(4))) {
        job.reached.push_back(operation.reaches);
        continue;
      }
      if (crd) {
        job.todo.push_back(std::move(operation));
      } else if (Status compared = prepare_apply(job, operation); !compared) {
        return compared;
      }
    }
    return {};
  }

  // The operator's own objects, without reading the bundle: the Deployment as this version would make it.
  bool includes_operator() {
    std::string space = config_.text("operator.namespace");
    Result<Json> live = kube_get(api_, fmt::format("/apis/apps/v1/namespaces/{}/deployments/prometheus-operator", space));
    Result<Json> binding = kube_get(api_, "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/prometheus-operator");
    Result<Json> role = kube_get(api_, "/apis/rbac.authorization.k8s.io/v1/clusterroles/prometheus-operator");
    Result<Json> account = kube_get(api_, fmt::format("/api/v1/namespaces/{}/serviceaccounts/prometheus-operator", space));
    Result<Json> service = kube_get(api_, fmt::format("/api/v1/namespaces/{}/services/prometheus-operator", space));
    for (const Result<Json>* object : {&live, &binding, &role, &account, &service}) {
      if (!*object || !is_ours(**object) || !at(**object, "metadata.deletionTimestamp").is_null()) return false;
    }
    for (const Json& container : list_at(*live, "spec.template.spec.containers")) {
      if (text_at(container, "image").ends_with(":v" + config_.text("operator.version"))) return true;
    }
    return false;
  }

  Status prepare_helm(Job& job, const Operation& operation) {
    std::string space = config_.text("adapter.namespace"), name = config_.text("adapter.release");
    Result<Release> release = find_release(api_, space, name);
    if (!release) return failure(release.error());
    if (release->there && !release->ours) return failure(not_ours("Helm release " + name + " in namespace " + space));
    if (!release->there) {
      Result<Json> service = kube_get(api_, "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.custom.metrics.k8s.io");
      if (service && at(*service, "metadata.deletionTimestamp").is_null()) {
        return failure(not_ours("APIService v1beta1.custom.metrics.k8s.io (somebody else's metrics adapter)"));
      }
    }
    std::string mark;
    for (const std::string& word : operation.argv) {
      if (size_t at_mark = word.find("hpawalk/values="); at_mark != std::string::npos) mark = word.substr(at_mark + 15);
    }
    bool whole = release->there && !release->pending && release->values == mark &&
                 kube_get(api_, fmt::format("/apis/apps/v1/namespaces/{}/deployments/{}", space, name)) &&
                 kube_get(api_, "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.custom.metrics.k8s.io");
    if (!whole) job.todo.push_back(operation);
    return {};
  }

  // A pod that runs from it is the proof that it is there.
  Status prepare_image(Job& job, const Operation& operation) {
    if (!config_.text("prom-fake.image").empty()) {
      job.report.evidence = operation.subject + ": from its registry";
      return {};
    }
    Result<Json> live = kube_get(api_, fmt::format("/apis/apps/v1/namespaces/{}/deployments/{}", config_.text("namespace"),
                                                   config_.text("prom-fake.name")));
    const Json& containers = live ? list_at(*live, "spec.template.spec.containers") : Json::array();
    if (live && int_at(*live, "status.availableReplicas") > 0 && !containers.empty() &&
        text_at(containers[0], "image") == operation.subject) {
      job.report.evidence = operation.subject + ": a pod runs from it";
      return {};
    }
    job.todo.push_back(operation);
    return {};
  }

  Status change(Job& job) {
    for (const std::string& milestone : job.reached) board_.reach(milestone);
    if (job.todo.empty()) return {};
    std::vector<std::thread> threads;
    std::vector<Status> results(job.todo.size());
    for (size_t i = 0; i < job.todo.size(); ++i) {
      threads.emplace_back([&, i] {
        results[i] = perform(job, job.todo[i]);
        if (!results[i]) board_.stop();
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const Status& result : results) {
      if (!result && result.error().id != "stopped") return result;
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
    if (std::string missing = board_.missing(operation.after); !missing.empty()) {
      progress_.now(stage, "waiting for " + missing);
    }
    if (!board_.wait(operation.after)) return stopped();
    progress_.now(stage, operation.subject);
    Status done = act(operation);
    if (done && !operation.served.empty()) done = wait_served(operation.served);
    if (done && !operation.reaches.empty()) board_.reach(operation.reaches);
    return done;
  }

  Status act(const Operation& operation) {
    if (operation.does == Does::load_image) {
      Status loaded = target_.load_image(api_, operation.subject, progress_);
      return loaded;
    }
    Command command{.argv = operation.argv, .input = operation.input, .limit = config_.duration("timeout")};
    if (operation.does == Does::helm) {
      Status ready = recover_release();
      if (!ready) return ready;
      Result<std::string> chart = write_chart();
      if (!chart) return failure(chart.error());
      std::replace(command.argv.begin(), command.argv.end(), std::string("CHART"), *chart);
    }
    // Whatever passes by itself: a cluster that has just started, a namespace that an earlier `down` is still removing.
    TimePoint end = world_.clock.now() + 30s;
    while (true) {
      Result<std::string> applied = run_checked(world_.processes, command, operation.does == Does::helm ? "helm" : "kubectl-apply",
                                                "Cannot apply " + operation.subject);
      if (applied) return {};
      bool again = worth_another_try(applied.error()) && world_.clock.now() < end && !board_.stopped();
      if (!again || !world_.clock.sleep(300ms)) return failure(applied.error());
    }
  }

  // A namespace that is still going away, a connection that broke, a custom resource that was established just now.
  static bool worth_another_try(const Error& error) {
    for (const char* sign : {"connection refused", "EOF", "TLS handshake timeout", "is being terminated", "no matches for kind",
                             "the server is currently unable", "etcdserver: ", "connection reset", "object is being deleted",
                             "another operation (install/upgrade/rollback) is in progress"}) {
      if (error.output.find(sign) != std::string::npos) return true;
    }
    return false;
  }

  Status wait_served(const std::string& resource) {
    return wait_until(world_.clock, {30s, 50ms}, "waiting for the API server to serve " + resource,
                      [&]() -> Result<StillWaiting> {
                        if (board_.stopped()) return stopped();
                        Result<Json> list = kube_get(api_, "/apis/monitoring.coreos.com/v1");
                        if (!list) return StillWaiting(list.error().what);
                        for (const Json& served : list_at(*list, "resources")) {
                          if (text_at(served, "name") == resource) return StillWaiting();
                        }
                        return StillWaiting(resource + " is not served yet");
                      });
  }

  // An install that was killed leaves its release `pending`, and Helm refuses to touch it. Its child may still be at
  // it, so it gets a moment; then the release goes, and comes back whole.
  Status recover_release() {
    std::string space = config_.text("adapter.namespace"), name = config_.text("adapter.release");
    TimePoint end = world_.clock.now() + 6s;
    while (true) {
      Result<Release> release = find_release(api_, space, name);
      if (!release || !release->there || !release->pending) return {};
      if (world_.clock.now() >= end) break;
      if (!world_.clock.sleep(200ms)) return interrupted("waiting for an earlier helm");
    }
    std::vector<std::string> argv = {access_.helm, "uninstall", name, "--namespace=" + space, "--ignore-not-found", "--no-hooks"};
    if (!access_.kube.kubeconfig.empty()) argv.push_back("--kubeconfig=" + access_.kube.kubeconfig);
    argv.push_back("--kube-context=" + access_.kube.context);
    Result<std::string> gone = run_checked(world_.processes, Command{.argv = argv, .limit = config_.duration("timeout")}, "helm",
                                           "Cannot remove the half-installed release " + name);
    if (!gone) return failure(gone.error());
    return {};
  }

  Result<std::string> write_chart() {
    fs::path folder = chart_folder(world_.environment);
    for (const auto& [file, text] : bundled_chart()) {
      Result<std::string> there = world_.files.read(folder / file);
      if (there && *there == text) continue;
      Status written = world_.files.write(folder / file, text);
      if (!written) return failure(written.error());
    }
    return folder.string();
  }

  // Until the stage's rules hold, each in turn. What could not be read is tried again for a while.
  Status watch(Job& job) {
    View view{api_, world_.clock, config_};
    TimePoint end = world_.clock.now() + config_.duration("timeout");
    TimePoint readable = world_.clock.now();
    size_t held = 0;
    while (held < job.stage->rules.size()) {
      Judgement judgement = job.stage->rules[held].check(view);
      TimePoint now = world_.clock.now();
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
      if (now >= end || now - readable > 20s) return not_holding(job, held);
      if (!world_.clock.sleep(150ms)) return interrupted("waiting for " + job.report.name);
    }
    return {};
  }

  tl::unexpected<Error> not_holding(const Job& job, size_t rule) {
    std::string stage(job.stage->name);
    return failure(ErrorClass::check_failed, "stage-" + stage,
                   fmt::format("Stage {}: it does not hold that {}", stage, job.stage->rules[rule].says), job.report.evidence,
                   fmt::format("hpawalk logs {}   shows its logs; hpawalk up goes on from here once the cause is gone", stage));
  }

  World& world_;
  const Config& config_;
  ClusterTarget& target_;
  const ClusterAccess& access_;
  KubeApi& api_;
  Progress& progress_;
  Board board_;
};

Status run_parallel(Run& run, std::vector<Job>& jobs) {
  // Reading first, all at once: this is the last moment at which nothing has changed.
  std::vector<Status> prepared(jobs.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < jobs.size(); ++i) {
    threads.emplace_back([&, i] { prepared[i] = run.prepare(jobs[i]); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Status& status : prepared) {
    if (!status) return status;
  }
  for (const Job& job : jobs) run.expect(job);
  threads.clear();
  // The HPA first: its controller looks at it for the first time 15 s after its creation.
  for (size_t i = jobs.size(); i-- > 0;) {
    threads.emplace_back([&, i] { run.execute(jobs[i]); });
  }
  for (std::thread& thread : threads) thread.join();
  return {};
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

Result<std::vector<std::string>> selected_stages(const UpOptions& options) {
  for (const std::string& name : options.only) {
    if (find_stage(name) == nullptr) return failure(unknown_stage(name));
  }
  if (!options.from.empty() && find_stage(options.from) == nullptr) return failure(unknown_stage(options.from));
  std::vector<std::string> names;
  bool reached = options.from.empty();
  for (const std::string& name : stage_names()) {
    reached = reached || name == options.from;
    bool wanted = options.only.empty() || std::find(options.only.begin(), options.only.end(), name) != options.only.end();
    if (reached && wanted) names.push_back(name);
  }
  if (names.empty()) return failure(ErrorClass::usage, "no-stage", "No stage is both behind --from and named by --only");
  return names;
}

Status up(World& world, const Config& config, ClusterTarget& target, const ClusterAccess& access, KubeApi& api,
          const UpOptions& options, Progress& progress, UpReport& report) {
  Result<std::vector<std::string>> names = selected_stages(options);
  if (!names) return failure(names.error());
  TimePoint start = world.clock.now();
  std::vector<Job> jobs;
  for (const std::string& name : *names) jobs.push_back(Job{find_stage(name)});
  Status status;
  if (!options.one_by_one) {
    Run run(world, config, target, access, api, progress);
    status = run_parallel(run, jobs);
  } else {
    for (Job& job : jobs) {
      Run run(world, config, target, access, api, progress);
      status = run.prepare(job);
      if (!status) break;
      job.report.name = job.stage->name;
      if (options.before) {
        Result<std::vector<Operation>> all = job.stage->operations(config, access);
        Result<bool> yes = all ? options.before(*job.stage, *all) : Result<bool>(failure(all.error()));
        if (!yes) status = failure(yes.error());
        if (!yes) break;
        job.report.outcome = Came::left_out;
        if (!*yes) continue;
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
    if (job.error && (first == nullptr || first->id == "stopped")) first = &*job.error;
  }
  if (world.interrupt.requested()) return interrupted("building the chain; hpawalk up goes on where it stopped");
  if (first != nullptr) return failure(*first);
  return {};
}

Judgement judge_stage(const Stage& stage, const View& view) {
  Judgement last{Mark::not_applicable, ""};
  for (const Rule& rule : stage.rules) {
    last = rule.check(view);
    if (!last.ok()) return last;
  }
  return last;
}

Result<std::string> read_bundle(World& world, const std::string& source) {
  if (!source.starts_with("http://") && !source.starts_with("https://")) return world.files.read(source);
  Result<HttpResponse> response = world.http.send(HttpRequest{.url = source, .limit = 2min, .download = true});
  std::string hint = "--operator-bundle FILE takes one from a file";
  if (!response) {
    Error error = response.error();
    error.hint = hint;
    return failure(error);
  }
  if (!response->ok()) {
    return failure(ErrorClass::environment, "operator-bundle", "Cannot fetch " + source,
                   fmt::format("the server answered {}", response->status), hint);
  }
  return std::move(response->body);
}

}  // namespace hpawalk
