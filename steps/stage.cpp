#include "steps/stage.hpp"

#include "manifests/manifests.hpp"

namespace hpawalk::steps {

Milestone stage_ready(std::string_view stage) {
  return {Milestone::Kind::stage, std::string(stage)};
}

Milestone prometheus_can_be_created() {
  return {Milestone::Kind::custom_resource, "prometheuses"};
}

Operation applying(std::string subject, std::string yaml) {
  return Operation{std::move(subject), Apply{.yaml = std::move(yaml)}};
}

Operations apply_stage(const config::Config& config, std::string_view stage, std::string subject) {
  Result<std::string> yaml = manifests::render_stage(stage, config);
  if (!yaml) return failure(yaml.error());
  return std::vector{applying(std::move(subject), *std::move(yaml))};
}

diagnose::Judgement rollout(const StageContext& context, const std::string& space, const std::string& name,
                            const std::string& selector) {
  diagnose::Judgement deployment = diagnose::check_workload(context.api, "deployments", {space, name});
  if (deployment.mark != Mark::broken) return deployment;
  std::string trouble = diagnose::look_for_pod_trouble(context.api, space, selector);
  if (!trouble.empty()) deployment.evidence += "; " + trouble;
  return deployment;
}

}  // namespace hpawalk::steps
