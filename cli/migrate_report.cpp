#include "cli/migrate_report.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "base/yaml.hpp"
#include "cli/columns.hpp"
#include "hpasim/outcome.hpp"

namespace hpawalk::cli {

namespace {

using Object = nlohmann::ordered_json;
using migrate::Side;

constexpr size_t most_differences = 30;

class MigrationText {
 public:
  MigrationText(const MigrationShown& shown, const Canvas& canvas)
      : shown_(shown), plan_(shown.looked.plan), canvas_(canvas) {}

  Painted whole() {
    head();
    metrics();
    list("Without a counterpart", plan_.cannot);
    differences();
    replay();
    steps();
    list("--apply does not begin, because", shown_.obstacles);
    list("Notes", plan_.notes);
    manifest();
    return std::move(out_).without_line_end();
  }

 private:
  void title(const std::string& text) { out_ += "\n" + canvas_.style.bold(text) + "\n"; }
  void line(const std::string& text, size_t indent) {
    const auto width = static_cast<size_t>(std::max(40, canvas_.columns)) - indent;
    out_ += std::string(indent, ' ') + wrapped(text, width, indent) + "\n";
  }

  void head() {
    const char* to = plan_.to == Side::keda ? "KEDA" : "prometheus-adapter";
    out_ +=
        canvas_.style.bold(fmt::format("{} in namespace {}: to {}", plan_.workload, plan_.space, to)) + "\n";
    line(fmt::format("HPA {}, ScaledObject {}. {}", plan_.hpa, plan_.scaled_object,
                     plan_.switched ? "The HPA already has the metrics of the new side."
                                    : "Without --apply, nothing is changed."),
         0);
  }

  void metrics() {
    if (plan_.metrics.empty()) return;
    title("Metrics");
    for (const migrate::PlannedMetric& metric : plan_.metrics) {
      line(fmt::format("{} becomes {}", metric.from, metric.to), 2);
      if (metric.query.empty()) {
        line("the HPA controller reads it itself, on both sides", 4);
        continue;
      }
      line("query  " + metric.query, 4);
      line(fmt::format("rule   {}", metric.rule), 4);
      line(fmt::format("now    {}", metric.now), 4);
      if (metric.served) line(fmt::format("API    {}", metric.served_text), 4);
    }
  }

  void list(const std::string& name, const std::vector<std::string>& all) {
    if (all.empty()) return;
    title(name);
    for (const std::string& one : all) line("- " + one, 2);
  }

  void differences() {
    if (plan_.differences.empty()) return;
    title("What is not equal");
    for (const migrate::Difference& d : plan_.differences) {
      line(fmt::format("{}: {}", d.id, d.what), 2);
      line("why     " + d.why, 4);
      line("effect  " + d.effect, 4);
    }
  }

  void replay() {
    if (!shown_.not_replayed.empty()) {
      title("Replay");
      return line("Not replayed: " + shown_.not_replayed, 2);
    }
    if (!shown_.replayed) return;
    const migrate::Replayed& replayed = *shown_.replayed;
    title(fmt::format("Replay of the last {}", shown_.since));
    for (const std::string& name : replayed.left_out)
      line(fmt::format("{} is left out on both sides: Prometheus has no past of it.", name), 2);
    std::vector<std::string> counts;
    for (int count : replayed.before.sequence()) counts.push_back(std::to_string(count));
    if (replayed.differences.empty()) {
      line(fmt::format("0 differences: both have the replicas {}.", text::join(counts, ", ")), 2);
      return;
    }
    out_ += fmt::format("  {:<20} {:>8} {:>8}\n", "from to", "before", "after");
    for (size_t i = 0; i < replayed.differences.size() && i < most_differences; ++i) {
      const hpasim::Apart& d = replayed.differences[i];
      out_ += fmt::format("  {:<20} {:>8} {:>8}\n", hpasim::time_text(d.from) + " " + hpasim::time_text(d.to),
                          d.first, d.second);
    }
    if (replayed.differences.size() > most_differences)
      line(
          fmt::format("and {} more; -o json has all of them", replayed.differences.size() - most_differences),
          2);
  }

