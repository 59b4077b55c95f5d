// hpawalk open: a door to Prometheus or prom-fake on this machine.
#include <fmt/format.h>

#include "base/json_text.hpp"
#include "base/redact.hpp"
#include "base/text.hpp"
#include "cli/open_chain.hpp"
#include "steps/chain_names.hpp"
#include "steps/stages.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::cli {
namespace {

struct OpenOptions {
  std::string what;
  int port = 0;
};

struct Door {
  world::Backend backend;
  int remote = 0;
};

Door door_of(const config::Config& config, const std::string& what) {
  if (what == "prometheus") return {steps::prometheus_backend(config), config.number("prometheus.port")};
  return {steps::prom_fake_backend(config), config.number("prom-fake.port")};
}

// "Forwarding from 127.0.0.1:43211 -> 9090" -> "127.0.0.1:43211"
std::string address_in(std::string_view line) {
  constexpr std::string_view lead = "Forwarding from ";
  if (!line.starts_with(lead)) return {};
  line.remove_prefix(lead.size());
  return std::string(line.substr(0, line.find(' ')));
}

Status open_door(Session& session, const SettingFlags& flags, const OpenOptions& options) {
  Result<OpenChain> chain = open_chain(session, flags);
  if (!chain) return failure(chain.error());
  Door door = door_of(*chain->config, options.what);
  // Said here in hpawalk's words: kubectl's own wait for a pod lasts a minute.
  Result<Json> service =
      world::kube_get(*chain->api, world::kube_kind("Service").object(door.backend.space, door.backend.name));
  if (!service && service.error().is("kube-not-found")) {
    return failure(ErrorClass::check_failed, "nothing-to-open",
                   fmt::format("Service {} not found in namespace {}", door.backend.name, door.backend.space),
                   {}, "hpawalk up   builds the chain");
  }
  if (!service) return failure(service.error());
  std::string url, said;
  world::Command command{world::kubectl_line(
      chain->access.kube,
      {"port-forward", "--address=127.0.0.1", "--namespace=" + door.backend.space,
       "service/" + door.backend.name,
       fmt::format("{}:{}", options.port > 0 ? std::to_string(options.port) : "", door.remote)})};
  command.limit = std::chrono::hours(24 * 365);
  command.on_line = [&](std::string_view line) {
    std::string address = address_in(line);
    if (address.empty() || !url.empty()) return;
    url = "http://" + address + "/";
    session.print(url, json_text(Json{
                           {"url", url}, {"service", door.backend.name}, {"namespace", door.backend.space}}));
    session.world.terminal.err("Press Ctrl-C to stop. Every user of this machine can reach the port.\n");
  };
  Result<world::Outcome> ended = session.world.processes.run(command);
  if (!ended && ended.error().kind == ErrorClass::interrupted && !url.empty())
    return {};  // Ctrl-C is the way out
  if (!ended) return failure(ended.error());
  return failure(Error{ErrorClass::check_failed,
                       "port-forward",
                       url.empty() ? "The port cannot be forwarded" : "The port-forward ended",
                       text::redact(text::last_lines(ended->errors, 3)),
                       options.port > 0
                           ? "Another --port may be free; without --port kubectl takes a free one"
                           : "hpawalk verify   names the first failing check",
                       text::shell_quote(command.argv),
                       {}});
}

}  // namespace

void add_open(CLI::App& app, Chosen& chosen) {
  CLI::App& command = *app.add_subcommand(
      "open", "Forward a port of this machine to Prometheus or prom-fake, and print the URL");
  auto options = std::make_shared<OpenOptions>();
  command.add_option("WHAT", options->what, "prometheus or prom-fake")
      ->required()
      ->check(CLI::IsMember({"prometheus", "prom-fake"}))
      ->type_name("prometheus|prom-fake");
  command.add_option("--port", options->port, "Port on this machine; default: a free port")
      ->check(CLI::Range(1, 65535))
      ->type_name("N");
  auto flags = add_settings(command,
                            "  hpawalk open prometheus\n  hpawalk open prom-fake --port 8080\n\n"
                            "This runs kubectl port-forward, bound to 127.0.0.1 only. Other users of this "
                            "machine can also reach the port\n"
                            "while the command runs, and can set prom-fake's value. Press Ctrl-C to stop.");
  add_output_option(command, chosen);
  command.callback([flags, options, &chosen] {
    chosen.action = [flags, options](Session& session) { return open_door(session, *flags, *options); };
  });
}

}  // namespace hpawalk::cli
