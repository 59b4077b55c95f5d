// hpawalk down: take away what up made, and nothing else.
#include <fmt/format.h>

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "cli/open_chain.hpp"
#include "steps/down.hpp"
#include "steps/preflight.hpp"

namespace hpawalk::cli {

namespace {

Status print(Session& session, const steps::DownReport& report, const std::string& where) {
  std::string text = report.removed.empty()
                         ? "Nothing to remove: hpawalk has created no objects on " + where + "."
                         : fmt::format("{} objects removed from {} ({}).", report.removed.size(), where,
                                       text::duration(report.took));
  for (const std::string& line : report.left) text += "\nnot removed: " + line;
  yaml::Value data = {{"cluster", where},
                      {"seconds", static_cast<double>(report.took.count()) / 1000.0},
                      {"removed", report.removed},
                      {"leftAlone", report.left}};
  session.print(text, json_text(data, 2));
  return {};
}

// The whole cluster, and so everything on it.
Status delete_cluster(Session& session, const SettingFlags& flags) {
  Result<config::Config> config = load_config(session.world, flags);
  if (!config) return failure(config.error());
  if (config->text("cluster") == "current") {
    return failure(ErrorClass::usage, "not-our-cluster",
                   "down --delete-cluster removes only clusters that hpawalk created",
                   "the target is " + cluster::make_target(session.world, *config)->name(),
                   "hpawalk down   removes only the chain");
  }
  auto target = cluster::make_target(session.world, *config);
  Status removed = target->remove(session.progress);
  if (!removed) return removed;
  session.print("The " + target->name() + " and everything on it were deleted.",
                json_text(yaml::Value{{"deleted", target->name()}}, 2));
  return {};
}

Status take_down(Session& session, const SettingFlags& flags) {
  Result<OpenChain> chain = open_chain(session, flags);
  // Only who lists its clusters knows that there is none: of a kubeconfig that cannot be used nobody knows
  // anything.
  if (!chain && chain.error().is("no-cluster")) {
    return print(session, {}, "this machine (cluster not found)");
  }
  if (!chain) return failure(chain.error());
  Status ready = steps::all_fine(steps::look_at_tools(session.world, chain->access, {"adapter"}));
  if (!ready) return ready;
  steps::DownReport report;
  Status status =
      steps::down(session.world, *chain->config, chain->access, *chain->api, session.progress, report);
  if (!status) return status;
  if (report.others && chain->config->text("cluster") == "aks") {
    report.left.push_back(
        "what hpawalk created in Azure for this cluster: another hpawalk instance on it uses the image");
    return print(session, report, chain->target->name());
  }
  Result<cluster::Leftovers> outside = chain->target->clean_up(*chain->api, session.progress);
  if (!outside) return failure(outside.error());
  report.removed.insert(report.removed.end(), outside->removed.begin(), outside->removed.end());
  report.left.insert(report.left.end(), outside->left.begin(), outside->left.end());
  return print(session, report, chain->target->name());
}

}  // namespace

void add_down(CLI::App& app, Chosen& chosen) {
  CLI::App& command = *app.add_subcommand("down", "Remove everything that up created, and nothing else");
  auto whole = std::make_shared<bool>(false);
  auto flags = add_settings(
      command,
      "  hpawalk down\n  hpawalk down --context my-cluster\n"
      "  hpawalk down --cluster aks        also the image and the permission to pull it, if hpawalk created "
      "them\n"
      "  hpawalk down --delete-cluster     the cluster that hpawalk created, with everything on it\n"
      "  hpawalk down --cluster kind --delete-cluster");
  command.add_flag("--delete-cluster", *whole, "Remove the cluster too, if hpawalk created it");
  command.get_option("--cluster")
      ->expected(0, 1)
      ->description("The cluster with the chain; without a name, the same as --delete-cluster");
  add_output_option(command, chosen);
  command.callback([flags, whole, &chosen] {
    auto cluster = flags->values.find("cluster");
    if (cluster != flags->values.end() && cluster->second.empty()) {
      *whole = true;
      flags->values.erase(cluster);
    }
    chosen.action = [flags, whole](Session& session) {
      return *whole ? delete_cluster(session, *flags) : take_down(session, *flags);
    };
  });
}

}  // namespace hpawalk::cli
