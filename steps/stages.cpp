#include "steps/stages.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/text.hpp"
#include "cluster/local/layout.hpp"
#include "manifests/manifests.hpp"
#include "manifests/operator_bundle.hpp"
#include "steps/ownership.hpp"
#include "steps/release.hpp"
#include "world/kube_discovery.hpp"

namespace hpawalk::steps {

namespace {

using Operations = Result<std::vector<Operation>>;

constexpr std::array<const char*, 5> needed_crds = {"servicemonitors", "prometheuses", "podmonitors",
                                                    "probes", "prometheusrules"};

// What is not on the way from the custom resources to a running Prometheus waits until these are there, and
// so leaves the processors of a small machine to them. The HPA too: its controller looks at it for the first
// time 15 s after its creation and then every 15 s, so that an HPA that was there much before the metric
// would be looked at in vain.
constexpr const char* critical = "CRD prometheuses";

std::vector<std::string> crd_milestones() {
  std::vector<std::string> all;
  for (const char* crd : needed_crds) all.push_back(std::string("CRD ") + crd);
  return all;
}

// --force-conflicts: the object is hpawalk's (that is checked before), so what others changed in it is set
// right.
std::vector<std::string> apply_line(const cluster::ClusterAccess& access) {
  return world::kubectl_line(
      access.kube, {"apply", "--server-side", "--field-manager=hpawalk", "--force-conflicts", "-f", "-"});
}

Operation apply(const cluster::ClusterAccess& access, std::string subject, std::string yaml) {
  return Operation{Does::apply, std::move(subject), apply_line(access), std::move(yaml)};
}

// ---- operations

Operations workload(const config::Config& config, const cluster::ClusterAccess& access) {
  Result<std::string> yaml = manifests::render_stage("workload", config);
  if (!yaml) return failure(yaml.error());
  Operation operation = apply(access, "Deployment " + config.text("workload.name"), *yaml);
  operation.keep_replicas_of = config.text("workload.name");
  operation.after = {critical};
  return std::vector{operation};
}

Operations the_operator(const config::Config& config, const cluster::ClusterAccess& access) {
  Operation operation = apply(access, "prometheus-operator " + config.text("operator.version"), {});
  operation.does = Does::bundle;
  return std::vector{operation};
}

// The Prometheus itself comes last: a ServiceMonitor that is there before it is in its first configuration.
Operations prometheus(const config::Config& config, const cluster::ClusterAccess& access) {
  Result<std::string> yaml = manifests::render_stage("prometheus", config);
  if (!yaml) return failure(yaml.error());
  size_t last = yaml->rfind("---\n");
  Operation before = apply(access, "Prometheus's account, rights and Service", yaml->substr(0, last));
  Operation resource = apply(access, "Prometheus " + config.text("prometheus.name"), yaml->substr(last + 4));
  before.reaches = "Prometheus's rights";
  resource.reaches = "Prometheus";
  resource.after = crd_milestones();
  resource.after.insert(resource.after.end(), {"ServiceMonitor", before.reaches});
  return std::vector{before, resource};
}

Operations image(const config::Config& config, const cluster::ClusterAccess&) {
  return std::vector{
      Operation{Does::load_image, manifests::prom_fake_image(config), {}, {}, {critical}, "image"}};
}

Operations prom_fake(const config::Config& config, const cluster::ClusterAccess& access) {
  Result<std::string> yaml = manifests::render_stage("prom-fake", config);
  if (!yaml) return failure(yaml.error());
  Operation operation = apply(access, "Deployment and Service " + config.text("prom-fake.name"), *yaml);
  operation.after = {"image"};
  return std::vector{operation};
}

Operations servicemonitor(const config::Config& config, const cluster::ClusterAccess& access) {
  Result<std::string> yaml = manifests::render_stage("servicemonitor", config);
  if (!yaml) return failure(yaml.error());
  Operation operation = apply(access, "ServiceMonitor " + config.text("servicemonitor.name"), *yaml);
  operation.after = {"CRD servicemonitors"};
  operation.reaches = "ServiceMonitor";
  return std::vector{operation};
}

std::vector<std::string> chart_reference(const config::Config& config, const std::string& bundled) {
  std::string chart = config.text("adapter.chart"), version = config.text("adapter.chart-version");
  std::vector<std::string> words;
  if (chart == "bundled") return {bundled};
  if (chart == "upstream") {
    words = {"prometheus-adapter", "--repo=https://prometheus-community.github.io/helm-charts"};
  } else {
    words = {chart};
  }
  if (!version.empty()) words.push_back("--version=" + version);
  return words;
}

Operations adapter(const config::Config& config, const cluster::ClusterAccess& access) {
  std::vector<Operation> operations;
  std::string space = config.text("adapter.namespace");
  Result<std::string> name_space = manifests::render_namespace(space, config);
  Result<std::string> values = manifests::render_adapter_values(config);
  if (!name_space) return failure(name_space.error());
  if (!values) return failure(values.error());
  if (!name_space->empty()) {
    operations.push_back(apply(access, "Namespace " + space, *name_space));
    operations.back().reaches = "Namespace " + space;
    operations.back().after = {critical};
  }
  std::string content = *values;
  for (const auto& [file, text] : manifests::bundled_chart()) content += file + text;
  std::vector<std::string> words = {"upgrade", "--install", config.text("adapter.release")};
  for (std::string& word : chart_reference(config, "CHART")) words.push_back(std::move(word));
  std::string mark = fingerprint(content + text::join(words, " "));
  words.insert(words.end(),
               {"--namespace=" + space, "--history-max=3",
                fmt::format("--labels={},{}={},{}{}", manifests::owner_selector, manifests::instance_label,
                            config.text("instance"), release_mark, mark),
                "--values=-"});
  operations.push_back(Operation{Does::helm, "Helm release " + config.text("adapter.release"),
                                 helm_line(access, words), *values});
  operations.back().after = {operations.size() > 1 ? operations.front().reaches : critical};
  return operations;
}

Operations hpa(const config::Config& config, const cluster::ClusterAccess& access) {
  Result<std::string> yaml = manifests::render_stage("hpa", config);
  if (!yaml) return failure(yaml.error());
  Operation operation = apply(access, "HorizontalPodAutoscaler " + config.text("hpa.name"), *yaml);
  operation.after = {critical};
  return std::vector{operation};
}

// ---- rules

// The Deployment, and when it is not available what its pods say.
diagnose::Judgement rollout(const View& view, const std::string& space, const std::string& name,
                            const std::string& selector) {
  diagnose::Judgement deployment = diagnose::check_workload(view.api, "deployments", {space, name});
  if (deployment.mark != Mark::broken) return deployment;
  diagnose::Judgement pods = diagnose::check_pods(view.api, space, selector);
  if (pods.mark == Mark::broken && pods.evidence.starts_with("pod "))
    deployment.evidence += "; " + pods.evidence;
  return deployment;
}

diagnose::Judgement workload_available(const View& view) {
  return rollout(view, view.config.text("namespace"), view.config.text("workload.name"),
                 label_selector(view.config.labels("workload.labels")));
}

diagnose::Judgement resources_served(const View& view) {
  Result<Json> list = world::kube_get(view.api, "/apis/monitoring.coreos.com/v1");
  if (!list && list.error().id != "kube-not-found")
    return {Mark::unknown, list.error().what + ": " + list.error().because};
  for (const char* crd : needed_crds) {
    bool there = false;
    if (list) {
      for (const Json& resource : list_at(*list, "resources"))
        there = there || text_at(resource, "name") == crd;
    }
    if (!there) return {Mark::broken, fmt::format("the API server does not serve {} yet", crd)};
  }
  return {Mark::ok, "its custom resources are served"};
}

// The configured operator; or, where somebody else's custom resources are there, whatever serves those.
diagnose::Judgement operator_available(const View& view) {
  diagnose::Judgement own =
      rollout(view, view.config.text("operator.namespace"), "prometheus-operator",
              "app.kubernetes.io/name=prometheus-operator,app.kubernetes.io/component=controller");
  if (own.mark != Mark::broken) return own;
  Result<std::vector<Json>> crds =
      world::list_metadata(view.api, view.clock,
                           "/apis/apiextensions.k8s.io/v1/customresourcedefinitions?labelSelector=" +
                               world::query_value(manifests::owner_selector));
  bool some_ours = crds && std::any_of(crds->begin(), crds->end(),
                                       [&](const Json& crd) { return is_ours(crd, view.config); });
  if (!crds || some_ours || !resources_served(view).ok()) return own;
  return {Mark::ok,
          "its custom resource definitions were not created by hpawalk, so neither was the operator"};
}

diagnose::Judgement prometheus_ready(const View& view) {
  return diagnose::check_prometheus(
      view.api, {view.config.text("prometheus.namespace"), view.config.text("prometheus.name")});
}

diagnose::Judgement prometheus_answers(const View& view) {
  return diagnose::check_prometheus_answers(view.api, prometheus_backend(view.config));
}

diagnose::Judgement prom_fake_available(const View& view) {
  return rollout(view, view.config.text("namespace"), view.config.text("prom-fake.name"),
                 label_selector(view.config.labels("prom-fake.labels")));
}

diagnose::Judgement target_up(const View& view) {
  return diagnose::check_target(view.api, view.clock, prometheus_backend(view.config),
                                fmt::format("serviceMonitor/{}/{}/", view.config.text("prometheus.namespace"),
                                            view.config.text("servicemonitor.name")));
}

diagnose::Judgement value_in_prometheus(const View& view) {
  return diagnose::check_value(
      view.api, prometheus_backend(view.config),
      fmt::format("{}{{namespace=\"{}\",service=\"{}\"}}", view.config.text("prom-fake.metric"),
                  view.config.text("namespace"), view.config.text("prom-fake.name")));
}

diagnose::Judgement adapter_available(const View& view) {
  return rollout(view, view.config.text("adapter.namespace"), view.config.text("adapter.release"),
                 "app.kubernetes.io/instance=" + view.config.text("adapter.release"));
}

diagnose::Judgement api_available(const View& view) {
  return diagnose::check_api_service(view.api);
}

diagnose::Judgement metric_served(const View& view) {
  return diagnose::check_metric(view.api, view.config.text("namespace"), "services",
                                view.config.text("prom-fake.name"), view.config.text("prom-fake.metric"));
}

diagnose::Judgement hpa_active(const View& view) {
  return diagnose::check_hpa(view.api, {view.config.text("namespace"), view.config.text("hpa.name")});
}

// ---- logs

LogSource workload_logs(const config::Config& c) {
  return {c.text("namespace"), label_selector(c.labels("workload.labels")), {}};
}
LogSource operator_logs(const config::Config& c) {
  return {c.text("operator.namespace"), "app.kubernetes.io/name=prometheus-operator", {}};
}
LogSource prometheus_logs(const config::Config& c) {
  return {c.text("prometheus.namespace"), "operator.prometheus.io/name=" + c.text("prometheus.name"),
          "prometheus"};
}
LogSource prom_fake_logs(const config::Config& c) {
  return {c.text("namespace"), label_selector(c.labels("prom-fake.labels")), {}};
}
LogSource adapter_logs(const config::Config& c) {
  return {c.text("adapter.namespace"), "app.kubernetes.io/instance=" + c.text("adapter.release"), {}};
}
LogSource no_logs(const config::Config&) {
  return {};
}

}  // namespace

std::span<const Stage> stages() {
  static const std::vector<Stage> all = {
      {"workload",
       "A Deployment to scale. It does not need to know anything about metrics.",
       {},
       workload,
       {{"the Deployment is available", workload_available}},
       workload_logs},
      {"operator",
       "prometheus-operator turns the resources Prometheus and ServiceMonitor into a running, configured "
       "Prometheus.",
       {},
       the_operator,
       {{"its custom resources are served", resources_served},
        {"the operator is available", operator_available}},
       operator_logs},
      {"prometheus",
       "A Prometheus that scrapes every ServiceMonitor with the right label, and a Service to reach it.",
       {"operator"},
       prometheus,
       {{"its pods are ready", prometheus_ready}, {"it answers through its Service", prometheus_answers}},
       prometheus_logs},
      {"image", "prom-fake's image must be available to the cluster's nodes.", {}, image, {}, no_logs},
      {"prom-fake",
       "An application with a metric that you set yourself, so that you can test any situation.",
       {"image"},
       prom_fake,
       {{"the Deployment is available", prom_fake_available}},
       prom_fake_logs},
      {"servicemonitor",
       "Tells Prometheus which Service to scrape, on which port and how often.",
       {"prometheus", "prom-fake"},
       servicemonitor,
       {{"the target is up", target_up}, {"the metric is in Prometheus", value_in_prometheus}},
       no_logs},
      {"adapter",
       "prometheus-adapter serves metrics from Prometheus in the custom metrics API, the only API that the "
       "HPA asks.",
       {"servicemonitor"},
       adapter,
       {{"the adapter is available", adapter_available},
        {"the API server reaches it", api_available},
        {"the metric is in the custom metrics API", metric_served}},
       adapter_logs},
      {"hpa",
       "The HorizontalPodAutoscaler compares the metric with its target every 15s and sets the replicas.",
       {"workload", "adapter"},
       hpa,
       {{"it reads the metric", hpa_active}},
       no_logs},
  };
  return all;
}

const Stage* find_stage(std::string_view name) {
  for (const Stage& stage : stages()) {
    if (stage.name == name) return &stage;
  }
  return nullptr;
}

std::vector<std::string> stage_names() {
  std::vector<std::string> names;
  for (const Stage& stage : stages()) names.emplace_back(stage.name);
  return names;
}

Error unknown_stage(const std::string& name) {
  auto near = text::nearest(name, stage_names());
  return Error{ErrorClass::usage,
               "no-stage",
               fmt::format("Unknown stage `{}`", name),
               near ? fmt::format("did you mean `{}`?", *near) : "",
               "The stages are " + text::join(stage_names(), ", "),
               {},
               {}};
}

StageJudgement judge_stage(const Stage& stage, const View& view) {
  StageJudgement last{{Mark::not_applicable, ""}, 0};
  for (size_t i = 0; i < stage.rules.size(); ++i) {
    last = {stage.rules[i].check(view), i};
    if (!last.judgement.ok()) return last;
  }
  return last;
}

std::string bundle_source(const config::Config& config, const cluster::ClusterAccess& access) {
  if (!config.text("operator.bundle").empty()) return config.text("operator.bundle");
  if (!access.operator_bundle.empty()) return access.operator_bundle;
  return fmt::format(
      "https://github.com/prometheus-operator/prometheus-operator/releases/download/v{}/bundle.yaml",
      config.text("operator.version"));
}

Result<std::vector<Operation>> bundle_operations(std::string_view bundle, const config::Config& config,
                                                 const cluster::ClusterAccess& access) {
  Result<std::vector<manifests::BundleObject>> objects = manifests::adapt_bundle(bundle, config);
  if (!objects) return failure(objects.error());
  Result<std::string> the_rest = manifests::render_namespace(config.text("operator.namespace"), config);
  if (!the_rest) return failure(the_rest.error());
  std::vector<Operation> operations;
  std::string deployment;
  std::vector<std::string> whole = {"the operator's Deployment"};
  for (const manifests::BundleObject& object : *objects) {
    if (object.kind != "CustomResourceDefinition") {
      std::string& text = object.kind == "Deployment" ? deployment : *the_rest;
      text += (text.empty() ? "" : "---\n") + object.text;
      continue;
    }
    Operation operation = apply(access, "CRD " + object.name, object.text);
    operation.served = object.name.substr(0, object.name.find('.'));
    operation.reaches = "CRD " + operation.served;
    if (!manifests::needed_first(object)) operation.after = {stage_milestone("prometheus")};
    whole.push_back(operation.reaches);
    operations.push_back(std::move(operation));
  }
  operations.push_back(apply(access, "the operator's account, rights and Service", *the_rest));
  operations.back().reaches = "the operator's rights";
  operations.push_back(apply(access, "the operator's Deployment", deployment));
  operations.back().after = crd_milestones();
  operations.back().after.push_back("the operator's rights");
  operations.back().reaches = "the operator's Deployment";
  operations.push_back(
      Operation{Does::restart, "restart the operator, so that it watches its other custom resources",
                world::kubectl_line(access.kube, {"rollout", "restart", "deployment/prometheus-operator",
                                                  "--namespace=" + config.text("operator.namespace")})});
  operations.back().after = whole;
  return operations;
}

std::string stage_milestone(std::string_view stage) {
  return fmt::format("stage {}", stage);
}

std::vector<std::string> helm_line(const cluster::ClusterAccess& access, std::vector<std::string> arguments) {
  std::vector<std::string> line = {access.helm};
  if (!access.kube.kubeconfig.empty()) line.push_back("--kubeconfig=" + access.kube.kubeconfig);
  line.push_back("--kube-context=" + access.kube.context);
  line.insert(line.end(), arguments.begin(), arguments.end());
  return line;
}

std::filesystem::path chart_folder(const world::Environment& environment) {
  std::string content;
  for (const auto& [file, text] : manifests::bundled_chart()) content += file + text;
  return local::make_layout(environment).cache / "charts" / fingerprint(content) / "prometheus-adapter";
}

world::Backend prometheus_backend(const config::Config& config) {
  return {config.text("prometheus.namespace"), config.text("prometheus.name"), "web"};
}

world::Backend prom_fake_backend(const config::Config& config) {
  return {config.text("namespace"), config.text("prom-fake.name"), config.text("prom-fake.port-name")};
}

std::string label_selector(const std::map<std::string, std::string>& labels) {
  std::vector<std::string> pairs;
  for (const auto& [name, value] : labels) pairs.push_back(name + "=" + value);
  return text::join(pairs, ",");
}

}  // namespace hpawalk::steps
