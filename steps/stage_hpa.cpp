// Stage `hpa`: the HorizontalPodAutoscaler.
#include "steps/stages.hpp"

namespace hpawalk::steps {
namespace {

Operations operations(const config::Config& config, const cluster::ClusterAccess&) {
  Operations all = apply_stage(config, "hpa", "HorizontalPodAutoscaler " + config.text("hpa.name"));
  if (all) all->front().after = {prometheus_can_be_created()};
  return all;
}

diagnose::Judgement reads_metric(const StageContext& context) {
  return diagnose::check_hpa(context.api,
                             {context.config.text("namespace"), context.config.text("hpa.name")});
}

}  // namespace

Stage hpa_stage() {
  return {
      .name = "hpa",
      .why =
          "The HorizontalPodAutoscaler compares the metric with its target every 15s and sets the replicas.",
      .needs = {"workload", "adapter"},
      .metrics = "adapter",
      .makes = {{kube_kind("HorizontalPodAutoscaler"), "namespace", "1.23"}},
      .operations = operations,
      .rules = {{"it reads the metric", reads_metric}}};
}

}  // namespace hpawalk::steps
