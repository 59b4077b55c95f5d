// hpawalk watch: an HPA's chain as it lives: the walkthrough's, or any other's.
#include <fmt/format.h>

#include "cli/live_view.hpp"
#include "cli/read_chain.hpp"
#include "observe/any_chain.hpp"

namespace hpawalk::cli {
namespace {

struct WatchOptions {
  std::string hpa, space, metric, until;
};

std::optional<world::Duration> limit_of(const config::Config& config, const observe::Follow& what) {
  bool limited = what.goal || config.origin("timeout") != config::Origin::fallback;
  return limited ? std::optional(config.duration("timeout")) : std::nullopt;
}

// Without a goal Ctrl-C is the way out.
Status outcome(const Result<observe::Followed>& followed, const observe::Follow& what) {
  bool asked_to_end = !followed && followed.error().kind == ErrorClass::interrupted && !what.goal;
  return followed || asked_to_end ? Status{} : failure(followed.error());
}

Status follow_walkthrough(Session& session, const SettingFlags& flags, observe::Follow what) {
  Result<OpenChain> chain = open_chain(session, flags);
  if (!chain) return failure(chain.error());
  what.limit = limit_of(*chain->config, what);
  return outcome(follow_shown(session, *chain, what), what);
}

Status follow_any(Session& session, const SettingFlags& flags, const WatchOptions& options,
                  observe::Follow what) {
  SettingFlags of_any = flags;
  of_any.values["cluster"] = "current";  // not the walkthrough's, which has a kubeconfig of its own
  Result<config::Config> config = load_config(session.world, of_any);
  if (!config) return failure(config.error());
  what.limit = limit_of(*config, what);
  Result<world::KubeTarget> target =
      any_cluster(session.world, {config->text("kubeconfig"), config->text("context")});
  if (!target) return failure(target.error());
  Result<std::string> space = chosen_space(session, *target, options.space);
  if (!space) return failure(space.error());
  Result<std::unique_ptr<world::KubeApi>> api = world::connect(session.world, *target, tell_waits(session));
  if (!api) return failure(api.error());
  std::string name = plain_hpa_name(options.hpa);
  Result<diagnose::Facts> facts = read_chain(session, **api, {.space = *space, .name = name});
  if (!facts) return failure(facts.error());
  Result<observe::LiveChain> chain = observe::chain_of(*facts, *space, name, options.metric);
  if (!chain) return failure(chain.error());
  std::string where = target->context.empty() ? "the current context" : "context " + target->context;
  return outcome(follow_shown(session, **api, *chain, diagnose::controller_of(*facts), where, what), what);
}

Status watch(Session& session, const SettingFlags& flags, const WatchOptions& options) {
  observe::Follow what;
  if (!options.until.empty()) {
    Result<observe::Goal> goal = observe::parse_goal(options.until);
    if (!goal) return failure(goal.error());
    what.goal = *goal;
  }
  if (!options.hpa.empty()) return follow_any(session, flags, options, what);
  if (options.space.empty() && options.metric.empty()) return follow_walkthrough(session, flags, what);
  return failure(ErrorClass::usage, "usage", "-n and --metric require the name of an HPA", {},
                 "hpawalk watch HPA -n NAMESPACE; without HPA, watch follows the walkthrough's HPA");
}

}  // namespace

void add_watch(CLI::App& app, Chosen& chosen) {
  CLI::App& command = *app.add_subcommand(
      "watch", "Show every step of an HPA's chain as it changes, and explain what the HPA does");
  auto options = std::make_shared<WatchOptions>();
  command.add_option("HPA", options->hpa,
                     "The name of any HPA of your kubeconfig's cluster; default: the walkthrough's");
  command.add_option("-n", options->space, "Namespace of the HPA; default: the context's")->type_name("NS");
  command
      .add_option("--metric", options->metric,
                  "Which metric of the HPA to show; default: the first that it has")
      ->type_name("METRIC");
  command
      .add_option("--until", options->until,
                  "End when this is true: replicas, ready, desired, value, metric (=, >=, <= a number) or "
                  "settled; separate several with commas")
      ->type_name("CONDITION");
  auto flags = add_settings(command,
                            "  hpawalk watch\n  hpawalk watch web -n shop --context prod\n  hpawalk watch "
                            "--until replicas=10 --timeout 120s\n  hpawalk watch --until "
                            "'ready>=4,metric=50' -o json\n\n"
                            "On a terminal, the view is redrawn in place; otherwise, every change is one "
                            "line with its time, or a JSON object with -o json.\n"
                            "Ends at Ctrl-C, when --until is true (exit code 0), or when --timeout expires "
                            "(exit code 1 with --until).\n"
                            "replicas: the workload's; ready: its ready pods; desired: the HPA's desired "
                            "replicas; value: prom-fake's, of another HPA the first that is shown;\n"
                            "metric: the value that the HPA has read; settled: nothing more changes soon.");
  add_output_option(command, chosen);
  command.callback([flags, options, &chosen] {
    chosen.action = [flags, options](Session& session) { return watch(session, *flags, *options); };
  });
}

}  // namespace hpawalk::cli
