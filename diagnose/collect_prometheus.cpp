#include "diagnose/collect_prometheus.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/pattern.hpp"
#include "base/text.hpp"
#include "diagnose/controller.hpp"
#include "diagnose/past.hpp"
#include "diagnose/series_source.hpp"
#include "diagnose/view_keda.hpp"
#include "hpasim/why.hpp"

namespace hpawalk::diagnose {
namespace {

using namespace std::chrono_literals;

constexpr size_t most_rows = 3000;  // of a series that are looked at one by one
constexpr size_t longest_query = 60'000;
constexpr long long shortest_step = 5;  // seconds between two points of a history: a third of a sync period
constexpr long long most_points = 720;  // of a history

double seconds(world::WallTime t) {
  return static_cast<double>(t.time_since_epoch().count()) / 1000.0;
}

std::vector<const Group*> asked_groups(const Parts& parts) {
  std::vector<const Group*> some;
  for (const auto& [name, group] : parts.groups) {
    // Of KEDA, only where a trigger names a Prometheus.
    if (group.prometheus.address && !group.adapter.prometheus_url.empty()) some.push_back(&group);
  }
  return some;
}

// {"result":[{"metric":{LABEL:key},"value":[time,value]}]} as {key: value}.
std::function<Json(Json)> by_label(std::string label) {
  return [label](const Json& data) {
    Json counts = Json::object();
    for (const Json& row : list_at(data, "result")) {
      const Json& value = list_at(row, "value");
      if (value.size() == 2) counts[text_at(row, "metric." + label)] = value[1];
    }
    return counts;
  };
}

Json kept_targets(const Json& data) {
  Json kept = Json::array();
  for (const Json& t : list_at(data, "activeTargets")) {
    kept.push_back({{"labels", at(t, "labels")},
                    {"pool", at(t, "scrapePool")},
                    {"url", at(t, "scrapeUrl")},
                    {"health", at(t, "health")},
                    {"lastError", at(t, "lastError")},
                    {"lastScrape", at(t, "lastScrape")},
                    {"interval", at(t, "scrapeInterval")}});
  }
  return kept;
}

// Of its configuration only which jobs there are: the rest is of no use, and may hold secrets.
Json kept_config(const Json& data) {
  std::vector<std::string> jobs;
  for (const std::string& line : text::lines(text_at(data, "yaml"))) {
    if (line.find("job_name:") != std::string::npos) jobs.push_back(line);
  }
  return {{"yaml", "scrape_configs:\n" + text::join(jobs, "\n") + "\n"}};
}

// One query that asks for the samples of all these series, and one that counts them.
void read_samples(Reader& reader, const PrometheusAddress& address, const std::set<std::string>& names) {
  std::vector<std::string> patterns;
  for (const std::string& name : names) {
    if (!name.empty()) patterns.push_back(Pattern::quoted(name));
  }
  if (patterns.empty()) return;
  // Those with very many series are counted, not read.
  std::string selector = "{__name__=~" + in_quotes(text::join(patterns, "|")) + "}";
  std::string query =
      fmt::format("{} and on(__name__) (count by (__name__) ({}) <= {})", selector, selector, most_rows);
  reader.ask_prometheus(
      address, question_key(address.key(), "samples"), "/api/v1/query?query=" + world::query_value(query),
      [](const Json& data) {
        Json rows = Json::array();
        for (const Json& row : list_at(data, "result")) {
          const Json& value = list_at(row, "value");
          if (value.size() != 2) continue;
          rows.push_back({{"labels", at(row, "metric")}, {"value", value[1]}, {"time", value[0]}});
        }
        return rows;
      });
  std::string count = "count by (__name__) (" + selector + ")";
  reader.ask_prometheus(address, question_key(address.key(), "counts"),
                        "/api/v1/query?query=" + world::query_value(count), by_label("__name__"));
}

// How many series each rule of the adapter matches, in one query.
void count_rules(Reader& reader, const Group& group) {
  std::vector<std::string> parts;
  std::set<std::string> seen;
  for (const AdapterRule& rule : group.adapter.rules(false)) {
    const Reading* names = reader.facts.find(names_key(group.prometheus.address->key(), rule.series_query));
    if (names == nullptr || !names->read() || !seen.insert(rule.series_query).second) continue;
    parts.push_back(
        fmt::format("label_replace(count({}),\"hpawalk\",\"{}\",\"\",\"\")", rule.series_query, rule.index));
  }
  if (parts.empty()) return;
  reader.ask_prometheus(
      *group.prometheus.address, question_key(group.prometheus.address->key(), "rule counts"),
      "/api/v1/query?query=" + world::query_value(text::join(parts, " or ")), by_label("hpawalk"));
}

// The rules that Prometheus runs, if a PrometheusRule records one of these series.
void read_recording_rules(Reader& reader, const PrometheusAddress& address,
                          const std::set<std::string>& series) {
  bool recorded = std::any_of(series.begin(), series.end(), [&](const std::string& name) {
    return !rules_recording(reader.facts, name).empty();
  });
  if (!recorded) return;
  reader.ask_prometheus(address, question_key(address.key(), "recording"), "/api/v1/rules?type=record",
                        [series](const Json& data) {
                          Json kept = Json::array();
                          for (const Json& group : list_at(data, "groups")) {
                            for (const Json& rule : list_at(group, "rules")) {
                              if (series.contains(text_at(rule, "name"))) kept.push_back(rule);
                            }
                          }
                          return kept;
                        });
}

using Batch = std::vector<std::string>;

// Many expressions in one query, told apart by a label. If Prometheus refuses it, halves find the guilty one.
// `past`: how much of their history is asked for; 0: their values now.
void evaluate_batch(Reader& reader, const PrometheusAddress& address, const Batch& batch,
                    std::chrono::seconds past) {
  bool over_time = past > 0s;
  std::vector<std::string> parts;
  for (size_t i = 0; i < batch.size(); ++i) {
    bool alone = batch.size() == 1 && !over_time;
    parts.push_back(alone ? batch[i]
                          : fmt::format("label_replace({},\"hpawalk\",\"{}\",\"\",\"\")", batch[i], i));
  }
  double now = seconds(reader.facts.taken);
  std::string path = over_time ? fmt::format("/api/v1/query_range?start={:.0f}&end={:.0f}&step={}&",
                                             now - static_cast<double>(past.count()), now,
                                             std::max(shortest_step, past.count() / most_points))
                               : "/api/v1/query?";
  Result<Json> answer =
      reader.ask_prometheus_now(address, path + "query=" + world::query_value(text::join(parts, " or ")));
  std::string shown = address.shown(path.substr(0, path.find('?')));
  auto keep = [&](const std::string& expression, Json rows, const Error* error) {
    std::string key = over_time ? range_key(address.key(), expression) : eval_key(address.key(), expression);
    reader.record(key, Reading{shown, {}, {}, {}, std::move(rows), 0}, error);
  };
  if (!answer) {
    if (batch.size() > 1 && answer.error().is("prometheus-query")) {
      auto middle = batch.begin() + static_cast<std::ptrdiff_t>(batch.size() / 2);
      evaluate_batch(reader, address, {batch.begin(), middle}, past);
      evaluate_batch(reader, address, {middle, batch.end()}, past);
      return;
    }
    for (const std::string& e : batch) keep(e, {}, &answer.error());
    return;
  }
  std::string type = text_at(*answer, "resultType");
  if (type != "vector" && type != "matrix") {
    Error error{ErrorClass::check_failed,
                "prometheus-not-vector",
                "",
                "the result of the query is a " + type + ", not a vector",
                {},
                {},
                {}};
    for (const std::string& e : batch) keep(e, {}, &error);
    return;
  }
  std::vector<Json> rows(batch.size(), Json::array());
  for (const Json& row : list_at(*answer, "result")) {
    Json labels = at(row, "metric");
    if (!labels.is_object()) continue;
    auto index = static_cast<size_t>(std::max(0, std::atoi(text_at(labels, "hpawalk", "0").c_str())));
    labels.erase("hpawalk");
    if (index >= rows.size()) continue;
    const Json& value = list_at(row, "value");
    Json kept = {{"labels", std::move(labels)}};
    if (over_time) kept["values"] = list_at(row, "values");
    if (value.size() == 2) kept.update({{"value", value[1]}, {"time", value[0]}});
    rows[index].push_back(std::move(kept));
  }
  for (size_t i = 0; i < batch.size(); ++i) keep(batch[i], std::move(rows[i]), nullptr);
}

}  // namespace

void evaluate(Reader& reader, const PrometheusAddress& address, const std::set<std::string>& expressions,
              std::chrono::seconds past) {
  Batch batch;
  size_t length = 0;
  auto send = [&] {
    if (!batch.empty()) reader.later([=, &reader] { evaluate_batch(reader, address, batch, past); });
    batch.clear();
    length = 0;
  };
  for (const std::string& e : expressions) {
    if (length + e.size() > longest_query) send();
    batch.push_back(e);
    length += e.size();
  }
  send();
}

void read_prometheus_basics(Reader& reader, const Parts& parts) {
  std::set<std::string> seen;
  for (const Group* group : asked_groups(parts)) {
    const PrometheusAddress& address = *group->prometheus.address;
    if (seen.insert(address.key()).second) {
      reader.ask_prometheus(address, question_key(address.key(), "runtime"), "/api/v1/status/runtimeinfo");
      reader.ask_prometheus(address, question_key(address.key(), "config"), "/api/v1/status/config",
                            kept_config);
      reader.ask_prometheus(address, question_key(address.key(), "names"), "/api/v1/label/__name__/values");
      reader.ask_prometheus(address, question_key(address.key(), "targets"), "/api/v1/targets?state=active",
                            kept_targets);
    }
    // As the adapter lists series: those of its max age.
    world::Duration max_age = group->adapter.max_age.value_or(10min);
    double start = seconds(reader.facts.taken - max_age);
    for (bool external : {false, true}) {
      for (const AdapterRule& rule : group->adapter.rules(external)) {
        if (!seen.insert(names_key(address.key(), rule.series_query)).second) continue;
        reader.ask_prometheus(address, names_key(address.key(), rule.series_query),
                              fmt::format("/api/v1/label/__name__/values?start={:.0f}&match%5B%5D={}", start,
                                          world::query_value(rule.series_query)));
      }
    }
  }
}

// At maxReplicas: in what time an HPA has come there, if its metric is to say something about that.
static constexpr std::chrono::seconds risen_in = 30min;

// How much of its metrics' past an HPA counts at the moment; 0: none.
static std::chrono::seconds counted_past(const Json& hpa, const ControllerSettings& controller) {
  if (!stabilizing(hpa)) return at_limit(hpa) ? risen_in : 0s;
  bool down = text_at(condition(hpa, "AbleToScale"), "reason") == "ScaleDownStabilized";
  std::optional<hpasim::Spec> spec = hpasim::spec_of(hpa);
  if (!spec) return 0s;
  hpasim::Time window = hpasim::window_of(*spec, controller.flags, down);
  return std::chrono::ceil<std::chrono::seconds>(window) + 1min;  // a few syncs more
}

void read_prometheus_metrics(Reader& reader, const Parts& parts) {
  struct Wanted {
    PrometheusAddress address;
    std::set<std::string> series, expressions, histories;
    std::chrono::seconds past = 0s;  // the longest of the histories
  };
  ControllerSettings controller = controller_of(reader.facts);
  std::map<std::string, Wanted> wanted;  // by Prometheus
  for (const Hpa& hpa : parts.hpas) {
    std::chrono::seconds counted = counted_past(*hpa.object, controller);
    for (const MetricNeed& need : hpa.needs) {
      bool only_of_value = !stabilizing(*hpa.object) && !asks_for_value(need);
      std::chrono::seconds past = only_of_value ? 0s : counted;
      const Group& group = parts.groups.at(need.api_group());
      if (need.resource_metric() || !group.prometheus.address) continue;
      Wanted& w = wanted[group.prometheus.address->key()];
      w.address = *group.prometheus.address;
      w.series.insert(need.metric);
      w.past = std::max(w.past, past);
      std::optional<PrometheusTrigger> trigger = prometheus_trigger(reader.facts, hpa, need);
      if (trigger && trigger->url == group.adapter.prometheus_url) {
        for (const std::string& name : series_in(trigger->query)) w.series.insert(name);
        if (!trigger->query.empty()) w.expressions.insert(trigger->query);
        if (past > 0s) w.histories.insert(trigger->query);
      }
      for (const Candidate& candidate : candidates(group, need)) {
        w.series.insert(candidate.series);
        Result<std::string> query = expression(hpa, need, candidate);
        if (!query) continue;
        w.expressions.insert(*query);
        if (past > 0s) w.histories.insert(*query);
      }
    }
  }
  for (const auto& [key, w] : wanted) {
    read_samples(reader, w.address, w.series);
    read_recording_rules(reader, w.address, w.series);
    evaluate(reader, w.address, w.expressions);
    evaluate(reader, w.address, w.histories, w.past);
  }
  std::set<std::string> counted;
  for (const Group* group : asked_groups(parts)) {
    if (counted.insert(group->prometheus.address->key()).second) count_rules(reader, *group);
  }
}

}  // namespace hpawalk::diagnose
