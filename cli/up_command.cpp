// hpawalk up: build the whole chain, or what is missing of it.
#include <array>
#include <cerrno>
#include <iostream>
#include <optional>

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "cli/diagnosis_report.hpp"
#include "cli/error_report.hpp"
#include "cli/open_chain.hpp"
#include "cli/plan.hpp"
#include "cli/style.hpp"
#include "diagnose/collect.hpp"
#include "steps/address.hpp"
#include "steps/chart.hpp"
#include "steps/plan.hpp"
#include "steps/preflight.hpp"
#include "steps/up.hpp"

namespace hpawalk::cli {

namespace {

struct UpOptions {
  bool step = false;
  bool dry_run = false;
};

// One line from the terminal; nothing at its end or on Ctrl-C.
std::optional<std::string> read_answer(world::World& world) {
  std::array<pollfd, 2> waiting = {pollfd{0, POLLIN, 0}, pollfd{world.interrupt.fd(), POLLIN, 0}};
  while (poll(waiting.data(), waiting.size(), -1) < 0 && errno == EINTR) {
  }
  std::string answer;
  if (world.interrupt.requested() || !std::getline(std::cin, answer)) return std::nullopt;
  return std::string(text::trim(answer));
}

// Tells what comes, waits for the user: Enter runs the stage, s leaves it out, q ends.
Result<bool> ask(Session& session, const OpenChain& chain, const steps::Stage& stage,
                 const std::vector<steps::Operation>& operations) {
  world::World& world = session.world;
  Style style(world, world.terminal.err_is_terminal());
  Painted text = painted("\n{} {}\n\n", style.bold(fmt::format("Stage {}.", stage.name)), stage.why);
  for (const steps::Operation& operation : operations) {
    for (const cluster::PlannedCommand& shown : steps::planned(
             operation, *chain.config, chain.access, steps::chart_folder(world.environment).string())) {
      text += painted("  {}\n", style.dim("# " + shown.note));
      for (const std::string& line : text::lines(shown.command)) text += "  " + line + "\n";
      text += "\n";
    }
  }
  for (const steps::Rule& rule : stage.rules) text += fmt::format("  Done when {}.\n", rule.says);
  world.terminal.err(text + style.bold("\nEnter: run it   s: skip it   q: stop here > "));
  std::optional<std::string> answer = read_answer(world);
  if (!answer || *answer == "q") {
    return failure(
        ErrorClass::interrupted, "interrupted", fmt::format("Stopped before stage {}", stage.name), {},
        chain.config->again(fmt::format("up --step --from {}", stage.name)) + "   continues from here");
  }
  return *answer != "s";
}

yaml::Value to_json(const steps::UpReport& report, const std::string& cluster) {
  yaml::Value stages = yaml::Value::array();
  for (const steps::StageReport& stage : report.stages) {
    stages.push_back({{"name", stage.name},
                      {"outcome", steps::outcome_name(stage.outcome)},
                      {"evidence", stage.evidence},
                      {"seconds", static_cast<double>(stage.took.count()) / 1000.0}});
  }
  return {{"cluster", cluster},
          {"seconds", static_cast<double>(report.took.count()) / 1000.0},
          {"stages", stages}};
}

// After an `up` that succeeded.
std::vector<std::string> ready_stages(const steps::UpReport& report) {
  std::vector<std::string> ready;
  for (const steps::StageReport& stage : report.stages) {
    if (stage.outcome != steps::StageReport::Outcome::left_out) ready.push_back(stage.name);
  }
  return ready;
}

Result<steps::Address> prom_fake_address(Session& session, const OpenChain& chain,
                                         const steps::UpReport& report) {
  for (const std::string& stage : ready_stages(report)) {
    if (stage == "prom-fake")
      return steps::await_address(session.world, *chain.config, *chain.api, session.progress);
  }
  return steps::Address{};
}

std::string to_text(const steps::UpReport& report, const OpenChain& chain, const steps::Address& address) {
  bool changed = false;
  for (const steps::StageReport& stage : report.stages)
    changed = changed || stage.outcome == steps::StageReport::Outcome::built;
  std::vector<std::string> ready = ready_stages(report);
  std::string flags = text::shell_quote(world::kubectl_line(chain.access.kube, {}));
  std::string where = fmt::format("{}{} ({}).", chain.target->name(),
                                  changed ? "" : "; nothing had to be changed", text::duration(report.took));
  if (!address.url.empty()) where += "\nprom-fake answers at " + address.url;
  if (ready.empty()) return "Every stage was skipped; nothing was changed.";
  if (ready.size() < steps::stages_of(*chain.config).size()) {
    return fmt::format("{} {} ready on {}\n\n{}", text::join(ready, ", "), ready.size() == 1 ? "is" : "are",
                       where, chain.config->again("verify"));
  }
  return fmt::format("The chain is ready on {}\n\n{} get hpa {} -n {}\n{}", where, flags,
                     chain.config->text("hpa.name"), chain.config->text("namespace"),
                     chain.config->again("set-value 50 --watch"));
}

// One last full look at the chain, for the first broken link with its reason, evidence and repair. Says
// nothing where there is nothing to look at: nothing was built, the run was interrupted, or the rules find no
// fault.
std::vector<diagnose::HpaDiagnosis> last_look(Session& session, const OpenChain& chain, const Error& error) {
  if (!error.in("stage-NAME")) return {};
  std::string space = chain.config->text("namespace"), name = chain.config->text("hpa.name");
  Result<diagnose::Facts> facts =
      diagnose::collect(*chain.api, session.world.http, session.world.clock, {.space = space, .name = name});
  if (!facts) return {};
  std::vector<diagnose::HpaDiagnosis> diagnoses = diagnose::diagnose_hpas(*facts, space, name);
  std::erase_if(diagnoses, [](const diagnose::HpaDiagnosis& d) { return d.verdict() != Mark::broken; });
  return diagnoses;
}

void explain_failure(Session& session, const OpenChain& chain, const steps::UpReport& report,
                     const Error& error) {
  std::vector<diagnose::HpaDiagnosis> diagnoses = last_look(session, chain, error);
  world::World& world = session.world;
  if (!session.json) {
    bool terminal = world.terminal.out_is_terminal();
    if (!diagnoses.empty())
      world.terminal.out(
          "\n" + diagnosis_text(diagnoses, Style(world, terminal), terminal ? world.terminal.columns() : 0));
    return;
  }
  if (report.stages.empty()) return;
  yaml::Value data = to_json(report, chain.target->name());
  data["error"] = error_json(error);
  data["diagnosis"] = yaml::Value::array();
  for (const diagnose::HpaDiagnosis& diagnosis : diagnoses)
    data["diagnosis"].push_back(yaml::Value(to_json(diagnosis)));
  session.print("", json_text(data, 2));
}

Status build(Session& session, const SettingFlags& flags, steps::UpOptions up, bool step) {
  Result<config::Config> config = load_config(session.world, flags);
  if (!config) return failure(config.error());
  Result<std::vector<std::string>> names = steps::selected_stages(up, *config);
  if (!names) return failure(names.error());
  Result<OpenChain> chain = ensure_chain(session, flags);
  if (!chain) return failure(chain.error());
  Status ready = steps::all_fine(steps::look_at_tools(session.world, chain->access, *names));
  if (ready)
    ready = steps::all_fine(
        steps::look_at_cluster(*chain->api, *chain->config, *names, chain->access.when_unreachable));
  if (!ready) return ready;
  if (step) {
    up.one_by_one = true;
    up.before = [&](const steps::Stage& stage, const std::vector<steps::Operation>& operations) {
      return ask(session, *chain, stage, operations);
    };
  }
  steps::UpReport report;
  Status status = steps::up(session.world, *chain->config, *chain->target, chain->access, *chain->api, up,
                            session.progress, report);
  if (!status) {
    explain_failure(session, *chain, report, status.error());
    return status;
  }
  Result<steps::Address> address = prom_fake_address(session, *chain, report);
  if (!address) return failure(address.error());
  yaml::Value data = to_json(report, chain->target->name());
  data["address"] = address->url;
  session.print(to_text(report, *chain, *address), json_text(data, 2));
  return {};
}

}  // namespace

void add_up(CLI::App& app, Chosen& chosen) {
  CLI::App& command = *app.add_subcommand("up", "Build the whole chain, or its missing parts");
  auto stages = add_stage_options(command);
  auto options = std::make_shared<UpOptions>();
  auto* step = command.add_flag("--step", options->step,
                                "Tutorial: explain each stage, show its commands, wait for Enter");
  command
      .add_flag("--dry-run", options->dry_run,
                "Print the commands without running them (the same as hpawalk plan)")
      ->excludes(step);
  auto flags = add_settings(
      command,
      "  hpawalk up                        on a local cluster\n"
      "  hpawalk up --context my-cluster   on an existing cluster\n"
      "  hpawalk up --cluster kind         on a kind cluster `hpawalk`, created if it does not exist; also "
      "minikube, k3d\n"
      "  hpawalk up --cluster aks          on $AKS_CLUSTER_NAME; the registry $ACR_NAME builds the image\n"
      "  hpawalk up --metrics keda         with KEDA instead of prometheus-adapter; --hpa-min 0 scales to 0\n"
      "  hpawalk up --step                 stage by stage, with explanations\n"
      "  hpawalk up --only adapter,hpa --hpa-max 20");
  add_output_option(command, chosen);
  command.callback([flags, stages, options, &chosen] {
    chosen.action = [flags, stages, options](Session& session) -> Status {
      if (options->dry_run) return print_plan(session, *flags, *stages);
      if (options->step && (isatty(0) == 0 || !session.world.terminal.err_is_terminal())) {
        return failure(ErrorClass::usage, "step-needs-terminal", "--step requires a terminal", {},
                       "hpawalk plan   shows the same explanations and commands without asking");
      }
      return build(session, *flags, *stages, options->step);
    };
  });
}

}  // namespace hpawalk::cli
