// hpawalk migrate: an HPA from prometheus-adapter to KEDA, or back. Without --apply, it only reads.
#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "cli/migrate_report.hpp"
#include "cli/open_chain.hpp"
#include "cli/read_chain.hpp"
#include "migrate/apply.hpp"

namespace hpawalk::cli {

namespace {

struct MigrateOptions {
  std::string name, to, space, prometheus_url, since = "1h", timeout = "3m";
  bool apply = false;
  world::KubeTarget target;
  PrometheusOptions prometheus;
};

Status check_migrate_options(const MigrateOptions& o, hpasim::Time& since, world::Duration& timeout) {
  Result<hpasim::Time> past = hpasim::parse_duration(o.since), limit = hpasim::parse_duration(o.timeout);
  if (!past) return failure(past.error());
  if (!limit) return failure(limit.error());
  since = *past;
  timeout = std::chrono::duration_cast<world::Duration>(*limit);
  if (!o.apply || !o.target.context.empty() || !o.target.kubeconfig.empty()) return {};
  return failure(ErrorClass::usage, "cluster-not-chosen",
                 "migrate --apply changes a cluster, and none is named", {},
                 "Name it with --context NAME or --kubeconfig FILE. Nothing was changed");
}

Result<migrate::Request> migration_request(Session& session, const MigrateOptions& o) {
  migrate::Request request;
  request.to = o.to == "keda" ? migrate::Side::keda : migrate::Side::adapter;
  request.name = plain_hpa_name(o.name);
  for (std::string_view kind : {"scaledobject/", "so/", "scaledobject.keda.sh/"}) {
    if (request.name.starts_with(kind)) request.name.erase(0, kind.size());
  }
  Result<std::string> space = chosen_space(session, o.target, o.space);
  if (!space) return failure(space.error());
  request.space = *space;
  request.collect.prometheus_url = o.prometheus_url;
  Result<world::PrometheusLogin> login = prometheus_login(session.world, o.prometheus, o.prometheus_url);
  if (!login) return failure(login.error());
  request.collect.prometheus_login = *std::move(login);
  return request;
}

void take_replay(Session& session, const MigrateOptions& o, hpasim::Time since, MigrationShown& shown) {
  const migrate::Looked& looked = shown.looked;
  const migrate::Plan& plan = looked.plan;
  if (since == hpasim::Time(0) || plan.switched || plan.manifest.is_null()) return;
  if (!looked.prometheus) {
    shown.not_replayed = "no Prometheus was found that could be asked";
    return;
  }
  const std::string step = "read the past from Prometheus";
  session.progress.started(step);
  auto pasts = migrate::read_pasts(*looked.prometheus, session.world.clock, plan, hpasim::in_seconds(since));
  if (!pasts) {
    session.progress.failed(step, pasts.error().what);
    shown.not_replayed =
        pasts.error().what + (pasts.error().because.empty() ? "" : ": " + pasts.error().because);
    return;
  }
  session.progress.done(step, "the last " + o.since);
  if (std::none_of(pasts->begin(), pasts->end(), [](const auto& past) { return past.has_value(); })) {
    shown.not_replayed = "Prometheus has no values of the queries in the last " + o.since;
    return;
  }
  const auto replicas = static_cast<std::int32_t>(looked.around.replicas.value_or(1));
  Result<migrate::Replayed> replayed =
      migrate::replay(plan, looked.before, plan.manifest, *pasts, {looked.rules, looked.flags, replicas});
  if (!replayed) {
    shown.not_replayed = replayed.error().what + ": " + replayed.error().because;
    return;
  }
  shown.since = o.since;
  shown.replayed = std::move(*replayed);
}

Status without_counterpart(const migrate::Plan& plan) {
  if (plan.cannot.empty() || plan.switched) return {};
  return failure(ErrorClass::check_failed, "migrate-unsupported",
                 fmt::format("{} of {} cannot be migrated as a whole",
                             plan.to == migrate::Side::keda ? "The HPA" : "The ScaledObject", plan.workload),
                 text::join(plan.cannot, "\n"), "Nothing was changed");
}

Status print_migration_yaml(Session& session, const migrate::Plan& plan) {
  if (Status whole = without_counterpart(plan); !whole) return whole;
  if (plan.manifest.is_null())
    return failure(
        ErrorClass::check_failed, "migrate-unsupported",
        fmt::format("HPA {} already has the metrics of the new side: there is no manifest to write",
                    plan.hpa));
  session.world.terminal.out(migration_yaml(plan));
  session.printed = true;
  return {};
}

Status apply_migration(Session& session, world::KubeApi& api, migrate::Looked& looked,
                       world::Duration timeout) {
  if (Status done = migrate::apply(api, session.world.clock, session.progress, looked, timeout); !done)
    return done;
  const std::string uid = text_at(looked.state.hpa, "metadata.uid");
  Result<migrate::State> state = migrate::read_state(api, looked.plan);
  if (!state) return failure(state.error());
  looked.state = *state;
  const migrate::Plan& plan = looked.plan;
  MigrationShown shown{looked, migrate::steps_of(plan, looked.state), {}, {}, {}, {}};
  session.print(
      fmt::format("{} in namespace {} is scaled by {}: HPA {} ({} replicas), the same object as before ({}).",
                  plan.workload, plan.space,
                  plan.to == migrate::Side::keda ? "KEDA's ScaledObject " + plan.scaled_object
                                                 : std::string("prometheus-adapter's metrics"),
                  plan.hpa, int_at(looked.state.hpa, "status.currentReplicas"), uid),
      json_text(migration_json(shown, true), 2));
  return {};
}

Status run_migrate(Session& session, MigrateOptions options, const std::string& output) {
  hpasim::Time since{0};
  world::Duration timeout{0};
  if (Status fine = check_migrate_options(options, since, timeout); !fine) return fine;
  Result<world::KubeTarget> target = any_cluster(session.world, options.target);
  if (!target) return failure(target.error());
  options.target = *target;
  Result<migrate::Request> request = migration_request(session, options);
  if (!request) return failure(request.error());
  Result<std::unique_ptr<world::KubeApi>> api =
      world::connect(session.world, options.target, tell_waits(session));
  if (!api) return failure(api.error());
  auto read = [&](diagnose::CollectOptions what) { return read_chain(session, **api, std::move(what)); };
  Result<migrate::Looked> looked = migrate::look(**api, session.world.http, read, *request);
  if (!looked) return failure(looked.error());
  if (options.apply) return apply_migration(session, **api, *looked, timeout);
  if (output == "yaml") return print_migration_yaml(session, looked->plan);
  MigrationShown shown{*looked,
                       migrate::steps_of(looked->plan, looked->state),
                       migrate::obstacles(looked->plan, looked->state, looked->around),
                       {},
                       {},
                       {}};
  take_replay(session, options, since, shown);
  session.print(session.json ? Painted() : migration_text(shown, canvas_for(session.world)),
                session.json ? json_text(migration_json(shown, false), 2) : "");
  return without_counterpart(looked->plan);
}

}  // namespace

void add_migrate(CLI::App& app, Chosen& chosen) {
  CLI::App& command = *app.add_subcommand(
      "migrate", "Move an HPA from prometheus-adapter to KEDA or back: the plan, and with --apply its steps");
  auto options = std::make_shared<MigrateOptions>();
  command.add_option("NAME", options->name, "The HPA; to the adapter: the ScaledObject, or its HPA")
      ->required();
  command.add_option("--to", options->to, "The new side")
      ->required()
      ->check(CLI::IsMember({"keda", "adapter"}))
      ->type_name("keda|adapter");
  command.add_flag("--apply", options->apply,
                   "Carry out the steps, or continue them; needs --context or --kubeconfig");
  command.add_option("--since", options->since, "How much of the past is replayed through both; 0: nothing")
      ->capture_default_str()
      ->type_name("TIME");
  command.add_option("--timeout", options->timeout, "How long --apply waits for each step")
      ->capture_default_str()
      ->type_name("TIME");
  command.add_option("-n,--namespace", options->space, "Its namespace; default: the context's")
      ->type_name("NS");
  command.add_option("--context", options->target.context, "The kubeconfig's context")->type_name("NAME");
  command.add_option("--kubeconfig", options->target.kubeconfig, "The kubeconfig")->type_name("FILE");
  command
      .add_option("--prometheus", options->prometheus_url,
                  "Ask Prometheus at this URL instead of through the API server")
      ->type_name("URL");
  add_prometheus_options(command, options->prometheus);
  command.add_option("-o,--output", chosen.output, "Output format; yaml: the manifests alone")
      ->check(CLI::IsMember({"text", "yaml", "json"}))
      ->type_name("text|yaml|json")
      ->capture_default_str();
  command.footer(
      "Examples:\n"
      "  hpawalk migrate web -n shop --to keda                         the plan; read-only\n"
      "  hpawalk migrate web -n shop --to keda -o yaml                 the ScaledObject\n"
      "  hpawalk migrate web -n shop --to keda --apply --context prod\n"
      "  hpawalk migrate web -n shop --to adapter --apply --context prod\n\n"
      "One HPA object scales the workload all the time. --apply refuses to begin unless the new side serves\n"
      "every metric. If it ends in the middle (Ctrl-C, a lost connection), run it again: it continues.\n"
      "Exit codes: 0 planned or done, 1 refused, not migratable or timed out, 2 usage, 3 environment");
  command.callback([options, &chosen] {
    chosen.action = [options, &chosen](Session& session) {
      return run_migrate(session, *options, chosen.output);
    };
  });
}

}  // namespace hpawalk::cli
