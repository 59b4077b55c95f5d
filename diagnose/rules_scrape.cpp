// From the pods to the series in Prometheus. If the series is there and current, everything before it has
// been proven; only if it is not, each link is looked at to find the one that is broken.
#include "diagnose/rules_scrape.hpp"

#include <algorithm>

namespace hpawalk::diagnose {

const Cause cause::metric_not_exposed = {
    .id = "metric-not-exposed",
    .link = Link::series,
    .symptom = "The target is up, but the metric is missing",
    .reason = "The application does not expose the metric (under this name), or a relabeling drops it",
    .detection = "Samples in Prometheus; the closest name is suggested",
    .fix = "Correct the name, or the application"};

namespace {

void find_source(Scrape& s) {
  const Context& c = s.c;
  if (c.need.type == "Object" && c.need.resource.resource == "services") {
    if (const Json* service = c.facts.object("services", c.hpa.space, c.need.object_name))
      s.services.push_back(service);
    if (!s.services.empty()) s.pods = pods_of_service(c.facts, *s.services.front());
  } else if (c.need.type == "Pods") {
    s.pods = c.hpa.pods;
    for (const Json* service : c.facts.items("services", c.hpa.space)) {
      bool serves = std::any_of(s.pods.begin(), s.pods.end(), [&](const Json* pod) {
        return map_matches(at(*service, "spec.selector"), at(*pod, "metadata.labels"));
      });
      if (serves) s.services.push_back(service);
    }
  }
}

// Rows of the series that belong to the object which the HPA names.
std::vector<Row> own_rows(const Context& c, const std::vector<Row>& rows) {
  const Candidate* candidate = c.candidate();
  if (c.need.external() || candidate == nullptr) return rows;
  std::optional<std::string> space = label_for(*candidate->rule, {"", "namespaces"});
  std::optional<std::string> object = label_for(*candidate->rule, c.need.resource);
  if (!space || !object) return rows;
  std::vector<std::string> names = c.object_names();
  std::vector<Row> own;
  for (const Row& row : rows) {
    auto in = row.labels.find(*space), of = row.labels.find(*object);
    if (in == row.labels.end() || in->second != c.hpa.space || of == row.labels.end()) continue;
    if (std::find(names.begin(), names.end(), of->second) != names.end()) own.push_back(row);
  }
  return own;
}

std::string label(const Row& row, const std::string& name) {
  auto found = row.labels.find(name);
  return found == row.labels.end() ? std::string() : found->second;
}

void proven(const Scrape& s, const std::vector<Row>& own, bool too_many) {
  std::string count =
      too_many ? fmt::format("{} series", s.c.sample_count(s.series)) : text::count(own.size(), "sample");
  s.report.set(Link::series, Mark::ok,
               own.size() == 1 ? fmt::format("{} = {}", s.series, own[0].value)
                               : fmt::format("{}: {}", s.series, count));
  std::string job = own.empty() ? "" : label(own[0], "job");
  std::vector<world::Target> targets;
  std::vector<const Json*> of_series;
  std::string pool, error;
  static const Json unread = Json::array();
  for (const Json& target : s.targets == nullptr ? unread : *s.targets) {
    bool ours = !own.empty() && text_at(at(target, "labels"), "job") == job &&
                (label(own[0], "namespace").empty() ||
                 text_at(at(target, "labels"), "namespace") == label(own[0], "namespace"));
    if (!ours) continue;
    of_series.push_back(&target);
    targets.push_back(target_from(target));
    if (targets.back().health == "down") error = target_text(target);
    pool = targets.back().pool;
  }
  Scrapes scrapes = scrapes_of(targets);
  pods_and_services(s, true);
  s.report.set(Link::monitor, Mark::ok, pool.empty() ? "the series is scraped" : pool);
  if (pool.empty())
    s.report.set(Link::monitor, Mark::ok, own.empty() || job.empty() ? "the series is there" : "job " + job);
  s.report.set(Link::prometheus, Mark::ok, scrapes.up > 0 ? scrapes.readiness().text : "has the series");
  if (scrapes.down > 0) {
    s.report.note(cause::target_down,
                  fmt::format("{} of {} targets of {} are down", scrapes.down, targets.size(), pool), {error},
                  advice("Make the targets respond; see the error", look_for("pods", s.c.hpa.space)));
  }
  of_series.empty() ? judge_recording_motion(s) : judge_motion(s, of_series);
}

void unknown_source(const Scrape& s) {
  s.report.set(Link::monitor, Mark::not_applicable, "no ServiceMonitor or PodMonitor selects it");
  prometheus_answers(s);
}

void find_break(const Scrape& s) {
  pods_and_services(s, false);
  if (s.c.need.type == "Object" && s.c.need.resource.resource == "services") {
    if (s.report.mark(Link::service) == Mark::unknown)
      return unknown_from(s, Link::monitor, "the Service could not be read");
    if (s.services.empty()) return no_such_service(s);
    if (!service_has_pods(s, *s.services.front())) return;
  } else if (s.c.need.type == "Pods") {
    if (s.pods.empty()) return unknown_from(s, Link::monitor, "the scale target has no pods");
  } else {
    return unknown_source(s);
  }
  if (without_operator(s)) return scraped_without_operator(s);
  monitored(s);
}

std::string where_from(const MetricNeed& need) {
  if (need.external()) return "anything";
  return need.type == "Object" ? need.object_kind + " " + need.object_name : "these pods";
}

void not_exposed(const Scrape& s) {
  const Reading* rules = s.c.facts.whole("prometheusrules");
  bool rules_unread = rules != nullptr && rules->refused();  // one of them may record it
  bool source_known = !s.pods.empty();
  std::string sentence = source_known ? fmt::format("The target is scraped, but does not expose {}", s.series)
                                      : fmt::format("Prometheus has no series {}", s.series);
  std::vector<std::string> names;
  const Reading* all = s.c.prometheus_reading("names");
  if (all != nullptr) names = text_list(all->value);
  std::erase(names, s.series);
  std::optional<std::string> near = text::nearest(s.series, names);
  s.report.broken(cause::metric_not_exposed, sentence + (near ? "; there is " + *near : ""),
                  {seen(*s.c.prometheus_reading("samples"), "no sample of " + s.series)},
                  advice(near ? "Is " + *near + " the intended one?"
                              : "Check the application's /metrics, and metricRelabelings of its monitor"),
                  source_known && !rules_unread ? Certainty::certain : Certainty::likely);
}

// The series itself, once what is before it is known.
void series(const Scrape& s, const std::vector<Row>& rows, bool known) {
  if (!known) {
    const Reading* reading = s.c.prometheus_reading("samples");
    s.report.set(Link::series, Mark::unknown,
                 reading == nullptr ? "Prometheus was not queried" : why_unread(reading));
    return;
  }
  if (!rows.empty()) {
    // It exists, but not for this object: judge_adapter says whether labels or rules are to blame.
    s.report.set(Link::series, s.report.broken_before(Link::series) ? Mark::broken : Mark::ok,
                 fmt::format("{} has {}, none of {}", s.series, text::count(rows.size(), "sample"),
                             where_from(s.c.need)));
    return;
  }
  s.report.set(Link::series, Mark::broken,
               fmt::format("no sample of {} of {}", s.series, where_from(s.c.need)));
  bool scraping = s.report.mark(Link::prometheus) == Mark::ok &&
                  s.report.mark(Link::monitor) != Mark::unknown && !s.report.broken_before(Link::series);
  if (!scraping) return;
  if (s.c.candidate() == nullptr && s.c.adapter.config) {
    // No rule leads from any series to this name: judge_adapter says which of the two is wrong.
    s.report.set(Link::series, Mark::unknown, "no rule of the adapter produces a series");
    return;
  }
  not_exposed(s);
}

void judge(const Scrape& s) {
  std::vector<Row> rows = s.c.samples(s.series);
  std::vector<Row> own = own_rows(s.c, rows);
  bool known = s.c.samples_known();
  bool too_many = rows.empty() && s.c.sample_count(s.series) > 0;
  if (known && (!own.empty() || too_many)) return proven(s, own, too_many);
  if (known && rows.empty() && recorded(s)) return;
  if (!known || !exposed_by_others(s)) find_break(s);
  series(s, rows, known);
}

}  // namespace

world::Target target_from(const Json& target) {
  world::Target made;
  made.pool = text_at(target, "pool");
  made.url = text_at(target, "url");
  made.health = text_at(target, "health");
  made.last_error = text_at(target, "lastError");
  made.last_scrape = text_at(target, "lastScrape");
  return made;
}

std::string target_text(const Json& target) {
  std::string error = text_at(target, "lastError");
  return fmt::format("{} is {}{}", text_at(target, "url"), text_at(target, "health"),
                     error.empty() ? "" : ": " + error);
}

void unknown_from(const Scrape& s, Link first, const std::string& why) {
  for (Link link : {Link::monitor, Link::prometheus}) {
    if (link >= first) s.report.set(link, Mark::unknown, why);
  }
}

void judge_scrape(const Context& c, Report& report) {
  if (c.adapter.kind == AdapterKind::keda || c.adapter.kind == AdapterKind::other) {
    for (Link link : {Link::pods, Link::service, Link::monitor, Link::prometheus, Link::series}) {
      report.set(link, Mark::not_applicable, "the adapter uses another data source");
    }
    return;
  }
  Scrape s{c, report, {}, {}, c.expected_series(), nullptr, monitors_of(c.facts)};
  const Reading* targets = c.prometheus_reading("targets");
  if (targets != nullptr && targets->read()) s.targets = &targets->value;
  find_source(s);
  judge(s);
}

}  // namespace hpawalk::diagnose
