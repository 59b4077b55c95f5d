#include "chain/view.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/text.hpp"
#include "chain/selector.hpp"
#include "chain/times.hpp"

namespace hpawalk {

std::string name_of(const Json& object) { return text_at(object, "metadata.name"); }
std::string space_of(const Json& object) { return text_at(object, "metadata.namespace"); }
std::string full_name(const Json& object) { return space_of(object) + "/" + name_of(object); }

std::vector<std::string> text_list(const Json& list) {
  std::vector<std::string> texts;
  if (!list.is_array()) return texts;
  for (const Json& item : list) {
    if (item.is_string()) texts.push_back(item);
  }
  return texts;
}

std::string MetricNeed::api_group() const {
  if (custom()) return "custom.metrics.k8s.io";
  return external() ? "external.metrics.k8s.io" : "metrics.k8s.io";
}

std::string MetricNeed::title() const {
  if (type == "Object") return fmt::format("{} of {} {}", metric, object_kind, object_name);
  if (type == "Pods") return metric + " of its pods";
  if (type == "External") return metric + " (external)";
  if (type == "ContainerResource") return fmt::format("{} of container {}", metric, container);
  return metric + " of its pods (resource)";
}

namespace {

std::string group_of(const std::string& api_version) {
  size_t slash = api_version.find('/');
  return slash == std::string::npos ? std::string() : api_version.substr(0, slash);
}

MetricNeed need_from(const Json& metric, size_t index, const Json& hpa) {
  MetricNeed need;
  need.index = index;
  need.type = text_at(metric, "type");
  std::string field = need.type;
  if (!field.empty()) field[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(field[0])));
  const Json& source = at(metric, field);
  need.metric = need.resource_metric() ? text_at(source, "name") : text_at(source, "metric.name");
  need.selector = at(source, "metric.selector");
  need.container = text_at(source, "container");
  need.target_type = text_at(source, "target.type");
  need.target = need.target_type == "Utilization"    ? text_at(source, "target.averageUtilization")
                : need.target_type == "AverageValue" ? text_at(source, "target.averageValue")
                                                     : text_at(source, "target.value");
  need.resource = {"", "pods"};
  if (need.type == "Object") {
    need.object_kind = text_at(source, "describedObject.kind");
    need.object_name = text_at(source, "describedObject.name");
    need.resource = {group_of(text_at(source, "describedObject.apiVersion")), plural(need.object_kind)};
  }
  for (const Json& current : list_at(hpa, "status.currentMetrics")) {
    const Json& shown = at(current, field);
    std::string name = need.resource_metric() ? text_at(shown, "name") : text_at(shown, "metric.name");
    if (text_at(current, "type") != need.type || name != need.metric) continue;
    if (need.type == "Object" && text_at(shown, "describedObject.name") != need.object_name) continue;
    if (text_at(shown, "container") != need.container) continue;
    need.current = &shown;
  }
  return need;
}

std::string resource_of_target(const Hpa& hpa) {
  return hpa.target_kind.empty() ? "" : plural(hpa.target_kind);
}

void find_target(const Facts& facts, Hpa& hpa) {
  std::string resource = resource_of_target(hpa);
  hpa.target_reading = facts.listing(resource, hpa.space);
  for (const Json* object : facts.items(resource, hpa.space)) {
    if (name_of(*object) == hpa.target_name) hpa.target = object;
  }
  if (hpa.target == nullptr) {
    const Reading* scale = facts.find(fmt::format("scale/{}/{}/{}", hpa.space, resource, hpa.target_name));
    if (scale != nullptr) {
      hpa.target_reading = scale;
      if (scale->read()) hpa.target = &scale->value;
    }
  }
  if (hpa.target == nullptr) return;
  hpa.pod_selector = at(*hpa.target, "spec.selector");
  std::string plain = text_at(*hpa.target, "status.selector");  // a Scale's
  if (hpa.pod_selector.is_null() && !plain.empty()) {
    Json map = Json::object();
    for (const std::string& part : text::split(plain, ',')) {
      size_t equals = part.find('=');
      if (equals != std::string::npos) map[part.substr(0, equals)] = part.substr(equals + 1);
    }
    hpa.pod_selector = from_map(map);
  }
  for (const Json* pod : facts.items("pods", hpa.space)) {
    if (hpa.pod_selector.is_object() && matches(hpa.pod_selector, at(*pod, "metadata.labels"))) hpa.pods.push_back(pod);
  }
}

}  // namespace

