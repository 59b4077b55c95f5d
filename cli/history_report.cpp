#include "cli/history_report.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/columns.hpp"
#include "cli/markdown.hpp"
#include "cli/simulation_report.hpp"
#include "hpasim/outcome.hpp"
#include "world/times.hpp"

namespace hpawalk::cli {

using hpasim::Time;
using observe::Entry;
using Kind = observe::Entry::Kind;

namespace {

constexpr size_t most_shown = 200;  // entries, in a terminal

std::string iso(Time at) {
  return world::rfc3339(world::WallTime(std::chrono::duration_cast<world::Duration>(at)));
}

// As Kubernetes writes it: "7.4s", "2m30s".
std::string exact_text(Time t) {
  if (t < std::chrono::minutes(1)) return fmt::format("{:.3g}s", hpasim::in_seconds(t));
  return text::duration(std::chrono::duration_cast<std::chrono::milliseconds>(t));
}

// Who did it, or what it is, in a word or two.
std::string_view title_of(Kind kind) {
  switch (kind) {
    case Kind::change: return "HPA";
    case Kind::stays: return "stays";
    case Kind::another_client: return "another client";
    case Kind::surge: return "more pods";
    case Kind::pods_missing: return "fewer pods";
    case Kind::limits: return "HPA changed";
    case Kind::not_scaled: return "not scaled";
    case Kind::unknown: return "unknown";
    case Kind::not_recorded: return "no record";
  }
  return "";
}

std::string_view title_of(const Entry& entry) {
  for (hpasim::Rule rule : {hpasim::Rule::activated, hpasim::Rule::deactivated, hpasim::Rule::keda_minimum}) {
    if (entry.kind == Kind::change && entry.rule == hpasim::rule_name(rule)) return "KEDA";
  }
  return title_of(entry.kind);
}

bool lasts(const Entry& entry) {
  return entry.kind == Kind::stays || entry.kind == Kind::not_scaled || entry.kind == Kind::not_recorded;
}

// Of a change the time by which it had happened; `exact` says how much earlier it can have been.
std::string time_of(const Entry& entry, const hpasim::TimeText& when) {
  return lasts(entry) ? when(entry.from) + " - " + when(entry.to) : when(entry.to);
}

std::string replicas_of(const Entry& entry, std::string_view arrow) {
  return entry.before == entry.after ? fmt::format("{}", entry.before)
                                     : fmt::format("{} {} {}", entry.before, arrow, entry.after);
}

// "3 changes by the HPA": what is not there is not mentioned.
std::string summary(const observe::Account& account) {
  struct Count {
    Kind kind;
    const char *one, *many;
  };
  constexpr std::array<Count, 8> all = {
      {{Kind::change, "change by the HPA", "changes by the HPA"},
       {Kind::another_client, "by another client", "by another client"},
       {Kind::unknown, "unknown", "unknown"},
       {Kind::not_scaled, "time not scaled", "times not scaled"},
       {Kind::surge, "time with more pods", "times with more pods"},
       {Kind::pods_missing, "time with fewer pods", "times with fewer pods"},
       {Kind::limits, "change of the HPA", "changes of the HPA"},
       {Kind::stays, "time off its target", "times off its target"}}};
  std::vector<std::string> parts;
  for (const Count& c : all) {
    const auto n = std::count_if(account.entries.begin(), account.entries.end(),
                                 [&](const Entry& entry) { return entry.kind == c.kind; });
    if (n > 0) parts.push_back(fmt::format("{} {}", n, n == 1 ? c.one : c.many));
  }
  return parts.empty() ? "Nothing changed, and the metrics were at their targets."
                       : text::join(parts, ", ") + ".";
}

std::string heading(const ToldHistory& told) {
  return fmt::format("HPA {} in namespace {}, which scales {}, from {} to {}. {}.", told.hpa, told.space,
                     told.workload, iso(told.trace.from), iso(told.trace.to),
                     observe::controller_text(told.simulation.version, told.simulation.setup.flags));
}

std::string exactness(const ToldHistory& told) {
  const observe::Trace& trace = told.trace;
  std::string text = fmt::format(
      "Times are UTC. A change happened at most {} before its time: the states come from {}, scraped every "
      "{}",
      exact_text(trace.blur()), told.states, exact_text(trace.scrape));
  if (trace.age > Time(0)) text += fmt::format(" and up to {} old then", exact_text(trace.age));
  return text +
         fmt::format(
             "; a value is known every {}. Decisions within {} (with a sync period) count as the same.",
             exact_text(trace.step), exact_text(told.account.exact));
}

std::vector<std::string> notes_of(const ToldHistory& told) {
  std::vector<std::string> notes = told.notes;
  notes.insert(notes.end(), told.account.notes.begin(), told.account.notes.end());
  return notes;
}

// What the metric says of the whole load: of one over the pods their sum. Times since the period's beginning.
hpasim::Profile load_of(const ToldHistory& told, size_t i) {
  const hpasim::MetricSpec& metric = told.simulation.spec.metrics[i];
  const observe::TracedMetric& traced = told.trace.metrics[i];
  const bool by_pods = hpasim::is_shared(metric, hpasim::Meaning::usual) ||
                       (traced.of_status && metric.target_kind == hpasim::TargetKind::average_value);
  std::vector<hpasim::Profile::Point> points;
  for (const hpasim::PastSample& sample : traced.samples) {
    const Time at = sample.at - told.trace.from;
    if (at < Time(0)) continue;
    const double pods = by_pods ? hpasim::count_at(told.account.ready, at) : 1;
    if (!points.empty()) points.push_back({at, points.back().value});
    points.push_back({at, std::max(0.0, sample.value * pods)});
  }
  if (points.empty()) points.push_back({Time(0), 0});
  return hpasim::Profile(std::move(points));
}

std::vector<hpasim::Profile> loads_of(const ToldHistory& told) {
  std::vector<hpasim::Profile> loads;
  for (size_t i = 0; i < told.simulation.spec.metrics.size(); ++i) loads.push_back(load_of(told, i));
  return loads;
}

Variant variant_of(const ToldHistory& told, const std::vector<hpasim::Profile>& loads) {
  Variant variant{
      "",
      told.simulation.spec,
      hpasim::timeline_of(told.simulation.spec, loads, told.simulation.setup, told.account.replicas,
                          told.account.ready, told.trace.to - told.trace.from),
      {}};
  variant.timeline.syncs = told.account.syncs;
  return variant;
}

Painted entry_text(const Entry& entry, const hpasim::TimeText& when, size_t time_width,
                   const Canvas& canvas) {
  const std::string title(title_of(entry));
  const size_t indent = time_width + 28;
  const auto width = static_cast<size_t>(std::max(30, canvas.columns - static_cast<int>(indent)));
  std::string name = fit(title, 15);
  Painted out = fmt::format("{:<{}} ", time_of(entry, when), time_width) +
                fit(replicas_of(entry, canvas.unicode ? "→" : "->"), 11) + " ";
  out += observe::contradicts(entry.kind) ? canvas.style.warn(name) : Painted(name);
  out += wrapped(entry.why, width, indent) + "\n";
  for (const std::string& line : entry.evidence)
    out += std::string(indent, ' ') + canvas.style.dim(wrapped(line, width, indent)) + "\n";
  if (!entry.cause.empty())
    out +=
        std::string(indent, ' ') + canvas.style.dim("hpawalk explain " + printable_line(entry.cause)) + "\n";
  return out;
}

}  // namespace

hpasim::TimeText clock_of(Time from, Time to) {
  const bool with_date = to - from >= std::chrono::hours(24);
  return [with_date](Time at) {
    return with_date ? iso(at).substr(5, 14).replace(5, 1, " ") : iso(at).substr(11, 8);
  };
}

Painted history_text(const ToldHistory& told, const Canvas& canvas) {
  const observe::Account& account = told.account;
  const hpasim::TimeText when = clock_of(told.trace.from, told.trace.to);
  const auto line = [&](const std::string& text) {
    return Painted(wrapped(text, static_cast<size_t>(canvas.columns), 0)) + "\n";
  };
  Painted out = line(heading(told));
  for (const observe::TracedMetric& metric : told.trace.metrics) {
    if (!metric.source.empty()) out += line("Metric: " + metric.source);
  }
  const std::vector<hpasim::Profile> loads = loads_of(told);
  out += "\n" + plot(variant_of(told, loads), loads.front(), canvas);
  size_t time_width = 8;
  for (const Entry& entry : account.entries) time_width = std::max(time_width, time_of(entry, when).size());
  out +=
      "\n" +
      canvas.style.bold(fmt::format("{:<{}} {:<11} {:<15}{}", "time", time_width, "replicas", "who", "why")) +
      "\n";
  for (size_t i = 0; i < account.entries.size() && i < most_shown; ++i)
    out += entry_text(account.entries[i], when, time_width, canvas);
  if (account.entries.size() > most_shown)
    out += fmt::format("and {} more; -o json has all of them\n", account.entries.size() - most_shown);
  out += "\n" + line(summary(account)) + line(exactness(told));
  for (const std::string& note : notes_of(told)) out += line("note: " + note);
  return std::move(out).without_line_end();
}

nlohmann::ordered_json history_json(const ToldHistory& told) {
  using Object = nlohmann::ordered_json;
  const observe::Trace& trace = told.trace;
  Object metrics = Object::array(), entries = Object::array(), sequence = Object::array();
  for (size_t i = 0; i < trace.metrics.size(); ++i)
    metrics.push_back(
        {{"metric", hpasim::describe(told.simulation.spec.metrics[i])}, {"source", trace.metrics[i].source}});
  for (const hpasim::Step& step : told.account.replicas) sequence.push_back(step.count);
  for (const Entry& entry : told.account.entries) {
    Object one = {{"kind", name_of(entry.kind)}, {"from", iso(entry.from)},
                  {"to", iso(entry.to)},         {"before", entry.before},
                  {"after", entry.after},        {"why", entry.why},
                  {"evidence", entry.evidence},  {"contradicts", observe::contradicts(entry.kind)}};
    if (!entry.rule.empty()) one["rule"] = entry.rule, one["proposed"] = entry.proposed;
    if (!entry.metric.empty()) one["metric"] = entry.metric;
    if (!entry.cause.empty()) one["cause"] = entry.cause;
    entries.push_back(std::move(one));
  }
  return {{"hpa", told.hpa},
          {"namespace", told.space},
          {"workload", told.workload},
          {"kubernetes", told.simulation.version},
          {"from", iso(trace.from)},
          {"to", iso(trace.to)},
          {"states", told.states},
          {"metrics", metrics},
          {"scrapeSeconds", hpasim::in_seconds(trace.scrape)},
          {"stepSeconds", hpasim::in_seconds(trace.step)},
          {"exactSeconds", hpasim::in_seconds(told.account.exact)},
          {"sequence", sequence},
          {"entries", entries},
          {"summary", summary(told.account)},
          {"notes", notes_of(told)}};
}

std::string history_markdown(const ToldHistory& told) {
  const hpasim::TimeText when = clock_of(told.trace.from, told.trace.to);
  std::string out = fmt::format("# What happened to HPA {}\n\n{}\n\n{}\n", markdown::text(told.hpa),
                                markdown::text(heading(told)), markdown::text(summary(told.account)));
  out += "\n| Time (UTC) | Replicas | Who | Why |\n|---|---|---|---|\n";
  for (const Entry& entry : told.account.entries) {
    std::string why = markdown::text(entry.why);
    for (const std::string& line : entry.evidence) why += "<br>" + markdown::text(line);
    if (!entry.cause.empty()) why += "<br>Cause: " + markdown::code(entry.cause);
    out += fmt::format("| {} | {} | {} | {} |\n", time_of(entry, when), replicas_of(entry, "→"),
                       title_of(entry), why);
  }
  out += "\n" + markdown::text(exactness(told)) + "\n";
  for (const observe::TracedMetric& metric : told.trace.metrics) {
    if (!metric.source.empty()) out += "\nMetric: " + markdown::code(metric.source) + "\n";
  }
  const std::vector<std::string> notes = notes_of(told);
  if (!notes.empty()) out += "\n## What is not known\n\n";
  for (const std::string& note : notes) out += "- " + markdown::text(note) + "\n";
  return out;
}

html::Report history_report(const ToldHistory& told) {
  const hpasim::TimeText when = clock_of(told.trace.from, told.trace.to);
  const std::vector<hpasim::Profile> loads = loads_of(told);
  const Variant variant = variant_of(told, loads);
  html::Report report;
  report.title = "What happened to HPA " + told.hpa;
  report.subtitle = heading(told);
  report.lead = summary(told.account);
  for (const auto& [name, value] : figure_rows(variant.timeline.figures)) {
    if (!name.starts_with(" ")) report.facts.emplace_back(name, value);
  }
  for (size_t i = 0; i < loads.size(); ++i) {
    report.charts.push_back(load_chart(loads[i], variant.timeline.duration));
    report.charts.back().title = "Load of " + told.simulation.spec.metrics[i].name;
  }
  html::Chart chart = replica_chart(variant, loads.front());
  chart.marks.clear();
  html::Strip other{"the record contradicts the controller", {}};
  html::Table table{
      "What happened, and why", {"time (UTC)", "replicas", "who", "why", "evidence"}, {}, false};
  for (const Entry& entry : told.account.entries) {
    const double from = hpasim::in_seconds(entry.from - told.trace.from),
                 to = hpasim::in_seconds(entry.to - told.trace.from);
    if (!lasts(entry) && chart.marks.size() < most_shown)
      chart.marks.push_back({to, fmt::format("{}: {}, {}. {}", when(entry.to), replicas_of(entry, "→"),
                                             title_of(entry), entry.why)});
    if (observe::contradicts(entry.kind)) other.bands.push_back({from, to});
    std::string evidence = text::join(entry.evidence, " ");
    if (!entry.cause.empty()) evidence += " Cause: " + entry.cause;
    table.rows.push_back(
        {time_of(entry, when), replicas_of(entry, "→"), std::string(title_of(entry)), entry.why, evidence});
  }
  chart.strips.push_back(other);
  report.charts.push_back(std::move(chart));
  report.tables.push_back(std::move(table));
  report.texts.push_back({"How exact this is", exactness(told), false});
  for (const std::string& note : notes_of(told)) report.texts.push_back({"Note", note, false});
  report.texts.push_back({"The HPA now", hpasim::to_yaml(told.simulation.document), true});
  return report;
}

}  // namespace hpawalk::cli
