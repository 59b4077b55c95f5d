// hpawalk diagnose: which link of an HPA's chain is broken, and why. Read-only.
#include <memory>

#include <fmt/format.h>

#include "base/text.hpp"
#include "chain/causes.hpp"
#include "chain/collect.hpp"
#include "cli/command.hpp"
#include "cli/diagnosis_report.hpp"
#include "world/kube_proxy.hpp"

namespace hpawalk {
namespace {

struct Options {
  std::string name, space, save, facts, explain, output = "text", prometheus_url;
  bool all = false;
  KubeTarget target;
};

Result<std::string> current_namespace(World& world, const KubeTarget& target) {
  Command command{kubectl_line(target, {"config", "view", "--minify", "-o", "jsonpath={..namespace}"})};
  Result<std::string> space = run_checked(world.processes, command, "kubeconfig", "kubectl cannot use this kubeconfig or context");
  if (!space) {
    Error error = space.error();
    error.kind = ErrorClass::environment;
    return failure(std::move(error));
  }
  std::string name(text::trim(*space));
  return name.empty() ? "default" : name;
}

Result<Facts> read_facts(Session& session, Options& options) {
  if (!options.facts.empty()) {
    Result<std::string> text = session.world.files.read(options.facts);
    return text ? facts_from(*text) : failure(text.error());
  }
  CollectOptions what;
  what.name = options.name;
  what.prometheus_url = options.prometheus_url;
  if (!options.all) {
    if (options.space.empty()) {
      Result<std::string> space = current_namespace(session.world, options.target);
      if (!space) return failure(space.error());
      options.space = *space;
    }
    what.space = options.space;
  }
  Result<std::unique_ptr<KubeApi>> api = connect(session.world, options.target);
  if (!api) return failure(api.error());
  return collect(**api, session.world.http, session.world.clock, what);
}

Status unknown_cause(const std::string& id) {
  std::vector<std::string> ids;
  for (const Cause& c : causes()) ids.emplace_back(c.id);
  std::optional<std::string> near = text::nearest(id, ids);
  return failure(ErrorClass::usage, "unknown-cause", "There is no cause " + id, {},
                 near ? "Did you mean " + *near + "?" : "docs/causes.md lists them all");
}

Status explain_cause(Session& session, const Options& options) {
  const Cause* cause = find_cause(options.explain);
  if (cause == nullptr) return unknown_cause(options.explain);
  if (options.output == "json") {
    Json data = {{"id", cause->id}, {"link", name_of(cause->link)}, {"symptom", cause->symptom}, {"reason", cause->reason},
                 {"detection", cause->detection}, {"fix", cause->fix}, {"tested", cause->tested}};
    session.world.terminal.out(data.dump(2) + "\n");
  } else {
    session.world.terminal.out(explain(*cause));
  }
  return {};
}

Status verdict(const std::vector<HpaDiagnosis>& diagnoses) {
  size_t broken = 0, unknown = 0;
  for (const HpaDiagnosis& d : diagnoses) {
    broken += d.verdict() == Mark::broken ? 1 : 0;
    unknown += d.verdict() == Mark::unknown ? 1 : 0;
  }
  if (broken > 0) return failure(ErrorClass::check_failed, "hpa-broken", fmt::format("{} of {} HPAs are broken", broken, diagnoses.size()));
  if (unknown > 0) return failure(ErrorClass::environment, "hpa-unknown", fmt::format("{} of {} HPAs could not be judged", unknown, diagnoses.size()));
  return {};
}

Status run_diagnose(Session& session, Options options) {
  if (!options.explain.empty()) return explain_cause(session, options);
  Result<Facts> facts = read_facts(session, options);
  if (!facts) return failure(facts.error());
  if (!options.save.empty()) {
    Status saved = session.world.files.write(options.save, to_json(*facts).dump(1, ' ', false, Json::error_handler_t::replace) + "\n", 0600);
    if (!saved) return saved;
  }
  std::vector<HpaDiagnosis> diagnoses = diagnose(*facts, options.space, options.name);
  if (diagnoses.empty() && !options.name.empty()) {
    return failure(ErrorClass::usage, "hpa-not-found", "There is no HPA " + options.name + " in these facts");
  }
  World& world = session.world;
  if (options.output == "json") {
    Json all = Json::array();
    for (const HpaDiagnosis& d : diagnoses) all.push_back(to_json(d));
    world.terminal.out(Json{{"hpas", all}}.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  } else if (options.output == "markdown") {
    world.terminal.out(diagnosis_markdown(diagnoses));
  } else {
    bool terminal = world.terminal.out_is_terminal();
    world.terminal.out(diagnosis_text(diagnoses, Style(world, terminal), terminal ? world.terminal.columns() : 0));
  }
  session.printed = true;
  return verdict(diagnoses);
}

}  // namespace

void add_diagnose(CLI::App& app, Chosen& chosen) {
  CLI::App* command = app.add_subcommand("diagnose", "Find the first broken link of any HPA's chain, in any cluster (read-only)");
  auto options = std::make_shared<Options>();
  command->add_option("NAME", options->name, "The HPA; all of the namespace otherwise");
  auto* space = command->add_option("-n,--namespace", options->space, "Its namespace; the context's otherwise")->type_name("NS");
  command->add_flag("-A,--all-namespaces", options->all, "HPAs of all namespaces")->excludes(space);
  command->add_option("--context", options->target.context, "The kubeconfig's context")->type_name("NAME");
  command->add_option("--kubeconfig", options->target.kubeconfig, "The kubeconfig")->type_name("FILE");
  command->add_option("--prometheus", options->prometheus_url, "Ask Prometheus at this URL instead of through the API server")->type_name("URL");
  command->add_option("--save", options->save, "Keep what was read (secrets redacted), to judge it elsewhere")->type_name("FILE");
  command->add_option("--facts", options->facts, "Judge what was saved, without a cluster")->type_name("FILE");
  command->add_option("--explain", options->explain, "Tell more about a cause that diagnose names")->type_name("CAUSE");
  command->add_option("-o,--output", options->output, "How the result is printed")
      ->check(CLI::IsMember({"text", "json", "markdown"}))->type_name("text|json|markdown")->capture_default_str();
  command->footer("Exit code: 0 nothing is broken, 1 something is, 2 usage, 3 it could not be seen\n\n"
                  "Examples:\n  hpawalk diagnose -A\n  hpawalk diagnose web -n shop --save web.json\n  hpawalk diagnose --facts web.json -o markdown");
  command->callback([options, &chosen] {
    chosen.output = options->output == "json" ? "json" : "text";
    chosen.action = [options](Session& session) { return run_diagnose(session, *options); };
  });
}

}  // namespace hpawalk
