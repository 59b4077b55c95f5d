// Stage `prometheus`: a Prometheus that scrapes every ServiceMonitor with the right label.
#include "manifests/manifests.hpp"
#include "steps/chain_names.hpp"
#include "steps/stage_operator.hpp"
#include "steps/stages.hpp"

namespace hpawalk::steps {
namespace {

// The Prometheus itself comes last: a ServiceMonitor that is there before it is in its first configuration.
Operations operations(const config::Config& config, const cluster::ClusterAccess&) {
  Result<std::string> yaml = manifests::render_stage("prometheus", config);
  if (!yaml) return failure(yaml.error());
  size_t last = yaml->rfind("---\n");
  Operation before = applying("Prometheus's account, permissions and Service", yaml->substr(0, last));
  Operation resource = applying("Prometheus " + config.text("prometheus.name"), yaml->substr(last + 4));
  before.reaches = Milestone{Milestone::Kind::prometheus_rights};
  resource.reaches = Milestone{Milestone::Kind::prometheus};
  resource.after = needed_custom_resources();
  resource.after.push_back({Milestone::Kind::service_monitor});
  resource.after.push_back(*before.reaches);
  return std::vector{before, resource};
}

diagnose::Judgement pods_ready(const StageContext& context) {
  const config::Config& config = context.config;
  return diagnose::check_prometheus(context.api,
                                    {config.text("prometheus.namespace"), config.text("prometheus.name")});
}

diagnose::Judgement answers(const StageContext& context) {
  return diagnose::check_prometheus_answers(context.api, prometheus_backend(context.config));
}

LogSource logs(const config::Config& config) {
  return {config.text("prometheus.namespace"),
          "operator.prometheus.io/name=" + config.text("prometheus.name"), "prometheus"};
}

}  // namespace

Stage prometheus_stage() {
  return {
      .name = "prometheus",
      .why =
          "A Prometheus that scrapes every ServiceMonitor with the right label, and a Service to reach it.",
      .needs = {"operator"},
      .makes = {{kube_kind("Role"), "namespace"},
                {kube_kind("RoleBinding"), "namespace"},
                {kube_kind("Service"), "prometheus.namespace"},
                {kube_kind("ServiceAccount"), "prometheus.namespace"},
                {kube_kind("Prometheus"), "prometheus.namespace"}},
      .operations = operations,
      .rules = {{"its pods are ready", pods_ready}, {"it answers through its Service", answers}},
      .logs = logs};
}

}  // namespace hpawalk::steps
