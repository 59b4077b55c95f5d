// hpawalk explain: what a cause means that diagnose or lint names.
#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "cli/columns.hpp"
#include "cli/command.hpp"
#include "cli/style.hpp"
#include "diagnose/causes.hpp"
#include "lint/lint.hpp"

namespace hpawalk::cli {
namespace {

Json cause_json(const diagnose::Cause& cause) {
  return {{"id", cause.id},         {"link", diagnose::name_of(cause.link)}, {"symptom", cause.symptom},
          {"reason", cause.reason}, {"detection", cause.detection},          {"fix", cause.fix}};
}

constexpr const char* of_files = "The manifests themselves; hpawalk lint";

Json cause_json(const lint::FileCause& cause) {
  return {{"id", cause.id},         {"link", "files"},       {"symptom", cause.meaning},
          {"reason", cause.reason}, {"detection", of_files}, {"fix", cause.fix}};
}

std::string text_of(const lint::FileCause& cause) {
  return fmt::format(
      "{}   (only in files)\n\n  symptom    {}\n  reason     {}\n  detected   {}\n  fix        {}\n",
      cause.id, cause.meaning, cause.reason, of_files, cause.fix);
}

Status explain_all(Session& session) {
  world::Terminal& terminal = session.world.terminal;
  Style style(session.world, terminal.out_is_terminal());
  size_t widest = 0;
  for (const diagnose::Cause* cause : diagnose::causes()) widest = std::max(widest, cause->id.size());
  for (const lint::FileCause& cause : lint::file_causes) widest = std::max(widest, cause.id.size());
  Painted text;
  Json all = Json::array();
  auto add = [&](std::string_view id, std::string_view symptom) {
    std::string line = "  " + fit(id, widest) + "  " + std::string(symptom);
    text += painted("{}\n", terminal.out_is_terminal() && shown_width(line) > size_t(terminal.columns())
                                ? fit(line, size_t(terminal.columns()))
                                : line);
  };
  for (diagnose::Link link : diagnose::all_links) {
    text += painted("{}\n", style.bold(diagnose::title_of(link)));
    for (const diagnose::Cause* cause : diagnose::causes()) {
      if (cause->link != link) continue;
      add(cause->id, cause->symptom);
      all.push_back(cause_json(*cause));
    }
  }
  text += painted("{}\n", style.bold("only in files (lint)"));
  for (const lint::FileCause& cause : lint::file_causes) {
    add(cause.id, cause.meaning);
    all.push_back(cause_json(cause));
  }
  session.print(std::move(text).without_line_end(), json_text(Json{{"causes", all}}, 2));
  return {};
}

Status explain(Session& session, const std::string& id) {
  if (id.empty()) return explain_all(session);
  if (const diagnose::Cause* cause = diagnose::find_cause(id); cause != nullptr) {
    session.print(Painted(diagnose::explain(*cause)).without_line_end(), json_text(cause_json(*cause), 2));
    return {};
  }
  std::vector<std::string> ids;
  for (const lint::FileCause& cause : lint::file_causes) {
    if (cause.id == id) {
      session.print(Painted(text_of(cause)).without_line_end(), json_text(cause_json(cause), 2));
      return {};
    }
    ids.emplace_back(cause.id);
  }
  for (const diagnose::Cause* cause : diagnose::causes()) ids.emplace_back(cause->id);
  std::optional<std::string> near = text::nearest(id, ids);
  return failure(ErrorClass::usage, "unknown-cause", "Unknown cause: " + id, {},
                 near ? "Did you mean " + *near + "?" : "Run `hpawalk explain` to list all causes");
}

}  // namespace

void add_explain(CLI::App& app, Chosen& chosen) {
  CLI::App& command = *app.add_subcommand(
      "explain", "Explain a cause that diagnose or lint names: symptom, reason, detection, fix");
  auto id = std::make_shared<std::string>();
  command.add_option("CAUSE", *id, "The cause; default: list all causes");
  command.footer(
      "Examples:\n  hpawalk explain\n  hpawalk explain monitor-port-name\n  hpawalk explain target-down -o "
      "json");
  add_output_option(command, chosen);
  command.callback(
      [id, &chosen] { chosen.action = [id](Session& session) { return explain(session, *id); }; });
}

}  // namespace hpawalk::cli
