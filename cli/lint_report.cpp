#include "cli/lint_report.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/junit.hpp"
#include "diagnose/causes.hpp"

namespace hpawalk::cli {

using lint::Finding;
using lint::Level;

namespace {

std::string at(const lint::Place& place) {
  return place.line > 0 ? fmt::format("{}:{}", place.file, place.line) : place.file;
}

bool of_files_only(const std::string& cause) {
  return std::any_of(lint::file_causes.begin(), lint::file_causes.end(),
                     [&](const lint::FileCause& one) { return one.id == cause; });
}

// Where it is documented, below docs/.
std::string page_of(const std::string& cause) {
  return (of_files_only(cause) ? "lint.md#" : "causes.md#") + cause;
}

std::string meaning_of(const std::string& cause) {
  if (const diagnose::Cause* known = diagnose::find_cause(cause)) return std::string(known->reason);
  for (const lint::FileCause& one : lint::file_causes) {
    if (one.id == cause) return std::string(one.meaning);
  }
  return {};
}

// The sentence, with what to do.
std::string message(const Finding& finding) {
  return finding.sentence + (finding.fix.empty() ? "" : ". Fix: " + finding.fix);
}

Painted level_text(const Finding& finding, const Style& style) {
  Painted level(std::string(name_of(finding.level)));
  if (finding.level == Level::error) return style.bad(level);
  return finding.level == Level::warning ? style.warn(level) : style.dim(level);
}

Painted finding_text(const Finding& f, const Style& style) {
  Painted out =
      painted("{} {} {}\n", style.bold(printable_line(at(f.place)) + ":"), level_text(f, style), f.cause);
  auto add = [&](std::string_view label, const std::string& text) {
    if (!text.empty())
      out += painted("    {} {}\n", style.dim(fmt::format("{:<10}", label)), printable_line(text));
  };
  add("why", f.sentence);
  add("object", f.object);
  add("HPA", text::join(f.hpas, ", "));
  if (f.certainty != diagnose::Certainty::certain) add("certainty", std::string(name_of(f.certainty)));
  for (size_t i = 0; i < f.evidence.size(); ++i) add(i == 0 ? "evidence" : "", f.evidence[i]);
  add("fix", f.fix);
  add("ignored", f.ignored);
  return out;
}

// What GitHub's commands have as data, and as a property.
std::string github_data(std::string text, bool property) {
  std::string out;
  for (char c : text) {
    bool escape = c == '%' || c == '\r' || c == '\n' || (property && (c == ':' || c == ','));
    out += escape ? fmt::format("%{:02X}", static_cast<unsigned char>(c)) : std::string(1, c);
  }
  return out;
}

}  // namespace

LintCounts counts_of(const lint::Report& report) {
  LintCounts counts;
  for (const Finding& finding : report.findings) {
    if (!finding.ignored.empty())
      ++counts.ignored;
    else if (finding.level == Level::error)
      ++counts.errors;
    else if (finding.level == Level::warning)
      ++counts.warnings;
    else
      ++counts.notes;
  }
  return counts;
}

std::string counts_text(const LintCounts& counts) {
  std::vector<std::string> parts;
  auto add = [&](size_t count, const char* thing) {
    if (count > 0) parts.push_back(text::count(static_cast<long long>(count), thing));
  };
  add(counts.errors, "error");
  add(counts.warnings, "warning");
  add(counts.notes, "note");
  if (counts.ignored > 0) parts.push_back(fmt::format("{} ignored", counts.ignored));
  return parts.empty() ? "no findings" : text::join(parts, ", ");
}

Painted lint_text(const lint::Report& report, const Style& style) {
  Painted out;
  for (const Finding& finding : report.findings) {
    if (finding.ignored.empty()) out += finding_text(finding, style) + "\n";
  }
  out += painted("{} in {}, {}: {}", text::count(static_cast<long long>(report.objects), "object"),
                 text::count(static_cast<long long>(report.files), "file"),
                 text::count(static_cast<long long>(report.hpas), "HPA"), counts_text(counts_of(report)));
  return out;
}

Json lint_json(const lint::Report& report) {
  Json findings = Json::array();
  for (const Finding& f : report.findings) {
    findings.push_back({{"cause", f.cause},
                        {"level", name_of(f.level)},
                        {"certainty", name_of(f.certainty)},
                        {"file", f.place.file},
                        {"line", f.place.line},
                        {"object", f.object},
                        {"hpas", f.hpas},
                        {"sentence", f.sentence},
                        {"evidence", f.evidence},
                        {"fix", f.fix},
                        {"docs", page_of(f.cause)},
                        {"fingerprint", f.fingerprint()},
                        {"ignored", f.ignored.empty() ? Json() : Json(f.ignored)}});
  }
  LintCounts counts = counts_of(report);
  return {{"files", report.files},   {"objects", report.objects},   {"hpas", report.hpas},
          {"errors", counts.errors}, {"warnings", counts.warnings}, {"notes", counts.notes},
          {"findings", findings}};
}

Json lint_sarif(const lint::Report& report, const std::string& version) {
  Json rules = Json::array(), results = Json::array();
  std::set<std::string> named;
  for (const Finding& f : report.findings) {
    if (named.insert(f.cause).second)
      rules.push_back({{"id", f.cause},
                       {"shortDescription", {{"text", meaning_of(f.cause)}}},
                       {"help", {{"text", "hpawalk explain " + f.cause}}}});
    Json place = {{"artifactLocation", {{"uri", f.place.file}}}};
    if (f.place.line > 0) place["region"] = {{"startLine", f.place.line}};
    Json result = {{"ruleId", f.cause},
                   {"level", name_of(f.level)},
                   {"message", {{"text", message(f)}}},
                   {"locations", Json::array({{{"physicalLocation", place}}})},
                   {"partialFingerprints", {{"hpawalk/v1", f.fingerprint()}}}};
    if (!f.ignored.empty())
      result["suppressions"] = Json::array({{{"kind", "inSource"}, {"justification", f.ignored}}});
    results.push_back(std::move(result));
  }
  Json driver = {{"name", "hpawalk"}, {"version", version}, {"rules", rules}};
  return {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
          {"version", "2.1.0"},
          {"runs", Json::array({{{"tool", {{"driver", driver}}}, {"results", results}}})}};
}

std::string lint_junit(const lint::Report& report) {
  std::string cases;
  JunitCounts counts;
  for (const Finding& f : report.findings) {
    std::string inside;
    ++counts.tests;
    if (!f.ignored.empty()) {
      ++counts.skipped;
      inside = fmt::format("<skipped message=\"{}\"/>", xml(f.ignored));
    } else if (f.level == Level::note) {
      inside = fmt::format("<system-out>{}</system-out>", xml(message(f)));
    } else {
      ++counts.failures;
      inside = fmt::format("<failure type=\"{}\" message=\"{}\">{}</failure>", xml(f.cause), xml(f.sentence),
                           xml(text::join(f.evidence, "\n") + "\nfix: " + f.fix));
    }
    cases += junit_case("hpawalk.lint", at(f.place) + " " + f.cause, inside);
  }
  if (report.findings.empty()) {
    ++counts.tests;
    cases = junit_case("hpawalk.lint", "manifests", {});
  }
  return junit("hpawalk lint", counts, world::Duration(0), cases);
}

std::string lint_github(const lint::Report& report) {
  std::string out;
  for (const Finding& f : report.findings) {
    if (!f.ignored.empty()) continue;
    std::string line = f.place.line > 0 ? fmt::format(",line={}", f.place.line) : "";
    out += fmt::format("::{} file={}{},title={}::{}\n", f.level == Level::note ? "notice" : name_of(f.level),
                       github_data(f.place.file, true), line, github_data(f.cause, true),
                       github_data(message(f), false));
  }
  return out + counts_text(counts_of(report));
}

}  // namespace hpawalk::cli
