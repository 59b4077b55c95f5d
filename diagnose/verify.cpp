#include "diagnose/verify.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"
#include "diagnose/view.hpp"
#include "world/kube_list.hpp"
#include "world/kube_path.hpp"
#include "world/kube_resource.hpp"
#include "world/times.hpp"

namespace hpawalk::diagnose {
namespace {

// Of the custom metrics API; empty: the HPA asks for an external metric, which is of no object.
std::string metric_of(const Json& hpa) {
  return text_at(list_at(hpa, "spec.metrics").at(0), "object.metric.name");
}

std::string pods_path(const KnownChain& chain) {
  return world::custom_metric_path(chain.space, "pods", "*", metric_of(chain.hpa)) +
         "?labelSelector=" + world::query_value(chain.pod_selector);
}

// When Prometheus last scraped the ServiceMonitor's targets.
std::string last_scrape(const Facts& facts, const std::string& pool) {
  std::string last;
  for (const auto& [key, reading] : facts.readings) {
    bool targets = kind_of(key) == KeyKind::prometheus && subject_of(key) == "targets";
    if (!targets || !reading.read()) continue;
    for (const Json& target : reading.value) {
      if (text_at(target, "pool").starts_with(pool)) last = std::max(last, text_at(target, "lastScrape"));
    }
  }
  std::optional<world::WallTime> at = world::parse_time(last);
  return at ? "last scraped " + world::clock_time(*at) : "";
}

VerifiedLink value_for_pods(const Facts& facts, const KnownChain& chain) {
  const Reading* reading = facts.find(pods_value_key);
  VerifiedLink link{"pods-value", Mark::unknown, {}};
  if (reading == nullptr || !reading->read()) {
    link.mark = reading != nullptr && reading->absent() ? Mark::broken : Mark::unknown;
    link.evidence = reading == nullptr ? "the API was not queried" : reading->error;
    return link;
  }
  std::vector<std::string> values;
  for (const Json& item : list_at(reading->value, "items"))
    values.push_back(text_at(item, "describedObject.name") + " = " + text_at(item, "value"));
  link.mark = values.empty() ? Mark::broken : Mark::ok;
  link.evidence =
      values.empty() ? "the API has no value for the pods " + chain.pod_selector : text::join(values, ", ");
  return link;
}

std::string conditions(const Json& hpa) {
  std::vector<std::string> all;
  for (const Json& c : list_at(hpa, "status.conditions"))
    all.push_back(fmt::format("{} {} ({})", text_at(c, "type"), text_at(c, "status"), text_at(c, "reason")));
  return text::join(all, ", ");
}

const Json* find_hpa(const Facts& facts, const KnownChain& chain) {
  for (const Json* hpa : facts.items("hpas", chain.space)) {
    if (name_of(*hpa) == name_of(chain.hpa)) return hpa;
  }
  return nullptr;
}

}  // namespace

Result<Facts> collect_known(world::KubeApi& api, world::Http& http, world::Clock& clock,
                            const KnownChain& chain) {
  CollectOptions options;
  options.space = chain.space;
  options.name = name_of(chain.hpa);
  options.assumed = chain.hpa;
  Result<Facts> facts = collect(api, http, clock, options);
  if (!facts || metric_of(chain.hpa).empty()) return facts;
  Reading reading{pods_path(chain), {}, {}, {}, {}, 0};
  Result<Json> answer = world::kube_list(api, reading.path);
  if (answer) {
    reading.value = *answer;
  } else {
    reading.error_id = answer.error().id;
    reading.error = answer.error().because.empty() ? answer.error().what : answer.error().because;
  }
  facts->readings[pods_value_key] = std::move(reading);
  return facts;
}

Mark Verification::verdict() const {
  bool unknown = false;
  for (const VerifiedLink& link : links) {
    if (link.mark == Mark::broken) return Mark::broken;
    unknown = unknown || link.mark == Mark::unknown;
  }
  return first_broken ? Mark::broken : unknown ? Mark::unknown : Mark::ok;
}

Verification verify(const Facts& facts, const KnownChain& chain) {
  Verification verification;
  std::vector<HpaDiagnosis> diagnoses = diagnose_hpas(facts, chain.space, name_of(chain.hpa));
  const Json* hpa = find_hpa(facts, chain);
  if (hpa == nullptr || diagnoses.empty() || diagnoses.front().chains.empty()) {
    verification.links.push_back({"hpa", Mark::unknown, "the facts have no HPA " + name_of(chain.hpa)});
    return verification;
  }
  const ChainDiagnosis& diagnosis = diagnoses.front().chains.front();
  for (LinkState link : diagnosis.links) {
    if (link.link == Link::prometheus && link.mark == Mark::ok) {
      if (std::string scraped = last_scrape(facts, chain.pool); !scraped.empty()) link.text += ", " + scraped;
    }
    if (std::string all = conditions(*hpa); link.link == Link::hpa && !all.empty()) link.text += "; " + all;
    verification.links.push_back({std::string(name_of(link.link)), link.mark, link.text});
    if (link.link == Link::value && !metric_of(chain.hpa).empty())
      verification.links.push_back(value_for_pods(facts, chain));
  }
  if (const Finding* first = diagnosis.first_broken()) verification.first_broken = *first;
  for (const Finding& finding : diagnosis.findings) {
    if (finding.severity == Mark::note) verification.notes.push_back(finding);
  }
  return verification;
}

}  // namespace hpawalk::diagnose
