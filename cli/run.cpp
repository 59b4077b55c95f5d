#include "cli/run.hpp"

#include <cerrno>
#include <csignal>
#include <exception>
#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/error_report.hpp"
#include "cli/progress_report.hpp"
#include "world/debug.hpp"
#include "world/workers.hpp"

namespace hpawalk::cli {

void add_output_option(CLI::App& command, Chosen& chosen) {
  command.add_option("-o,--output", chosen.output, "Output format")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("text|json")
      ->capture_default_str();
}

// For the program and each of its commands. Not by CLI11's fallthrough, which refuses what a command takes as
// it comes (set-value -5, an unfinished line to complete).
static void add_debug(CLI::App& command, Chosen& chosen) {
  if (command.get_prefix_command()) return;
  command.add_flag("--debug", chosen.debug,
                   "Print each child process, request and wait to stderr (or HPAWALK_DEBUG=1)");
  for (CLI::App* below : command.get_subcommands([](const CLI::App*) { return true; }))
    add_debug(*below, chosen);
}

// CLI11 would repeat the allowed values: text|json:{text,json}.
class HelpFormatter final : public CLI::Formatter {
  std::string make_option_opts(const CLI::Option* option) const override {
    std::string words = CLI::Formatter::make_option_opts(option);
    size_t begin = words.find(":{"), end = words.find('}', begin);
    return begin == std::string::npos || end == std::string::npos ? words
                                                                  : words.erase(begin, end + 1 - begin);
  }
};

static void build(CLI::App& app, Chosen& chosen) {
  app.formatter(std::make_shared<HelpFormatter>());
  app.set_version_flag("--version", std::string("hpawalk ") + HPAWALK_VERSION, "Print the version");
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  add_up(app, chosen);
  add_verify(app, chosen);
  add_set_value(app, chosen);
  add_get_value(app, chosen);
  add_watch(app, chosen);
  add_open(app, chosen);
  add_status(app, chosen);
  add_down(app, chosen);
  add_plan(app, chosen);
  add_render(app, chosen);
  add_config(app, chosen);
  add_doctor(app, chosen);
  add_logs(app, chosen);
  add_cluster(app, chosen);
  add_node(app, chosen);
  add_simulate(app, chosen);
  add_tune(app, chosen);
  add_shadow(app, chosen);
  add_history(app, chosen);
  add_playground(app, chosen);
  add_drive(app, chosen);
  add_report(app, chosen);
  add_diagnose(app, chosen);
  add_alerts(app, chosen);
  add_exporter(app, chosen);
  add_migrate(app, chosen);
  add_lint(app, chosen);
  add_explain(app, chosen);
  add_version(app, chosen);
  add_completion(app, chosen);
  add_debug(app, chosen);
}

// `kubectl hpawalk` runs a program called kubectl-hpawalk: its help names what the user typed.
static std::string called_as(const std::vector<std::string>& args) {
  std::string program = args.empty() ? "" : args[0].substr(args[0].rfind('/') + 1);
  return program == "kubectl-hpawalk" ? "kubectl hpawalk" : "hpawalk";
}

static std::string with_name(const std::string& help, const std::string& name) {
  std::string out;
  for (const std::string& line : text::lines(help)) {
    size_t begin = line.find_first_not_of(' ');
    bool example = begin != std::string::npos && begin > 0 && line.compare(begin, 8, "hpawalk ") == 0;
    out += (example ? line.substr(0, begin) + name + line.substr(begin + 7) : line) + "\n";
  }
  return out;
}

// CLI11 reports --help and --version as exceptions too: those are results, not mistakes.
static int report_parse_end(const CLI::App& app, const CLI::ParseError& end, world::World& world) {
  if (end.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
    std::ostringstream out, err;
    app.exit(end, out, err);
    world.terminal.out(with_name(out.str(), app.get_name()));
    return 0;
  }
  Error error{ErrorClass::usage,
              "usage",
              end.what(),
              {},
              fmt::format("Run {0} --help or {0} COMMAND --help", app.get_name()),
              {},
              {}};
  report_error(error, world, false);
  return exit_code(error.kind);
}

static bool asked_for_debug(const world::Environment& environment) {
  auto variable = environment.find("HPAWALK_DEBUG");
  return variable != environment.end() && !variable->second.empty() && variable->second != "0";
}

// What was asked for was not delivered, however the command itself went. A reader that has gone wants no
// more, as of any program in a pipe: the end is silent, with the exit code of a program that SIGPIPE ended.
static int undelivered(int number, world::World& world) {
  if (number == EPIPE) return 128 + SIGPIPE;
  report_error(Error{ErrorClass::environment,
                     "output",
                     "The result cannot be written to stdout",
                     std::generic_category().message(number),
                     {},
                     {},
                     {}},
               world, false);
  return exit_code(ErrorClass::environment);
}

static int run_command(const std::vector<std::string>& args, world::World& world) {
  Chosen chosen;
  CLI::App app("hpawalk builds, verifies, diagnoses and predicts Kubernetes autoscaling on a custom metric.",
               called_as(args));
  try {
    build(app, chosen);
    std::vector<std::string> reversed(args.rbegin(), args.rend() - 1);  // CLI11 takes them from the back
    app.parse(reversed);
    std::optional<world::DebugWorld> debug;
    if (chosen.debug || asked_for_debug(world.environment)) debug.emplace(world);
    auto progress = make_progress(world, !debug);  // lines of the log would tear what is redrawn
    Session session{debug ? debug->world() : world, *progress, chosen.output == "json"};
    Status status = chosen.action(session);
    progress.reset();  // the live lines end before anything else is printed
    if (status) return 0;
    bool output_lost =
        world.terminal.out_failure() != 0;  // then nobody reads, or the interrupt is the terminal's own
    if (world.terminal.out_failure() == EPIPE ||
        (output_lost && status.error().kind == ErrorClass::interrupted)) {
      return exit_code(status.error().kind);
    }
    report_error(status.error(), world, session.json && !session.printed);
    return exit_code(status.error().kind);
  } catch (const CLI::ParseError& end) {
    return report_parse_end(app, end, world);
  } catch (const std::exception& exception) {
    report_error(world::error_of(exception), world, chosen.output == "json");
    return exit_code(ErrorClass::internal);
  }
}

int run(const std::vector<std::string>& args, world::World& world) {
  int code = run_command(args, world);
  int number = world.terminal.out_failure();
  return number == 0 ? code : undelivered(number, world);
}

}  // namespace hpawalk::cli
