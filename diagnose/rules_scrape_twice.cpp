// The same sample of the same pod under several jobs: a sum counts it as often.
#include <algorithm>
#include <set>

#include "diagnose/rules_adapter.hpp"
#include "diagnose/rules_scrape.hpp"

namespace hpawalk::diagnose {

const Cause cause::scraped_twice = {
    .id = "scraped-twice",
    .link = Link::monitor,
    .symptom = "The metric's value is two or more times what the application exposes",
    .reason =
        "More than one monitor (or Service that a monitor selects) leads to the same pod, and the adapter's "
        "query sums the samples",
    .detection = "Samples that differ only in the labels that Prometheus adds for the job",
    .fix = "Scrape each pod once, or do not sum"};

namespace {

bool of_the_job(const std::string& label) {
  static const std::set<std::string> names = {"__name__", "job", "service", "endpoint", "instance"};
  return names.contains(label);
}

world::Labels of_the_application(const world::Labels& labels) {
  world::Labels own;
  for (const auto& [name, value] : labels) {
    if (!of_the_job(name)) own[name] = value;
  }
  return own;
}

}  // namespace

void judge_scraped_twice(const Scrape& s, const std::vector<Row>& own) {
  const Candidate* candidate = s.c.candidate();
  if (candidate == nullptr || !has(candidate->rule->metrics_query, "sum(")) return;
  std::map<world::Labels, std::vector<const Row*>> same;
  for (const Row& row : own) {
    if (row.labels.contains("pod")) same[of_the_application(row.labels)].push_back(&row);
  }
  auto most = std::max_element(same.begin(), same.end(), [](const auto& a, const auto& b) {
    return a.second.size() < b.second.size();
  });
  if (most == same.end() || most->second.size() < 2) return;
  std::vector<std::string> evidence;
  for (const Row* row : most->second) {
    if (evidence.size() < 3) evidence.push_back("Prometheus has " + sample_text(*candidate, *row));
  }
  s.report.note(
      cause::scraped_twice,
      fmt::format("{} of pod {} is scraped {} times, and the query of {} adds these samples up", s.series,
                  most->first.at("pod"), most->second.size(), candidate->rule->title()),
      evidence,
      advice("Make one monitor and one Service lead to these pods; or use max or avg instead of sum, if each "
             "object has one sample",
             look_for("servicemonitors,podmonitors", s.space)));
}

}  // namespace hpawalk::diagnose
