// hpawalk playground: the simulator as a page in the browser.
#include <fmt/format.h>

#include "base/json_text.hpp"
#include "cli/command.hpp"
#include "hpasim/version.hpp"
#include "playground/link.hpp"
#include "playground/page.hpp"
#include "world/daemon.hpp"
#include "world/page_server.hpp"

namespace hpawalk::cli {
namespace {

struct PlaygroundOptions {
  int port = 0;
  bool no_open = false;
  std::string page, write;
  std::string hpa, profile = "step 5..50 at 1m for 15m", version;
};

Result<std::string> page_of(Session& session, const PlaygroundOptions& options) {
  if (!options.page.empty()) return session.world.files.read(options.page);
  if (!playground::page().empty()) return std::string(playground::page());
  return failure(
      ErrorClass::usage, "no-page", "This hpawalk was built without the playground's page",
      "The page needs emscripten to build, which nothing else in hpawalk needs",
      "Build it with cmake -DHPAWALK_PLAYGROUND=ON (docs/playground.md), or name a page that somebody "
      "built: --page playground.html");
}

// Behind the page's address: what it begins with. Empty: its own example.
Result<std::string> fragment_of(world::Files& files, const PlaygroundOptions& options) {
  if (options.hpa.empty()) return std::string();
  auto hpa = files.read(options.hpa);
  if (!hpa) return hpa;
  Result<std::string> load = options.profile;
  if (options.profile.ends_with(".csv") || files.exists(options.profile)) load = files.read(options.profile);
  if (!load) return load;
  nlohmann::ordered_json state = {{"hpa", *hpa}, {"load", *load}};
  if (!options.version.empty()) state["options"] = {{"kube-version", options.version}};
  constexpr size_t most = 100'000;  // bytes: a command line and a browser take no longer address
  std::string fragment = playground::link_fragment(state);
  if (fragment.size() <= most) return "#" + fragment;
  return failure(ErrorClass::usage, "usage", "The HPA and the load are too large for the page's address", {},
                 "Start without --hpa, and drop the files onto the page");
}

// Where there is a desktop; what xdg-open starts must outlive this program.
void open_browser(world::World& world, const std::string& url) {
  bool desktop = world.environment.contains("DISPLAY") || world.environment.contains("WAYLAND_DISPLAY");
  auto opener = desktop ? world.processes.find("xdg-open") : std::nullopt;
  if (opener) (void)world::spawn_detached({opener->string(), url}, "/dev/null");
}

Status run_playground(Session& session, const PlaygroundOptions& options) {
  auto page = page_of(session, options);
  if (!page) return failure(page.error());
  if (!options.write.empty()) {
    if (auto written = session.world.files.write(options.write, *page); !written) return written;
    session.print("page: " + options.write, json_text(nlohmann::ordered_json{{"page", options.write}}));
    return {};
  }
  auto fragment = fragment_of(session.world.files, options);
  if (!fragment) return failure(fragment.error());
  return world::serve_page(*page, options.port, session.world.interrupt, [&](int port) {
    std::string url = fmt::format("http://127.0.0.1:{}/{}", port, *fragment);
    session.print(url, json_text(nlohmann::ordered_json{{"url", url}}));
    session.world.terminal.err("Press Ctrl-C to stop.\n");
    if (!options.no_open) open_browser(session.world, url);
  });
}

}  // namespace

void add_playground(CLI::App& app, Chosen& chosen) {
  CLI::App& command = *app.add_subcommand(
      "playground",
      "Open the simulator as a page in the browser: draw a load, and see what an HPA does and why");
  auto options = std::make_shared<PlaygroundOptions>();
  auto* hpa = command.add_option("--hpa", options->hpa, "The HPA to begin with: a YAML or JSON file")
                  ->type_name("FILE");
  command.add_option("-p,--profile", options->profile, "Its load: words as for `simulate`, or a CSV file")
      ->type_name("PROFILE")
      ->capture_default_str()
      ->needs(hpa);
  command
      .add_option("--kube-version", options->version,
                  fmt::format("Its Kubernetes version ({})", hpasim::newest_version))
      ->needs(hpa);
  command.add_option("--port", options->port, "Port on 127.0.0.1; default: a free port")
      ->check(CLI::Range(1, 65535))
      ->type_name("N");
  command.add_flag("--no-open", options->no_open, "Only print the URL; do not open a browser");
  command.add_option("--page", options->page, "Another page than the one inside of this hpawalk")
      ->type_name("FILE");
  command.add_option("--write", options->write, "Write the page to a file, which needs no server, and end")
      ->type_name("FILE");
  command.footer(
      "Examples:\n  hpawalk playground\n  hpawalk playground --hpa hpa.yaml --profile load.csv\n"
      "  hpawalk playground --port 8090 --no-open\n"
      "  hpawalk playground --write playground.html\n\n"
      "The page calculates in the browser, with the code of `hpawalk simulate`, and asks no server for "
      "anything.\n"
      "Other users of this machine can read the page while the command runs. What you enter stays in your "
      "browser.");
  add_output_option(command, chosen);
  command.callback([options, &chosen] {
    chosen.action = [options](Session& session) { return run_playground(session, *options); };
  });
}

}  // namespace hpawalk::cli