std::vector<Hpa> hpas_of(const Facts& facts) {
  std::vector<Hpa> all;
  for (const Json* object : facts.items("hpas")) {
    Hpa hpa;
    hpa.object = object;
    hpa.space = space_of(*object);
    hpa.name = name_of(*object);
    hpa.target_kind = text_at(*object, "spec.scaleTargetRef.kind");
    hpa.target_name = text_at(*object, "spec.scaleTargetRef.name");
    hpa.target_api = text_at(*object, "spec.scaleTargetRef.apiVersion");
    size_t index = 0;
    for (const Json& metric : list_at(*object, "spec.metrics")) hpa.needs.push_back(need_from(metric, index++, *object));
    find_target(facts, hpa);
    all.push_back(std::move(hpa));
  }
  return all;
}

const std::vector<AdapterRule>& Adapter::rules(bool external) const {
  static const std::vector<AdapterRule> none;
  if (!config) return none;
  return external ? config->external_rules : config->rules;
}

namespace {

// v1beta2 before v1beta1; what no HPA controller speaks comes last.
int version_rank(const Json& api_service) {
  std::string version = text_at(api_service, "spec.version");
  if (version != "v1beta1" && version != "v1beta2") return 1 << 20;
  return -static_cast<int>(int_at(api_service, "spec.versionPriority")) * 4 - (version == "v1beta2" ? 1 : 0);
}

// --name=value or --name value.
std::optional<std::string> flag(const std::vector<std::string>& args, const std::string& name) {
  for (size_t i = 0; i < args.size(); ++i) {
    std::string_view arg = args[i];
    if (!arg.starts_with("--")) continue;
    if (arg.substr(2) == name && i + 1 < args.size()) return args[i + 1];
    if (arg.substr(2).starts_with(name + "=")) return std::string(arg.substr(3 + name.size()));
  }
  return std::nullopt;
}

void parse_url(Adapter& adapter) {
  std::string url = adapter.prometheus_url;
  size_t scheme_end = url.find("://");
  if (scheme_end == std::string::npos) return;
  adapter.url_scheme = url.substr(0, scheme_end);
  url.erase(0, scheme_end + 3);
  size_t slash = url.find('/');
  if (slash != std::string::npos) {
    adapter.url_prefix = url.substr(slash);
    while (adapter.url_prefix.ends_with('/')) adapter.url_prefix.pop_back();
    url.erase(slash);
  }
  if (size_t user = url.find('@'); user != std::string::npos) url.erase(0, user + 1);
  size_t colon = url.rfind(':');
  adapter.url_port = adapter.url_scheme == "https" ? 443 : 80;
  if (colon != std::string::npos && !url.ends_with(']')) {
    adapter.url_port = std::atoi(url.c_str() + colon + 1);
    url.erase(colon);
  }
  adapter.url_host = url;
  std::vector<std::string> parts = text::split(url, '.');
  bool numeric = !url.empty() && url.find_first_not_of("0123456789.") == std::string::npos;
  if (parts.empty() || numeric || url.find(':') != std::string::npos || url == "localhost") return;
  bool service_form = parts.size() <= 2 || parts[2] == "svc";
  if (!service_form) return;
  adapter.url_in_cluster = true;
  adapter.url_service = parts[0];
  adapter.url_space = parts.size() > 1 ? parts[1] : adapter.space;
}

void read_config(const Facts& facts, Adapter& adapter) {
  std::string file = flag(adapter.args, "config").value_or("");
  for (const Json* pod : adapter.pods) {
    for (const Json& volume : list_at(*pod, "spec.volumes")) {
      std::string map = text_at(volume, "configMap.name");
      if (map.empty() || map == "kube-root-ca.crt") continue;
      adapter.config_map = map;
    }
    break;
  }
  adapter.config_key = file.substr(file.find_last_of('/') == std::string::npos ? 0 : file.find_last_of('/') + 1);
  if (adapter.config_map.empty()) return;
  adapter.config_reading = facts.find("configmaps/" + adapter.space + "/" + adapter.config_map);
  if (adapter.config_reading == nullptr || !adapter.config_reading->read()) return;
  const Json& data = at(adapter.config_reading->value, "data");
  const Json& text = at(data, std::vector<std::string>{adapter.config_key});
  if (!text.is_string()) {
    adapter.config_error = fmt::format("ConfigMap {} has no {}", adapter.config_map, adapter.config_key);
    return;
  }
  Result<AdapterConfig> config = parse_adapter_config(text.get<std::string>());
  if (config) {
    adapter.config = std::move(*config);
  } else {
    adapter.config_error = config.error().what + ": " + config.error().because;
  }
}

AdapterKind kind_of(const Adapter& adapter) {
  std::string names = adapter.service_name + " " + adapter.space;
  for (const Json* pod : adapter.pods) {
    for (const Json& container : list_at(*pod, "spec.containers")) names += " " + text_at(container, "image");
    names += " " + text_at(*pod, "metadata.labels.app");
  }
  auto has = [&](std::string_view part) { return names.find(part) != std::string::npos; };
  if (has("keda")) return AdapterKind::keda;
  if (has("prometheus-adapter") || flag(adapter.args, "prometheus-url")) return AdapterKind::prometheus_adapter;
  if (has("metrics-server")) return AdapterKind::metrics_server;
  return AdapterKind::other;
}

}  // namespace

