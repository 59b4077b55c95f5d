// hpawalk plan: what up would run.
#include "cli/plan.hpp"

namespace hpawalk::cli {

void add_plan(CLI::App& app, Chosen& chosen) {
  CLI::App& command =
      *app.add_subcommand("plan", "Print the commands that up would run, without running them");
  auto options = add_stage_options(command);
  auto flags = add_settings(command, "  hpawalk plan\n  hpawalk plan --only hpa --hpa-target 500m");
  add_output_option(command, chosen);
  command.callback([flags, options, &chosen] {
    chosen.action = [flags, options](Session& session) { return print_plan(session, *flags, *options); };
  });
}

}  // namespace hpawalk::cli
