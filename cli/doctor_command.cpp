// hpawalk doctor: what a run needs, before anything is changed.
#include <algorithm>

#include <fmt/format.h>

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "cli/open_chain.hpp"
#include "cli/style.hpp"
#include "steps/broken_apis.hpp"
#include "steps/preflight.hpp"
#include "steps/stages.hpp"

namespace hpawalk::cli {

namespace {

Status doctor(Session& session, const SettingFlags& flags) {
  Result<config::Config> config = load_config(session.world, flags);
  if (!config) return failure(config.error());
  auto target = cluster::make_target(session.world, *config);
  Result<cluster::ClusterAccess> found = target->find();
  const std::vector<std::string> names = steps::stage_names(*config);
  std::vector<cluster::Precondition> findings =
      steps::look_at_tools(session.world, found ? *found : target->plan().access, names);
  for (cluster::Precondition& finding : target->look()) findings.push_back(std::move(finding));
  if (found) {
    Result<std::unique_ptr<world::KubeApi>> api =
        world::connect(session.world, found->kube, tell_waits(session));
    if (api) {
      for (cluster::Precondition& finding : steps::look_at_cluster(**api, *config, names))
        findings.push_back(finding);
      for (cluster::Precondition& finding : steps::look_at_broken_apis(**api))
        findings.push_back(std::move(finding));
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
    Painted lead = painted("{} {:<12} ", check_sign(style, finding.mark), finding.name);
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

}  // namespace

void add_doctor(CLI::App& app, Chosen& chosen) {
  CLI::App& command =
      *app.add_subcommand("doctor", "Check tools, cluster and permissions before anything is changed");
  auto flags = add_settings(
      command, "  hpawalk doctor\n  hpawalk doctor --context my-cluster\n  hpawalk doctor --cluster aks");
  add_output_option(command, chosen);
  command.callback(
      [flags, &chosen] { chosen.action = [flags](Session& session) { return doctor(session, *flags); }; });
}

}  // namespace hpawalk::cli