Adapter adapter_of(const Facts& facts, const std::string& group) {
  Adapter adapter;
  for (const Json* s : facts.items("apiservices")) {
    if (text_at(*s, "spec.group") == group) adapter.api_services.push_back(s);
  }
  std::stable_sort(adapter.api_services.begin(), adapter.api_services.end(),
                   [](const Json* a, const Json* b) { return version_rank(*a) < version_rank(*b); });
  if (!adapter.api_services.empty()) {
    adapter.space = text_at(*adapter.api_services.front(), "spec.service.namespace");
    adapter.service_name = text_at(*adapter.api_services.front(), "spec.service.name");
  } else if (group == "custom.metrics.k8s.io") {
    // Not registered, but perhaps running: then what stands before it can still be judged.
    for (const Json* pod : facts.items("adapter-pods")) {
      for (const Json* service : facts.items("services", space_of(*pod))) {
        if (!map_matches(at(*service, "spec.selector"), at(*pod, "metadata.labels"))) continue;
        adapter.space = space_of(*service);
        adapter.service_name = name_of(*service);
      }
    }
  }
  if (adapter.service_name.empty()) return adapter;
  for (const Json* service : facts.items("services", adapter.space)) {
    if (name_of(*service) == adapter.service_name) adapter.service = service;
  }
  if (adapter.service != nullptr) adapter.pods = pods_of_service(facts, *adapter.service);
  // A pod that is going must not speak for the one that replaces it.
  std::stable_sort(adapter.pods.begin(), adapter.pods.end(), [](const Json* a, const Json* b) {
    bool a_going = !at(*a, "metadata.deletionTimestamp").is_null(), b_going = !at(*b, "metadata.deletionTimestamp").is_null();
    if (a_going != b_going) return b_going;
    return text_at(*a, "metadata.creationTimestamp") > text_at(*b, "metadata.creationTimestamp");
  });
  if (!adapter.pods.empty()) {
    for (const Json& container : list_at(*adapter.pods.front(), "spec.containers")) {
      std::vector<std::string> args = text_list(list_at(container, "command"));
      std::vector<std::string> more = text_list(list_at(container, "args"));
      args.insert(args.end(), more.begin(), more.end());
      if (adapter.args.empty() || flag(args, "prometheus-url")) adapter.args = args;
    }
  }
  adapter.kind = kind_of(adapter);
  if (adapter.kind != AdapterKind::prometheus_adapter) return adapter;
  adapter.prometheus_url = flag(adapter.args, "prometheus-url").value_or("https://localhost");
  adapter.relist = parse_duration(flag(adapter.args, "metrics-relist-interval").value_or("10m"));
  adapter.max_age = parse_duration(flag(adapter.args, "metrics-max-age").value_or("0"));
  if (!adapter.max_age || adapter.max_age->count() == 0) adapter.max_age = adapter.relist;
  parse_url(adapter);
  read_config(facts, adapter);
  return adapter;
}

