#include "cli/read_chain.hpp"

#include <fmt/format.h>

namespace hpawalk::cli {

namespace {

CLI::Option* add_space(CLI::App& command, HpaScope& scope) {
  return command.add_option("-n,--namespace", scope.space, "Its namespace; default: the context's")
      ->type_name("NS");
}

void add_target_and_prometheus(CLI::App& command, HpaScope& scope) {
  command.add_option("--context", scope.target.context, "The kubeconfig's context")->type_name("NAME");
  command.add_option("--kubeconfig", scope.target.kubeconfig, "The kubeconfig")->type_name("FILE");
  command
      .add_option("--prometheus", scope.prometheus_url,
                  "Ask Prometheus at this URL instead of through the API server")
      ->type_name("URL");
  add_prometheus_options(command, scope.prometheus);
}

}  // namespace

void add_hpa_scope(CLI::App& command, HpaScope& scope) {
  command.add_option("HPA", scope.name, "Its name; default: all in the namespace");
  auto* space = add_space(command, scope);
  command.add_flag("-A,--all-namespaces", scope.all, "HPAs in all namespaces")->excludes(space);
  add_target_and_prometheus(command, scope);
}

void add_one_hpa(CLI::App& command, HpaScope& scope) {
  command.add_option("HPA", scope.name, "Its name")->required();
  add_space(command, scope);
  add_target_and_prometheus(command, scope);
}

Result<diagnose::CollectOptions> collect_options(Session& session, const HpaScope& scope) {
  diagnose::CollectOptions what;
  what.name = plain_hpa_name(scope.name);
  what.prometheus_url = scope.prometheus_url;
  Result<world::PrometheusLogin> login =
      prometheus_login(session.world, scope.prometheus, scope.prometheus_url);
  if (!login) return failure(login.error());
  what.prometheus_login = *std::move(login);
  if (scope.all) return what;
  Result<std::string> space = chosen_space(session, scope.target, scope.space);
  if (!space) return failure(space.error());
  what.space = *space;
  return what;
}

Result<std::string> chosen_space(Session& session, const world::KubeTarget& target,
                                 const std::string& asked) {
  return asked.empty() ? world::current_namespace(session.world, target) : asked;
}

Result<diagnose::Facts> read_chain(Session& session, world::KubeApi& api, diagnose::CollectOptions what) {
  world::World& world = session.world;
  // For somebody who waits; in a pipe or a script it would only be noise.
  if (!world.terminal.err_is_terminal()) return diagnose::collect(api, world.http, world.clock, what);
  const std::string step = "read the cluster";
  session.progress.started(step);
  what.reading = [&](const std::string& now) { session.progress.now(step, now); };
  Result<diagnose::Facts> facts = diagnose::collect(api, world.http, world.clock, what);
  if (facts) {
    session.progress.done(step, fmt::format("{} requests", facts->requests));
  } else {
    session.progress.failed(step, facts.error().what);
  }
  return facts;
}

world::PrometheusApi prometheus_api(Session& session, world::KubeApi& api,
                                    const diagnose::PrometheusAddress& address,
                                    const diagnose::CollectOptions& what) {
  return address.url.empty() ? world::prometheus_behind(api, address.backend, address.prefix)
                             : world::prometheus_at(session.world.http, address.url, what.prometheus_login);
}

std::string plain_hpa_name(std::string name) {
  for (std::string_view kind : {"hpa/", "horizontalpodautoscaler/", "horizontalpodautoscaler.autoscaling/"}) {
    if (name.starts_with(kind)) name.erase(0, kind.size());
  }
  return name;
}

}  // namespace hpawalk::cli
