// From the pods to the series in Prometheus. If the series is there and current, everything before it has
// been proven; only if it is not, each link is looked at to find the one that is broken.
#include "diagnose/rules_scrape.hpp"

#include <algorithm>

#include "diagnose/rules_keda.hpp"

namespace hpawalk::diagnose {

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

namespace {

void proven(const Scrape& s, const std::vector<Row>& own, bool too_many) {
  std::string count =
      too_many ? fmt::format("{} series", s.c.sample_count(s.series)) : text::count(own.size(), "sample");
  s.report.set(Link::series, Mark::ok,
               own.size() == 1 ? fmt::format("{} = {}", s.series, own[0].value)
                               : fmt::format("{}: {}", s.series, count));
  std::string job = own.empty() ? "" : label_of(own[0].labels, "job");
  std::vector<world::Target> targets;
  std::vector<const Json*> of_series;
  std::string pool, error;
  static const Json unread = Json::array();
  for (const Json& target : s.targets == nullptr ? unread : *s.targets) {
    bool ours = !own.empty() && text_at(at(target, "labels"), "job") == job &&
                (label_of(own[0].labels, "namespace").empty() ||
                 text_at(at(target, "labels"), "namespace") == label_of(own[0].labels, "namespace"));
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
  judge_scraped_twice(s, own);
  of_series.empty() ? judge_recording_motion(s) : judge_motion(s, of_series);
}

void unknown_source(const Scrape& s) {
  s.report.set(Link::monitor, Mark::not_applicable, "unknown what it is scraped by");
  prometheus_answers(s);
}

void find_break(const Scrape& s) {
  pods_and_services(s, false);
  bool of_service = s.c.need.type == "Object" && s.c.need.resource.resource == "services";
  if (of_service || s.remembered) {
    if (s.report.mark(Link::service) == Mark::unknown)
      return unknown_from(s, Link::monitor, "the Service could not be read");
    if (of_service && s.services.empty()) return no_such_service(s);
    if (!s.services.empty() && !service_has_pods(s, *s.services.front())) return;
  } else if (s.c.need.type == "Pods") {
    if (s.pods.empty()) return unknown_from(s, Link::monitor, "the scale target has no pods");
  } else {
    return unknown_source(s);
  }
  if (without_operator(s)) return scraped_without_operator(s);
  monitored(s);
}

std::string where_from(const MetricNeed& need) {
  if (need.external()) return {};
  return need.type == "Object" ? fmt::format(" of {} {}", need.object_kind, need.object_name)
                               : " of these pods";
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
    s.report.set(
        Link::series, s.report.broken_before(Link::series) ? Mark::broken : Mark::ok,
        fmt::format("{} has {}, none{}", s.series, text::count(rows.size(), "sample"), where_from(s.c.need)));
    return;
  }
  std::vector<PastSource> past = past_sources(s.c.facts, s.c.prometheus, s.series);
  s.report.set(Link::series, Mark::broken,
               fmt::format("no sample of {}{}{}", s.series, where_from(s.c.need),
                           past.empty() ? "" : "; " + past_text(past.front())));
  bool scraping = s.report.mark(Link::prometheus) == Mark::ok &&
                  s.report.mark(Link::monitor) != Mark::unknown && !s.report.broken_before(Link::series);
  if (!scraping) return;
  if (s.c.candidate() == nullptr && s.c.adapter.config) {
    // No rule leads from any series to this name: judge_adapter says which of the two is wrong.
    s.report.set(Link::series, Mark::unknown, "no rule of the adapter produces a series");
    return;
  }
  series_missing(s);
}

void judge(const Scrape& s) {
  std::vector<Row> rows = s.c.samples(s.series);
  std::vector<Row> own = own_rows(s.c, rows);
  bool known = s.c.samples_known();
  bool too_many = rows.empty() && s.c.sample_count(s.series) > 0;
  if (known && (!own.empty() || too_many)) return proven(s, own, too_many);
  if (known && rows.empty() && recorded(s)) return;
  if (!known || (!exposed_by_others(s) && !namespace_overwritten(s, rows))) find_break(s);
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
  const bool of_keda = c.adapter.kind == AdapterKind::keda;
  std::string wanted = of_keda ? series_of(c) : c.expected_series();
  if ((of_keda && wanted.empty()) || c.adapter.kind == AdapterKind::other || elsewhere_than_keda(c)) {
    for (Link link : {Link::pods, Link::service, Link::monitor, Link::prometheus, Link::series}) {
      report.set(link, Mark::not_applicable, "the adapter uses another data source");
    }
    return;
  }
  std::vector<PastSource> past = past_sources(c.facts, c.prometheus, wanted);
  Scrape s{source_of(c.facts, c.hpa, c.need, past), c, report, wanted, nullptr,
           monitors_of(c.facts, c.prometheus)};
  const Reading* targets = c.prometheus_reading("targets");
  if (targets != nullptr && targets->read()) s.targets = &targets->value;
  if (!sharded(s)) judge(s);
}

}  // namespace hpawalk::diagnose