PrometheusView prometheus_of(const Facts& facts, const Adapter& adapter) {
  PrometheusView view;
  std::vector<const Json*> resources = facts.items("prometheuses");
  auto pods_of = [&](const Json& resource) {
    std::vector<const Json*> pods;
    for (const Json* pod : facts.items("pods", space_of(resource))) {
      if (text_at(at(*pod, "metadata.labels"), "prometheus") == name_of(resource)) pods.push_back(pod);
    }
    return pods;
  };
  if (adapter.url_in_cluster) {
    for (const Json* service : facts.items("services", adapter.url_space)) {
      if (name_of(*service) == adapter.url_service) view.service = service;
    }
  }
  bool port_exists = false;
  if (view.service != nullptr) {
    view.pods = pods_of_service(facts, *view.service);
    for (const Json& port : list_at(*view.service, "spec.ports")) port_exists |= int_at(port, "port") == adapter.url_port;
    for (const Json* resource : resources) {
      std::vector<const Json*> its = pods_of(*resource);
      bool serves = std::any_of(its.begin(), its.end(), [&](const Json* pod) {
        return std::find(view.pods.begin(), view.pods.end(), pod) != view.pods.end();
      });
      if (serves) view.resource = resource;
    }
  }
  if (port_exists) {
    view.address = PrometheusAddress{{adapter.url_space, adapter.url_service, std::to_string(adapter.url_port), adapter.url_scheme},
                                     adapter.url_prefix};
    if (view.resource != nullptr || !view.pods.empty()) {
      if (view.resource == nullptr && resources.size() == 1 && space_of(*resources[0]) == adapter.url_space) view.resource = resources[0];
      return view;
    }
  }
  if (view.resource == nullptr && !resources.empty()) {
    view.resource = resources.front();
    for (const Json* resource : resources) {
      if (space_of(*resource) == adapter.url_space) view.resource = resource;
    }
    if (view.pods.empty()) view.pods = pods_of(*view.resource);
  }
  // The URL leads nowhere: ask the pod itself, so that what is before the adapter can still be judged.
  if (!view.address && view.resource != nullptr) {
    std::string prefix = text_at(*view.resource, "spec.routePrefix");
    std::vector<const Json*> its = pods_of(*view.resource);
    if (!its.empty()) {
      view.address = PrometheusAddress{{space_of(*view.resource), name_of(*its.front()), "9090", "http", true}, prefix == "/" ? "" : prefix};
    }
  }
  return view;
}

bool Monitor::covers(const std::string& target_space) const {
  const Json& selector = at(*object, "spec.namespaceSelector");
  if (bool_at(selector, "any")) return true;
  std::vector<std::string> names = text_list(list_at(selector, "matchNames"));
  if (names.empty()) return target_space == space;
  return std::find(names.begin(), names.end(), target_space) != names.end();
}

