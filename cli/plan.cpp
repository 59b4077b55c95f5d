#include "cli/plan.hpp"

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "cli/open_chain.hpp"
#include "steps/chart.hpp"
#include "steps/plan.hpp"

namespace hpawalk::cli {

std::shared_ptr<steps::UpOptions> add_stage_options(CLI::App& command) {
  auto options = std::make_shared<steps::UpOptions>();
  std::string names = text::join(steps::stage_names(), ", ");
  command.add_option("--from", options->from, "Start with this stage (" + names + ")")->type_name("STAGE");
  command.add_option("--only", options->only, "Only these stages")
      ->type_name("STAGE")
      ->delimiter(',')
      ->take_all();
  return options;
}

Status print_plan(Session& session, const SettingFlags& flags, const steps::UpOptions& options) {
  Result<config::Config> config = load_config(session.world, flags);
  if (!config) return failure(config.error());
  auto target = cluster::make_target(session.world, *config);
  cluster::TargetPlan cluster = target->plan();
  auto stages =
      steps::plan(*config, cluster.access, options, steps::chart_folder(session.world.environment).string());
  if (!stages) return failure(stages.error());
  std::string text;
  yaml::Value data = {{"cluster", target->name()},
                      {"clusterCommands", yaml::Value::array()},
                      {"stages", yaml::Value::array()}};
  if (!cluster.cluster.empty()) text += "# ==== cluster: " + target->name() + "\n";
  for (const cluster::PlannedCommand& command : cluster.cluster) {
    text += "# " + command.note + "\n" + command.command + "\n";
    data["clusterCommands"].push_back({{"note", command.note}, {"command", command.command}});
  }
  if (!cluster.cluster.empty()) text += "\n";
  text += to_text(*stages);
  for (const steps::PlannedStage& stage : *stages) {
    yaml::Value commands = yaml::Value::array();
    for (const cluster::PlannedCommand& command : stage.commands)
      commands.push_back({{"note", command.note}, {"command", command.command}});
    data["stages"].push_back(
        {{"name", stage.name}, {"why", stage.why}, {"commands", commands}, {"then", stage.holds}});
  }
  text.resize(text.find_last_not_of('\n') + 1);
  session.print(text, json_text(data, 2));
  return {};
}

}  // namespace hpawalk::cli
