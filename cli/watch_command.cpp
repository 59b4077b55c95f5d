// hpawalk watch: the chain as it lives.
#include <fmt/format.h>

#include "cli/live_view.hpp"

namespace hpawalk::cli {
namespace {

Status watch_chain(Session& session, const SettingFlags& flags, const std::string& until) {
  observe::Follow what;
  if (!until.empty()) {
    Result<observe::Goal> goal = observe::parse_goal(until);
    if (!goal) return failure(goal.error());
    what.goal = *goal;
  }
  Result<OpenChain> chain = open_chain(session, flags);
  if (!chain) return failure(chain.error());
  if (what.goal || chain->config->origin("timeout") != config::Origin::fallback) what.limit = chain->config->duration("timeout");
  Result<observe::Followed> followed = follow_shown(session, *chain, what);
  if (followed) return {};
  // Without a goal Ctrl-C is the way out.
  bool asked_to_end = followed.error().kind == ErrorClass::interrupted && !what.goal;
  return asked_to_end ? Status{} : failure(followed.error());
}

}  // namespace

void add_watch(CLI::App& app, Chosen& chosen) {
  CLI::App& command = *app.add_subcommand("watch", "Show every hop of the chain as it changes, and explain what the HPA does");
  auto until = std::make_shared<std::string>();
  command.add_option("--until", *until, "End when this holds: replicas, ready, desired, value, metric (=, >=, <= a number) or settled; several with commas")
      ->type_name("CONDITION");
  auto flags = add_settings(command, "  hpawalk watch\n  hpawalk watch --until replicas=10 --timeout 120s\n  hpawalk watch --until 'ready>=4,metric=50' -o json\n\n"
                                     "On a terminal the view is redrawn in place; elsewhere every change is a line with its time, with -o json a JSON object.\n"
                                     "Until Ctrl-C, or --until holds (exit code 0), or --timeout is over (exit code 1 with --until).\n"
                                     "replicas are those of the Deployment, ready its ready pods, desired what the HPA wants, value prom-fake's,\n"
                                     "metric what the HPA has read; settled: nothing more will change soon.");
  add_output_option(command, chosen);
  command.callback([flags, until, &chosen] { chosen.action = [flags, until](Session& session) { return watch_chain(session, *flags, *until); }; });
}

}  // namespace hpawalk::cli
