#include "cli/upgrade_report.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/columns.hpp"

namespace hpawalk::cli {

using hpasim::Change;
using observe::HpaUpgrade;
using observe::UpgradeReport;

namespace {

constexpr size_t most_changes = 10;  // of the replicas, of one version

std::string name_of(const HpaUpgrade& hpa) {
  std::string name = hpa.name.empty() ? "an HPA without a name" : hpa.name;
  return printable_line(hpa.name_space.empty() ? name : hpa.name_space + "/" + name);
}

Painted item(const Canvas& canvas, const std::string& id, const std::string& text) {
  auto width = static_cast<size_t>(std::max(30, canvas.columns - 4));
  return painted("  - {}\n", wrapped(id + ": " + text, width, 4));
}

std::string sequence_text(const hpasim::Timeline& timeline, const Canvas& canvas) {
  std::vector<std::string> counts;
  for (std::int32_t count : timeline.sequence()) counts.push_back(std::to_string(count));
  constexpr size_t most = 14;
  if (counts.size() > most) counts.resize(most), counts.emplace_back(canvas.unicode ? "…" : "...");
  return text::join(counts, canvas.unicode ? " → " : " -> ");
}

Painted replicas_text(const UpgradeReport& report, const HpaUpgrade& hpa, const Canvas& canvas) {
  Painted out = fmt::format("  Replicas under the load {}:\n", text::join(report.profile_names, "; "));
  auto one = [&](const std::string& version, const hpasim::Spec& spec, const hpasim::Timeline& timeline) {
    out += painted("\n{}  {}\n", canvas.style.bold("Kubernetes " + version), sequence_text(timeline, canvas));
    out += change_table(Variant{version, spec, timeline, {}}, canvas, most_changes);
  };
  one(report.from, *hpa.compared.before, hpa.simulated->before);
  one(report.to, *hpa.compared.after, hpa.simulated->after);
  return out;
}

Painted hpa_text(const UpgradeReport& report, const HpaUpgrade& hpa, const Canvas& canvas) {
  Painted out = painted("{}\n", canvas.style.bold(name_of(hpa)));
  if (hpa.trouble) out += item(canvas, "not compared", hpa.trouble->what + ": " + hpa.trouble->because);
  for (const Change& change : hpa.compared.changes) out += item(canvas, std::string(change.id), change.text);
  if (hpa.simulated && hpa.simulated->differs()) out += replicas_text(report, hpa, canvas);
  return out + "\n";
}

size_t unchanged(const UpgradeReport& report) {
  return static_cast<size_t>(std::count_if(report.hpas.begin(), report.hpas.end(),
                                           [](const HpaUpgrade& h) { return !h.changes(); }));
}

size_t same_replicas(const UpgradeReport& report) {
  return static_cast<size_t>(std::count_if(report.hpas.begin(), report.hpas.end(), [](const HpaUpgrade& h) {
    return h.changes() && h.simulated && !h.simulated->differs();
  }));
}

nlohmann::ordered_json changes_json(const std::vector<Change>& changes) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const Change& change : changes) all.push_back({{"id", change.id}, {"text", change.text}});
  return all;
}

}  // namespace

Painted upgrade_text(const UpgradeReport& report, const Canvas& canvas) {
  Painted out;
  std::string versions = fmt::format("from Kubernetes {} to {}", report.from, report.to);
  size_t same = unchanged(report);
  bool some = same < report.hpas.size();
  for (const std::string& note : report.notes) out += note + "\n";
  if (some) out += painted("The upgrade {}:\n\n", versions);
  for (const HpaUpgrade& hpa : report.hpas) {
    if (hpa.changes()) out += hpa_text(report, hpa, canvas);
  }
  if (size_t n = same_replicas(report); n > 0)
    out += fmt::format("Under the load, the replicas of {} are the same in both versions.\n",
                       text::count(static_cast<long long>(n), "changed HPA"));
  if (report.hpas.empty())
    out += "No HPA found\n";
  else if (same > 0)
    out += fmt::format("Nothing changes for {}{}.\n",
                       text::count(static_cast<long long>(same), some ? "other HPA" : "HPA"),
                       some ? "" : " " + versions);
  for (const Change& change : report.everywhere)
    out += wrapped(change.text + ".", static_cast<size_t>(canvas.columns), 0) + "\n";
  return std::move(out).without_line_end();
}

nlohmann::ordered_json upgrade_json(const UpgradeReport& report) {
  using Object = nlohmann::ordered_json;
  Object hpas = Object::array();
  for (const HpaUpgrade& hpa : report.hpas) {
    if (!hpa.changes()) continue;
    Object one = {
        {"namespace", hpa.name_space}, {"name", hpa.name}, {"changes", changes_json(hpa.compared.changes)}};
    if (hpa.trouble)
      one["error"] = {
          {"id", hpa.trouble->id}, {"what", hpa.trouble->what}, {"because", hpa.trouble->because}};
    if (hpa.simulated) {
      const observe::SimulatedUpgrade& s = *hpa.simulated;
      one["simulation"] = {
          {"differs", s.differs()},
          {"before", timeline_json(Variant{report.from, *hpa.compared.before, s.before, {}}, false)},
          {"after", timeline_json(Variant{report.to, *hpa.compared.after, s.after, {}}, false)}};
    }
    hpas.push_back(one);
  }
  return {{"from", report.from},
          {"to", report.to},
          {"profiles", report.profile_names},
          {"notes", report.notes},
          {"everyHpa", changes_json(report.everywhere)},
          {"hpas", hpas},
          {"unchanged", unchanged(report)}};
}

}  // namespace hpawalk::cli
