// prom-fake: reads the configuration, listens, serves. The only place that exits.
#include <cstdio>

#include "metrics.hpp"
#include "options.hpp"
#include "server.hpp"
#include "version.hpp"

extern char** environ;

namespace {

using namespace promfake;

constexpr int exit_usage = 2, exit_environment = 3, exit_bug = 70;

void say(const std::string& text) {
  std::fprintf(stderr, "prom-fake: %s\n", text.c_str());
}

void say_mistakes(const std::vector<std::string>& mistakes) {
  for (const std::string& mistake : mistakes) say(mistake);
}

void reload(App& app, const Options& options) {
  Combined fresh = configure(options);
  if (!fresh.mistakes.empty()) {
    say_mistakes(fresh.mistakes);
    say("the new configuration was rejected; the old configuration stays in effect");
    return;
  }
  replace_series(app.metrics, std::move(fresh.config.series));
  ++app.self.reloads;
  say("the configuration was reloaded: " + std::to_string(app.metrics.series.size()) +
      " series (metrics change at once, other settings at the next start)");
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry; ++entry) environment.emplace_back(*entry);
  Options options = parse_options({argv + 1, argv + argc}, environment);
  if (options.help) return std::fputs(help_text().c_str(), stdout) < 0;
  if (options.version) return std::printf("prom-fake %s\n", version) < 0;

  Combined combined = configure(options);
  if (!combined.mistakes.empty()) {
    say_mistakes(combined.mistakes);
    std::fputs("  hint: prom-fake --help lists the flags, with examples\n", stderr);
    return exit_usage;
  }
  Listener listener = open_listener(combined.config.listen);
  if (listener.fd < 0) {
    say("cannot listen on " + to_string(combined.config.listen));
    std::fprintf(stderr, "  because: %s\n  hint: %s\n", listener.because.c_str(), listener.hint.c_str());
    return exit_environment;
  }

  App app;
  app.metrics.series = std::move(combined.config.series);
  app.show_self = combined.config.self_metrics;
  say("version " + std::string(version) + " listens on " + to_string(listener.bound));
  if (serve({app, combined.config, listener, [&] { reload(app, options); }})) return 0;
  say("the event loop cannot be set up");
  return exit_bug;
}
