// hpawalk exporter: every HPA's state as metrics for Prometheus; and what runs it in a cluster.
#include <memory>

#include <fmt/format.h>

#include "base/duration.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/prometheus_options.hpp"
#include "manifests/exporter.hpp"
#include "oncall/exporter.hpp"
#include "world/kube_proxy.hpp"
#include "world/workers.hpp"

namespace hpawalk::cli {
namespace {

constexpr auto shortest_period = std::chrono::seconds(5);

struct ExporterCommand {
  world::KubeTarget target;
  std::string listen = fmt::format("127.0.0.1:{}", manifests::exporter_port);
  std::string prometheus_url;
  PrometheusOptions prometheus;
  bool dashboard = false, manifests = false;
  std::vector<std::string> monitor_labels;  // "NAME=VALUE"
  manifests::ExporterPlace place;           // also says how often
};

std::string check_period(const std::string& text) {
  auto period = read_duration(text);
  if (!period || *period < shortest_period) return "at least 5s, with a unit: 60s, 2m";
  return {};
}

Status print_manifests(Session& session, ExporterCommand command) {
  if (command.place.image.empty()) {
    return failure(
        ErrorClass::usage, "usage", "--manifests needs --image, which the cluster can pull", {},
        "Push hpawalk's image to your registry (docs/install.md), then --image REGISTRY/hpawalk:VERSION");
  }
  for (const std::string& label : command.monitor_labels) {
    size_t equals = label.find('=');
    if (equals == 0 || equals == std::string::npos)
      return failure(ErrorClass::usage, "usage", label + " is not a label", {}, "Write it as NAME=VALUE");
    command.place.monitor_labels[label.substr(0, equals)] = label.substr(equals + 1);
  }
  const PrometheusOptions& login = command.prometheus;
  if (!login.headers.empty() || !login.token_file.empty() || !login.client_certificate.empty() ||
      !login.ca.empty()) {
    return failure(ErrorClass::usage, "usage", "--manifests prints no credentials of Prometheus", {},
                   "Add the option and a Secret with its file to the printed Deployment");
  }
  command.place.prometheus_url = command.prometheus_url;
  Result<std::string> objects = manifests::render_exporter(command.place);
  if (!objects) return failure(objects.error());
  session.world.terminal.out(*objects);
  return {};
}

Status serve(Session& session, const ExporterCommand& command) {
  world::World& world = session.world;
  Result<world::ListenAddress> address = world::listen_address(command.listen);
  if (!address) return failure(address.error());
  oncall::ExporterOptions options;
  options.every = *read_duration(command.place.every);
  options.version = HPAWALK_VERSION;
  options.what.prometheus_url = command.prometheus_url;
  Result<world::PrometheusLogin> login = prometheus_login(world, command.prometheus, command.prometheus_url);
  if (!login) return failure(login.error());
  options.what.prometheus_login = *std::move(login);

  auto connect = [&] { return world::connect(world, command.target); };
  Result<std::unique_ptr<world::KubeApi>> first = connect();  // what is wrong with it is said at once
  if (!first) return failure(first.error());
  auto connect_or_first = [&]() -> Result<std::unique_ptr<world::KubeApi>> {
    if (*first) return std::move(*first);
    return connect();
  };
  oncall::Exporter exporter(world, connect_or_first, std::move(options),
                            [&](const std::string& line) { world.terminal.err(line + "\n"); });
  world::Workers workers;
  return world::serve_http(
      *address, world.interrupt,
      [&](int port) {
        const std::string host = address->host.empty() ? "127.0.0.1" : address->host;  // one of all
        world.terminal.err(fmt::format("Serving http://{}/metrics; press Ctrl-C to stop.\n",
                                       to_text(world::ListenAddress{host, port})));
        workers.start([&] { exporter.keep_looking(); });
      },
      [&](std::string_view head) { return exporter.respond(head); });
}

Status run_exporter(Session& session, const ExporterCommand& command) {
  if (command.dashboard) {
    session.world.terminal.out(std::string(manifests::exporter_dashboard()));
    return {};
  }
  return command.manifests ? print_manifests(session, command) : serve(session, command);
}

}  // namespace

void add_exporter(CLI::App& app, Chosen& chosen) {
  CLI::App* command = app.add_subcommand(
      "exporter", "Diagnose all HPAs every minute and serve their states to Prometheus (read-only)");
  auto options = std::make_shared<ExporterCommand>();
  command->add_option("--context", options->target.context, "The kubeconfig's context; inside a pod: none")
      ->type_name("NAME");
  command->add_option("--kubeconfig", options->target.kubeconfig, "The kubeconfig")->type_name("FILE");
  command
      ->add_option("--listen", options->listen,
                   "Where to serve /metrics and /healthz; :PORT: on all addresses")
      ->type_name("ADDRESS:PORT")
      ->capture_default_str();
  command->add_option("--every", options->place.every, "Time from one diagnosis to the next")
      ->check(CLI::Validator(check_period, "", "period"))
      ->type_name("DURATION")
      ->capture_default_str();
  command
      ->add_option("--prometheus", options->prometheus_url,
                   "Ask Prometheus at this URL instead of through the API server")
      ->type_name("URL");
  add_prometheus_options(*command, options->prometheus);
  auto* manifests = command->add_flag("--manifests", options->manifests,
                                      "Print the objects that run the exporter in a cluster, and end");
  command->add_option("--image", options->place.image, "hpawalk's image in your registry")
      ->type_name("IMAGE")
      ->needs(manifests);
  command
      ->add_option("-n,--namespace", options->place.space,
                   "An existing namespace for the objects; default: a Namespace hpawalk is among them")
      ->type_name("NS")
      ->needs(manifests);
  command
      ->add_option("--monitor-label", options->monitor_labels,
                   "A label of the ServiceMonitor, by which your Prometheus selects it; repeatable")
      ->type_name("NAME=VALUE")
      ->needs(manifests);
  command->add_flag("--dashboard", options->dashboard, "Print a Grafana dashboard (JSON), and end")
      ->excludes(manifests);
  command->footer(
      "Examples:\n  hpawalk exporter --context prod\n  curl -s 127.0.0.1:9797/metrics\n"
      "  hpawalk exporter --manifests --image REGISTRY/hpawalk:VERSION | kubectl apply -f -\n"
      "  hpawalk exporter --manifests --image REGISTRY/hpawalk:VERSION -n monitoring --monitor-label "
      "release=kube-prometheus-stack\n"
      "  hpawalk exporter --dashboard > dashboard.json\n\n"
      "Everybody who reaches the address can read the names of all HPAs and what is wrong with them.");
  command->callback([options, &chosen] {
    chosen.action = [options](Session& session) { return run_exporter(session, *options); };
  });
}

}  // namespace hpawalk::cli
