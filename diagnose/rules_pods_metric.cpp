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

// "Deployment web" of a pod that samples are of; what could not be read stands for itself. Empty: it no
// longer exists, and its samples are left from before.
std::string owner_by_name(const Scrape& s, const std::string& space, const std::string& name) {
  const Json* pod = s.c.facts.object("pods", space, name);
  const Reading* listed = s.c.facts.listing("pods", space);
  if (pod == nullptr && listed != nullptr && listed->read()) return {};
  std::string owner = pod == nullptr ? "" : owner_of(s.c.facts, *pod);
  if (owner.empty() || owner == "nobody") return fmt::format("pod {}/{}", space, name);
  return space == s.c.hpa.space ? owner : owner + " in namespace " + space;
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

std::string others_that_expose(const Scrape& s) {
  const Candidate* candidate = s.c.candidate();
  if (s.c.need.type != "Pods" || candidate == nullptr) return {};
  std::optional<std::string> space = label_for(*candidate->rule, {"", "namespaces"});
  std::optional<std::string> pod = label_for(*candidate->rule, {"", "pods"});
  if (!space || !pod) return {};
  std::set<std::string> owners;
  for (const Row& row : s.c.samples(s.series)) {
    auto in = row.labels.find(*space), of = row.labels.find(*pod);
    if (in != row.labels.end() && of != row.labels.end())
      owners.insert(owner_by_name(s, in->second, of->second));
  }
  owners.erase("");
  if (owners.contains(s.c.hpa.target_text())) return {};
  std::vector<std::string> some(owners.begin(), owners.end());
  if (some.size() > 5) some.resize(5), some.emplace_back("others");
  return text::join(some, ", ");
}

bool exposed_by_others(const Scrape& s) {
  std::string others = others_that_expose(s);
  if (others.empty() || s.pods.empty() || s.c.works() || !no_scraping_problem(s)) return false;
  std::string target = s.c.hpa.target_text();
  pods_and_services(s, true);
  s.report.set(Link::monitor, Mark::ok, "the series is scraped");
  s.report.set(Link::prometheus, Mark::ok, "has the series");
  s.report.broken(
      cause::pods_metric_of_others,
      fmt::format("The HPA uses {} with type Pods, which reads it of the pods of {}; its samples are of {}",
                  s.c.need.metric, target, others),
      {seen(*s.c.prometheus_reading("samples"),
            fmt::format("{} of {}, of {}", text::count(s.c.samples(s.series).size(), "sample"), s.series,
                        others)),
       fmt::format("pods of {}: {}", target, text::join(s.c.object_names(), ", ").substr(0, 300))},
      advice("Use type Object (of a Service or Namespace that the samples are labeled with) or External; or "
             "expose the metric in the pods of " +
                 target,
             look_at("get", ref_of("hpa", *s.c.hpa.object))),
      Certainty::likely);
  return true;
}

}  // namespace hpawalk::diagnose
