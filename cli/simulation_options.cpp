#include "cli/simulation_options.hpp"

#include <fmt/format.h>

namespace hpawalk::cli {

namespace {

void add_cluster_options(CLI::App& command, SimulationOptions& options) {
  auto named = [&options](const std::string&) { options.cluster_named = true; };
  command.add_option("-n,--namespace", options.name_space, "The HPA's namespace; default: the context's")
      ->type_name("NS")
      ->each(named)
      ->group("Cluster");
  command.add_option("--context", options.context, "The kubeconfig's context")
      ->type_name("NAME")
      ->each(named)
      ->group("Cluster");
  command
      .add_option("--kubeconfig", options.kubeconfig, "The kubeconfig; if none exists, the local cluster's")
      ->type_name("FILE")
      ->each(named)
      ->group("Cluster");
}

constexpr const char* controller_group =
    "Controller (for an HPA in a cluster: that cluster's values, if visible)";

}  // namespace

void add_controller_options(CLI::App& command, hpasim::SetupRequest& o) {
  command
      .add_option("--kube-version", o.version,
                  fmt::format("Its Kubernetes version ({})", hpasim::newest_version))
      ->group(controller_group);
  command.add_option("--hpa-sync-period", o.sync_period, "15s")->type_name("TIME")->group(controller_group);
  command.add_option("--hpa-downscale-stabilization", o.downscale_stabilization, "5m")
      ->type_name("TIME")
      ->group(controller_group);
  command.add_option("--hpa-tolerance", o.tolerance, "0.1")
      ->check(CLI::Range(0.0, 10.0))
      ->group(controller_group);
  command
      .add_flag("--gate-configurable-tolerance", o.tolerance_gate,
                "Enable the feature gate (default: from 1.35 on)")
      ->group(controller_group);
  command.add_flag("--gate-scale-to-zero", o.zero_gate, "Enable the feature gate (default: from 1.37 on)")
      ->group(controller_group);
}

CLI::Option* add_simulation_options(CLI::App& command, SimulationOptions& o, const std::string& examples) {
  CLI::Option* hpa = command
                         .add_option("HPA,--hpa", o.hpa,
                                     "The HPA, or KEDA's ScaledObject: a YAML or JSON file (FILE#NAME or "
                                     "FILE#NAMESPACE/NAME for one of several; -: standard input), or its "
                                     "name in the cluster")
                         ->type_name("FILE|NAME");
  command.add_option("-p,--profile", o.profiles, "The load, as below; repeat it to give each metric its own")
      ->type_name("PROFILE");
  command
      .add_option("--set", o.sets,
                  "What if: set a field to another value, as in spec.maxReplicas=20; repeatable")
      ->type_name("PATH=VALUE");
  command.add_option("--replicas", o.replicas, "Replicas at the start (minReplicas)")
      ->check(CLI::NonNegativeNumber);
  command.add_flag(
      "--zero-by-hand", o.zero_by_hand,
      "With 0 replicas at the start: a person scaled to 0, not the HPA (from 1.36 on, it stays there)");
  command.add_option("--duration", o.duration, "Duration (default: that of the profile)")->type_name("TIME");
  command.add_option("--seed", o.seed, "Seed of the delays, phases and noise; default: typical delays")
      ->each([&o](const std::string&) { o.has_seed = true; });
  add_cluster_options(command, o);

  const char* history = "A recorded metric as the load";
  command
      .add_option("--from-prometheus", o.query,
                  "A query to the cluster's Prometheus; it must return one series")
      ->type_name("QUERY")
      ->group(history);
  command.add_option("--last", o.last, "Length of the history")
      ->capture_default_str()
      ->type_name("TIME")
      ->group(history);
  command
      .add_option("--step", o.step, "Time between values (default: 5s, or more to stay below 10,000 values)")
      ->type_name("TIME")
      ->group(history);
  command
      .add_option("--prometheus", o.prometheus,
                  "Where Prometheus is: a URL, or NAMESPACE/SERVICE:PORT behind the API server")
      ->capture_default_str()
      ->type_name("WHERE")
      ->group(history);
  add_prometheus_options(command, o.prometheus_options, history);
  command
      .add_flag("--linear", o.linear,
                "Interpolate linearly between two values (here, and in a CSV file); default: hold each value")
      ->group(history);

  const char* pods = "Pods and the path of the metric";
  command
      .add_option("--metric-is", o.meaning,
                  "whole: the metric is the load, independent of the number of pods; shared: the pods share "
                  "the load. Default: shared for Pods and resource metrics")
      ->check(CLI::IsMember({"usual", "whole", "shared"}))
      ->capture_default_str()
      ->group(pods);
  command.add_option("--pod-start", o.pod_start, "From a pod's creation until it runs")
      ->capture_default_str()
      ->type_name("TIME")
      ->group(pods);
  command.add_option("--pod-warmup", o.pod_warmup, "From then until the pod is ready and has a sample")
      ->capture_default_str()
      ->type_name("TIME")
      ->group(pods);
  command
      .add_option("--pod-request", o.request,
                  "A pod's request, for a utilization: its load is then in cores or bytes. One for all "
                  "resources, or cpu=500m,memory=1Gi. Default: the load is a percentage of the request")
      ->type_name("QUANTITY")
      ->group(pods);
  command
      .add_option("--scrape-interval", o.scrape,
                  "Prometheus's scrape interval, which delays what the HPA reads")
      ->capture_default_str()
      ->type_name("TIME")
      ->group(pods);
  command
      .add_option("--query-window", o.window,
                  "The time over which the adapter's query averages, as in rate(...[2m])")
      ->capture_default_str()
      ->type_name("TIME")
      ->group(pods);
  command
      .add_option("--outage", o.outages,
                  "From when to when the metrics' source does not answer, as in 5m..8m; repeatable")
      ->type_name("FROM..TO")
      ->group(pods);
  command
      .add_option("--relist-interval", o.relist,
                  "The adapter's relist interval: a metric that is new at the start appears only after it")
      ->capture_default_str()
      ->type_name("TIME")
      ->group(pods);

  add_controller_options(command, o);
  command
      .add_option("--controller-delay", o.controller_delay,
                  "Duration of a sync (about 30ms; longer for a busy controller)")
      ->type_name("TIME")
      ->group(controller_group);
  command.footer(std::string(hpasim::profile_help()) + "\n\nExamples:\n" + examples);
  return hpa;
}

Status take_prometheus_login(world::World& world, SimulationOptions& o) {
  Result<world::PrometheusLogin> login = prometheus_login(world, o.prometheus_options, o.prometheus);
  if (!login) return failure(login.error());
  o.prometheus_login = *std::move(login);
  return {};
}

Counting::Counting(Session& session, std::string step, int total)
    : session_(session),
      step_(std::move(step)),
      total_(total),
      began_(session.world.clock.now()),
      told_(began_) {}

Counting::~Counting() {
  if (!shown_) return;
  if (session_.world.interrupt.requested())
    session_.progress.failed(step_, "interrupted");
  else
    session_.progress.done(step_, fmt::format("{}", total_));
}

bool Counting::operator()(int done) {
  world::TimePoint now = session_.world.clock.now();
  if (!shown_ && now - began_ > std::chrono::seconds(1)) {
    shown_ = true;
    session_.progress.started(step_);
  }
  if (shown_ && now - told_ > std::chrono::milliseconds(100)) {
    session_.progress.now(step_, fmt::format("{} of {}", done, total_));
    told_ = now;
  }
  return !session_.world.interrupt.requested();
}

}  // namespace hpawalk::cli
