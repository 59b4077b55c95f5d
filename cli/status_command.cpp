// hpawalk status: which stages are ready now.
#include <fmt/format.h>

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "cli/columns.hpp"
#include "cli/open_chain.hpp"
#include "cli/style.hpp"
#include "steps/up.hpp"
#include "world/workers.hpp"

namespace hpawalk::cli {

namespace {

Status status(Session& session, const SettingFlags& flags) {
  Result<OpenChain> chain = open_chain(session, flags);
  if (!chain) return failure(chain.error());
  steps::StageContext context{*chain->api, session.world.clock, *chain->config};
  const std::vector<const steps::Stage*> stages = steps::stages_of(*chain->config);
  std::vector<diagnose::Judgement> judgements(stages.size());
  world::Workers workers;
  for (size_t i = 0; i < judgements.size(); ++i) {
    workers.start([&, i] { judgements[i] = steps::judge_stage(*stages[i], context).judgement; });
  }
  if (Status judged = workers.join(); !judged) return judged;
  Style style(session.world, session.world.terminal.out_is_terminal());
  Painted text = painted("On {} (context {}):", chain->target->name(), chain->access.kube.context);
  yaml::Value data = {{"cluster", chain->target->name()},
                      {"context", chain->access.kube.context},
                      {"stages", yaml::Value::array()}};
  for (size_t i = 0; i < judgements.size(); ++i) {
    const steps::Stage& stage = *stages[i];
    if (stage.rules.empty()) continue;
    text += painted("\n{} {:<14} {}", check_sign(style, judgements[i].mark), stage.name,
                    indented(judgements[i].evidence, 20));
    data["stages"].push_back(
        {{"name", stage.name}, {"state", name_of(judgements[i].mark)}, {"evidence", judgements[i].evidence}});
  }
  session.print(text, json_text(data, 2));
  return {};
}

}  // namespace

void add_status(CLI::App& app, Chosen& chosen) {
  CLI::App& command = *app.add_subcommand("status", "Show the current state of each stage");
  auto flags = add_settings(command, "  hpawalk status\n  hpawalk status --context my-cluster -o json");
  add_output_option(command, chosen);
  command.callback(
      [flags, &chosen] { chosen.action = [flags](Session& session) { return status(session, *flags); }; });
}

}  // namespace hpawalk::cli
