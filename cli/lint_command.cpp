// hpawalk lint: judge manifests before they are applied.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/lint_report.hpp"
#include "cli/read_chain.hpp"
#include "lint/fix.hpp"

namespace hpawalk::cli {
namespace {

constexpr const char* standard_input = "/dev/stdin";
constexpr int deepest_folder = 32;

struct LintOptions {
  std::vector<std::string> paths;
  std::string space = "default", version = std::string(hpasim::newest_version), fail_on = "error";
  std::string facts, baseline, write_baseline, output = "text";
  world::KubeTarget target;
  bool fix = false;
};

bool is_manifest(const fs::path& file) {
  return file.extension() == ".yaml" || file.extension() == ".yml" || file.extension() == ".json";
}

// The files below the paths. What has to be rendered first is told instead of read.
class Collector {
 public:
  explicit Collector(world::World& world) : world_(world) {}

  std::vector<lint::Source> sources;
  std::vector<lint::Unreadable> unrendered;

  Status take(const std::string& path) {
    if (path == "-") return read(standard_input, "stdin");
    auto status = world_.files.status(path);
    if (!status) return failure(status.error());
    return status->folder ? folder(path, 0) : read(path, path);
  }

 private:
  Status read(const fs::path& file, const std::string& name) {
    auto text = world_.files.read(file);
    if (!text) return failure(text.error());
    sources.push_back({name, *std::move(text)});
    return {};
  }

  Status folder(const fs::path& folder_path, int depth) {
    for (const auto& [file, what, command] :
         {std::tuple("Chart.yaml", "the folder is a chart", "helm template"),
          std::tuple("kustomization.yaml", "the folder is a kustomization", "kubectl kustomize")}) {
      if (!world_.files.exists(folder_path / file)) continue;
      unrendered.push_back(
          {{(folder_path / file).string(), 0}, what, fmt::format("{} {}", command, folder_path.string())});
      return {};
    }
    auto entries = world_.files.list(folder_path);
    if (!entries) return failure(entries.error());
    for (const fs::path& entry : *entries) {
      if (entry.filename().string().starts_with(".")) continue;
      auto status = world_.files.status(entry);
      if (!status) continue;  // a link that leads nowhere
      Status done;
      if (status->folder && depth < deepest_folder) done = folder(entry, depth + 1);
      if (!status->folder && is_manifest(entry)) done = read(entry, entry.string());
      if (!done) return done;
    }
    return {};
  }

