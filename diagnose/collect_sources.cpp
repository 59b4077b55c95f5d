#include "diagnose/collect_sources.hpp"

#include <set>

#include <fmt/format.h>

#include "diagnose/collect_prometheus.hpp"
#include "diagnose/series_source.hpp"

namespace hpawalk::diagnose {
namespace {

using namespace std::chrono_literals;

constexpr size_t most_series = 20;  // of which the past is asked
constexpr size_t most_pages = 8;    // of metrics that are read from pods
constexpr size_t pages_of_source = 2;

// Which names the target's series have, for somebody who misspelt one.
void read_names(Reader& reader, const PrometheusAddress& address, const std::string& selector) {
  auto start =
      std::chrono::duration_cast<std::chrono::seconds>((reader.facts.taken - 10min).time_since_epoch());
  reader.ask_prometheus(address, names_key(address.key(), selector),
                        fmt::format("/api/v1/label/__name__/values?start={}&match%5B%5D={}", start.count(),
                                    world::query_value(selector)));
}

}  // namespace

void read_past(Reader& reader, const Parts& parts) {
  std::set<std::pair<std::string, std::string>> seen;
  for (const MissingSeries& m : missing_series(reader.facts, parts)) {
    if (seen.size() == most_series) return;
    if (seen.insert({m.prometheus->address->key(), m.series}).second)
      evaluate(reader, *m.prometheus->address, {past_query(m.series)});
  }
}

void read_targets(Reader& reader, const Parts& parts) {
  std::set<std::string> seen;
  for (const MissingSeries& m : missing_series(reader.facts, parts)) {
    const PrometheusAddress& address = *m.prometheus->address;
    const Reading* targets = reader.facts.find(question_key(address.key(), "targets"));
    if (targets == nullptr || !targets->value.is_array()) continue;
    std::vector<PastSource> past = past_sources(reader.facts, *m.prometheus, m.series);
    Source source = source_of(reader.facts, *m.hpa, *m.need, past);
    size_t read = 0;
    for (const Json& target : targets->value) {
      if (seen.size() == most_pages || read == pages_of_source) break;
      if (text_at(target, "health") != "up" || !own_target(source, target)) continue;
      const Json* pod = own_pod(source, target);
      std::string key = page_key(text_at(target, "url"), m.series);
      ++read;
      if (!seen.insert(key).second) continue;
      if (pod != nullptr) reader.read_page(key, *pod, text_at(target, "url"), m.series);
      read_names(reader, address, target_selector(target));
    }
  }
}

}  // namespace hpawalk::diagnose
