#include "steps/stages.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace hpawalk::steps {

std::span<const Stage> stages() {
  static const std::vector<Stage> all = {
      workload_stage(),       operator_stage(), prometheus_stage(), image_stage(), prom_fake_stage(),
      servicemonitor_stage(), adapter_stage(),  hpa_stage(),        keda_stage(),  scaledobject_stage(),
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

std::vector<const Stage*> stages_of(const config::Config& config) {
  std::vector<const Stage*> all;
  for (const Stage& stage : stages()) {
    if (stage.metrics.empty() || stage.metrics == config.text("metrics")) all.push_back(&stage);
  }
  return all;
}

std::vector<std::string> stage_names(const config::Config& config) {
  std::vector<std::string> names;
  for (const Stage* stage : stages_of(config)) names.emplace_back(stage->name);
  return names;
}

Status check_stage(const std::string& name, const config::Config& config) {
  const Stage* stage = find_stage(name);
  if (stage == nullptr) return failure(unknown_stage(name));
  if (stage->metrics.empty() || stage->metrics == config.text("metrics")) return {};
  return failure(ErrorClass::usage, "no-stage", fmt::format("Stage {} is not part of this chain", name),
                 fmt::format("the setting metrics is {}", config.text("metrics")),
                 fmt::format("--metrics {} chooses the chain that has it; the stages of this one are {}",
                             stage->metrics, text::join(stage_names(config), ", ")));
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

StageJudgement judge_stage(const Stage& stage, const StageContext& context) {
  StageJudgement last{{Mark::not_applicable, ""}, 0};
  for (size_t i = 0; i < stage.rules.size(); ++i) {
    last = {stage.rules[i].check(context), i};
    if (!last.judgement.ok()) return last;
  }
  return last;
}

}  // namespace hpawalk::steps
