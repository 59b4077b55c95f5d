#include "cli/error_report.hpp"

#include <fmt/format.h>

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "cli/style.hpp"

namespace hpawalk::cli {

static Painted for_people(const Error& error, const Style& style) {
  Painted report =
      painted("{} {} {}\n", style.bad("error:"), printable_line(error.what), style.dim("[" + error.id + "]"));
  auto add = [&](std::string_view label, const std::string& value) {
    std::string_view lead = label;
    for (const std::string& line : text::lines(value)) {
      report += painted("  {} {}\n", style.dim(lead), line);
      lead = "        ";
    }
  };
  add("because:", error.because);
  add("command:", error.command);
  for (const std::string& line : text::lines(error.output)) report += style.dim("  | ") + line + "\n";
  add("next:   ", error.hint);
  return report;
}

nlohmann::ordered_json error_json(const Error& error) {
  return {{"id", error.id},        {"exitCode", exit_code(error.kind)},
          {"what", error.what},    {"because", error.because},
          {"hint", error.hint},    {"command", error.command},
          {"output", error.output}};
}

void report_error(const Error& error, world::World& world, bool json) {
  world.terminal.err(for_people(error, Style(world, world.terminal.err_is_terminal())));
  if (!json) return;
  nlohmann::ordered_json document = {{"error", error_json(error)}};
  world.terminal.out(json_text(document, 2) + "\n");
}

}  // namespace hpawalk::cli