std::vector<Monitor> monitors_of(const Facts& facts) {
  std::vector<Monitor> all;
  for (const Json* object : facts.items("servicemonitors")) all.push_back({object, false, space_of(*object), name_of(*object)});
  for (const Json* object : facts.items("podmonitors")) all.push_back({object, true, space_of(*object), name_of(*object)});
  return all;
}

std::optional<NotSelected> not_selected(const Facts& facts, const Json& prometheus, const Monitor& monitor) {
  std::string prefix = monitor.pods ? "spec.podMonitor" : "spec.serviceMonitor";
  const Json& by_label = at(prometheus, prefix + "Selector");
  const Json& by_space = at(prometheus, prefix + "NamespaceSelector");
  std::string field = prefix.substr(5);
  if (by_space.is_null()) {
    if (monitor.space != space_of(prometheus)) {
      return NotSelected{true, fmt::format("{}NamespaceSelector is not set, so only namespace {} is looked at", field, space_of(prometheus))};
    }
  } else {
    Json labels = namespace_labels(facts, monitor.space);
    if (!labels.is_object()) labels = Json{{"kubernetes.io/metadata.name", monitor.space}};
    if (auto why = mismatch(by_space, labels)) {
      return NotSelected{true, fmt::format("namespace {}: {}", monitor.space, *why)};
    }
  }
  if (by_label.is_null()) return NotSelected{false, fmt::format("{}Selector is not set, so none is selected", field)};
  if (auto why = mismatch(by_label, at(*monitor.object, "metadata.labels"))) return NotSelected{false, *why};
  return std::nullopt;
}

std::vector<const Json*> pods_of_service(const Facts& facts, const Json& service) {
  std::vector<const Json*> pods;
  for (const Json* pod : facts.items("pods", space_of(service))) {
    if (map_matches(at(service, "spec.selector"), at(*pod, "metadata.labels"))) pods.push_back(pod);
  }
  return pods;
}

bool pod_ready(const Json& pod) {
  return at(pod, "metadata.deletionTimestamp").is_null() && text_at(condition(pod, "Ready"), "status") == "True";
}

static size_t count_endpoints(const Facts& facts, const Json& service, bool only_ready) {
  size_t n = 0;
  for (const Json* slice : facts.items("endpointslices", space_of(service))) {
    const Json& owner = at(*slice, std::vector<std::string>{"metadata", "labels", "kubernetes.io/service-name"});
    if (!owner.is_string() || owner != name_of(service)) continue;
    for (const Json& endpoint : list_at(*slice, "endpoints")) {
      if (!only_ready || bool_at(endpoint, "conditions.ready", true)) n += list_at(endpoint, "addresses").size();
    }
  }
  return n;
}

size_t ready_endpoints(const Facts& facts, const Json& service) { return count_endpoints(facts, service, true); }
bool has_endpoints(const Facts& facts, const Json& service) { return count_endpoints(facts, service, false) > 0; }

const Json& namespace_labels(const Facts& facts, const std::string& space) {
  static const Json unknown;
  for (const Json* object : facts.items("namespaces")) {
    if (name_of(*object) == space) return at(*object, "metadata.labels");
  }
  return unknown;
}

std::vector<std::string> spaces_of_interest(const Facts& facts) {
  std::set<std::string> spaces;
  for (const Json* hpa : facts.items("hpas")) spaces.insert(space_of(*hpa));
  for (const char* group : {"custom.metrics.k8s.io", "external.metrics.k8s.io", "metrics.k8s.io"}) {
    Adapter adapter = adapter_of(facts, group);
    if (!adapter.space.empty()) spaces.insert(adapter.space);
  }
  for (const Json* prometheus : facts.items("prometheuses")) spaces.insert(space_of(*prometheus));
  return {spaces.begin(), spaces.end()};
}

std::string names_key(const PrometheusAddress& address, const std::string& series_query) {
  return address.key() + " names " + series_query;
}

