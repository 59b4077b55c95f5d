// Stage `adapter`: prometheus-adapter, as a Helm release.
#include "base/fingerprint.hpp"
#include "base/text.hpp"
#include "manifests/manifests.hpp"
#include "steps/stages.hpp"

namespace hpawalk::steps {
namespace {

std::vector<std::string> chart_reference(const config::Config& config) {
  std::string chart = config.text("adapter.chart"), version = config.text("adapter.chart-version");
  if (chart == "bundled") return {};
  std::vector<std::string> words = {chart};
  if (chart == "upstream") {
    words = {"prometheus-adapter", "--repo=https://prometheus-community.github.io/helm-charts"};
  }
  if (!version.empty()) words.push_back("--version=" + version);
  return words;
}

Operations operations(const config::Config& config, const cluster::ClusterAccess&) {
  std::string space = config.text("adapter.namespace"), release = config.text("adapter.release");
  Result<std::string> name_space = manifests::render_namespace(space, config);
  Result<std::string> values = manifests::render_adapter_values(config);
  if (!name_space) return failure(name_space.error());
  if (!values) return failure(values.error());
  Milestone first = prometheus_can_be_created();
  std::vector<Operation> all;
  if (!name_space->empty()) {
    all.push_back(applying("Namespace " + space, *name_space));
    all.back().after = {first};
    first = {Milestone::Kind::name_space, space};
    all.back().reaches = first;
  }
  HelmUpgrade upgrade{
      .name_space = space, .release = release, .chart = chart_reference(config), .values = *values};
  upgrade.instance = config.text("instance");
  std::string content = *values + release + text::join(upgrade.chart, " ");
  for (const auto& [file, text] : manifests::bundled_chart()) content += file + text;
  upgrade.mark = fingerprint(content);
  all.push_back(Operation{"Helm release " + release, std::move(upgrade), {first}});
  return all;
}

diagnose::Judgement available(const StageContext& context) {
  std::string release = context.config.text("adapter.release");
  return rollout(context, context.config.text("adapter.namespace"), release,
                 "app.kubernetes.io/instance=" + release);
}

diagnose::Judgement reachable(const StageContext& context) {
  return diagnose::check_api_service(context.api);
}

diagnose::Judgement serves_metric(const StageContext& context) {
  const config::Config& config = context.config;
  return diagnose::check_metric(context.api, config.text("namespace"), "services",
                                config.text("prom-fake.name"), config.text("prom-fake.metric"));
}

LogSource logs(const config::Config& config) {
  return {config.text("adapter.namespace"), "app.kubernetes.io/instance=" + config.text("adapter.release")};
}

}  // namespace

Stage adapter_stage() {
  return {.name = "adapter",
          .why =
              "prometheus-adapter serves metrics from Prometheus in the custom metrics API, the only API "
              "that the HPA asks.",
          .needs = {"servicemonitor"},
          .metrics = "adapter",
          .makes = {{kube_kind("APIService"), "", "1.10"},
                    {kube_kind("ClusterRole"), ""},
                    {kube_kind("ClusterRoleBinding"), ""},
                    {kube_kind("RoleBinding"), "=kube-system"},
                    {kube_kind("Deployment"), "adapter.namespace"},
                    {kube_kind("Service"), "adapter.namespace"},
                    {kube_kind("ServiceAccount"), "adapter.namespace"},
                    {kube_kind("ConfigMap"), "adapter.namespace"},
                    {kube_kind("Secret"), "adapter.namespace"}},
          .operations = operations,
          .rules = {{"the adapter is available", available},
                    {"the API server reaches it", reachable},
                    {"the metric is in the custom metrics API", serves_metric}},
          .logs = logs};
}

}  // namespace hpawalk::steps
