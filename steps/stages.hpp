// The walkthrough as data: its eight stages, in the order in which a person would do them.
//
// Each says why it is there, what it does, what must hold afterwards, and whose logs belong to it. The
// scheduler (up.hpp) runs their operations as soon as the milestones they need are reached; this file knows
// nothing about time, threads or how a stage's state is shown.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fingerprint.hpp"
#include "cluster/target.hpp"
#include "config/config.hpp"
#include "diagnose/checks.hpp"
#include "steps/operation.hpp"

namespace hpawalk::steps {

// What a rule looks at.
struct View {
  world::KubeApi& api;
  world::Clock& clock;
  const config::Config& config;
};

struct Rule {
  std::string_view says;  // "the Deployment is available"
  diagnose::Judgement (*check)(const View&);
};

struct LogSource {
  std::string space;
  std::string selector;   // of the pods
  std::string container;  // empty: all of them
};

struct Stage {
  std::string_view name;
  std::string_view why;                 // for `up --step` and the plan
  std::vector<std::string_view> needs;  // the stages without which it cannot come to stand
  Result<std::vector<Operation>> (*operations)(const config::Config&, const cluster::ClusterAccess&);
  std::vector<Rule> rules;
  LogSource (*logs)(const config::Config&);
};

std::span<const Stage> stages();
const Stage* find_stage(std::string_view name);
std::vector<std::string> stage_names();

// The error `no-stage`, with the nearest right name.
Error unknown_stage(const std::string& name);

// How a stage stands now: the first of its rules that does not hold (`rule` is its number), or the last
// evidence.
struct StageJudgement {
  diagnose::Judgement judgement;
  size_t rule = 0;
};
StageJudgement judge_stage(const Stage& stage, const View& view);

// Where the operator's bundle comes from: a file or a URL.
std::string bundle_source(const config::Config& config, const cluster::ClusterAccess& access);

// The milestone that is reached when all of a stage's rules hold.
std::string stage_milestone(std::string_view stage);

// The bundle's objects as operations: the custom resources one by one and so in parallel, those that the
// operator cannot do without first. It looks only at its start which of them there are: so it comes behind
// the first ones, and is restarted behind the others, which come when Prometheus runs and the processors have
// little to do.
Result<std::vector<Operation>> bundle_operations(std::string_view bundle, const config::Config& config,
                                                 const cluster::ClusterAccess& access);

// helm with the flags that say which cluster, followed by `arguments`.
std::vector<std::string> helm_line(const cluster::ClusterAccess& access, std::vector<std::string> arguments);

// Where the bundled chart's files are put for helm to read.
std::filesystem::path chart_folder(const world::Environment& environment);

// Ways to the chain's parts that several commands need.
world::Backend prometheus_backend(const config::Config& config);
world::Backend prom_fake_backend(const config::Config& config);
std::string label_selector(const std::map<std::string, std::string>& labels);  // "app=web,tier=x"

}  // namespace hpawalk::steps
