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
  if (what.goal || chain->config->origin("timeout") != config::Origin::fallback)
    what.limit = chain->config->duration("timeout");
  Result<observe::Followed> followed = follow_shown(session, *chain, what);
  if (followed) return {};
  // Without a goal Ctrl-C is the way out.
  bool asked_to_end = followed.error().kind == ErrorClass::interrupted && !what.goal;
  return asked_to_end ? Status{} : failure(followed.error());
}

}  // namespace

void add_watch(CLI::App& app, Chosen& chosen) {
  CLI::App& command = *app.add_subcommand(
      "watch", "Show every step of the chain as it changes, and explain what the HPA does");
  auto until = std::make_shared<std::string>();
  command
      .add_option("--until", *until,
                  "End when this is true: replicas, ready, desired, value, metric (=, >=, <= a number) or "
                  "settled; separate several with commas")
      ->type_name("CONDITION");
  auto flags = add_settings(command,
                            "  hpawalk watch\n  hpawalk watch --until replicas=10 --timeout 120s\n  hpawalk "
                            "watch --until 'ready>=4,metric=50' -o json\n\n"
                            "On a terminal, the view is redrawn in place; otherwise, every change is one "
                            "line with its time, or a JSON object with -o json.\n"
                            "Ends at Ctrl-C, when --until is true (exit code 0), or when --timeout expires "
                            "(exit code 1 with --until).\n"
                            "replicas: the Deployment's; ready: its ready pods; desired: the HPA's desired "
                            "replicas; value: prom-fake's;\n"
                            "metric: the value that the HPA has read; settled: nothing more changes soon.");
  add_output_option(command, chosen);
  command.callback([flags, until, &chosen] {
    chosen.action = [flags, until](Session& session) { return watch_chain(session, *flags, *until); };
  });
}

}  // namespace hpawalk::cli