std::vector<Candidate> candidates(const Facts& facts, const Adapter& adapter, const PrometheusView& prometheus,
                                  const MetricNeed& need) {
  std::vector<Candidate> found;
  for (const AdapterRule& rule : adapter.rules(need.external())) {
    std::set<std::string> names, seen;
    for (const std::string& name : literal_names(rule.series_query)) names.insert(name);
    if (may_match_name(rule.series_query, need.metric)) names.insert(need.metric);  // if it existed
    const Reading* reading = prometheus.address ? facts.find(names_key(*prometheus.address, rule.series_query)) : nullptr;
    if (reading != nullptr) {
      for (const std::string& name : text_list(reading->value)) {
        names.insert(name);
        seen.insert(name);
      }
    }
    for (const std::string& name : names) {
      if (accepts(rule, name) && api_name(rule, name) == need.metric) found.push_back({&rule, name, seen.contains(name)});
    }
  }
  return found;
}

Result<std::string> expression(const Hpa& hpa, const MetricNeed& need, const Candidate& candidate) {
  if (need.external()) return expand_external(*candidate.rule, candidate.series, hpa.space, need.selector);
  std::vector<std::string> names;
  if (need.type == "Object") {
    names.push_back(need.object_name);
  } else {
    for (const Json* pod : hpa.pods) names.push_back(name_of(*pod));
    std::sort(names.begin(), names.end());
  }
  bool of_namespace = need.resource.resource == "namespaces";
  return expand(*candidate.rule, candidate.series, need.resource, of_namespace ? "" : hpa.space, need.selector, names);
}

std::string version_of(const Adapter& adapter) {
  for (const Json* s : adapter.api_services) {
    std::string version = text_at(*s, "spec.version");
    if (version == "v1beta1" || version == "v1beta2") return version;
  }
  return {};
}

std::string metric_path(const Hpa& hpa, const MetricNeed& need, const std::string& version) {
  std::string base = fmt::format("/apis/{}/{}/namespaces/{}", need.api_group(), version, hpa.space);
  auto plain = [](const Json& selector) {
    std::string text = selector_text(selector);
    return text == "everything" ? std::string() : text;
  };
  // As client-go writes it: "in" in lower case.
  auto selector_query = [&](const Json& selector) {
    std::vector<std::string> parts;
    const Json& equals = at(selector, "matchLabels");
    if (equals.is_object() && !equals.empty()) parts.push_back(plain(from_map(equals)));
    for (const Json& e : list_at(selector, "matchExpressions")) {
      std::string key = text_at(e, "key"), op = text_at(e, "operator"), values = text::join(text_list(list_at(e, "values")), ",");
      parts.push_back(op == "In"       ? key + " in (" + values + ")"
                      : op == "NotIn"  ? key + " notin (" + values + ")"
                      : op == "Exists" ? key
                                       : "!" + key);
    }
    return text::join(parts, ",");
  };
  std::string metric_selector = selector_query(need.selector);
  if (need.external()) {
    return base + "/" + need.metric + (metric_selector.empty() ? "" : "?labelSelector=" + query_value(metric_selector));
  }
  std::string query = metric_selector.empty() ? "" : "metricLabelSelector=" + query_value(metric_selector);
  if (need.type == "Object" && need.resource.resource == "namespaces") {
    return fmt::format("/apis/{}/{}/namespaces/{}/metrics/{}{}", need.api_group(), version, need.object_name, need.metric,
                       query.empty() ? "" : "?" + query);
  }
  std::string name = need.type == "Object" ? need.object_name : "%2A";
  if (need.type == "Pods") {
    std::string pods = selector_query(hpa.pod_selector);
    query = "labelSelector=" + query_value(pods) + (query.empty() ? "" : "&" + query);
  }
  return fmt::format("{}/{}/{}/{}{}", base, need.resource.text(), name, need.metric, query.empty() ? "" : "?" + query);
}

}  // namespace hpawalk
