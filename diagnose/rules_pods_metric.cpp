// A Pods metric is one of the scale target's own pods. Do only pods of other workloads expose it?
#include <algorithm>
#include <set>

#include "diagnose/rules_scrape.hpp"

namespace hpawalk::diagnose {

const Cause cause::pods_metric_of_others = {
    .id = "pods-metric-of-others",
    .link = Link::hpa,
    .symptom = "no metrics returned from custom metrics API, although the metric is listed",
    .reason =
        "Type Pods reads the metric of the scale target's own pods, and only pods of other workloads expose "
        "it",
    .detection =
        "The samples' pods and their owners; whether anything scrapes the scale target's pods, or could",
    .fix = "Use type Object or External"};

namespace {

// "Deployment web" for each pod that samples are of; a pod that was not read stands for itself.
std::set<std::string> owners_of(const Scrape& s, const std::vector<Row>& rows) {
  const Candidate* candidate = s.c.candidate();
  std::set<std::string> owners;
  if (candidate == nullptr) return owners;
  std::optional<std::string> space = label_for(*candidate->rule, {"", "namespaces"});
  std::optional<std::string> pod = label_for(*candidate->rule, {"", "pods"});
  if (!space || !pod) return owners;
  for (const Row& row : rows) {
    auto in = row.labels.find(*space), of = row.labels.find(*pod);
    if (in == row.labels.end() || of == row.labels.end()) continue;
    const Json* object = s.c.facts.object("pods", in->second, of->second);
    std::string owner = object == nullptr ? "" : owner_of(s.c.facts, *object);
    owners.insert(owner.empty() || owner == "nobody" ? fmt::format("pod {}/{}", in->second, of->second)
                                                     : owner);
  }
  return owners;
}

// Pods that are scraped, or that nothing could scrape: then no scraping problem hides their samples.
bool no_scraping_problem(const Scrape& s) {
  bool scraped =
      s.targets != nullptr && std::any_of(s.targets->begin(), s.targets->end(), [&](const Json& target) {
        return text_at(target, "health") == "up" && own_pod(s, target) != nullptr;
      });
  if (scraped) return true;
  const Reading* services = s.c.facts.listing("services", s.c.hpa.space);
  bool services_read = services != nullptr && services->read();
  return services_read && s.services.empty() && monitors_unread(s).empty() && declared_ports(s).empty() &&
         !selected_by_any_monitor(s);
}

}  // namespace

bool exposed_by_others(const Scrape& s, const std::vector<Row>& rows) {
  if (s.c.need.type != "Pods" || s.pods.empty() || rows.empty() || s.c.works()) return false;
  std::set<std::string> owners = owners_of(s, rows);
  if (owners.empty() || !no_scraping_problem(s)) return false;
  std::string target = s.c.hpa.target_kind + " " + s.c.hpa.target_name;
  std::vector<std::string> some(owners.begin(), owners.end());
  if (some.size() > 5) some.resize(5), some.emplace_back("more");
  std::string others = text::join(some, ", ");
  pods_and_services(s, true);
  s.report.set(Link::monitor, Mark::ok, "the series is scraped");
  s.report.set(Link::prometheus, Mark::ok, "has the series");
  s.report.broken(
      cause::pods_metric_of_others,
      fmt::format("The HPA uses {} with type Pods, which reads it of the pods of {}; its samples are of {}",
                  s.c.need.metric, target, others),
      {seen(*s.c.prometheus_reading("samples"),
            fmt::format("{} of {}, of {}", text::count(rows.size(), "sample"), s.series, others)),
       fmt::format("pods of {}: {}", target, text::join(s.c.object_names(), ", ").substr(0, 300))},
      advice("Use type Object (of a Service or Namespace that the samples are labeled with) or External; or "
             "expose the metric in the pods of " +
                 target,
             look_at("get", ref_of("hpa", *s.c.hpa.object))),
      Certainty::likely);
  return true;
}

}  // namespace hpawalk::diagnose
