// Stage `prom-fake`: an application whose metric anybody can set.
#include "steps/chain_names.hpp"
#include "steps/stages.hpp"

namespace hpawalk::steps {
namespace {

Operations operations(const config::Config& config, const cluster::ClusterAccess&) {
  Operations all =
      apply_stage(config, "prom-fake", "Deployment and Service " + config.text("prom-fake.name"));
  if (all) all->front().after = {{Milestone::Kind::image}};
  return all;
}

diagnose::Judgement available(const StageContext& context) {
  const config::Config& config = context.config;
  return rollout(context, config.text("namespace"), config.text("prom-fake.name"),
                 label_selector(config.labels("prom-fake.labels")));
}

LogSource logs(const config::Config& config) {
  return {config.text("namespace"), label_selector(config.labels("prom-fake.labels"))};
}

}  // namespace

Stage prom_fake_stage() {
  return {.name = "prom-fake",
          .why = "An application with a metric that you set yourself, so that you can test any situation.",
          .needs = {"image"},
          .makes = {{kube_kind("Deployment"), "namespace", "1.9"}, {kube_kind("Service"), "namespace"}},
          .operations = operations,
          .rules = {{"the Deployment is available", available}},
          .logs = logs};
}

}  // namespace hpawalk::steps