  void steps() {
    title("Steps");
    size_t number = 0;
    for (const migrate::Step& step : shown_.steps) {
      line(fmt::format("{}. {}{}", ++number, step.done ? "(done) " : "", step.what), 2);
      if (!step.command.empty() && !step.done) out_ += "       " + step.command + "\n";
    }
  }

  void manifest() {
    if (plan_.manifest.is_null()) return;
    if (!plan_.rules.empty()) {
      title("Rules, for " + plan_.rules_place);
      out_ += yaml::block(plan_.rules, 2);
    }
    title(plan_.to == Side::keda ? "ScaledObject" : "HPA");
    out_ += yaml::block(plan_.manifest, 2);
  }

  const MigrationShown& shown_;
  const migrate::Plan& plan_;
  const Canvas& canvas_;
  Painted out_;
};

Object metric_json(const migrate::PlannedMetric& metric) {
  Object out = {{"from", metric.from}, {"to", metric.to}};
  if (metric.query.empty()) return out;
  out["query"] = metric.query;
  out["rule"] = metric.rule;
  out["now"] = metric.now;
  if (metric.rows) out["results"] = *metric.rows;
  if (metric.served) {
    out["served"] = *metric.served;
    out["servedText"] = metric.served_text;
  }
  return out;
}

Object replay_json(const MigrationShown& shown) {
  if (!shown.not_replayed.empty()) return {{"notReplayed", shown.not_replayed}};
  Object out = {{"since", shown.since},
                {"before", shown.replayed->before.sequence()},
                {"after", shown.replayed->after.sequence()},
                {"leftOut", shown.replayed->left_out},
                {"differences", Object::array()}};
  for (const hpasim::Apart& d : shown.replayed->differences)
    out["differences"].push_back({{"fromSeconds", hpasim::in_seconds(d.from)},
                                  {"toSeconds", hpasim::in_seconds(d.to)},
                                  {"before", d.first},
                                  {"after", d.second}});
  return out;
}

}  // namespace

Painted migration_text(const MigrationShown& shown, const Canvas& canvas) {
  return MigrationText(shown, canvas).whole();
}

std::string migration_yaml(const migrate::Plan& plan) {
  std::string out;
  if (!plan.rules.empty()) {
    out += fmt::format("# Rules that the adapter needs first, in {}:\n", plan.rules_place);
    for (const std::string& line : text::lines(yaml::block(plan.rules))) out += "#   " + line + "\n";
  }
  return out + yaml::block(plan.manifest);
}

nlohmann::ordered_json migration_json(const MigrationShown& shown, bool applied) {
  const migrate::Plan& plan = shown.looked.plan;
  Object out = {{"to", std::string(name_of(plan.to))},
                {"namespace", plan.space},
                {"workload", plan.workload},
                {"hpa", plan.hpa},
                {"scaledObject", plan.scaled_object},
                {"applied", applied},
                {"switched", plan.switched},
                {"metrics", Object::array()},
                {"cannot", plan.cannot},
                {"differences", Object::array()},
                {"steps", Object::array()},
                {"obstacles", shown.obstacles},
                {"notes", plan.notes},
                {"rules", plan.rules.is_null() ? Object::array() : plan.rules}};
  for (const migrate::PlannedMetric& metric : plan.metrics) out["metrics"].push_back(metric_json(metric));
  for (const migrate::Difference& d : plan.differences)
    out["differences"].push_back({{"id", d.id}, {"what", d.what}, {"why", d.why}, {"effect", d.effect}});
  for (const migrate::Step& step : shown.steps)
    out["steps"].push_back(
        {{"id", step.id}, {"what", step.what}, {"command", step.command}, {"done", step.done}});
  if (shown.replayed || !shown.not_replayed.empty()) out["replay"] = replay_json(shown);
  if (!plan.manifest.is_null()) out["manifest"] = plan.manifest;
  return out;
}

}  // namespace hpawalk::cli
