// Stage `workload`: the Deployment that is scaled.
#include "steps/chain_names.hpp"
#include "steps/stages.hpp"

namespace hpawalk::steps {
namespace {

Operations operations(const config::Config& config, const cluster::ClusterAccess&) {
  std::string name = config.text("workload.name");
  Operations all = apply_stage(config, "workload", "Deployment " + name);
  if (!all) return all;
  std::get<Apply>(all->front().action).keep_replicas_of = name;
  all->front().after = {prometheus_can_be_created()};
  return all;
}

diagnose::Judgement available(const StageContext& context) {
  const config::Config& config = context.config;
  return rollout(context, config.text("namespace"), config.text("workload.name"),
                 label_selector(config.labels("workload.labels")));
}

LogSource logs(const config::Config& config) {
  return {config.text("namespace"), label_selector(config.labels("workload.labels"))};
}

}  // namespace

Stage workload_stage() {
  return {.name = "workload",
          .why = "A Deployment to scale. It does not need to know anything about metrics.",
          .needs = {},
          .makes = {{kube_kind("Deployment"), "namespace", "1.9"}},
          .operations = operations,
          .rules = {{"the Deployment is available", available}},
          .logs = logs};
}

}  // namespace hpawalk::steps
