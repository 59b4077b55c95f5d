#include "cli/timeline_text.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/columns.hpp"
#include "hpasim/explain.hpp"
#include "hpasim/outcome.hpp"

namespace hpawalk::cli {

using namespace hpasim;

namespace {

constexpr int kRows = 8;

// The most replicas within a column: a short peak must not vanish between two samples.
std::int32_t most_within(const std::vector<Step>& steps, Time from, Time to) {
  std::int32_t most = count_at(steps, from);
  for (const Step& step : steps) {
    if (step.at > from && step.at < to) most = std::max(most, step.count);
  }
  return most;
}

std::string bar(double share, int row,
                bool unicode) {  // what of a column's height falls into this row (0: lowest)
  static constexpr std::string_view eighths[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  double filled = share * kRows - row;
  if (!unicode) return filled >= 0.5 ? "#" : filled > 0.01 && row == 0 ? "." : " ";
  return std::string(
      eighths[std::clamp(static_cast<int>(std::lround(filled * 8)), filled > 0.01 ? 1 : 0, 8)]);
}

std::string axis(Time duration, int width) {
  std::string line;
  int labels = std::max(1, width / 14);
  for (int i = 0; i < labels; ++i) {
    line.resize(static_cast<size_t>(i * width / labels), ' ');
    line += time_text(duration * i / labels);
  }
  return line;
}

std::string padded(const std::string& s, size_t width) {
  return s + std::string(width > shown_width(s) ? width - shown_width(s) : 0, ' ');
}

}  // namespace

Canvas canvas_for(const world::World& world) {
  bool terminal = world.terminal.out_is_terminal();
  auto variable = [&](const char* name) {
    auto found = world.environment.find(name);
    return found == world.environment.end() ? std::string() : found->second;
  };
  std::string locale = !variable("LC_ALL").empty()     ? variable("LC_ALL")
                       : !variable("LC_CTYPE").empty() ? variable("LC_CTYPE")
                                                       : variable("LANG");
  std::transform(locale.begin(), locale.end(), locale.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  bool utf8 = locale.find("utf-8") != std::string::npos || locale.find("utf8") != std::string::npos;
  int columns = terminal ? std::clamp(world.terminal.columns(), 40, 200) : 100;
  return {columns, utf8 && variable("TERM") != "dumb", Style(world, terminal)};
}

Painted plot(const Variant& variant, const Profile& load, const Canvas& canvas) {
  const Timeline& t = variant.timeline;
  std::int32_t top = std::max(1, t.figures.highest);
  int label = static_cast<int>(std::to_string(top).size()) + 3;
  int width = std::max(20, canvas.columns - label - 2);
  Time slot = t.duration / width;
  std::vector<double> loads(static_cast<size_t>(width)), shares(loads.size());
  std::vector<bool> is_short(loads.size());
  double highest = 0;
  for (int x = 0; x < width; ++x) {
    Time from = slot * x, to = slot * (x + 1);
    auto i = static_cast<size_t>(x);
    loads[i] = load.average(from, to);
    highest = std::max(highest, loads[i]);
    shares[i] = static_cast<double>(most_within(t.replicas, from, to)) / top;
    is_short[i] = load.at(from + slot / 2) > count_at(t.ready, from + slot / 2) * t.carried[0] + 1e-9;
  }
  std::string edge = canvas.unicode ? "│" : "|";
  Painted out;
  std::string margin(static_cast<size_t>(label), ' ');
  out +=
      margin + canvas.style.dim(fmt::format("load, up to {}", narrow_number(highest))) + "\n" + margin + " ";
  for (double value : loads) out += bar(highest > 0 ? value / highest / kRows : 0, 0, canvas.unicode);
  out += "\n" + margin + canvas.style.dim(fmt::format("replicas, {} to {}", t.figures.lowest, top)) + "\n";
  for (int row = kRows - 1; row >= 0; --row) {
    std::string value = row == kRows - 1 ? std::to_string(top) : row == 0 ? "" : "";
    out += painted("{:>{}} {}", value, label - 1, edge);
    for (int x = 0; x < width; ++x) {
      std::string cell = bar(shares[static_cast<size_t>(x)], row, canvas.unicode);
      out += is_short[static_cast<size_t>(x)] ? canvas.style.bad(cell) : canvas.style.good(cell);
    }
    out += "\n";
  }
  out += painted("{:>{}} {}", "0", label - 1, canvas.unicode ? "└" : "+");
  for (int x = 0; x < width; ++x) out += canvas.unicode ? "─" : "-";
  out += "\n" + margin + " " + axis(t.duration, width) + "\n";
  if (std::find(is_short.begin(), is_short.end(), true) != is_short.end()) {
    std::string marks;
    for (bool s : is_short) marks += s ? "!" : " ";
    out += margin + " " + canvas.style.bad(marks) + "\n" + margin +
           canvas.style.dim("!  fewer ready pods than the load needs") + "\n";
  }
  return out;
}

Painted change_table(const Variant& variant, const Canvas& canvas, size_t most) {
  std::string arrow = canvas.unicode ? "→" : "->";
  Painted out = canvas.style.bold("time       replicas      why") + "\n";
  std::vector<const Sync*> telling = hpasim::telling_syncs(variant.timeline);
  for (size_t i = 0; i < telling.size() && i < most; ++i) {
    const Decision& d = telling[i]->decision;
    std::string replicas =
        d.rescaled() ? fmt::format("{} {} {}", d.from, arrow, d.to) : fmt::format("{} stays", d.from);
    std::string line = fmt::format("{:<10} {} ", time_text(telling[i]->at), padded(replicas, 13));
    out += line +
           wrapped(hpasim::explain(variant.spec, d, telling[i]->proposal),
                   static_cast<size_t>(std::max(30, canvas.columns - 26)), 25) +
           "\n";
  }
  if (telling.empty()) out += "           nothing changes\n";
  if (telling.size() > most)
    out += fmt::format("           and {} more; --output csv or json has all\n", telling.size() - most);
  return out;
}

Painted figure_table(const std::vector<Variant>& variants, const Canvas& canvas) {
  Painted out;
  if (variants.size() > 1) {
    out += std::string(32, ' ');
    for (const Variant& variant : variants) out += canvas.style.bold(padded(variant.name, 18));
    out += "\n";
  }
  auto names = figure_rows(variants.front().timeline.figures);
  for (size_t row = 0; row < names.size(); ++row) {
    std::string line = padded(names[row].first, 32);
    for (const Variant& variant : variants)
      line += padded(figure_rows(variant.timeline.figures)[row].second, 18);
    line.resize(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

Painted run_table(const Variant& variant, const Canvas& canvas) {
  const Runs& runs = *variant.runs;
  std::string arrow = canvas.unicode ? " → " : " -> ";
  Painted out = canvas.style.bold(fmt::format("{} runs with random delays and phases{}", runs.count,
                                              variant.name.empty() ? "" : ", " + variant.name)) +
                "\n";
  out += fmt::format("{:<32}{:>10}{:>10}{:>10}{:>10}\n", "", "least", "median", "95%", "most");
  auto row = [&](const char* name, const Spread& s) {
    out +=
        fmt::format("{:<32}{:>10.4g}{:>10.4g}{:>10.4g}{:>10.4g}\n", name, s.least, s.median, s.p95, s.most);
  };
  row("first wait for enough pods, s", runs.first_short);
  row("time with too few ready pods, s", runs.time_short);
  row("pod-hours", runs.pod_hours);
  row("changes of replicas", runs.changes);
  out += fmt::format("{} different sequences of replicas:\n", runs.outcomes.size());
  for (size_t i = 0; i < runs.outcomes.size() && i < 5; ++i) {
    std::vector<std::string> counts;
    for (std::int32_t count : runs.outcomes[i].sequence) counts.push_back(std::to_string(count));
    if (counts.size() > 14)
      counts = {counts.begin(), counts.begin() + 14}, counts.push_back(canvas.unicode ? "…" : "...");
    out +=
        painted("{:>6.1f}%  {}  {}\n", 100.0 * runs.outcomes[i].times / runs.count, text::join(counts, arrow),
                canvas.style.dim(fmt::format("--seed {}", runs.outcomes[i].seed)));
  }
  return out;
}

nlohmann::ordered_json timeline_json(const Variant& variant, bool with_syncs) {
  using Object = nlohmann::ordered_json;
  Object out = {{"name", variant.name}};
  out.update(hpasim::timeline_json(variant.spec, variant.timeline, with_syncs));
  if (!variant.runs) return out;
  auto spread = [](const Spread& s) {
    return Object{{"least", s.least}, {"median", s.median}, {"p95", s.p95}, {"most", s.most}};
  };
  Object outcomes = Object::array();
  for (const Runs::Outcome& o : variant.runs->outcomes) {
    outcomes.push_back({{"sequence", o.sequence},
                        {"share", static_cast<double>(o.times) / variant.runs->count},
                        {"seed", o.seed}});
  }
  out["runs"] = {{"count", variant.runs->count},
                 {"firstShortSeconds", spread(variant.runs->first_short)},
                 {"shortSeconds", spread(variant.runs->time_short)},
                 {"podHours", spread(variant.runs->pod_hours)},
                 {"changes", spread(variant.runs->changes)},
                 {"outcomes", outcomes}};
  return out;
}

std::string timeline_csv(const std::vector<Variant>& variants, const std::vector<Profile>& profiles) {
  std::string out = "variant,seconds,load,replicas,ready,proposed,rule\n";
  for (const Variant& variant : variants) {
    for (const Sync& sync : variant.timeline.syncs) {
      const Decision& d = sync.decision;
      std::string name =
          variant.name.find(',') == std::string::npos ? variant.name : "\"" + variant.name + "\"";
      out += fmt::format("{},{:.3f},{},{},{},{},{}\n", name, hpasim::in_seconds(sync.at),
                         narrow_number(profiles.front().at(sync.at)), d.to, sync.ready, d.proposed,
                         rule_name(d.rule));
    }
  }
  return out;
}

}  // namespace hpawalk::cli
