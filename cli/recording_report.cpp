#include "cli/recording_report.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include <fmt/format.h>

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "cli/columns.hpp"
#include "cli/simulation_report.hpp"
#include "hpasim/outcome.hpp"
#include "world/times.hpp"

namespace hpawalk::cli {

using hpasim::Time;

namespace {

constexpr const char* kReal = "what happened";
constexpr const char* kPredicted = "predicted";

std::string clock(double seconds) {
  return hpasim::time_text(Time(std::llround(seconds * 1e6)));
}
std::string seconds_text(std::optional<double> seconds) {
  return seconds ? fmt::format("{:.1f}s", *seconds) : "-";
}

std::vector<Variant> variants_of(const observe::Recorded& r) {
  std::vector<Variant> variants = {{r.prediction ? kReal : "", r.happened.spec, r.happened.timeline, {}}};
  if (r.prediction) variants.push_back({kPredicted, r.happened.spec, r.prediction->timeline, {}});
  return variants;
}

std::string sequence_text(const std::vector<std::int32_t>& counts) {
  std::vector<std::string> parts;
  for (std::int32_t count : counts) parts.push_back(std::to_string(count));
  return text::join(parts, ", ");
}

// --- what happened, in words

std::string value_text(const observe::ValueMoment& m) {
  return m.value ? number(*m.value) : "no value: " + m.missing;
}

std::string hpa_text(const observe::HpaMoment& m, const observe::HpaMoment* before) {
  if (!m.there) return "it does not exist";
  std::string text =
      m.metric ? fmt::format("reads {}, desires {}", number(*m.metric), m.desired) : "reads no value";
  for (const auto& [type, c] : m.conditions) {
    const observe::ConditionSeen* old = before == nullptr ? nullptr : before->condition(type);
    if (old == nullptr || old->reason != c.reason || old->status != c.status)
      text += fmt::format("; {} {} ({})", type, c.status, c.reason);
  }
  return text;
}

std::string workload_text(const observe::WorkloadMoment& m, const observe::WorkloadMoment* before) {
  std::string text = before != nullptr && before->wanted != m.wanted
                         ? fmt::format("{} to {} replicas", before->wanted, m.wanted)
                         : text::count(m.wanted, "replica");
  return text + fmt::format(", {} ready", m.ready);
}

template <typename T>
const T* before_last(const std::vector<T>& all) {
  return all.size() > 1 ? &all[all.size() - 2] : nullptr;
}

}  // namespace

std::optional<Happening> last_happening(const observe::Recording& r, std::string_view hop) {
  auto value = [&](const std::vector<observe::ValueMoment>& all,
                   const char* name) -> std::optional<Happening> {
    if (all.empty()) return std::nullopt;
    return Happening{all.back().at, name, value_text(all.back())};
  };
  if (hop == "set") return value(r.set, "set");
  if (hop == "prom-fake") return value(r.prom_fake, "prom-fake");
  if (hop == "prometheus") return value(r.prometheus, "Prometheus");
  if (hop == "metrics-api") return value(r.api, "metrics API");
  if (hop == "hpa" && !r.hpa.empty())
    return Happening{r.hpa.back().at, "HPA", hpa_text(r.hpa.back(), before_last(r.hpa))};
  const observe::WorkloadMoment* before = before_last(r.workload);
  bool same = before != nullptr && before->wanted == r.workload.back().wanted &&
              before->ready == r.workload.back().ready;
  if (hop == "workload" && !r.workload.empty() && !same)
    return Happening{r.workload.back().at, "workload", workload_text(r.workload.back(), before)};
  if (hop == "event" && !r.events.empty()) {
    const observe::EventMoment& e = r.events.back();
    return Happening{e.at, "event", fmt::format("{} {}: {}", e.kind, e.reason, e.message)};
  }
  if (hop == "lost" && !r.lost.empty()) {
    return Happening{
        r.lost.back().at, "API server",
        r.lost.back().missing.empty() ? "responds again" : "does not respond: " + r.lost.back().missing};
  }
  return std::nullopt;
}

std::vector<Happening> happenings(const observe::Recording& whole) {
  std::vector<Happening> all;
  observe::Recording so_far;
  auto take = [&](auto member, std::string_view hop) {
    for (const auto& moment : whole.*member) {
      (so_far.*member).push_back(moment);
      if (auto one = last_happening(so_far, hop)) all.push_back(*one);
    }
  };
  take(&observe::Recording::set, "set");
  take(&observe::Recording::prom_fake, "prom-fake");
  take(&observe::Recording::prometheus, "prometheus");
  take(&observe::Recording::api, "metrics-api");
  take(&observe::Recording::hpa, "hpa");
  take(&observe::Recording::workload, "workload");
  take(&observe::Recording::events, "event");
  take(&observe::Recording::lost, "lost");
  std::stable_sort(all.begin(), all.end(),
                   [](const Happening& a, const Happening& b) { return a.at < b.at; });
  return all;
}

std::string verdict(const observe::Recorded& r) {
  if (!r.prediction) return {};
  const observe::Prediction& p = *r.prediction;
  if (!p.possible()) {
    return fmt::format(
        "Differs from the simulation: the replicas {} occurred in none of {} simulated runs; the most likely "
        "sequence is {}.",
        sequence_text(r.happened.timeline.sequence()), p.runs, sequence_text(p.likeliest));
  }
  std::string which = p.sequences == 1
                          ? "the only possible sequence of replicas"
                          : fmt::format("one of {} possible sequences of replicas ({:.0f}% of {} runs)",
                                        p.sequences, 100.0 * p.same / p.runs, p.runs);
  if (p.changes.empty()) return "Matches the simulation: the replicas do not change.";
  return fmt::format("Matches the simulation: {}, every change within {:.1f}s of the nearest run.", which,
                     p.worst);
}

// --- text

Painted recorded_text(const observe::Recorded& r, const Canvas& canvas) {
  const observe::RecordingHead& h = r.recording.head;
  Painted out = painted("{} on {}, {} of {}. {}.\n", h.profile, h.cluster, clock(r.recording.length),
                        clock(h.duration), observe::controller_text(h.kubernetes, r.happened.setup.flags));
  std::vector<Variant> variants = variants_of(r);
  for (const Variant& variant : variants) {
    out += "\n";
    if (!variant.name.empty()) out += canvas.style.bold(variant.name) + "\n";
    out += plot(variant, r.happened.load, canvas);
  }
  out += "\n" + canvas.style.bold("time       hop          what") + "\n";
  std::vector<Happening> all = happenings(r.recording);
  std::size_t shown = 0;
  for (const Happening& one : all) {
    if (++shown > 60) continue;
    out += fmt::format("{:<10} {:<12} {}\n", clock(one.at), one.hop, printable_line(one.text));
  }
  if (shown > 60) out += fmt::format("           and {} more; the recording has all of them\n", shown - 60);
  if (r.prediction && !r.prediction->changes.empty()) {
    out += "\n" +
           canvas.style.bold(
               fmt::format("{:<12}{:>10}{:>12}{:>13}", "replicas", "real", "predicted", "difference")) +
           "\n";
    for (const observe::PredictedChange& c : r.prediction->changes) {
      std::string difference = c.real && c.predicted ? fmt::format("{:+.1f}s", *c.real - *c.predicted) : "";
      out += fmt::format("{:<12}{:>10}{:>12}{:>13}\n", fmt::format("{} to {}", c.from, c.to),
                         c.real ? clock(*c.real) : "never", c.predicted ? clock(*c.predicted) : "never",
                         difference);
    }
  }
  out += "\n" + figure_table(variants, canvas);
  for (const std::string& note : r.happened.notes) out += "note: " + note + "\n";
  if (r.prediction)
    out += "\n" + (r.prediction->possible() ? canvas.style.good(verdict(r)) : canvas.style.bad(verdict(r))) +
           "\n";
  return std::move(out).without_line_end();
}

// --- JSON

nlohmann::ordered_json recorded_json(const observe::Recorded& r) {
  using Object = nlohmann::ordered_json;
  auto maybe = [](std::optional<double> value) {
    return value ? Object(std::round(*value * 1000) / 1000) : Object(nullptr);
  };
  const observe::RecordingHead& h = r.recording.head;
  Object real = timeline_json(variants_of(r).front(), false);
  Object out = {{"profile", h.profile},          {"cluster", h.cluster},      {"kubernetes", h.kubernetes},
                {"seconds", r.recording.length}, {"end", r.recording.end},    {"sequence", real["sequence"]},
                {"figures", real["figures"]},    {"notes", r.happened.notes}, {"arrivals", Object::array()}};
  for (const observe::Arrival& a : observe::arrivals(r.recording)) {
    out["arrivals"].push_back({{"set", a.set},
                               {"value", a.value},
                               {"promFakeSeconds", maybe(a.prom_fake)},
                               {"prometheusSeconds", maybe(a.prometheus)},
                               {"metricsApiSeconds", maybe(a.api)},
                               {"hpaSeconds", maybe(a.hpa)}});
  }
  if (!r.prediction) return out;
  const observe::Prediction& p = *r.prediction;
  Object changes = Object::array();
  for (const observe::PredictedChange& c : p.changes)
    changes.push_back({{"from", c.from},
                       {"to", c.to},
                       {"real", maybe(c.real)},
                       {"predicted", maybe(c.predicted)},
                       {"why", c.why}});
  Object predicted = timeline_json(variants_of(r).back(), false);
  out["prediction"] = {{"possible", p.possible()},
                       {"share", static_cast<double>(p.same) / p.runs},
                       {"runs", p.runs},
                       {"sequences", p.sequences},
                       {"likeliest", p.likeliest},
                       {"worstSeconds", maybe(p.worst)},
                       {"figures", predicted["figures"]},
                       {"changes", changes},
                       {"verdict", verdict(r)}};
  return out;
}

// --- HTML

namespace {

html::Series series_of(const std::string& name, const std::vector<observe::ValueMoment>& moments) {
  html::Series series{name, {}, true, false};
  for (const observe::ValueMoment& m : moments) {
    if (m.value) series.points.emplace_back(m.at, *m.value);
  }
  return series;
}

html::Chart value_chart(const observe::Recorded& r) {
  const observe::Recording& rec = r.recording;
  html::Chart chart;
  chart.title = "The value at every step";
  chart.summary = fmt::format(
      "The value of prom-fake, and when it reached Prometheus, the metrics API and the HPA. Up to {}; each "
      "step is a little later than the previous one.",
      number(r.happened.load.highest()));
  chart.duration = rec.length;
  html::Series hpa{"HPA", {}, true, false};
  for (const observe::HpaMoment& m : rec.hpa) {
    if (m.metric) hpa.points.emplace_back(m.at, *m.metric);
  }
  chart.series = {series_of("prom-fake", rec.prom_fake), series_of("Prometheus", rec.prometheus),
                  series_of("metrics API", rec.api), hpa};
  chart.series.front().area = true;
  const hpasim::MetricSpec& metric = r.happened.spec.metrics.front();
  chart.lines = {{fmt::format("target {}", number(hpasim::per_pod(metric))), hpasim::per_pod(metric)}};
  return chart;
}

// Stretches in which the condition has a reason that `wanted` takes.
std::vector<html::Band> stretches(const observe::Recording& r, const char* type,
                                  const std::function<bool(const observe::ConditionSeen&)>& wanted) {
  std::vector<html::Band> bands;
  bool open = false;
  for (const observe::HpaMoment& m : r.hpa) {
    const observe::ConditionSeen* c = m.condition(type);
    bool now = c != nullptr && wanted(*c);
    if (open) bands.back().to = m.at;
    if (now && !open) bands.push_back({m.at, r.length});
    if (now) bands.back().to = r.length;
    open = now;
  }
  return bands;
}

html::Chart replicas_chart(const observe::Recorded& r) {
  const observe::Recording& rec = r.recording;
  html::Chart chart = replica_chart({"", r.happened.spec, r.happened.timeline, {}}, r.happened.load);
  chart.title = "Replicas";
  html::Series desired{"the HPA's desired replicas", {}, true, false};
  for (const observe::HpaMoment& m : rec.hpa) {
    if (m.there) desired.points.emplace_back(m.at, m.desired);
  }
  chart.series.resize(2);  // without what a simulated sync asks for
  chart.series.push_back(desired);
  if (r.prediction) {
    html::Series predicted{"predicted replicas", {}, true, false};
    for (const hpasim::Step& step : r.prediction->timeline.replicas)
      predicted.points.emplace_back(hpasim::in_seconds(step.at), step.count);
    chart.series.push_back(predicted);
  }
  chart.strips = {
      {"held by a stabilization window",
       stretches(rec, "AbleToScale",
                 [](const observe::ConditionSeen& c) { return c.reason.ends_with("Stabilized"); })},
      {"limited by a policy (ScaleUpLimit, ScaleDownLimit)", stretches(rec, "ScalingLimited",
                                                                       [](const observe::ConditionSeen& c) {
                                                                         return c.status == "True" &&
                                                                                c.reason.ends_with("Limit");
                                                                       })},
      {"limited by minReplicas or maxReplicas",
       stretches(rec, "ScalingLimited", [](const observe::ConditionSeen& c) {
         return c.status == "True" && c.reason.ends_with("Replicas");
       })}};
  chart.marks.clear();
  for (const observe::EventMoment& e : rec.events) {
    if (e.at >= 0 && e.at <= rec.length && chart.marks.size() < 200)
      chart.marks.push_back({e.at, fmt::format("{}: {} {}: {}", clock(e.at), e.kind, e.reason, e.message)});
  }
  return chart;
}

html::Table prediction_table(const observe::Prediction& p) {
  html::Table table{"Predicted and real",
                    {"replicas", "real", "predicted", "difference", "reason, from the simulation"},
                    {},
                    false};
  for (const observe::PredictedChange& c : p.changes) {
    table.rows.push_back({fmt::format("{} → {}", c.from, c.to), c.real ? clock(*c.real) : "never",
                          c.predicted ? clock(*c.predicted) : "never",
                          c.real && c.predicted ? fmt::format("{:+.1f}s", *c.real - *c.predicted) : "",
                          c.why});
  }
  return table;
}

html::Table arrival_table(const observe::Recording& r) {
  html::Table table{"When each value arrived",
                    {"set at", "value", "prom-fake", "Prometheus", "metrics API", "HPA"},
                    {},
                    false};
  for (const observe::Arrival& a : observe::arrivals(r)) {
    if (table.rows.size() == 200) break;
    table.rows.push_back({clock(a.set), number(a.value), seconds_text(a.prom_fake),
                          seconds_text(a.prometheus), seconds_text(a.api), seconds_text(a.hpa)});
  }
  table.folded = table.rows.size() > 20;
  return table;
}

html::Table event_table(const observe::Recording& r) {
  html::Table table{"All events", {"time", "where", "what"}, {}, false};
  for (const Happening& one : happenings(r)) {
    if (table.rows.size() == 1000) {
      table.rows.push_back({"", "", "and more; the recording has all of them"});
      break;
    }
    table.rows.push_back({clock(one.at), one.hop, one.text});
  }
  table.folded = table.rows.size() > 40;
  return table;
}

html::Table figures_side_by_side(const observe::Recorded& r) {
  html::Table table{"Figures", {"figure", kReal, kPredicted}, {}, false};
  auto real = figure_rows(r.happened.timeline.figures),
       predicted = figure_rows(r.prediction->timeline.figures);
  for (std::size_t i = 0; i < real.size(); ++i)
    table.rows.push_back({real[i].first, real[i].second, predicted[i].second});
  return table;
}

}  // namespace

html::Report recorded_report(const observe::Recorded& r) {
  const observe::RecordingHead& h = r.recording.head;
  html::Report report;
  report.title = fmt::format("HPA {} under {}", r.happened.spec.name, h.profile);
  report.subtitle =
      fmt::format("Recorded on {} at {}, {} of {}. {}, a scrape every {}s.", h.cluster,
                  world::rfc3339(h.began), clock(r.recording.length), clock(h.duration),
                  observe::controller_text(h.kubernetes, r.happened.setup.flags), number(h.scrape_interval));
  for (const auto& [name, value] : figure_rows(r.happened.timeline.figures)) {
    if (!name.starts_with(" ")) report.facts.emplace_back(name, value);
  }
  report.lead = verdict(r);
  report.charts = {value_chart(r), replicas_chart(r)};
  if (r.prediction) {
    report.tables.push_back(prediction_table(*r.prediction));
    report.tables.push_back(figures_side_by_side(r));
  }
  report.tables.push_back(arrival_table(r.recording));
  report.tables.push_back(event_table(r.recording));
  for (const std::string& note : r.happened.notes) report.texts.push_back({"Note", note, false});
  report.texts.push_back({"The HPA", hpasim::to_yaml(hpasim::Document::parse(json_text(h.hpa))), true});
  return report;
}

Status show_recorded(Session& session, const observe::Recorded& recorded, const std::string& report) {
  if (!report.empty()) {
    if (auto written = session.world.files.write(report, html::render(recorded_report(recorded))); !written)
      return written;
    session.world.terminal.err("report: " + report + "\n");
  }
  session.print(session.json ? Painted() : recorded_text(recorded, canvas_for(session.world)),
                session.json ? json_text(recorded_json(recorded), 2) : "");
  return {};
}

Status differs(const observe::Recorded& recorded) {
  if (!recorded.prediction || recorded.prediction->possible()) return {};
  return failure(ErrorClass::check_failed, "prediction-differs", "The replicas differ from the simulation",
                 verdict(recorded), text::join(recorded.happened.notes, " "));
}

}  // namespace hpawalk::cli
