// hpawalk status, doctor and logs: what stands now, what a run needs, and what a stage's pods say.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "cli/columns.hpp"
#include "cli/open_chain.hpp"
#include "cli/style.hpp"
#include "steps/preflight.hpp"
#include "steps/up.hpp"
#include "world/workers.hpp"

namespace hpawalk::cli {

namespace {

Painted mark(const Style& style, Mark m) {
  if (m == Mark::ok) return style.good("ok  ");
  if (m == Mark::broken) return style.bad("FAIL");
  return style.warn(m == Mark::not_applicable ? "-   " : "?   ");
}

Status status(Session& session, const SettingFlags& flags) {
  Result<OpenChain> chain = open_chain(session, flags);
  if (!chain) return failure(chain.error());
  steps::StageContext context{*chain->api, session.world.clock, *chain->config};
  std::vector<diagnose::Judgement> judgements(steps::stages().size());
  world::Workers workers;
  for (size_t i = 0; i < judgements.size(); ++i) {
    workers.start([&, i] { judgements[i] = steps::judge_stage(steps::stages()[i], context).judgement; });
  }
  if (Status judged = workers.join(); !judged) return judged;
  Style style(session.world, session.world.terminal.out_is_terminal());
  Painted text = painted("On {} (context {}):", chain->target->name(), chain->access.kube.context);
  yaml::Value data = {{"cluster", chain->target->name()},
                      {"context", chain->access.kube.context},
                      {"stages", yaml::Value::array()}};
  for (size_t i = 0; i < judgements.size(); ++i) {
    const steps::Stage& stage = steps::stages()[i];
    if (stage.rules.empty()) continue;
    text += painted("\n{} {:<14} {}", mark(style, judgements[i].mark), stage.name,
                    indented(judgements[i].evidence, 20));
    data["stages"].push_back(
        {{"name", stage.name}, {"state", name_of(judgements[i].mark)}, {"evidence", judgements[i].evidence}});
  }
  session.print(text, json_text(data, 2));
  return {};
}

Status doctor(Session& session, const SettingFlags& flags) {
  Result<config::Config> config = load_config(session.world, flags);
  if (!config) return failure(config.error());
  auto target = cluster::make_target(session.world, *config);
  Result<cluster::ClusterAccess> found = target->find();
  std::vector<cluster::Precondition> findings =
      steps::look_at_tools(session.world, found ? *found : target->plan().access, steps::stage_names());
  for (cluster::Precondition& finding : target->look()) findings.push_back(std::move(finding));
  if (found) {
    Result<std::unique_ptr<world::KubeApi>> api =
        world::connect(session.world, found->kube, tell_waits(session));
    if (api) {
      for (cluster::Precondition& finding : steps::look_at_cluster(**api, *config, steps::stage_names()))
        findings.push_back(finding);
    } else {
      findings.push_back(
          {"API server", Mark::broken, api.error().what + ": " + api.error().because, api.error().hint});
    }
  } else if (config->text("cluster") == "local") {
    for (cluster::Precondition& finding : findings) {
      if (finding.mark == Mark::broken)
        finding = {finding.name, Mark::note, finding.evidence + ": the local cluster brings its own"};
    }
    findings.push_back(
        {"cluster", Mark::note, found.error().what + ": " + config->again("up") + " starts it"});
  } else if (std::none_of(findings.begin(), findings.end(), [](const cluster::Precondition& f) {
               return f.mark == Mark::broken || f.name == "cluster";
             })) {
    // Otherwise the target's own findings say why.
    findings.push_back(
        {"cluster", Mark::broken,
         found.error().what + (found.error().because.empty() ? "" : ": " + found.error().because),
         found.error().hint});
  }
  Style style(session.world, session.world.terminal.out_is_terminal());
  Painted text;
  yaml::Value data = {{"cluster", target->name()}, {"findings", yaml::Value::array()}};
  for (const cluster::Precondition& finding : findings) {
    Painted lead =
        painted("{} {:<12} ", finding.mark == Mark::note ? style.dim("note") : mark(style, finding.mark),
                finding.name);
    for (const std::string& line : text::lines(finding.evidence)) {
      text += lead + line + "\n";
      lead = std::string(18, ' ');
    }
    if (!finding.hint.empty() && finding.mark != Mark::ok)
      text += painted("     {} {}\n", style.dim("next:"), finding.hint);
    data["findings"].push_back({{"name", finding.name},
                                {"state", name_of(finding.mark)},
                                {"evidence", finding.evidence},
                                {"hint", finding.hint}});
  }
  session.print(std::move(text).without_line_end(), json_text(data, 2));
  return steps::all_fine(findings);
}

Status logs(Session& session, const SettingFlags& flags, const std::string& name, bool follow, int lines) {
  const steps::Stage* stage = steps::find_stage(name);
  if (stage == nullptr) return failure(steps::unknown_stage(name));
  Result<config::Config> config = load_config(session.world, flags);
  if (!config) return failure(config.error());
  steps::LogSource source = stage->logs(*config);
  if (source.selector.empty()) {
    return failure(ErrorClass::usage, "no-logs", fmt::format("Stage {} has no pods of its own", name), {},
                   "See the logs of prometheus, adapter or prom-fake");
  }
  auto target = cluster::make_target(session.world, *config);
  Result<cluster::ClusterAccess> access = target->find();
  if (!access) return failure(access.error());
  std::vector<std::string> words = {
      "logs",     "--namespace=" + source.space,   "--selector=" + source.selector,
      "--prefix", fmt::format("--tail={}", lines), "--max-log-requests=50"};
  words.push_back(source.container.empty() ? "--all-containers" : "--container=" + source.container);
  if (follow) words.emplace_back("--follow");
  // The document is printed as it comes: one that is followed for days must not be kept.
  bool begun = false;
  auto begin = [&] {
    if (!std::exchange(begun, true))
      session.world.terminal.out("{\n  \"stage\": " + json_text(yaml::Value(name)) + ",\n  \"lines\": [");
    session.printed = true;
  };
  std::string separator = "\n    ";
  world::Command command{
      .argv = world::kubectl_line(access->kube, words),
      .limit =
          follow ? world::Duration(std::chrono::hours(24 * 365)) : world::Duration(std::chrono::seconds(60)),
      .on_line = [&](std::string_view line) {
        if (!session.json) return session.world.terminal.out(std::string(line) + "\n");
        begin();
        session.world.terminal.out(std::exchange(separator, ",\n    ") + json_text(yaml::Value(line)));
      }};
  Result<std::string> done = world::run_checked(session.world.processes, command, "kubectl-logs",
                                                "Cannot read the logs of stage " + name);
  bool fine = done || (follow && done.error().kind == ErrorClass::interrupted);
  if (session.json && fine) begin();
  if (begun) session.world.terminal.out("\n  ]\n}\n");
  return fine ? Status{} : failure(done.error());
}

}  // namespace

void add_status(CLI::App& app, Chosen& chosen) {
  CLI::App& command = *app.add_subcommand("status", "Show the current state of each stage");
  auto flags = add_settings(command, "  hpawalk status\n  hpawalk status --context my-cluster -o json");
  add_output_option(command, chosen);
  command.callback(
      [flags, &chosen] { chosen.action = [flags](Session& session) { return status(session, *flags); }; });
}

void add_doctor(CLI::App& app, Chosen& chosen) {
  CLI::App& command =
      *app.add_subcommand("doctor", "Check tools, cluster and permissions before anything is changed");
  auto flags = add_settings(
      command, "  hpawalk doctor\n  hpawalk doctor --context my-cluster\n  hpawalk doctor --cluster aks");
  add_output_option(command, chosen);
  command.callback(
      [flags, &chosen] { chosen.action = [flags](Session& session) { return doctor(session, *flags); }; });
}

void add_logs(CLI::App& app, Chosen& chosen) {
  CLI::App& command = *app.add_subcommand("logs", "Print the logs of a stage's pods");
  auto name = std::make_shared<std::string>();
  auto follow = std::make_shared<bool>(false);
  auto lines = std::make_shared<int>(100);
  command.add_option("STAGE", *name, "workload, operator, prometheus, prom-fake or adapter")->required();
  command.add_flag("-f,--follow", *follow, "Keep printing new lines until Ctrl-C");
  command.add_option("--tail", *lines, "Number of lines to start with, for each container; -1: all")
      ->capture_default_str()
      ->type_name("N");
  auto flags = add_settings(command, "  hpawalk logs adapter\n  hpawalk logs prometheus -f --tail 10");
  add_output_option(command, chosen);
  command.callback([=, &chosen] {
    chosen.action = [=](Session& session) { return logs(session, *flags, *name, *follow, *lines); };
  });
}

}  // namespace hpawalk::cli
