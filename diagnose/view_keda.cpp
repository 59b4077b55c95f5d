#include "diagnose/view_keda.hpp"

#include <algorithm>
#include <cctype>
#include <set>

#include "diagnose/adapter_config.hpp"

namespace hpawalk::diagnose {

std::string scaled_object_name(const MetricNeed& need) {
  return text_at(
      Json{{"name", at(need.selector, std::vector<std::string>{"matchLabels", scaled_object_label})}},
      "name");
}

const Json* scaled_object_of(const Facts& facts, const Hpa& hpa) {
  std::string named;
  for (const MetricNeed& need : hpa.needs) {
    if (named.empty()) named = scaled_object_name(need);
  }
  for (const Json* object : facts.items("scaledobjects", hpa.space)) {
    std::string name = name_of(*object);
    if (name == named || "keda-hpa-" + name == hpa.name || text_at(*object, "status.hpaName") == hpa.name)
      return object;
  }
  return nullptr;
}

std::string hpa_name_of(const Json& scaled_object) {
  std::string made = text_at(scaled_object, "status.hpaName");
  if (!made.empty()) return made;
  return text_at(scaled_object, "spec.advanced.horizontalPodAutoscalerConfig.name",
                 "keda-hpa-" + name_of(scaled_object));
}

const Json* keda_operator_service(const Facts& facts, const std::string& keda_space) {
  for (const Json* service : facts.items("services", keda_space)) {
    for (const Json& port : list_at(*service, "spec.ports")) {
      if (int_at(port, "port") == 9666) return service;
    }
  }
  return nullptr;
}

Authentication authentication_of(const Facts& facts, const Json& scaled_object, const Json& trigger,
                                 const std::string& keda_space) {
  Authentication found;
  found.name = text_at(trigger, "authenticationRef.name");
  if (found.name.empty()) return found;
  found.kind = text_at(trigger, "authenticationRef.kind", "TriggerAuthentication");
  const bool cluster = found.kind == "ClusterTriggerAuthentication";
  const std::string space = space_of(scaled_object);
  found.ref = found.kind + " " + (cluster ? found.name : space + "/" + found.name);
  if (cluster) {
    found.listed = facts.find("clustertriggerauthentications");
    for (const Json* object : facts.items("clustertriggerauthentications")) {
      if (name_of(*object) == found.name) found.object = object;
    }
  } else {
    found.listed = facts.listing("triggerauthentications", space);
    found.object = facts.object("triggerauthentications", space, found.name);
  }
  if (found.object == nullptr) return found;
  found.identity = text_at(*found.object, "spec.podIdentity.provider");
  for (const Json& secret : list_at(*found.object, "spec.secretTargetRef")) {
    found.secrets.push_back({cluster ? keda_space : space, text_at(secret, "name"), text_at(secret, "key"),
                             text_at(secret, "parameter")});
  }
  return found;
}

bool may_be_idle(const Json& scaled_object) {
  return int_at(scaled_object, "spec.idleReplicaCount", int_at(scaled_object, "spec.minReplicaCount")) == 0;
}

bool idle(const Json& scaled_object) {
  return may_be_idle(scaled_object) && text_at(condition(scaled_object, "Active"), "status") == "False";
}

const Json* trigger_of(const Json& scaled_object, const std::string& metric) {
  size_t dash = metric.find('-');
  bool numbered = metric.starts_with('s') && dash != std::string::npos && dash > 1 &&
                  std::all_of(metric.begin() + 1, metric.begin() + static_cast<std::ptrdiff_t>(dash),
                              [](unsigned char digit) { return std::isdigit(digit); });
  const Json& triggers = list_at(scaled_object, "spec.triggers");
  size_t index = numbered ? std::stoul(metric.substr(1, std::min<size_t>(dash, 6) - 1)) : triggers.size();
  return index < triggers.size() ? &triggers[index] : nullptr;
}

bool empty_is_zero(const Json& trigger) {
  const std::string ignored = text_at(trigger, "metadata.ignoreNullValues", "true");
  return ignored == "true" || ignored == "t" || ignored == "1" || ignored == "T" || ignored == "TRUE" ||
         ignored == "True";
}

static std::optional<PrometheusTrigger> as_prometheus(const Json& trigger) {
  const Json& metadata = at(trigger, "metadata");
  if (text_at(trigger, "type") != "prometheus") return std::nullopt;
  return PrometheusTrigger{text_at(metadata, "serverAddress"), text_at(metadata, "query"),
                           empty_is_zero(trigger), text_at(metadata, "activationThreshold")};
}

std::optional<PrometheusTrigger> prometheus_trigger(const Facts& facts, const Hpa& hpa,
                                                    const MetricNeed& need) {
  const Json* object = scaled_object_of(facts, hpa);
  const Json* trigger = object == nullptr ? nullptr : trigger_of(*object, need.metric);
  return trigger == nullptr ? std::nullopt : as_prometheus(*trigger);
}

std::string keda_prometheus_url(const Facts& facts) {
  std::string first;
  for (const Json* object : facts.items("scaledobjects")) {
    bool asked = facts.asked_name.empty() || text_at(*object, "status.hpaName") == facts.asked_name;
    for (const Json& trigger : list_at(*object, "spec.triggers")) {
      std::optional<PrometheusTrigger> read = as_prometheus(trigger);
      if (!read || read->url.empty()) continue;
      if (asked) return read->url;
      if (first.empty()) first = read->url;
    }
  }
  return first;
}

std::vector<std::string> series_in(std::string_view query) {
  static const std::set<std::string_view> keywords = {
      "and",    "or",    "unless", "atan2",   "offset",   "bool",   "inf",         "nan",
      "start",  "end",   "sum",    "min",     "max",      "avg",    "group",       "stddev",
      "stdvar", "count", "topk",   "bottomk", "quantile", "limitk", "limit_ratio", "count_values"};
  static const std::set<std::string_view> with_labels = {"by",       "without",    "on",
                                                         "ignoring", "group_left", "group_right"};
  std::vector<std::string> names;
  size_t i = 0;
  auto skip_to = [&](char end) { i = std::min(query.size(), query.find(end, i)); };
  while (i < query.size()) {
    char letter = query[i];
    if (letter == '"' || letter == '\'' || letter == '`') {
      for (++i; i < query.size() && query[i] != letter; ++i) {
        if (query[i] == '\\' && letter != '`') ++i;
      }
      ++i;
    } else if (letter == '{' || letter == '[') {  // matchers hold labels, brackets durations
      bool quoted = false;
      const char end = letter == '{' ? '}' : ']';
      for (++i; i < query.size() && (quoted || query[i] != end); ++i) quoted ^= query[i] == '"';
      ++i;
    } else if (std::isdigit(static_cast<unsigned char>(letter))) {
      while (i < query.size() && (in_metric_name(query[i]) || query[i] == '.')) ++i;
    } else if (in_metric_name(letter)) {
      size_t begin = i;
      while (i < query.size() && in_metric_name(query[i])) ++i;
      std::string word(query.substr(begin, i - begin));
      size_t next = query.find_first_not_of(" \t\n", i);
      bool called = next != std::string_view::npos && query[next] == '(';
      if (with_labels.contains(word) && called) {
        skip_to(')');
      } else if (!called && !keywords.contains(word) && !with_labels.contains(word) &&
                 std::find(names.begin(), names.end(), word) == names.end()) {
        names.push_back(std::move(word));
      }
    } else {
      ++i;
    }
  }
  return names;
}

}  // namespace hpawalk::diagnose
