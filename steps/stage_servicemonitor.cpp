// Stage `servicemonitor`: what Prometheus scrapes.
#include "steps/chain_names.hpp"
#include "steps/stages.hpp"

namespace hpawalk::steps {
namespace {

Operations operations(const config::Config& config, const cluster::ClusterAccess&) {
  Operations all =
      apply_stage(config, "servicemonitor", "ServiceMonitor " + config.text("servicemonitor.name"));
  if (!all) return all;
  all->front().after = {{Milestone::Kind::custom_resource, "servicemonitors"}};
  all->front().reaches = Milestone{Milestone::Kind::service_monitor};
  return all;
}

diagnose::Judgement target_up(const StageContext& context) {
  return diagnose::check_target(context.api, context.clock, prometheus_backend(context.config),
                                target_pool(context.config));
}

diagnose::Judgement in_prometheus(const StageContext& context) {
  return diagnose::check_value(context.api, prometheus_backend(context.config),
                               chain_names(context.config).metric().expression);
}

}  // namespace

Stage servicemonitor_stage() {
  return {.name = "servicemonitor",
          .why = "Tells Prometheus which Service to scrape, on which port and how often.",
          .needs = {"prometheus", "prom-fake"},
          .makes = {{kube_kind("ServiceMonitor"), "prometheus.namespace"}},
          .operations = operations,
          .rules = {{"the target is up", target_up}, {"the metric is in Prometheus", in_prometheus}}};
}

}  // namespace hpawalk::steps
