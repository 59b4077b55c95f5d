#include "steps/plan.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "steps/stage_operator.hpp"

namespace hpawalk::steps {

std::vector<cluster::PlannedCommand> planned(const Operation& operation, const config::Config& config,
                                             const cluster::ClusterAccess& access, const std::string& chart) {
  if (std::holds_alternative<BringKeda>(operation.action)) {
    return {{operation.subject +
                 ": the nodes pull them; hpawalk compiles and imports them on a local cluster that cannot",
             {}}};
  }
  std::optional<CommandLine> line = command_line(operation, access, chart);
  if (!line) {
    if (!config.text("prom-fake.image").empty())
      return {{operation.subject + " comes from its registry", {}}};
    if (!access.bring_image.empty()) return access.bring_image;
    return {{"hpawalk imports its image " + operation.subject + " into the cluster", {}}};
  }
  if (std::holds_alternative<InstallBundle>(operation.action)) {
    return {{fmt::format("{}, from {}, with hpawalk's labels (hpawalk render operator prints it)",
                         operation.subject, bundle_source(config, access)),
             "hpawalk render operator | " + text::shell_quote(line->argv)}};
  }
  return {{operation.subject, text::shell_quote(line->argv) + " <<'EOF'\n" + line->input + "EOF"}};
}

Result<std::vector<PlannedStage>> plan(const config::Config& config, const cluster::ClusterAccess& access,
                                       const UpOptions& options, const std::string& chart) {
  Result<std::vector<std::string>> names = selected_stages(options, config);
  if (!names) return failure(names.error());
  std::vector<PlannedStage> planned_stages;
  for (const std::string& name : *names) {
    const Stage& stage = *find_stage(name);
    Result<std::vector<Operation>> operations = stage.operations(config, access);
    if (!operations) return failure(operations.error());
    PlannedStage planned_stage{name, std::string(stage.why), {}, {}};
    for (const Operation& operation : *operations) {
      for (cluster::PlannedCommand& command : planned(operation, config, access, chart))
        planned_stage.commands.push_back(std::move(command));
    }
    for (const Rule& rule : stage.rules) planned_stage.holds.emplace_back(rule.says);
    planned_stages.push_back(std::move(planned_stage));
  }
  return planned_stages;
}

std::string to_text(const std::vector<PlannedStage>& stages) {
  std::string out;
  for (const PlannedStage& stage : stages) {
    out += fmt::format("# ==== {}: {}\n", stage.name, stage.why);
    for (const cluster::PlannedCommand& command : stage.commands) {
      out += "# " + command.note + "\n";
      if (!command.command.empty()) out += command.command + "\n";
    }
    if (!stage.holds.empty()) out += "# then: " + text::join(stage.holds, "; ") + "\n";
    out += "\n";
  }
  return out;
}

}  // namespace hpawalk::steps
