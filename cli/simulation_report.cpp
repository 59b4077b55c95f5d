#include "cli/simulation_report.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/text.hpp"
#include "hpasim/explain.hpp"
#include "hpasim/outcome.hpp"

namespace hpawalk::cli {

using namespace hpasim;

namespace {

html::Series steps(const std::string& name, const std::vector<Step>& all, bool area) {
  html::Series series{name, {}, true, area};
  for (const Step& step : all) series.points.emplace_back(hpasim::in_seconds(step.at), step.count);
  return series;
}

std::vector<html::Band> bands(const std::vector<Span>& spans) {
  std::vector<html::Band> bands;
  for (const Span& span : spans)
    bands.push_back({hpasim::in_seconds(span.from), hpasim::in_seconds(span.to)});
  return bands;
}

html::Series proposals(const Variant& variant) {
  html::Series series{"replicas that the metrics recommend", {}, true, false};
  for (const Sync& sync : variant.timeline.syncs) {
    // A proposal beyond all limits would flatten the picture.
    series.points.emplace_back(
        hpasim::in_seconds(sync.at),
        std::min(sync.decision.proposed, variant.spec.max + std::max(1, variant.spec.max / 10)));
  }
  return series;
}

}  // namespace

html::Chart load_chart(const Profile& load, Time duration) {
  html::Chart chart;
  chart.title = "Load";
  chart.summary = fmt::format("The load over {}, up to {:.4g}.", hpasim::time_text(duration), load.highest());
  chart.duration = hpasim::in_seconds(duration);
  html::Series series{"load", {}, false, true};
  for (const Profile::Point& point : load.points()) {
    if (point.at <= duration) series.points.emplace_back(hpasim::in_seconds(point.at), point.value);
  }
  if (load.end() < duration) series.points.emplace_back(hpasim::in_seconds(duration), load.at(duration));
  chart.series.push_back(series);
  return chart;
}

html::Chart replica_chart(const Variant& variant, const Profile& load) {
  const Timeline& t = variant.timeline;
  html::Chart chart;
  chart.title = variant.name.empty() ? "Replicas" : "Replicas, " + variant.name;
  chart.duration = hpasim::in_seconds(t.duration);
  std::string sequence;
  for (std::size_t i = 0; i < t.replicas.size() && i < 12; ++i)
    sequence += (i == 0 ? "" : ", ") + std::to_string(t.replicas[i].count);
  chart.summary = fmt::format("{} changes: {}{}.", t.figures.changes, sequence,
                              t.replicas.size() > 12 ? " and so on" : "");
  chart.series = {steps("replicas", t.replicas, true), steps("ready pods", t.ready, false)};
  if (!t.syncs.empty()) chart.series.push_back(proposals(variant));
  chart.lines = {{fmt::format("maxReplicas {}", variant.spec.max), static_cast<double>(variant.spec.max)},
                 {fmt::format("minReplicas {}", variant.spec.min), static_cast<double>(variant.spec.min)}};
  chart.bands = bands(shortages(t, load));
  chart.bands_mean = "fewer ready pods than the load needs";
  for (const Holders& held : holders(t)) chart.strips.push_back({held.name, bands(held.spans)});
  for (const Sync& sync : t.syncs) {
    if (!sync.decision.rescaled() || chart.marks.size() >= 200) continue;
    chart.marks.push_back(
        {hpasim::in_seconds(sync.at),
         fmt::format("{}: {} to {}. {}", hpasim::time_text(sync.at), sync.decision.from, sync.decision.to,
                     hpasim::explain(variant.spec, sync.decision, sync.proposal))});
  }
  return chart;
}

html::Report simulation_report(const observe::Simulation& simulation, const std::vector<Variant>& variants) {
  html::Report report;
  const Variant& shown = variants.back();
  report.title =
      fmt::format("What the HPA {} does", simulation.spec.name.empty() ? "" : simulation.spec.name);
  report.subtitle = fmt::format("Simulated for {}. Load: {}.",
                                observe::controller_text(simulation.version, simulation.setup.flags),
                                text::join(simulation.profile_names, "; "));
  if (variants.size() == 1) {  // of several, a table below has them side by side
    for (const auto& [name, value] : figure_rows(shown.timeline.figures)) {
      if (!name.starts_with(" ")) report.facts.emplace_back(name, value);
    }
  }
  for (std::size_t i = 0; i < simulation.profiles.size(); ++i) {
    report.charts.push_back(load_chart(simulation.profiles[i], shown.timeline.duration));
    if (simulation.profiles.size() > 1)
      report.charts.back().title = "Load of " + simulation.spec.metrics[i].name;
  }
  for (const Variant& variant : variants)
    report.charts.push_back(replica_chart(variant, simulation.profiles.front()));
  if (variants.size() > 1) {
    html::Table figures{"Side by side", {"figure"}, {}, false};
    for (const Variant& variant : variants) figures.columns.push_back(variant.name);
    auto names = figure_rows(shown.timeline.figures);
    for (std::size_t row = 0; row < names.size(); ++row) {
      figures.rows.push_back({names[row].first});
      for (const Variant& variant : variants)
        figures.rows.back().push_back(figure_rows(variant.timeline.figures)[row].second);
    }
    report.tables.push_back(figures);
  }
  for (const Variant& variant : variants) {
    html::Table changes{
        variant.name.empty() ? "Every change, and why" : "Every change, and why: " + variant.name,
        {"time", "replicas", "why"},
        {},
        false};
    for (const Sync& sync : variant.timeline.syncs) {
      if (!sync.decision.rescaled()) continue;
      if (changes.rows.size() == 500) {
        changes.rows.push_back({"", "", "and more: --output csv has all"});
        break;
      }
      changes.rows.push_back({hpasim::time_text(sync.at),
                              fmt::format("{} → {}", sync.decision.from, sync.decision.to),
                              hpasim::explain(variant.spec, sync.decision, sync.proposal)});
    }
    changes.folded = changes.rows.size() > 40;
    report.tables.push_back(changes);
    if (!variant.runs) continue;
    html::Table outcomes{fmt::format("{} runs with drawn delays and phases", variant.runs->count),
                         {"share", "replicas", "seed"},
                         {},
                         false};
    for (std::size_t i = 0; i < variant.runs->outcomes.size() && i < 20; ++i) {
      const Runs::Outcome& o = variant.runs->outcomes[i];
      std::vector<std::string> counts;
      for (std::int32_t count : o.sequence) counts.push_back(std::to_string(count));
      outcomes.rows.push_back({fmt::format("{:.1f}%", 100.0 * o.times / variant.runs->count),
                               text::join(counts, " → "), std::to_string(o.seed)});
    }
    report.tables.push_back(outcomes);
  }
  for (const std::string& note : simulation.notes) report.texts.push_back({"Note", note, false});
  report.texts.push_back({"The HPA", to_yaml(simulation.document), true});
  return report;
}

}  // namespace hpawalk::cli
