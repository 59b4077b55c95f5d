// What stands behind an API group, read from its APIServices, pods, arguments and ConfigMap.
#include <algorithm>

#include <fmt/format.h>

#include "base/duration.hpp"
#include "base/text.hpp"
#include "diagnose/kept.hpp"
#include "diagnose/selector.hpp"
#include "diagnose/view.hpp"
#include "diagnose/view_keda.hpp"
#include "world/times.hpp"

namespace hpawalk::diagnose {

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

std::vector<std::string> arguments(const Json& container) {
  std::vector<std::string> all = text_list(list_at(container, "command"));
  std::vector<std::string> more = text_list(list_at(container, "args"));
  all.insert(all.end(), more.begin(), more.end());
  return all;
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

// The ConfigMap that is mounted where --config points to, and its key. Pods carry other ConfigMaps too.
void find_config_map(Adapter& adapter) {
  std::string file = flag(adapter.args, "config").value_or("");
  adapter.config_key = file.substr(file.rfind('/') + 1);
  if (adapter.pods.empty()) return;
  const Json& pod = *adapter.pods.front();
  std::map<std::string, const Json*> maps;  // volume -> configMap
  for (const Json& volume : list_at(pod, "spec.volumes")) {
    const Json& map = at(volume, "configMap");
    std::string name = text_at(map, "name");
    if (name.empty() || name == "kube-root-ca.crt") continue;
    maps[text_at(volume, "name")] = &map;
    adapter.config_map = name;  // unless a mount says better
  }
  size_t longest = 0;
  std::string inside;
  for (const Json& container : list_at(pod, "spec.containers")) {
    for (const Json& mount : list_at(container, "volumeMounts")) {
      std::string path = text_at(mount, "mountPath"), sub = text_at(mount, "subPath");
      auto map = maps.find(text_at(mount, "name"));
      bool holds = file == path || file.starts_with(path.ends_with('/') ? path : path + "/");
      if (map == maps.end() || !holds || path.size() < longest) continue;
      longest = path.size();
      adapter.config_map = text_at(*map->second, "name");
      inside = file == path ? sub : file.substr(path.size() + (path.ends_with('/') ? 0 : 1));
      for (const Json& item : list_at(*map->second, "items")) {
        if (text_at(item, "path") == inside) inside = text_at(item, "key");
      }
    }
  }
  if (!inside.empty()) adapter.config_key = inside;
}

void read_config(const Facts& facts, Adapter& adapter) {
  find_config_map(adapter);
  if (adapter.config_map.empty()) return;
  adapter.config_reading = facts.find(object_key("configmaps", adapter.space, adapter.config_map));
  if (adapter.config_reading == nullptr || !adapter.config_reading->read()) return;
  const Json& text = at(adapter.config_reading->value, std::vector<std::string>{"data", adapter.config_key});
  if (text.is_object()) {
    adapter.config_error = text_at(text, config_error_field);
    return;
  }
  if (!text.is_string()) {
    adapter.config_error = fmt::format("ConfigMap {} has no {}", adapter.config_map, adapter.config_key);
    return;
  }
  Result<AdapterConfig> config = parse_adapter_config(text.get<std::string>());
  if (config) {
    adapter.config = std::move(*config);
  } else {
    adapter.config_error = config.error().what;
    if (!config.error().because.empty()) adapter.config_error += ": " + config.error().because;
  }
}

// By what runs there: names of Services and namespaces are free to choose.
AdapterKind kind_of(const Adapter& adapter) {
  std::string names = adapter.pods.empty() ? adapter.service_name : "";
  for (const Json* pod : adapter.pods) {
    for (const Json& container : list_at(*pod, "spec.containers")) names += " " + text_at(container, "image");
    for (const char* label : {"app", "app.kubernetes.io/name"}) {
      const Json& value = at(*pod, std::vector<std::string>{"metadata", "labels", label});
      if (value.is_string()) names += " " + value.get<std::string>();
    }
  }
  auto has = [&](std::string_view part) { return names.find(part) != std::string::npos; };
  if (flag(adapter.args, "prometheus-url")) return AdapterKind::prometheus_adapter;
  if (has("keda")) return AdapterKind::keda;
  if (has("prometheus-adapter")) return AdapterKind::prometheus_adapter;
  if (has("metrics-server")) return AdapterKind::metrics_server;
  return AdapterKind::other;
}

// The Service before a running prometheus-adapter; rather one that no other API group leads to.
const Json* unregistered_adapter(const Facts& facts) {
  const Json* best = nullptr;
  size_t least = 0;
  for (const Json* pod : facts.items(adapter_pods)) {
    for (const Json* service : facts.items("services", space_of(*pod))) {
      if (!map_matches(at(*service, "spec.selector"), at(*pod, "metadata.labels"))) continue;
      size_t other_groups = 0;
      for (const Json* api : facts.items("apiservices")) {
        bool leads_here = text_at(*api, "spec.service.name") == name_of(*service) &&
                          text_at(*api, "spec.service.namespace") == space_of(*service);
        // Custom and external metrics are asked for in the same way: an adapter for the one is a likely one
        // for only that one.
        if (leads_here) other_groups += text_at(*api, "spec.group") == "metrics.k8s.io" ? 1 : 2;
      }
      if (best != nullptr && other_groups >= least) continue;
      best = service;
      least = other_groups;
    }
  }
  return best;
}

}  // namespace

std::string main_container(const Json& adapter_pod) {
  std::string name;
  for (const Json& container : list_at(adapter_pod, "spec.containers")) {
    if (name.empty() || flag(arguments(container), "prometheus-url")) name = text_at(container, "name");
  }
  return name;
}

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
  } else if (group != "metrics.k8s.io") {
    // Not registered, but perhaps running: then what stands before it can still be judged.
    if (const Json* service = unregistered_adapter(facts)) {
      adapter.space = space_of(*service);
      adapter.service_name = name_of(*service);
    }
  }
  if (adapter.service_name.empty()) return adapter;
  adapter.service = facts.object("services", adapter.space, adapter.service_name);
  if (adapter.service != nullptr) adapter.pods = pods_of_service(facts, *adapter.service);
  // A pod that is going must not speak for the one that replaces it.
  std::stable_sort(adapter.pods.begin(), adapter.pods.end(), [](const Json* a, const Json* b) {
    bool a_going = !at(*a, "metadata.deletionTimestamp").is_null(),
         b_going = !at(*b, "metadata.deletionTimestamp").is_null();
    if (a_going != b_going) return b_going;
    return text_at(*a, "metadata.creationTimestamp") > text_at(*b, "metadata.creationTimestamp");
  });
  if (!adapter.pods.empty()) {
    std::string main = main_container(*adapter.pods.front());
    for (const Json& container : list_at(*adapter.pods.front(), "spec.containers")) {
      if (text_at(container, "name") == main) adapter.args = arguments(container);
    }
  }
  adapter.kind = kind_of(adapter);
  if (adapter.kind == AdapterKind::keda) {
    adapter.prometheus_url = keda_prometheus_url(facts);
    parse_url(adapter);
  }
  if (adapter.kind != AdapterKind::prometheus_adapter) return adapter;
  adapter.prometheus_url = flag(adapter.args, "prometheus-url").value_or("https://localhost");
  adapter.relist = read_duration(flag(adapter.args, "metrics-relist-interval").value_or("10m"));
  adapter.max_age = read_duration(flag(adapter.args, "metrics-max-age").value_or("0"));
  if (!adapter.max_age || adapter.max_age->count() == 0) adapter.max_age = adapter.relist;
  parse_url(adapter);
  read_config(facts, adapter);
  return adapter;
}

std::string version_of(const Adapter& adapter) {
  for (const Json* s : adapter.api_services) {
    std::string version = text_at(*s, "spec.version");
    if (version == "v1beta1" || version == "v1beta2") return version;
  }
  return {};
}

}  // namespace hpawalk::diagnose
