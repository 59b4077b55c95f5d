// The walkthrough's stages, in the order in which a person would do them: the program's table of contents. A
// chain has eight of them: the last two are of the setting `metrics`.
#pragma once

#include <span>

#include "steps/stage.hpp"

namespace hpawalk::steps {

// Each in a file of its own.
Stage workload_stage();
Stage operator_stage();
Stage prometheus_stage();
Stage image_stage();
Stage prom_fake_stage();
Stage servicemonitor_stage();
Stage adapter_stage();
Stage hpa_stage();
Stage keda_stage();
Stage scaledobject_stage();

std::span<const Stage> stages();  // of all chains
const Stage* find_stage(std::string_view name);
std::vector<std::string> stage_names();
// Of this configuration's chain.
std::vector<const Stage*> stages_of(const config::Config& config);
std::vector<std::string> stage_names(const config::Config& config);

// The error `no-stage`, unless it is a stage of this chain.
Status check_stage(const std::string& name, const config::Config& config);

// The error `no-stage`, with the nearest right name.
Error unknown_stage(const std::string& name);

// How ready a stage is: the first of its rules that does not hold (`rule` is its number), or the last
// evidence.
struct StageJudgement {
  diagnose::Judgement judgement;
  size_t rule = 0;
};
StageJudgement judge_stage(const Stage& stage, const StageContext& context);

}  // namespace hpawalk::steps
