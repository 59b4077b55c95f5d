// hpawalk report: shows what drive has recorded.
#include "cli/command.hpp"
#include "cli/recording_report.hpp"
#include "observe/prediction.hpp"

namespace hpawalk::cli {
namespace {

struct ReportOptions {
  std::string file, report;
  bool compare = false;
};

Status run_report(Session& session, const ReportOptions& o) {
  auto text = session.world.files.read(o.file, world::most_recorded);
  if (!text) {
    Error error = text.error();
    error.kind = ErrorClass::usage;
    return failure(std::move(error));
  }
  auto recording = observe::parse_recording(*text);
  if (!recording) return failure(recording.error());
  auto recorded = observe::looked_at(*std::move(recording), o.compare);
  if (!recorded) return failure(recorded.error());
  if (Status shown = show_recorded(session, *recorded, o.report); !shown) return shown;
  return differs(*recorded);
}

}  // namespace

void add_report(CLI::App& app, Chosen& chosen) {
  auto* command =
      app.add_subcommand("report", "Show a recording of drive, and compare it with the simulator");
  auto options = std::make_shared<ReportOptions>();
  command->add_option("RECORDING", options->file, "The file written by drive --record")->required();
  command->add_option("--report,--html", options->report, "Write an HTML report")->type_name("FILE");
  command->add_flag("--compare-simulation", options->compare,
                    "Compare with the simulation; exit code 1 if they differ");
  add_output_option(*command, chosen);
  command->footer(
      "Examples:\n  hpawalk report run.jsonl\n  hpawalk report run.jsonl --compare-simulation --html "
      "run.html");
  command->callback([options, &chosen] {
    chosen.action = [options](Session& session) { return run_report(session, *options); };
  });
}

}  // namespace hpawalk::cli
