// hpawalk logs: what a stage's pods say.
#include <utility>

#include <fmt/format.h>

#include "base/json_text.hpp"
#include "cli/open_chain.hpp"
#include "steps/stages.hpp"

namespace hpawalk::cli {

namespace {

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
