// The targets are up, and yet Prometheus has no sample of the series: what do they expose, and who exposed it
// before?
#include <algorithm>

#include "diagnose/rules_monitor.hpp"

namespace hpawalk::diagnose {

const Cause cause::metric_not_exposed = {
    .id = "metric-not-exposed",
    .link = Link::series,
    .symptom = "The target is up, but the metric is missing",
    .reason = "The application does not expose the metric under this name, or only at times",
    .detection =
        "Samples in Prometheus, now and of the last 2 hours; the target's own /metrics; the closest "
        "name that this target exposes is suggested",
    .fix = "Correct the name, or the application"};

const Cause cause::sample_timestamps = {
    .id = "sample-timestamps",
    .link = Link::series,
    .symptom = "The target is up and exposes the metric, but Prometheus has no current sample",
    .reason =
        "The application writes timestamps behind its samples. Prometheus rejects old ones, and a query "
        "for the current value does not return those of more than 5 minutes ago",
    .detection = "The target's own /metrics",
    .fix = "Expose samples without timestamps, or set honorTimestamps: false"};

const Cause cause::sample_dropped = {
    .id = "sample-dropped",
    .link = Link::series,
    .symptom = "The target is up and exposes the metric, but Prometheus has no sample",
    .reason = "A relabeling drops or renames the sample",
    .detection = "The target's own /metrics; metricRelabelings of the monitor's endpoint",
    .fix = "Correct metricRelabelings"};

namespace {

constexpr world::Duration lookback = std::chrono::minutes(5);  // of a query for the current value
constexpr world::Duration clock_skew = std::chrono::seconds(30);

// The targets that are up, and what was read from their own pages.
struct Page {
  const Json* target = nullptr;
  const Reading* reading = nullptr;  // null: not asked
};

std::vector<Page> pages_of(const Scrape& s) {
  std::vector<Page> pages;
  if (s.targets == nullptr) return pages;
  for (const Json& target : *s.targets) {
    if (text_at(target, "health") == "up" && own_target(s, target))
      pages.push_back({&target, s.c.facts.find(page_key(text_at(target, "url"), s.series))});
  }
  return pages;
}

// Behind the name and its labels, whose values can have any sign.
size_t end_of_labels(const std::string& line) {
  size_t start = line.find_first_of("{ \t");
  if (start == std::string::npos || line[start] != '{') return start;
  bool in_value = false;
  for (size_t i = start; i < line.size(); ++i) {
    if (in_value && line[i] == '\\')
      ++i;
    else if (line[i] == '"')
      in_value = !in_value;
    else if (!in_value && line[i] == '}')
      return i + 1;
  }
  return std::string::npos;
}

// "x{a="b"} 7 1700000000000": milliseconds in Prometheus's text, seconds in OpenMetrics.
std::optional<world::WallTime> timestamp_of(const std::string& line) {
  size_t end = end_of_labels(line);
  if (end == std::string::npos) return std::nullopt;
  std::string value = line.substr(end);
  std::replace(value.begin(), value.end(), '\t', ' ');
  std::vector<std::string> words = text::split(value.substr(0, value.find('#')), ' ');
  std::erase(words, "");
  if (words.size() < 2) return std::nullopt;
  double number = std::atof(words[1].c_str());
  bool seconds = number < 1e11 || words[1].find('.') != std::string::npos;
  if (!(number > 0 && number < 1e14)) return std::nullopt;
  return world::WallTime(world::Duration(static_cast<long long>(seconds ? number * 1000 : number)));
}

Fix ignore_timestamps(const Endpoint& e) {
  const std::vector<std::string> path = {"spec", e.list, e.index};
  std::string says =
      fmt::format("Make {} use the time of the scrape instead (honorTimestamps: false)", e.monitor->ref());
  auto below = [&](const char* name) { return std::vector<std::string>{path[0], path[1], path[2], name}; };
  Json operations = Json::array();
  if (const Json& port = at(*e.object, "port"); !port.is_null())
    operations.push_back(operation("test", below("port"), port));
  operations.push_back(operation("add", below("honorTimestamps"), false));
  return json_patch(ref_of_monitor(*e.monitor), *e.monitor->object, operations, says,
                    "for all metrics of this endpoint")
      .value_or(advice(says, look_at("get", ref_of_monitor(*e.monitor))));
}

void with_timestamps(const Scrape& s, const Page& page, const std::string& line, world::WallTime when) {
  std::optional<Endpoint> endpoint = endpoint_of(s, *page.target);
  Fix fix = advice("Expose samples without timestamps, or set honor_timestamps: false for the scrape job");
  if (endpoint) fix = ignore_timestamps(*endpoint);
  s.report.broken(
      cause::sample_timestamps,
      fmt::format("The target exposes {} with a timestamp of {}; Prometheus rejects old samples, and a query "
                  "for the current value needs one of the last 5 minutes",
                  s.series, world::rfc3339(when)),
      {seen(*page.reading, line), seen(*s.c.prometheus_reading("samples"), "no sample of " + s.series)}, fix);
}

void dropped(const Scrape& s, const Page& page, const std::string& line) {
  std::vector<std::string> evidence = {seen(*page.reading, line),
                                       seen(*s.c.prometheus_reading("samples"), "no sample of " + s.series)};
  std::optional<Endpoint> endpoint = endpoint_of(s, *page.target);
  const Json& relabelings = endpoint ? at(*endpoint->object, "metricRelabelings") : Json();
  bool some = relabelings.is_array() && !relabelings.empty();
  std::string sentence = fmt::format("The target exposes {}, but Prometheus has no sample", s.series);
  if (some) {
    evidence.push_back(fmt::format("{}: spec.{}[{}].metricRelabelings {}", endpoint->monitor->ref(),
                                   endpoint->list, endpoint->index, relabelings.dump()));
    sentence += fmt::format("; metricRelabelings of {} may drop or rename it", endpoint->monitor->ref());
  }
  s.report.broken(
      cause::sample_dropped, sentence, evidence,
      some ? advice("Correct metricRelabelings of " + endpoint->monitor->ref(),
                    look_at("get", ref_of_monitor(*endpoint->monitor)))
           : advice("Run the diagnosis again after the next scrape. If it stays so, look for metric "
                    "relabelings in the configuration of Prometheus"),
      some ? Certainty::likely : Certainty::possible);
}

// Of the names that the targets expose, the one that is most like the series.
std::optional<std::string> near_name(const Scrape& s, const std::vector<Page>& pages) {
  std::vector<std::string> names;
  for (const Page& page : pages) {
    if (!s.c.prometheus.address) continue;
    const Reading* reading =
        s.c.facts.find(names_key(s.c.prometheus.address->key(), target_selector(*page.target)));
    if (reading == nullptr) continue;
    for (const std::string& name : text_list(reading->value)) names.push_back(name);
  }
  std::erase(names, s.series);
  return text::nearest(s.series, names);
}

void ended(const Scrape& s, const PastSource& past, const std::string& sentence,
           std::vector<std::string> evidence, Certainty certainty) {
  evidence.push_back(fmt::format("Prometheus's history of {} hours: {}", remembered_hours, past_text(past)));
  s.report.broken(
      cause::metric_not_exposed,
      fmt::format("{}; it was there until {}", sentence, world::clock_time(past.last)), evidence,
      advice(
          "If the application exposes it only after some event, such as its first request, expose 0 from "
          "the start. For one that pauses, set --metrics-max-age of the adapter longer than the pause, and "
          "let the rule's query use the samples of that time. `or vector(0)` in the query does not help: "
          "its result has no label that names the object"),
      certainty);
}

void not_exposed(const Scrape& s, const std::vector<Page>& pages) {
  std::vector<std::string> evidence = {seen(*s.c.prometheus_reading("samples"), "no sample of " + s.series)};
  bool all_read = !pages.empty();
  for (const Page& page : pages) {
    bool read = page.reading != nullptr && page.reading->read();
    all_read &= read;
    if (page.reading != nullptr)
      evidence.push_back(seen(*page.reading, read ? "no " + s.series : why_unread(page.reading)));
  }
  if (evidence.size() > 4) evidence.resize(4);
  std::string sentence =
      all_read         ? fmt::format("The target is scraped, but does not expose {}", s.series)
      : !pages.empty() ? fmt::format("The target is scraped, but Prometheus has no sample of {}", s.series)
                       : fmt::format("Prometheus has no series {}", s.series);
  const Reading* rules = s.c.facts.whole("prometheusrules");
  bool rules_unread = rules != nullptr && rules->refused();  // one of them may record it
  Certainty certainty = all_read && !rules_unread ? Certainty::certain : Certainty::likely;
  std::vector<PastSource> past = past_sources(s.c.facts, s.c.prometheus, s.series);
  if (!past.empty()) return ended(s, past.front(), sentence, evidence, certainty);
  std::optional<std::string> near = near_name(s, pages);
  s.report.broken(cause::metric_not_exposed, sentence + (near ? "; it exposes " + *near : ""), evidence,
                  advice(near ? "Is " + *near + " the intended one?"
                              : "Check the application's /metrics, and metricRelabelings of its monitor"),
                  certainty);
}

}  // namespace

void series_missing(const Scrape& s) {
  std::vector<Page> pages = pages_of(s);
  for (const Page& page : pages) {
    if (page.reading == nullptr || !page.reading->read()) continue;
    std::vector<std::string> lines = text_list(page.reading->value);
    if (lines.empty()) continue;
    std::optional<world::WallTime> when = timestamp_of(lines.front());
    std::optional<Endpoint> endpoint = endpoint_of(s, *page.target);
    bool honored = !endpoint || bool_at(*endpoint->object, "honorTimestamps", true);
    bool off = when && (s.c.facts.taken - *when > lookback || *when - s.c.facts.taken > clock_skew);
    return honored && off ? with_timestamps(s, page, lines.front(), *when) : dropped(s, page, lines.front());
  }
  not_exposed(s, pages);
}

}  // namespace hpawalk::diagnose
