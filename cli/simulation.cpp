#include "cli/simulation.hpp"

#include <chrono>

#include <fmt/format.h>

#include "base/text.hpp"
#include "hpasim/quantity.hpp"
#include "world/kube_proxy.hpp"
#include "world/prometheus_api.hpp"

namespace hpawalk {

using hpasim::Document;
using hpasim::Profile;
using hpasim::Time;

void add_cluster_options(CLI::App& command, ClusterOptions& options) {
  command.add_option("--kubeconfig", options.kubeconfig, "The kubeconfig file")->type_name("FILE");
  command.add_option("--context", options.context, "The kubeconfig's context")->type_name("NAME");
  command.add_option("-n,--namespace", options.name_space, "Where the HPA is")->capture_default_str()->type_name("NAME");
}

void add_simulation_options(CLI::App& command, SimulationOptions& o) {
  command.add_option("--hpa", o.hpa, "The HPA: a YAML or JSON file (FILE#NAME if it holds several), or its name in the cluster")->required()->type_name("FILE|NAME");
  command.add_option("-p,--profile", o.profiles, "The load, as below; repeat it to give each metric its own")->type_name("PROFILE");
  command.add_option("--from-prometheus", o.query, "A recorded metric as the load: a query in the cluster's Prometheus")->type_name("QUERY");
  command.add_option("--last", o.last, "How much of it")->capture_default_str()->type_name("TIME");
  command.add_option("--prometheus", o.prometheus, "Where Prometheus is: a URL, or NAMESPACE/SERVICE:PORT")->capture_default_str();
  command.add_option("--set", o.sets, "What if: another value for a field, as in spec.maxReplicas=20")->type_name("PATH=VALUE");
  command.add_option("--kube-version", o.version, "The controller's Kubernetes version")->capture_default_str();
  command.add_option("--metric-is", o.meaning, "whole: the metric is the load, however many pods there are; shared: the pods share it. Usual: shared for Pods and resource metrics")
      ->check(CLI::IsMember({"usual", "whole", "shared"}))->capture_default_str();
  command.add_option("--replicas", o.replicas, "Replicas at the start (minReplicas)")->check(CLI::NonNegativeNumber);
  command.add_option("--duration", o.duration, "How long (as long as the profile)")->type_name("TIME");
  command.add_option("--pod-start", o.pod_start, "From a pod's creation until it runs")->capture_default_str()->type_name("TIME");
  command.add_option("--pod-warmup", o.pod_warmup, "From then until it is ready and has a sample")->capture_default_str()->type_name("TIME");
  command.add_option("--pod-request", o.request, "A pod's request of the resource, for a utilization")->capture_default_str()->type_name("QUANTITY");
  command.add_option("--scrape-interval", o.scrape, "Prometheus's, which delays what the HPA sees")->capture_default_str()->type_name("TIME");
  command.add_option("--query-window", o.window, "The time over which the adapter's query averages, as in rate(...[2m])")->capture_default_str()->type_name("TIME");
  command.add_option("--relist-interval", o.relist, "The adapter's: a metric that is new at the start appears only then")->capture_default_str()->type_name("TIME");
  command.add_option("--hpa-sync-period", o.sync_period, "The controller's")->capture_default_str()->type_name("TIME");
  command.add_option("--hpa-downscale-stabilization", o.downscale_stabilization, "The controller's")->capture_default_str()->type_name("TIME");
  command.add_option("--hpa-tolerance", o.tolerance, "The controller's")->capture_default_str()->check(CLI::Range(0.0, 10.0));
  command.add_option("--controller-delay", o.controller_delay, "What a sync takes (about 30 ms; a busy controller takes longer)")->type_name("TIME");
  command.add_flag("--gate-configurable-tolerance", o.tolerance_gate, "The feature gate is on (it is, from 1.35 on)");
  command.add_flag("--gate-scale-to-zero", o.zero_gate, "The feature gate is on (it is, from 1.37 on)");
  command.add_flag("--linear", o.linear, "Between a CSV file's lines the load changes evenly (without: it holds)");
  command.add_option("--seed", o.seed, "Draws the delays, the phases and the noise; without, delays are typical")->each([&o](const std::string&) { o.has_seed = true; });
  command.footer(std::string(hpasim::profile_help()));
}

Result<Document> load_hpa(World& world, const std::string& hpa, const ClusterOptions& cluster) {
  size_t hash = hpa.rfind('#');
  std::string file = hpa.substr(0, hash), name = hash == std::string::npos ? "" : hpa.substr(hash + 1);
  bool looks_like_file = file.find('/') != std::string::npos || file.ends_with(".yaml") || file.ends_with(".yml") || file.ends_with(".json");
  if (looks_like_file || world.files.exists(file)) {
    auto text = world.files.read(file);
    if (!text) return tl::unexpected(text.error());
    return hpasim::find_hpa(*text, name);
  }
  auto api = connect(world, {cluster.kubeconfig, cluster.context, "kubectl"});
  if (!api) return tl::unexpected(api.error());
  auto object = kube_get(**api, fmt::format("/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers/{}", query_value(cluster.name_space), query_value(hpa)));
  if (!object) {
    Error error = object.error();
    if (error.id == "kube-not-found") error.hint = fmt::format("There is no file {} either. kubectl get hpa -n {} lists them", hpa, cluster.name_space);
    return failure(std::move(error));
  }
  Document document = Document::parse(object->dump());
  document.erase("status");
  if (document.contains("metadata")) document["metadata"].erase("managedFields");
  return document;
}

namespace {

auto wrong_prometheus(const std::string& text) {
  return failure(ErrorClass::usage, "prometheus-address", "\"" + text + "\" is neither a URL nor NAMESPACE/SERVICE:PORT", {}, "For example --prometheus prom-metrics/prometheus:9090");
}

Result<Profile> profile_from(const PrometheusApi& prometheus, World& world, const SimulationOptions& o) {
  auto last = hpasim::parse_duration(o.last);
  if (!last) return tl::unexpected(last.error());
  double seconds = static_cast<double>(last->count()) / 1e6;
  double end = static_cast<double>(std::chrono::duration_cast<std::chrono::seconds>(world.clock.wall_now().time_since_epoch()).count());
  double step = std::max(5.0, std::ceil(seconds / 10'000));  // Prometheus gives at most 11,000 points
  auto data = prometheus.get(fmt::format("/api/v1/query_range?query={}&start={:.0f}&end={:.0f}&step={:.0f}", query_value(o.query), end - seconds, end, step), std::chrono::seconds(60));
  if (!data) return tl::unexpected(data.error());
  const Json& result = (*data)["result"];
  if (!result.is_array() || result.size() != 1) {
    return failure(ErrorClass::check_failed, "prometheus-series", fmt::format("The query gave {} series; a load is exactly one", result.is_array() ? result.size() : 0), o.query,
                   result.empty() ? "Try it in Prometheus; or a longer --last" : "Put sum(...) or max(...) around it");
  }
  std::string csv;
  for (const Json& point : result[0]["values"]) {
    std::string value = point[1].get<std::string>();
    if (value == "NaN" || value.ends_with("Inf")) continue;
    csv += fmt::format("{},{}\n", point[0].get<double>(), value);
  }
  return hpasim::read_csv(csv, o.linear);
}

Result<Profile> recorded(World& world, const SimulationOptions& o) {
  if (o.prometheus.starts_with("http://") || o.prometheus.starts_with("https://")) return profile_from(prometheus_at(world.http, o.prometheus), world, o);
  size_t slash = o.prometheus.find('/'), colon = o.prometheus.rfind(':');
  if (slash == std::string::npos || colon == std::string::npos || colon < slash) return wrong_prometheus(o.prometheus);
  auto api = connect(world, {o.cluster.kubeconfig, o.cluster.context, "kubectl"});
  if (!api) return tl::unexpected(api.error());
  Backend backend{o.prometheus.substr(0, slash), o.prometheus.substr(slash + 1, colon - slash - 1), o.prometheus.substr(colon + 1)};
  return profile_from(prometheus_behind(**api, backend), world, o);
}

Status load_profiles(World& world, const SimulationOptions& o, Simulation& simulation) {
  if (!o.query.empty()) {
    auto profile = recorded(world, o);
    if (!profile) return tl::unexpected(profile.error());
    simulation.profiles.push_back(*profile);
    simulation.profile_names.push_back(o.query + ", last " + o.last);
  }
  for (const std::string& text : o.profiles) {
    bool file = text.ends_with(".csv") || world.files.exists(text);
    auto profile = [&]() -> Result<Profile> {
      if (!file) return hpasim::parse_profile(text, o.seed);
      auto content = world.files.read(text);
      if (!content) return tl::unexpected(content.error());
      return hpasim::read_csv(*content, o.linear);
    }();
    if (!profile) return tl::unexpected(profile.error());
    simulation.profiles.push_back(*profile);
    simulation.profile_names.push_back(text);
  }
  if (simulation.profiles.empty()) {
    return failure(ErrorClass::usage, "profile", "There is no load to simulate", {}, "For example --profile 'step 5..50 at 1m'");
  }
  if (simulation.profiles.size() > 1 && simulation.profiles.size() != simulation.spec.metrics.size()) {
    return failure(ErrorClass::usage, "profile", fmt::format("There are {} profiles for {} metrics", simulation.profiles.size(), simulation.spec.metrics.size()),
                   {}, "Give one for all, or one for each metric in the HPA's order");
  }
  return {};
}

Status load_setup(const SimulationOptions& o, hpasim::Setup& setup) {
  auto rules = hpasim::rules_for(o.version);
  if (!rules) return tl::unexpected(rules.error());
  setup.rules = *rules;
  setup.rules.tolerance_from_spec |= o.tolerance_gate && setup.rules.minor >= 33;
  setup.rules.zero_allowed |= o.zero_gate;
  setup.meaning = o.meaning == "whole" ? hpasim::Meaning::whole : o.meaning == "shared" ? hpasim::Meaning::shared : hpasim::Meaning::usual;
  struct Field {
    const std::string& text;
    Time& time;
  };
  for (const Field& field : {Field{o.pod_start, setup.pods.pending}, {o.pod_warmup, setup.pods.warming}, {o.scrape, setup.pipeline.scrape_interval},
                             {o.window, setup.pipeline.window}, {o.relist, setup.pipeline.relist}, {o.sync_period, setup.flags.sync_period},
                             {o.downscale_stabilization, setup.flags.downscale_stabilization}, {o.duration, setup.duration}}) {
    if (field.text.empty()) continue;
    auto time = hpasim::parse_duration(field.text);
    if (!time) return tl::unexpected(time.error());
    field.time = *time;
  }
  if (setup.flags.sync_period < std::chrono::milliseconds(100)) return failure(ErrorClass::usage, "duration", "--hpa-sync-period is too short", o.sync_period);
  auto request = hpasim::parse_quantity(o.request);
  if (!request) return tl::unexpected(request.error());
  setup.pods.request = hpasim::to_milli(*request);
  if (setup.pods.request <= 0) return failure(ErrorClass::usage, "quantity", "--pod-request must be positive", o.request);
  if (!o.controller_delay.empty()) {
    auto delay = hpasim::parse_duration(o.controller_delay);
    if (!delay) return tl::unexpected(delay.error());
    setup.delays = hpasim::delays_of(*delay);
  }
  setup.flags.tolerance = o.tolerance;
  if (o.replicas >= 0) setup.replicas = o.replicas;
  setup.seed = o.seed;
  setup.jitter = o.has_seed;
  return {};
}

}  // namespace

Result<Simulation> load_simulation(World& world, const SimulationOptions& o) {
  Simulation simulation;
  simulation.version = o.version;
  if (auto ok = load_setup(o, simulation.setup); !ok) return tl::unexpected(ok.error());
  auto document = load_hpa(world, o.hpa, o.cluster);
  if (!document) return tl::unexpected(document.error());
  simulation.original = simulation.document = *document;
  for (const std::string& set : o.sets) {
    if (auto ok = hpasim::set_field(simulation.document, set); !ok) return tl::unexpected(ok.error());
  }
  auto spec = hpasim::parse_spec(simulation.document);
  if (!spec) return tl::unexpected(spec.error());
  simulation.spec = *spec;
  auto original = hpasim::parse_spec(simulation.original);
  simulation.original_spec = original ? *original : *spec;
  if (auto ok = load_profiles(world, o, simulation); !ok) return tl::unexpected(ok.error());
  Time end = simulation.setup.duration;
  for (const Profile& profile : simulation.profiles) end = std::max(end, profile.end());
  if (end <= Time(0)) return failure(ErrorClass::usage, "profile", "The profile has no length", {}, "Add for 10m, or --duration 10m");
  if (end / simulation.setup.flags.sync_period > 20'000'000) return failure(ErrorClass::usage, "duration", "More than 20 million syncs are too many");
  return simulation;
}

}  // namespace hpawalk
