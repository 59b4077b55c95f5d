// Diagnoses as text for people, and as Markdown for an issue. Pure.
#pragma once

#include <string>
#include <vector>

#include "cli/style.hpp"
#include "diagnose/diagnosis.hpp"

namespace hpawalk::cli {

// columns: of the terminal; 0: no limit (a pipe).
Painted diagnosis_text(const std::vector<diagnose::HpaDiagnosis>& diagnoses, const Style& style, int columns);
std::string diagnosis_markdown(const std::vector<diagnose::HpaDiagnosis>& diagnoses);

}  // namespace hpawalk::cli
