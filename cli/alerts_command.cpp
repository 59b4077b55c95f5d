// hpawalk alerts: alert rules for the HPAs of a cluster, out of their chains as they are. Read-only.
#include <memory>

#include <fmt/format.h>

#include "cli/command.hpp"
#include "cli/read_chain.hpp"
#include "oncall/alert_rules.hpp"

namespace hpawalk::cli {
namespace {

struct AlertsOptions : HpaScope {
  std::string runbooks = "docs/causes.md", output = "prometheusrule";
};

std::string about(const oncall::AlertScope& scope, const diagnose::PrometheusView& view) {
  std::string hpas = !scope.name.empty()    ? fmt::format("HPA {}/{}", scope.space, scope.name)
                     : !scope.space.empty() ? "the HPAs of namespace " + scope.space
                                            : std::string("all HPAs");
  return hpas + ", for Prometheus " +
         (view.resource != nullptr ? diagnose::full_name(*view.resource)
                                   : view.address->shown("").substr(0, 200));
}

// The one that the HPAs' adapters ask.
const diagnose::PrometheusView* prometheus_of(const diagnose::Parts& parts) {
  for (const auto& [name, group] : parts.groups) {
    if (group.prometheus.address) return &group.prometheus;
  }
  return nullptr;
}

Status print_alerts(Session& session, const oncall::Alerts& alerts, const diagnose::Facts& facts,
                    const diagnose::PrometheusView& view, const oncall::AlertScope& scope,
                    const AlertsOptions& options) {
  world::Terminal& terminal = session.world.terminal;
  for (const std::string& left_out : alerts.left_out) terminal.err("note: left out: " + left_out + "\n");
  if (alerts.all.empty()) {
    return failure(ErrorClass::check_failed, "no-alerts", "No alert can be made of what this Prometheus has",
                   {}, "hpawalk exporter --manifests   runs what exports the HPAs' states");
  }
  const oncall::RuleText text{about(scope, view), options.runbooks};
  if (options.output == "rules" || view.resource == nullptr) {
    if (options.output != "rules")
      terminal.err("note: no Prometheus object was found, so this is a rule file, not a PrometheusRule\n");
    terminal.out(oncall::rule_file(alerts, text));
    return {};
  }
  const oncall::RulePlace place = oncall::place_for_rule(facts, *view.resource, scope);
  terminal.out(oncall::prometheus_rule(alerts, place, text));
  if (!place.unselected.empty()) {
    terminal.err(
        fmt::format("warning: Prometheus {} will not load it: {}. Allow it: set spec.ruleSelector (and "
                    "spec.ruleNamespaceSelector) of the Prometheus, for example to {{}}\n",
                    diagnose::full_name(*view.resource), place.unselected));
  }
  return {};
}

Status run_alerts(Session& session, AlertsOptions options) {
  world::World& world = session.world;
  Result<diagnose::CollectOptions> what = collect_options(session, options);
  if (!what) return failure(what.error());
  Result<std::unique_ptr<world::KubeApi>> api = world::connect(world, options.target, tell_waits(session));
  if (!api) return failure(api.error());
  Result<diagnose::Facts> facts = read_chain(session, **api, *what);
  if (!facts) return failure(facts.error());

  const diagnose::StillFacts still(*facts);
  const diagnose::Parts parts = diagnose::parts_of(*facts);
  const diagnose::PrometheusView* view = prometheus_of(parts);
  if (view == nullptr) {
    return failure(ErrorClass::check_failed, "no-prometheus",
                   "No Prometheus was found that these HPAs depend on", {}, "Name one with --prometheus URL");
  }
  const world::PrometheusApi prometheus = prometheus_api(session, **api, *view->address, *what);
  const oncall::AlertScope scope{what->space, what->name};
  Result<oncall::AlertSeries> series =
      oncall::read_alert_series(prometheus, oncall::series_for_alerts(parts, scope));
  if (!series) return failure(series.error());
  if (Status found = oncall::find_rejected(prometheus, oncall::queries_for_alerts(parts, scope), *series);
      !found)
    return found;
  return print_alerts(session, oncall::alerts_for(*facts, parts, scope, *series), *facts, *view, scope,
                      options);
}

}  // namespace

void add_alerts(CLI::App& app, Chosen& chosen) {
  CLI::App* command = app.add_subcommand(
      "alerts",
      "Print alert rules for HPAs, made of their chains and of the series that Prometheus has (read-only)");
  auto options = std::make_shared<AlertsOptions>();
  add_hpa_scope(*command, *options);
  command->add_option("--runbooks", options->runbooks, "Where you publish docs/causes.md, for runbook_url")
      ->type_name("URL")
      ->capture_default_str();
  command->add_option("-o,--output", options->output, "A PrometheusRule, or a rule file of Prometheus")
      ->check(CLI::IsMember({"prometheusrule", "rules"}))
      ->type_name("prometheusrule|rules")
      ->capture_default_str();
  command->footer(
      "Examples:\n  hpawalk alerts -A --context prod | kubectl apply -f -\n  hpawalk alerts web -n shop\n"
      "  hpawalk alerts -A -o rules > hpa-alerts.yml && promtool check rules hpa-alerts.yml\n\n"
      "Comments say which alerts were left out, and where each `for` comes from. Run it again when a chain "
      "changes.");
  command->callback([options, &chosen] {
    chosen.action = [options](Session& session) { return run_alerts(session, *options); };
  });
}

}  // namespace hpawalk::cli
