#include "cli/run.hpp"

#include <exception>

#include "cli/command.hpp"
#include "cli/error_report.hpp"
#include "cli/progress_report.hpp"

namespace hpawalk {

void add_output_option(CLI::App& command, Chosen& chosen) {
  command.add_option("-o,--output", chosen.output, "How results are printed")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("text|json")
      ->capture_default_str();
}

static void build(CLI::App& app, Chosen& chosen) {
  app.set_version_flag("--version", std::string("hpawalk ") + HPAWALK_VERSION, "Print the version");
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  add_up(app, chosen);
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
  add_diagnose(app, chosen);
}

// CLI11 reports --help and --version as exceptions too: those are results, not mistakes.
static int report_parse_end(const CLI::App& app, const CLI::ParseError& end, World& world) {
  if (end.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
    std::ostringstream out, err;
    app.exit(end, out, err);
    world.terminal.out(out.str());
    return 0;
  }
  Error error{ErrorClass::usage, "usage", end.what(), {}, "hpawalk --help, or hpawalk COMMAND --help, shows what is possible",
              {}, {}};
  report_error(error, world, false);
  return exit_code(error.kind);
}

int run(const std::vector<std::string>& args, World& world) {
  Chosen chosen;
  CLI::App app("hpawalk builds, proves and explains Kubernetes autoscaling on a custom metric.", "hpawalk");
  try {
    build(app, chosen);
    std::vector<std::string> reversed(args.rbegin(), args.rend() - 1);  // CLI11 takes them from the back
    app.parse(reversed);
    auto progress = make_progress(world);
    Session session{world, *progress, chosen.output == "json"};
    Status status = chosen.action(session);
    progress.reset();  // the live lines end before anything else is printed
    if (status) return 0;
    report_error(status.error(), world, session.json && !session.printed);
    return exit_code(status.error().kind);
  } catch (const CLI::ParseError& end) {
    return report_parse_end(app, end, world);
  } catch (const std::exception& exception) {
    report_error(Error{ErrorClass::internal, "internal", "hpawalk met a bug of its own", exception.what(),
                       "Please report it with the command line that you used", {}, {}},
                 world, chosen.output == "json");
    return exit_code(ErrorClass::internal);
  }
}

}  // namespace hpawalk
