// How the adapter lists series: one rule that Prometheus refuses, or rules that are too broad.
#include "diagnose/collect.hpp"
#include "diagnose/rules_adapter.hpp"

namespace hpawalk::diagnose {

const Cause cause::adapter_relist_aborted = {
    .id = "adapter-relist-aborted",
    .link = Link::adapter,
    .symptom = "No metric appears, or new ones do not",
    .reason = "Prometheus rejects one seriesQuery, and the adapter then aborts the whole listing",
    .detection = "Every seriesQuery is run separately",
    .fix = "Correct that rule"};

const Cause cause::adapter_rules_too_broad = {
    .id = "adapter-rules-too-broad",
    .link = Link::adapter,
    .symptom = "The listing times out on a large Prometheus",
    .reason = "Default rules match nearly every series",
    .detection = "The series of every rule are counted, and the responses timed",
    .fix = "rules.default: false"};

namespace {

struct Breadth {
  long long count = 0;  // series that the rule matches; 0: unknown
  const Reading* listing = nullptr;
  bool slow = false;
};

Breadth breadth_of(const Context& c, const AdapterRule& rule) {
  const Reading* counts = c.prometheus_reading("rule counts");
  Breadth breadth;
  if (counts != nullptr)
    breadth.count = std::atoll(text_at(counts->value, std::to_string(rule.index)).c_str());
  const Reading* names = c.prometheus.address
                             ? c.facts.find(names_key(c.prometheus.address->key(), rule.series_query))
                             : nullptr;
  breadth.listing = names;
  breadth.slow = names != nullptr &&
                 (names->ms > 10'000 || has(names->error, "timeout") || has(names->error, "timed out"));
  return breadth;
}

void broad_rule(const Context& c, Report& report, const AdapterRule& rule, const Breadth& breadth,
                std::vector<std::string> evidence) {
  evidence.insert(evidence.begin(),
                  fmt::format("{}: matches {} series", rule_place(c, rule),
                              breadth.count > 0 ? std::to_string(breadth.count) : "very many series"));
  if (breadth.slow) {
    const Reading& names = *breadth.listing;
    evidence.push_back(
        seen(names, names.error.empty() ? "took " + text::duration(world::Duration(names.ms)) : names.error));
  }
  std::string sentence =
      fmt::format("{} matches so many series that listing them takes too long", rule.title());
  Fix fix = edit_rules(c,
                       "Disable the chart's default rules (rules.default: false), and add rules for the "
                       "metrics that you need");
  if (c.registered() != true)
    report.broken(cause::adapter_rules_too_broad, sentence, evidence, fix, Certainty::likely);
  else
    report.note(cause::adapter_rules_too_broad, sentence, evidence, fix);
}

}  // namespace

bool too_broad(const Context& c, Report& report, std::vector<std::string> evidence) {
  // Where Prometheus is slow to say what its targets are, no rule is to blame.
  const Reading* targets = c.prometheus_reading("targets");
  bool busy = targets != nullptr && targets->refused();
  for (const AdapterRule& rule : c.adapter.rules(false)) {
    Breadth breadth = breadth_of(c, rule);
    bool suspect =
        (breadth.slow && !busy) || breadth.count > 200'000 || (!evidence.empty() && breadth.count > 50'000);
    if (!suspect) continue;
    broad_rule(c, report, rule, breadth, std::move(evidence));
    return true;
  }
  return false;
}

// One seriesQuery that Prometheus refuses aborts the listing of all.
void judge_listing(const Context& c, Report& report) {
  for (const AdapterRule& rule : c.adapter.rules(c.need.external())) {
    const Reading* names = c.prometheus.address
                               ? c.facts.find(names_key(c.prometheus.address->key(), rule.series_query))
                               : nullptr;
    if (names == nullptr || !names->failed_with("prometheus-query") || has(names->error, "timeout")) continue;
    std::vector<std::string> evidence = {rule_place(c, rule) + ": seriesQuery " + rule.series_query,
                                         seen(*names, names->error)};
    std::string sentence = fmt::format(
        "Prometheus rejects the seriesQuery of {}, and one rejected query makes the adapter abort the "
        "listing of all metrics",
        rule.title());
    if (c.registered() == true) {
      report.note(cause::adapter_relist_aborted, sentence + "; it still has the previous list", evidence,
                  edit_rules(c, "Correct that seriesQuery"));
    } else {
      report.broken(cause::adapter_relist_aborted, sentence, evidence,
                    edit_rules(c, "Correct that seriesQuery"));
    }
    return;
  }
  too_broad(c, report, {});
}

}  // namespace hpawalk::diagnose
