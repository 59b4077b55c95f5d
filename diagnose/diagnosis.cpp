#include "diagnose/diagnosis.hpp"

#include <algorithm>
#include <map>

#include "diagnose/collect.hpp"
#include "diagnose/created.hpp"
#include "diagnose/rules.hpp"
#include "diagnose/rules_keda.hpp"

namespace hpawalk::diagnose {

std::string_view name_of(Link link) {
  static constexpr std::array<std::string_view, 10> names = {"pods",   "service", "monitor",     "prometheus",
                                                             "series", "adapter", "api-service", "value",
                                                             "hpa",    "target"};
  return names[static_cast<size_t>(link)];
}

std::string_view title_of(Link link) {
  static constexpr std::array<std::string_view, 10> titles = {
      "pods",    "Service",    "monitor",      "Prometheus", "series",
      "adapter", "APIService", "metric value", "HPA",        "scale target"};
  return titles[static_cast<size_t>(link)];
}

std::string_view name_of(Certainty certainty) {
  return certainty == Certainty::certain ? "certain" : certainty == Certainty::likely ? "likely" : "possible";
}

bool comes_before(const Finding& a, const Finding& b) {
  bool a_note = a.severity != Mark::broken, b_note = b.severity != Mark::broken;
  return a_note != b_note ? b_note : a.link < b.link;
}

const Finding* ChainDiagnosis::first_broken() const {
  return !findings.empty() && findings.front().severity == Mark::broken ? &findings.front() : nullptr;
}

Mark ChainDiagnosis::verdict() const {
  if (first_broken() != nullptr) return Mark::broken;
  bool broken = false, unknown = false;
  for (const LinkState& link : links) {
    broken |= link.mark == Mark::broken;
    unknown |= link.mark == Mark::unknown;
  }
  if (broken) return Mark::broken;
  if (unknown) return Mark::unknown;
  return findings.empty() ? Mark::ok : Mark::note;
}

Mark HpaDiagnosis::verdict() const {
  Mark worst = Mark::ok;
  auto rank = [](Mark m) { return m == Mark::broken ? 3 : m == Mark::unknown ? 2 : m == Mark::note ? 1 : 0; };
  for (const ChainDiagnosis& chain : chains) {
    if (rank(chain.verdict()) > rank(worst)) worst = chain.verdict();
  }
  return worst;
}

namespace {

// The resource metrics API as well as the HPA, whose last sync can be older than what broke since.
std::string resource_served_by(const Context& c) {
  const Reading* metrics = c.facts.listing(pod_metrics, c.hpa.space);
  bool unasked = metrics == nullptr || says_nothing(*metrics);
  const char* field =
      c.need.target_type == "Utilization" ? "current.averageUtilization" : "current.averageValue";
  if (!c.works() || (!unasked && !metrics->read()) || at(*c.need.current, field).is_null()) return {};
  return fmt::format("but the HPA reads a value: ScalingActive is True, {} {}", field,
                     text_at(*c.need.current, field));
}

// Who says that the metrics API serves a value: an answer of just now, or, where hpawalk could not ask, the
// HPA. Empty: nobody.
std::string served_by(const Context& c) {
  if (c.need.resource_metric()) return resource_served_by(c);
  std::optional<Reading> probe = c.probe();
  if (probe && probe->read()) {
    const Json& items = list_at(probe->value, "items");
    return items.empty()
               ? ""
               : "but the metrics API serves a value: " + seen(*probe, text_at(items.front(), "value"));
  }
  const Reading* registered = c.facts.find("apiservices");
  bool unasked = probe ? says_nothing(*probe) : registered == nullptr || registered->refused();
  return unasked && c.works() ? "but the HPA reads a value: ScalingActive is True" : "";
}

// The metrics API serves a value right now: then whatever hpawalk's own replay of the chain finds fault with
// (a template that it does not understand, a Prometheus that it cannot see whole) does not break the chain.
void trust_the_value(const Context& c, ChainDiagnosis& chain) {
  std::string served = served_by(c);
  if (served.empty()) return;
  for (Finding& f : chain.findings) {
    const Cause* cause = find_cause(f.cause);
    bool stays = cause != nullptr && cause->also_when_served;
    if (f.severity != Mark::broken || f.link > Link::value || stays) continue;
    f.severity = Mark::note;
    f.certainty = Certainty::possible;
    f.evidence.push_back(served);
    chain.links[static_cast<size_t>(f.link)].mark = Mark::note;
  }
  std::stable_sort(chain.findings.begin(), chain.findings.end(), comes_before);
}

// What does not help: more replicas, where their pods cannot run, where the value only grows, or does not
// fall.
void no_more_replicas(Report& report, ChainDiagnosis& chain) {
  bool of_no_use = report.has(cause::pods_not_created) || report.has(cause::pods_not_scheduled) ||
                   report.has(cause::raw_counter) || report.has(cause::total_as_value);
  for (Finding& f : chain.findings) {
    if (of_no_use && f.cause == cause::at_max.id) f.fix = {};
  }
}

// What a fix would create can be there, with something wrong in it: kubectl create would refuse it.
void correct_instead(const Facts& facts, ChainDiagnosis& chain) {
  for (Finding& f : chain.findings) {
    for (const CreatedObject& object : created_by(f.fix)) {
      const Reading* there = facts.find(object.key());
      if (there == nullptr || !there->read()) continue;
      std::string says = f.fix.says;
      f.fix = advice(fmt::format("{} {} already exists, but does not do that: correct it. {}", object.kind,
                                 object.ref.name, says),
                     look_at("get", object.ref));
      break;
    }
  }
}

ChainDiagnosis judge(const Context& c) {
  ChainDiagnosis chain{c.need.title(), {}, {}};
  for (Link link : all_links) chain.links[static_cast<size_t>(link)] = {link, Mark::unknown, "not judged"};
  Report report(chain);
  if (judge_without_hpa(c, report) || judge_canary(c, report)) return chain;
  judge_asleep(c, report);
  if (c.need.resource_metric()) {
    judge_resource(c, report);
  } else {
    judge_scrape(c, report);
    if (report.has(cause::prometheus_sharded)) {
      for (Link link : {Link::adapter, Link::value})
        report.set(link, Mark::unknown, "not judged: the response depends on the shard of Prometheus");
      judge_api(c, report);
    } else {
      judge_adapter(c, report);
      judge_api(c, report);
      judge_value(c, report);
    }
  }
  trust_the_value(c, chain);
  judge_hpa(c, report);
  judge_target(c, report);
  judge_zero_ahead(c, report);
  no_more_replicas(report, chain);
  return chain;
}

}  // namespace

std::vector<HpaDiagnosis> diagnose_hpas(const Facts& facts, const std::string& space,
                                        const std::string& name) {
  return diagnose_hpas(facts, [&](const Json& hpa) {
    return (space.empty() || space_of(hpa) == space) && (name.empty() || name_of(hpa) == name);
  });
}

std::vector<HpaDiagnosis> diagnose_hpas(const Facts& facts, const std::function<bool(const Json&)>& wanted) {
  std::vector<HpaDiagnosis> all;
  StillFacts still(facts);
  const Parts parts = parts_of(facts);
  const ControllerSettings controller = controller_of(facts);
  std::map<std::string, Samples> samples;
  for (const auto& [group_name, group] : parts.groups)
    samples[group_name] = samples_of(facts, group.prometheus);
  for (const Hpa& hpa : parts.hpas) {
    if (!wanted(*hpa.object)) continue;
    HpaDiagnosis diagnosis{hpa.space, hpa.name, hpa.target_text(), {}};
    for (const MetricNeed& need : hpa.needs) {
      diagnosis.chains.push_back(
          judge(context_of(facts, parts.hpas, parts.groups, samples, controller, hpa, need)));
    }
    judge_together(hpa, diagnosis.chains);
    for (ChainDiagnosis& chain : diagnosis.chains) correct_instead(facts, chain);
    all.push_back(std::move(diagnosis));
  }
  return all;
}

Json to_json(const HpaDiagnosis& diagnosis) {
  Json chains = Json::array();
  for (const ChainDiagnosis& chain : diagnosis.chains) {
    Json links = Json::array(), findings = Json::array();
    for (const LinkState& l : chain.links)
      links.push_back({{"link", name_of(l.link)}, {"mark", name_of(l.mark)}, {"text", l.text}});
    for (const Finding& f : chain.findings) {
      findings.push_back({{"cause", f.cause},
                          {"link", name_of(f.link)},
                          {"severity", name_of(f.severity)},
                          {"certainty", name_of(f.certainty)},
                          {"sentence", f.sentence},
                          {"evidence", f.evidence},
                          {"fix", text_of(f.fix)},
                          {"repair", to_json(f.fix)}});
    }
    const Finding* first = chain.first_broken();
    chains.push_back({{"metric", chain.metric},
                      {"verdict", name_of(chain.verdict())},
                      {"firstBroken", first ? Json(first->cause) : Json()},
                      {"links", links},
                      {"findings", findings}});
  }
  return {{"namespace", diagnosis.space},
          {"name", diagnosis.name},
          {"target", diagnosis.target},
          {"verdict", name_of(diagnosis.verdict())},
          {"metrics", chains}};
}

}  // namespace hpawalk::diagnose
