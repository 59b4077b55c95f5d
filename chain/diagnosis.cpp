#include "chain/diagnosis.hpp"

#include <algorithm>
#include <map>

#include "chain/rules.hpp"

namespace hpawalk {

std::string_view name_of(Link link) {
  static constexpr std::array<std::string_view, 10> names = {"pods",    "service",     "monitor", "prometheus", "series",
                                                             "adapter", "api-service", "value",   "hpa",        "target"};
  return names[static_cast<size_t>(link)];
}

std::string_view title_of(Link link) {
  static constexpr std::array<std::string_view, 10> titles = {"pods",    "Service",    "monitor",      "Prometheus", "series",
                                                              "adapter", "APIService", "metric value", "HPA",        "scale target"};
  return titles[static_cast<size_t>(link)];
}

std::string_view name_of(Certainty certainty) {
  return certainty == Certainty::certain ? "certain" : certainty == Certainty::likely ? "likely" : "possible";
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

std::string plural_count(size_t n, std::string_view thing) { return fmt::format("{} {}{}", n, thing, n == 1 ? "" : "s"); }

std::string seen(const Reading& reading, std::string_view what) {
  std::string path = reading.path.substr(0, reading.path.find('?'));
  return fmt::format("GET {}: {}", path, what);
}

std::string why_unread(const Reading* reading) {
  if (reading == nullptr) return "it was not read";
  if (!reading->right.empty()) return "not allowed to " + reading->right;
  return reading->error.empty() ? reading->error_id : reading->error;
}

std::vector<Row> rows_of(const Json& list) {
  std::vector<Row> rows;
  if (!list.is_array()) return rows;
  for (const Json& in : list) {
    Row row;
    const Json& labels = at(in, "labels");
    if (labels.is_object()) {
      for (const auto& [name, value] : labels.items()) row.labels[name] = value.is_string() ? value.get<std::string>() : value.dump();
    }
    row.value = text_at(in, "value");
    rows.push_back(std::move(row));
  }
  return rows;
}

const Reading* Context::prometheus_reading(const std::string& what) const {
  return prometheus.address ? facts.find(prometheus.address->key() + " " + what) : nullptr;
}

bool Context::samples_known() const {
  const Reading* reading = prometheus_reading("samples");
  return reading != nullptr && reading->read();
}

std::vector<Row> Context::samples(const std::string& series) const {
  std::vector<Row> rows;
  const Reading* reading = prometheus_reading("samples");
  if (reading == nullptr || !reading->read()) return rows;
  for (Row& row : rows_of(reading->value)) {
    auto name = row.labels.find("__name__");
    if (name != row.labels.end() && name->second == series) rows.push_back(std::move(row));
  }
  return rows;
}

long long Context::sample_count(const std::string& series) const {
  const Reading* reading = prometheus_reading("counts");
  if (reading == nullptr) return 0;
  const Json& count = at(reading->value, std::vector<std::string>{series});
  return count.is_string() ? std::atoll(count.get<std::string>().c_str()) : 0;
}

const Reading* Context::evaluation(const Candidate& c) const {
  if (!prometheus.address) return nullptr;
  Result<std::string> query = expression(hpa, need, c);
  return query ? facts.find(prometheus.address->key() + " eval " + *query) : nullptr;
}

const Reading* Context::probe() const {
  std::string version = version_of(adapter);
  return version.empty() ? nullptr : facts.find("api " + metric_path(hpa, need, version));
}

std::vector<std::string> Context::listed_names() const {
  std::vector<std::string> names;
  const Reading* reading = facts.find("discovery " + need.api_group());
  if (reading == nullptr || !reading->read()) return names;
  for (const Json& resource : list_at(reading->value, "resources")) names.push_back(text_at(resource, "name"));
  return names;
}

std::optional<bool> Context::registered() const {
  const Reading* reading = facts.find("discovery " + need.api_group());
  if (reading == nullptr || !reading->read()) return std::nullopt;
  std::string wanted = need.external() ? need.metric : need.resource.text() + "/" + need.metric;
  std::vector<std::string> names = listed_names();
  return std::find(names.begin(), names.end(), wanted) != names.end();
}

std::vector<std::string> Context::log() const {
  std::vector<std::string> lines;
  for (const Json* pod : adapter.pods) {
    const Reading* reading = facts.find("log " + full_name(*pod));
    if (reading == nullptr || !reading->read()) continue;
    for (const std::string& line : text_list(reading->value)) lines.push_back(line);
  }
  return lines;
}

std::string Context::expected_series() const { return candidate() != nullptr ? candidate()->series : need.metric; }

std::vector<std::string> Context::object_names() const {
  if (need.type == "Object") return {need.object_name};
  std::vector<std::string> names;
  for (const Json* pod : hpa.pods) names.push_back(hpawalk::name_of(*pod));
  return names;
}

std::vector<std::string> Context::other_adapters() const {
  std::vector<std::string> others;
  if (!need.custom() || adapter.service == nullptr) return others;
  for (const Json* pod : facts.items("adapter-pods")) {
    bool ours = space_of(*pod) == adapter.space && map_matches(at(*adapter.service, "spec.selector"), at(*pod, "metadata.labels"));
    if (!ours) others.push_back(full_name(*pod));
  }
  return others;
}

bool Context::works() const {
  return text_at(condition(*hpa.object, "ScalingActive"), "status") == "True" && need.current != nullptr;
}

void Report::set(Link link, Mark mark, std::string text) {
  chain_.links[static_cast<size_t>(link)] = LinkState{link, mark, std::move(text)};
}

bool Report::broken_before(Link link) const {
  return std::any_of(chain_.findings.begin(), chain_.findings.end(),
                     [&](const Finding& f) { return f.severity == Mark::broken && f.link < link; });
}

bool Report::has(std::string_view cause) const {
  return std::any_of(chain_.findings.begin(), chain_.findings.end(), [&](const Finding& f) { return f.cause == cause; });
}

Finding& Report::add(std::string_view cause, Link link, Mark severity, std::string sentence, std::vector<std::string> evidence,
                     std::string fix, Certainty certainty) {
  chain_.findings.push_back({std::string(cause), link, severity, certainty, std::move(sentence), std::move(evidence), std::move(fix)});
  return chain_.findings.back();
}

Finding& Report::broken(std::string_view cause, Link link, std::string sentence, std::vector<std::string> evidence,
                        std::string fix, Certainty certainty) {
  LinkState& state = chain_.links[static_cast<size_t>(link)];
  if (state.mark != Mark::broken) set(link, Mark::broken, sentence);
  return add(cause, link, Mark::broken, std::move(sentence), std::move(evidence), std::move(fix), certainty);
}

Finding& Report::note(std::string_view cause, Link link, std::string sentence, std::vector<std::string> evidence, std::string fix) {
  LinkState& state = chain_.links[static_cast<size_t>(link)];
  if (state.mark == Mark::ok) state.mark = Mark::note;
  return add(cause, link, Mark::note, std::move(sentence), std::move(evidence), std::move(fix));
}

namespace {

// One failing metric holds back the others: seen from the metric that works.
void judge_together(const Context& c, HpaDiagnosis& diagnosis) {
  if (diagnosis.chains.size() < 2) return;
  std::vector<std::string> broken;
  for (const ChainDiagnosis& chain : diagnosis.chains) {
    const Finding* first = chain.first_broken();
    if (first != nullptr && first->link < Link::hpa) broken.push_back(chain.metric);
  }
  if (broken.empty() || broken.size() == diagnosis.chains.size()) return;
  for (ChainDiagnosis& chain : diagnosis.chains) {
    if (std::find(broken.begin(), broken.end(), chain.metric) != broken.end()) continue;
    Report(chain).broken("one-metric-blocks-scale-down", Link::hpa,
                         fmt::format("This metric works, but {} does not, and as long as one metric fails the HPA does not scale down",
                                     text::join(broken, " and ")),
                         {fmt::format("HPA {}/{}: spec.metrics has {} entries, {} of them cannot be read", c.hpa.space, c.hpa.name,
                                      diagnosis.chains.size(), broken.size())},
                         fmt::format("Repair the other metric (see its own chain), or take it out: kubectl edit hpa {} -n {}",
                                     c.hpa.name, c.hpa.space));
  }
}

// The metrics API serves a value right now: then whatever hpawalk's own replay of the chain finds fault with (a template
// that it does not understand, a Prometheus that it cannot see whole) does not break the chain.
void trust_the_value(const Context& c, ChainDiagnosis& chain) {
  const Reading* probe = c.probe();
  if (c.need.resource_metric() || probe == nullptr || !probe->read() || list_at(probe->value, "items").empty()) return;
  static const std::array<std::string_view, 3> served_but_wrong = {"metric-nan", "rules-overlap", "adapter-max-age"};
  for (Finding& f : chain.findings) {
    bool stays = std::find(served_but_wrong.begin(), served_but_wrong.end(), f.cause) != served_but_wrong.end();
    if (f.severity != Mark::broken || f.link > Link::value || stays) continue;
    f.severity = Mark::note;
    f.certainty = Certainty::possible;
    f.evidence.push_back("yet the metrics API serves a value: " + seen(*probe, text_at(list_at(probe->value, "items").front(), "value")));
    chain.links[static_cast<size_t>(f.link)].mark = Mark::note;
  }
}

void put_in_order(ChainDiagnosis& chain) {
  std::stable_sort(chain.findings.begin(), chain.findings.end(), [](const Finding& a, const Finding& b) {
    bool a_note = a.severity != Mark::broken, b_note = b.severity != Mark::broken;
    return a_note != b_note ? b_note : a.link < b.link;
  });
}

}  // namespace

std::vector<HpaDiagnosis> diagnose(const Facts& facts, const std::string& space, const std::string& name) {
  std::vector<HpaDiagnosis> all;
  std::vector<Hpa> hpas = hpas_of(facts);
  std::map<std::string, Adapter> adapters;
  std::map<std::string, PrometheusView> prometheuses;
  for (const char* group : {"custom.metrics.k8s.io", "external.metrics.k8s.io", "metrics.k8s.io"}) {
    adapters[group] = adapter_of(facts, group);
    prometheuses[group] = prometheus_of(facts, adapters[group]);
  }
  for (const Hpa& hpa : hpas) {
    if ((!space.empty() && hpa.space != space) || (!name.empty() && hpa.name != name)) continue;
    HpaDiagnosis diagnosis{hpa.space, hpa.name, hpa.target_kind + " " + hpa.target_name, {}};
    std::optional<Context> last;
    for (const MetricNeed& need : hpa.needs) {
      const Adapter& adapter = adapters[need.api_group()];
      const PrometheusView& prometheus = prometheuses[need.api_group()];
      last.emplace(Context{facts, hpas, hpa, need, adapter, prometheus, candidates(facts, adapter, prometheus, need)});
      const Context& c = *last;
      ChainDiagnosis chain{need.title(), {}, {}};
      for (Link link : all_links) chain.links[static_cast<size_t>(link)] = {link, Mark::unknown, "not judged"};
      Report report(chain);
      if (need.resource_metric()) {
        judge_resource(c, report);
      } else {
        judge_scrape(c, report);
        judge_adapter(c, report);
        judge_api(c, report);
        judge_value(c, report);
        trust_the_value(c, chain);
      }
      judge_hpa(c, report);
      judge_target(c, report);
      diagnosis.chains.push_back(std::move(chain));
    }
    if (last) judge_together(*last, diagnosis);
    for (ChainDiagnosis& chain : diagnosis.chains) put_in_order(chain);
    all.push_back(std::move(diagnosis));
  }
  return all;
}

Json to_json(const HpaDiagnosis& diagnosis) {
  Json chains = Json::array();
  for (const ChainDiagnosis& chain : diagnosis.chains) {
    Json links = Json::array(), findings = Json::array();
    for (const LinkState& l : chain.links) links.push_back({{"link", name_of(l.link)}, {"mark", name_of(l.mark)}, {"text", l.text}});
    for (const Finding& f : chain.findings) {
      findings.push_back({{"cause", f.cause}, {"link", name_of(f.link)}, {"severity", name_of(f.severity)},
                          {"certainty", name_of(f.certainty)}, {"sentence", f.sentence}, {"evidence", f.evidence}, {"fix", f.fix}});
    }
    const Finding* first = chain.first_broken();
    chains.push_back({{"metric", chain.metric}, {"verdict", name_of(chain.verdict())}, {"firstBroken", first ? Json(first->cause) : Json()},
                      {"links", links}, {"findings", findings}});
  }
  return {{"namespace", diagnosis.space}, {"name", diagnosis.name}, {"target", diagnosis.target},
          {"verdict", name_of(diagnosis.verdict())}, {"metrics", chains}};
}

}  // namespace hpawalk
