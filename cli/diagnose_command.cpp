// hpawalk diagnose: which link of an HPA's chain is broken, and why. Read-only.
#include <memory>

#include <fmt/format.h>

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/diagnosis_report.hpp"
#include "cli/read_chain.hpp"

namespace hpawalk::cli {
namespace {

struct DiagnoseOptions : HpaScope {
  std::string save, facts, output = "text";
};

Result<diagnose::Facts> read_facts(Session& session, DiagnoseOptions& options) {
  if (!options.facts.empty()) {
    Result<std::string> text = session.world.files.read(options.facts, world::most_recorded);
    if (!text) {
      Error error = text.error();
      error.kind = ErrorClass::usage;
      return failure(std::move(error));
    }
    Result<diagnose::Facts> facts = diagnose::facts_from(*text);
    if (facts && options.name.empty() && options.space.empty()) {
      options.name = facts->asked_name;
      options.space = facts->asked_space;
    }
    return facts;
  }
  Result<diagnose::CollectOptions> what = collect_options(session, options);
  if (!what) return failure(what.error());
  options.space = what->space;
  what->scaled_objects = true;
  Result<std::unique_ptr<world::KubeApi>> api =
      world::connect(session.world, options.target, tell_waits(session));
  if (!api) return failure(api.error());
  Result<diagnose::Facts> facts = read_chain(session, **api, *what);
  if (facts) options.name = facts->asked_name;  // of the HPA, where a ScaledObject was named
  return facts;
}

// Facts files come from elsewhere: what makes no sense in one is the file's fault, not hpawalk's.
Result<std::vector<diagnose::HpaDiagnosis>> judged(const diagnose::Facts& facts,
                                                   const DiagnoseOptions& options) {
  try {
    return diagnose::diagnose_hpas(facts, options.space, options.name);
  } catch (const Json::exception& e) {
    if (options.facts.empty()) throw;
    return failure(ErrorClass::usage, "facts-file",
                   options.facts + " is invalid: it was changed or truncated", e.what(),
                   "Facts files are written by hpawalk diagnose --save FILE");
  }
}

Status verdict(const std::vector<diagnose::HpaDiagnosis>& diagnoses) {
  size_t broken = 0, unknown = 0;
  for (const diagnose::HpaDiagnosis& d : diagnoses) {
    broken += d.verdict() == Mark::broken ? 1 : 0;
    unknown += d.verdict() == Mark::unknown ? 1 : 0;
  }
  if (broken > 0)
    return failure(ErrorClass::check_failed, "hpa-broken",
                   fmt::format("{} of {} HPAs are broken", broken, diagnoses.size()));
  if (unknown > 0)
    return failure(ErrorClass::environment, "hpa-unknown",
                   fmt::format("{} of {} HPAs could not be diagnosed", unknown, diagnoses.size()));
  return {};
}

Status not_in_facts(const diagnose::Facts& facts, const DiagnoseOptions& options) {
  std::vector<std::string> names;
  for (const Json* hpa : facts.items("hpas"))
    names.push_back(text_at(*hpa, "metadata.namespace") + "/" + text_at(*hpa, "metadata.name"));
  return failure(ErrorClass::usage, "hpa-not-found", "HPA not found: " + options.name + " in these facts", {},
                 "Existing HPAs: " + text::join(names, ", ").substr(0, 500));
}

// One document, {"hpas": [...], "requests": N}, written HPA by HPA: of a large cluster the whole is more than
// the facts.
void print_json(world::Terminal& terminal, size_t requests,
                const std::vector<diagnose::HpaDiagnosis>& diagnoses) {
  terminal.out("{\n  \"hpas\": [");
  const char* separator = "\n    ";
  for (const diagnose::HpaDiagnosis& d : diagnoses) {
    terminal.out(separator + text::join(text::lines(json_text(to_json(d), 2)), "\n    "));
    separator = ",\n    ";
  }
  terminal.out(fmt::format("{}],\n  \"requests\": {}\n}}\n", diagnoses.empty() ? "" : "\n  ", requests));
}

Status run_diagnose(Session& session, DiagnoseOptions options) {
  options.name = plain_hpa_name(options.name);
  Result<diagnose::Facts> facts = read_facts(session, options);
  if (!facts) return failure(facts.error());
  if (!options.save.empty()) {
    Status saved =
        session.world.files.write(options.save, json_text(to_json(*facts), 1) + "\n", world::private_mode);
    if (!saved) return saved;
  }
  Result<std::vector<diagnose::HpaDiagnosis>> found = judged(*facts, options);
  if (!found) return failure(found.error());
  std::vector<diagnose::HpaDiagnosis>& diagnoses = *found;
  if (diagnoses.empty() && !options.name.empty()) return not_in_facts(*facts, options);
  world::World& world = session.world;
  if (options.output == "json") {
    print_json(world.terminal, facts->requests, diagnoses);
  } else if (options.output == "markdown") {
    world.terminal.out(diagnosis_markdown(diagnoses));
  } else if (diagnoses.empty()) {
    world.terminal.out(options.space.empty() ? "No HPA found in this cluster\n"
                                             : "No HPA found in namespace " + options.space +
                                                   "; hpawalk diagnose -A looks in all namespaces\n");
  } else {
    bool terminal = world.terminal.out_is_terminal();
    world.terminal.out(
        diagnosis_text(diagnoses, Style(world, terminal), terminal ? world.terminal.columns() : 0));
  }
  session.printed = true;
  return verdict(diagnoses);
}

}  // namespace

void add_diagnose(CLI::App& app, Chosen& chosen) {
  CLI::App* command = app.add_subcommand(
      "diagnose", "Find the first failing check of any HPA's chain, in any cluster (read-only)");
  auto options = std::make_shared<DiagnoseOptions>();
  add_hpa_scope(*command, *options);
  auto* save = command->add_option("--save", options->save, "Save the facts that the rules read, for --facts")
                   ->type_name("FILE");
  auto* facts = command->add_option("--facts", options->facts, "Diagnose from saved facts, without a cluster")
                    ->type_name("FILE");
  facts->excludes(save)->excludes(command->get_option("--context"));
  command->add_option("-o,--output", options->output, "Output format")
      ->check(CLI::IsMember({"text", "json", "markdown"}))
      ->type_name("text|json|markdown")
      ->capture_default_str();
  command->footer(
      "Exit codes: 0 nothing is broken, 1 something is broken, 2 usage, 3 unknown\n\n"
      "Examples:\n  hpawalk diagnose -A\n  hpawalk diagnose web -n shop --save web.json\n  hpawalk diagnose "
      "--facts web.json -o markdown\n  hpawalk diagnose web -n shop --prometheus https://prom.example.com "
      "--prometheus-token-file token\n\nA ScaledObject of KEDA without an HPA is diagnosed by its own "
      "name.\n`hpawalk explain CAUSE` explains a cause that diagnose names.");
  command->callback([options, &chosen] {
    chosen.output = options->output == "json" ? "json" : "text";
    chosen.action = [options](Session& session) { return run_diagnose(session, *options); };
  });
}

}  // namespace hpawalk::cli