  world::World& world_;
};

// Of the cluster in which the manifests will be applied: saved, or read now.
Result<std::optional<diagnose::Facts>> read_facts(Session& session, const LintOptions& options) {
  Result<diagnose::Facts> facts;
  if (!options.facts.empty()) {
    auto text = session.world.files.read(options.facts, world::most_recorded);
    if (!text) return failure(text.error());
    facts = diagnose::facts_from(*text);
  } else if (!options.target.context.empty()) {
    auto api = world::connect(session.world, options.target, tell_waits(session));
    if (!api) return failure(api.error());
    facts = read_chain(session, **api, {});
  } else {
    return std::nullopt;
  }
  if (!facts) return failure(facts.error());
  return std::optional(*std::move(facts));
}

// --- the baseline: what is known and does not count

Result<std::set<std::string>> read_baseline(world::World& world, const std::string& file) {
  std::set<std::string> known;
  if (file.empty()) return known;
  auto text = world.files.read(file);
  if (!text) return failure(text.error());
  auto json = parse_json(*text, "The baseline " + file);
  if (!json || !at(*json, "fingerprints").is_array())
    return failure(ErrorClass::usage, "lint-baseline", "The baseline " + file + " is invalid",
                   json ? "It has no list `fingerprints`" : json.error().because,
                   "hpawalk lint PATH --write-baseline FILE writes one");
  for (const Json& one : list_at(*json, "fingerprints")) {
    if (one.is_string()) known.insert(one.get<std::string>());
  }
  return known;
}

Status write_baseline(world::World& world, const std::string& file, const lint::Report& report) {
  std::set<std::string> known;
  for (const lint::Finding& finding : report.findings) {
    if (finding.ignored.empty()) known.insert(finding.fingerprint());
  }
  return world.files.write(file, json_text(Json{{"fingerprints", known}}, 2) + "\n", world::public_mode);
}

// --- what was found

bool counts(const lint::Finding& finding, const std::string& fail_on) {
  if (!finding.ignored.empty() || fail_on == "never") return false;
  if (fail_on == "note") return true;
  return finding.level == lint::Level::error ||
         (fail_on == "warning" && finding.level == lint::Level::warning);
}

void print(Session& session, const LintOptions& options, const lint::Report& report) {
  Painted text;
  std::string data;
  if (options.output == "text")
    text = lint_text(report, Style(session.world, session.world.terminal.out_is_terminal()));
  if (options.output == "github") text = lint_github(report);
  if (options.output == "junit") text = lint_junit(report);
  if (options.output == "sarif") text = json_text(lint_sarif(report, HPAWALK_VERSION), 2);
  if (session.json) data = json_text(lint_json(report), 2);
  session.print(text, data);
}

Status fix_files(Session& session, const std::vector<lint::Source>& sources) {
  for (const lint::Source& source : sources) {
    std::optional<std::string> newer = lint::in_v2(source);
    if (!newer || source.file == "stdin") continue;
    if (Status written = session.world.files.write(source.file, *newer, world::public_mode); !written)
      return written;
    session.world.terminal.err("fixed: " + source.file + "\n");
  }
  return {};
}

void add_unrendered(const std::vector<lint::Unreadable>& unrendered, lint::Contents& contents) {
  contents.unreadable.insert(contents.unreadable.end(), unrendered.begin(), unrendered.end());
}

Status run_lint(Session& session, const LintOptions& options) {
  auto rules = hpasim::rules_for(options.version);
  if (!rules) return failure(rules.error());
  auto known = read_baseline(session.world, options.baseline);
  if (!known) return failure(known.error());
  auto facts = read_facts(session, options);
  if (!facts) return failure(facts.error());
  Collector collector(session.world);
  for (const std::string& path : options.paths) {
    if (Status taken = collector.take(path); !taken) {
      Error error = taken.error();
      error.kind = ErrorClass::usage;
      return failure(std::move(error));
    }
  }
  if (options.fix) {
    if (Status fixed = fix_files(session, collector.sources); !fixed) return fixed;
    Collector again(session.world);
    for (const std::string& path : options.paths) {
      if (path == "-")
        again.sources.push_back(collector.sources.front());
      else if (Status taken = again.take(path); !taken)
        return taken;
    }
    collector.sources = again.sources;
  }
  lint::Contents contents = lint::read(collector.sources, options.space);
  add_unrendered(collector.unrendered, contents);
  if (contents.objects.empty() && contents.adapters.empty() && contents.unreadable.empty()) {
    return failure(ErrorClass::usage, "manifest-missing", "No manifest found",
                   fmt::format("{} read", text::count(static_cast<long long>(contents.files), "file")),
                   "hpawalk lint takes files and folders of YAML or JSON, or - for standard input");
  }
  lint::Report report = lint::lint(contents, *rules, *facts ? &**facts : nullptr);
  std::erase_if(report.findings,
                [&](const lint::Finding& finding) { return known->contains(finding.fingerprint()); });
  if (!options.write_baseline.empty()) {
    if (Status written = write_baseline(session.world, options.write_baseline, report); !written)
      return written;
  }
  print(session, options, report);
  bool fails = std::any_of(report.findings.begin(), report.findings.end(),
                           [&](const lint::Finding& finding) { return counts(finding, options.fail_on); });
  if (!fails || !options.write_baseline.empty()) return {};
  return failure(ErrorClass::check_failed, "lint-findings",
                 "The manifests have " + counts_text(counts_of(report)), {},
                 "hpawalk explain CAUSE explains a cause");
}

}  // namespace

void add_lint(CLI::App& app, Chosen& chosen) {
  CLI::App& command = *app.add_subcommand(
      "lint", "Judge the manifests of metric chains before they are applied; without a cluster");
  auto options = std::make_shared<LintOptions>();
  command.add_option("PATH", options->paths, "Files and folders of YAML or JSON; -: standard input")
      ->required();
  command.add_option("-n,--namespace", options->space, "The namespace of objects that name none")
      ->type_name("NS")
      ->capture_default_str();
  command.add_option("--kube-version", options->version, "The Kubernetes version that they are for")
      ->type_name("VERSION")
      ->capture_default_str();
  command.add_option("--fail-on", options->fail_on, "The mildest finding that makes the exit code 1")
      ->check(CLI::IsMember({"error", "warning", "note", "never"}))
      ->type_name("error|warning|note|never")
      ->capture_default_str();
  auto* facts = command
                    .add_option("--facts", options->facts,
                                "What else is in the cluster: written by hpawalk diagnose -A --save FILE")
                    ->type_name("FILE");
  command
      .add_option("--context", options->target.context,
                  "Read what else is in the cluster from this context of the kubeconfig; changes nothing")
      ->type_name("NAME")
      ->excludes(facts);
  command.add_option("--kubeconfig", options->target.kubeconfig, "The kubeconfig of --context")
      ->type_name("FILE");
  command.add_option("--baseline", options->baseline, "Known findings, which do not count")
      ->type_name("FILE");
  command
      .add_option("--write-baseline", options->write_baseline,
                  "Write the findings as a baseline, and exit with 0")
      ->type_name("FILE");
  command.add_flag("--fix", options->fix,
                   "Rewrite HPAs of autoscaling/v2beta1 and v2beta2 as autoscaling/v2");
  command.add_option("-o,--output", options->output, "Output format")
      ->check(CLI::IsMember({"text", "json", "github", "sarif", "junit"}))
      ->type_name("text|json|github|sarif|junit")
      ->capture_default_str();
  command.footer(
      "Examples:\n  hpawalk lint deploy/\n  helm template charts/shop | hpawalk lint -\n"
      "  kubectl kustomize overlays/prod | hpawalk lint - -n prod --kube-version 1.34\n"
      "  hpawalk lint deploy/ -o sarif > lint.sarif\n"
      "  hpawalk lint deploy/ --context prod\n"
      "  hpawalk lint deploy/ --write-baseline known.json && hpawalk lint deploy/ --baseline known.json\n\n"
      "Exit codes: 0 nothing at the level of --fail-on, 1 findings, 2 nothing could be judged.");
  command.callback([options, &chosen] {
    chosen.output = options->output == "json" ? "json" : "text";
    chosen.action = [options](Session& session) { return run_lint(session, *options); };
  });
}

}  // namespace hpawalk::cli
