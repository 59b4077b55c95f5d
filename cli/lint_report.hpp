// A report on manifests as text, JSON, SARIF 2.1.0, JUnit's XML and GitHub's workflow commands. Pure.
#pragma once

#include <string>

#include "base/json.hpp"
#include "cli/style.hpp"
#include "lint/lint.hpp"

namespace hpawalk::cli {

struct LintCounts {
  size_t errors = 0, warnings = 0, notes = 0, ignored = 0;
};
LintCounts counts_of(const lint::Report& report);
std::string counts_text(const LintCounts& counts);  // "2 errors, 1 note"

Painted lint_text(const lint::Report& report, const Style& style);
Json lint_json(const lint::Report& report);
Json lint_sarif(const lint::Report& report, const std::string& version);
std::string lint_junit(const lint::Report& report);
std::string lint_github(const lint::Report& report);

}  // namespace hpawalk::cli
