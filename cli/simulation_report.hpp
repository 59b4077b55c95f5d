// Simulated timelines as an HTML report's parts.
#pragma once

#include "cli/html_report.hpp"
#include "cli/timeline_text.hpp"

namespace hpawalk::cli {

html::Report simulation_report(const observe::Simulation& simulation, const std::vector<Variant>& variants);
html::Chart load_chart(const hpasim::Profile& load, hpasim::Time duration);
html::Chart replica_chart(const Variant& variant, const hpasim::Profile& load);

}  // namespace hpawalk::cli
