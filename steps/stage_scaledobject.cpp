// Stage `scaledobject`: KEDA's ScaledObject, and the HPA that KEDA makes of it.
#include "base/json.hpp"
#include "steps/chain_names.hpp"
#include "steps/stages.hpp"

namespace hpawalk::steps {
namespace {

// Its metric must be in Prometheus before the HPA looks for the first time: the next look is 15 s later.
Operations operations(const config::Config& config, const cluster::ClusterAccess&) {
  Operations all = apply_stage(config, "scaledobject", "ScaledObject " + config.text("hpa.name"));
  if (all) all->front().after = {stage_ready("servicemonitor"), stage_ready("keda")};
  return all;
}

diagnose::ObjectName hpa_of(const StageContext& context) {
  return {context.config.text("namespace"), context.config.text("hpa.name")};
}

diagnose::Judgement taken_over(const StageContext& context) {
  return diagnose::check_scaled_object(context.api, hpa_of(context));
}

diagnose::Judgement serves_metric(const StageContext& context) {
  const observe::LiveChain chain = chain_names(context.config);
  return diagnose::check_value_at(context.api, chain.metric().path, chain.metric().name);
}

// With minReplicaCount 0, KEDA may have scaled to 0, and the HPA rests.
diagnose::Judgement reads_metric(const StageContext& context) {
  diagnose::Judgement judgement = diagnose::check_hpa(context.api, hpa_of(context));
  if (judgement.mark != Mark::broken || context.config.number("hpa.min") > 0) return judgement;
  Result<Json> hpa = world::kube_get(
      context.api, kube_kind("HorizontalPodAutoscaler").object(hpa_of(context).space, hpa_of(context).name));
  bool rests = hpa && text_at(condition(*hpa, "ScalingActive"), "reason") == "ScalingDisabled";
  return rests ? diagnose::Judgement{Mark::ok, "KEDA has scaled to 0 replicas, because the metric is 0"}
               : judgement;
}

}  // namespace

Stage scaledobject_stage() {
  return {.name = "scaledobject",
          .why =
              "The ScaledObject says what to scale by which query. Its HPA compares the value with the "
              "target every "
              "15s; below 1 replica, KEDA decides.",
          .needs = {"workload", "servicemonitor", "keda"},
          .metrics = "keda",
          .makes = {{kube_kind("ScaledObject"), "namespace"}},
          .operations = operations,
          .rules = {{"KEDA has created its HPA", taken_over},
                    {"the metric is in the external metrics API", serves_metric},
                    {"the HPA reads the metric", reads_metric}}};
}

}  // namespace hpawalk::steps
