// The Prometheus that an adapter asks, and what feeds it: monitors, Services, endpoints.
#include <algorithm>

#include <fmt/format.h>

#include "diagnose/selector.hpp"
#include "diagnose/view.hpp"
#include "world/kube_path.hpp"
#include "world/kube_resource.hpp"
#include "world/prometheus_api.hpp"

namespace hpawalk::diagnose {

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
  // --prometheus says what an adapter's Service leads to that no Prometheus object is behind.
  const Reading* url = facts.find(prometheus_url_key);
  const std::string asked = url == nullptr ? std::string() : text_at(url->value, "url");
  bool port_exists = false;
  if (view.service != nullptr) {
    view.pods = pods_of_service(facts, *view.service);
    for (const Json& port : list_at(*view.service, "spec.ports"))
      port_exists |= int_at(port, "port") == adapter.url_port;
    for (const Json* resource : resources) {
      std::vector<const Json*> its = pods_of(*resource);
      bool serves = std::any_of(its.begin(), its.end(), [&](const Json* pod) {
        return std::find(view.pods.begin(), view.pods.end(), pod) != view.pods.end();
      });
      if (serves) view.resource = resource;
    }
  }
  if (port_exists) {
    view.address = PrometheusAddress{
        {adapter.url_space, adapter.url_service, std::to_string(adapter.url_port), adapter.url_scheme},
        world::path_segments(adapter.url_prefix)};
    if (view.resource != nullptr || !view.pods.empty()) {
      view.azure = view.resource == nullptr && world::is_azure_monitor_url(asked);
      bool only = resources.size() == 1 && space_of(*resources[0]) == adapter.url_space;
      if (view.resource == nullptr && !view.azure && only) view.resource = resources[0];
      return view;
    }
  }
  // The adapter's URL leads out of the cluster: to what --prometheus names, as far as anybody knows.
  view.azure = world::is_azure_monitor_host(adapter.url_host);
  if (!view.address && !adapter.url_in_cluster && !asked.empty()) {
    view.address = PrometheusAddress{{}, {}, asked};
    view.azure = view.azure || world::is_azure_monitor_url(asked);
    return view;
  }
  if (view.azure) return view;
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
      view.address =
          PrometheusAddress{{space_of(*view.resource), name_of(*its.front()), "9090", "http", true},
                            prefix == "/" ? "" : world::path_segments(prefix)};
    }
  }
  return view;
}

std::string Monitor::job() const {
  return fmt::format("{}/{}/{}{}", of->field, space, name, of->by_selector ? "/" : "");
}

bool Monitor::makes(const std::string& job_name) const {
  return of->by_selector ? job_name.starts_with(job()) : job_name == job();
}

bool Monitor::covers(const std::string& target_space) const {
  const Json& selector = at(*object, "spec.namespaceSelector");
  if (bool_at(selector, "any")) return true;
  std::vector<std::string> names = text_list(list_at(selector, "matchNames"));
  if (names.empty()) return target_space == space;
  return std::find(names.begin(), names.end(), target_space) != names.end();
}

std::string PrometheusAddress::shown(const std::string& path) const {
  return url.empty() ? world::proxy_path(backend, prefix + path) : url + path;
}

std::string MonitorKind::key() const {
  return azure ? azure_monitors_key(plural) : std::string(plural);
}

bool serves_azure_monitors(const Facts& facts) {
  const Reading* group = facts.find(discovery_key(std::string(world::azure_monitoring_group)));
  return group != nullptr && group->read();
}

namespace {

bool reads(const Facts& facts, const PrometheusView& prometheus, const MonitorKind& kind) {
  if (prometheus.azure) return kind.azure;
  if (prometheus.resource != nullptr || !kind.azure) return !kind.azure;
  // Perhaps what forwards to a workspace of Azure Monitor: those list no targets.
  const Reading* targets =
      prometheus.address ? facts.find(question_key(prometheus.address->key(), "targets")) : nullptr;
  return targets == nullptr || !targets->read();
}

std::vector<Monitor> monitors_where(const Facts& facts,
                                    const std::function<bool(const MonitorKind&)>& wanted) {
  bool both = serves_azure_monitors(facts);
  std::vector<Monitor> all;
  for (const MonitorKind& kind : monitor_kinds) {
    if (!wanted(kind)) continue;
    std::string resource(kind.resource);
    if (both && kind.by_selector)
      resource =
          fmt::format("{}.{}", resource,
                      kind.azure ? world::azure_monitoring_group : world::kube_kind("ServiceMonitor").group);
    for (const Json* object : facts.items(kind.key()))
      all.push_back({object, &kind, space_of(*object), name_of(*object), resource});
  }
  return all;
}

}  // namespace

std::vector<Monitor> monitors_of(const Facts& facts, const PrometheusView& prometheus) {
  return monitors_where(facts, [&](const MonitorKind& kind) { return reads(facts, prometheus, kind); });
}

std::vector<Monitor> monitors_of_others(const Facts& facts, const PrometheusView& prometheus) {
  return monitors_where(facts, [&](const MonitorKind& kind) { return !reads(facts, prometheus, kind); });
}

bool leads_to(const std::string& address, const Json& service) {
  size_t scheme = address.find("://");
  std::string_view host = std::string_view(address).substr(scheme == std::string::npos ? 0 : scheme + 3);
  std::string name = name_of(service) + "." + space_of(service);
  if (!host.starts_with(name)) return false;
  host.remove_prefix(name.size());
  return host.empty() || std::string_view(".:/?").find(host.front()) != std::string_view::npos;
}

bool labels_name(const Json& labels, const Json& service) {
  return text_at(labels, "namespace") == space_of(service) && text_at(labels, "service") == name_of(service);
}

bool names(const Monitor& monitor, const Json& service) {
  const Json& spec = at(*monitor.object, "spec");
  auto one_leads = [&](const Json& addresses) {
    std::vector<std::string> all = text_list(addresses);
    return std::any_of(all.begin(), all.end(),
                       [&](const std::string& one) { return leads_to(one, service); });
  };
  for (const Json& config : list_at(spec, "staticConfigs")) {
    if (one_leads(list_at(config, "targets")) || labels_name(at(config, "labels"), service)) return true;
  }
  for (const Json& config : list_at(spec, "dnsSDConfigs")) {
    if (one_leads(list_at(config, "names"))) return true;
  }
  const Json& fixed = at(spec, "targets.staticConfig");
  return one_leads(list_at(fixed, "static")) || labels_name(at(fixed, "labels"), service);
}

std::vector<RecordingRule> rules_recording(const Facts& facts, const std::string& series) {
  std::vector<RecordingRule> all;
  for (const Json* object : facts.items("prometheusrules")) {
    for (const Json& group : list_at(*object, "spec.groups")) {
      for (const Json& rule : list_at(group, "rules")) {
        if (text_at(rule, "record") == series) all.push_back({object, text_at(rule, "expr")});
      }
    }
  }
  return all;
}

Selectable selectable(const Monitor& monitor) {
  return {monitor.object, monitor.kind(), monitor.resource, std::string(monitor.of->field)};
}
Selectable selectable(const RecordingRule& rule) {
  return {rule.object, "PrometheusRule", "prometheusrule", "rule"};
}

Selection selects(const Facts& facts, const Json& prometheus, const Selectable& what) {
  using Answer = Selection::Answer;
  const std::string &field = what.field, space = space_of(*what.object);
  const Json& by_label = at(prometheus, "spec." + field + "Selector");
  const Json& by_space = at(prometheus, "spec." + field + "NamespaceSelector");
  if (by_label.is_null()) {
    return {Answer::no, false, fmt::format("{}Selector is not set, so it selects none", field)};
  }
  if (auto why = mismatch(by_label, at(*what.object, "metadata.labels"))) return {Answer::no, false, *why};
  if (by_space.is_null()) {
    if (space == space_of(prometheus)) return {};
    return {Answer::no, true,
            fmt::format("{}NamespaceSelector is not set, so it selects only namespace {}", field,
                        space_of(prometheus))};
  }
  bool everything = selector_text(by_space) == "everything";
  const Json& labels = namespace_labels(facts, space);
  if (!labels.is_object() && !everything) {
    const Reading* reading = facts.find("namespaces");
    std::string why = reading == nullptr || reading->right.empty() ? "they were not read"
                                                                   : "not allowed to " + reading->right;
    return {Answer::unknown, true, fmt::format("the labels of namespace {}: {}", space, why)};
  }
  if (everything) return {};
  if (auto why = mismatch(by_space, labels)) {
    return {Answer::no, true, fmt::format("namespace {}: {}", space, *why)};
  }
  return {};
}

std::vector<const Json*> pods_of_service(const Facts& facts, const Json& service) {
  std::vector<const Json*> pods;
  const Json& selector = at(service, "spec.selector");
  for (const Json* pod : facts.labelled("pods", space_of(service), selector)) {
    if (map_matches(selector, at(*pod, "metadata.labels"))) pods.push_back(pod);
  }
  return pods;
}

bool pod_ready(const Json& pod) {
  return at(pod, "metadata.deletionTimestamp").is_null() &&
         text_at(condition(pod, "Ready"), "status") == "True";
}

static size_t count_endpoints(const Facts& facts, const Json& service, bool only_ready) {
  size_t n = 0;
  const Json label = {{"kubernetes.io/service-name", name_of(service)}};
  for (const Json* slice : facts.labelled("endpointslices", space_of(service), label)) {
    const Json& owner =
        at(*slice, std::vector<std::string>{"metadata", "labels", "kubernetes.io/service-name"});
    if (!owner.is_string() || owner != name_of(service)) continue;
    for (const Json& endpoint : list_at(*slice, "endpoints")) {
      if (!only_ready || bool_at(endpoint, "conditions.ready", true))
        n += list_at(endpoint, "addresses").size();
    }
  }
  return n;
}

size_t ready_endpoints(const Facts& facts, const Json& service) {
  return count_endpoints(facts, service, true);
}
bool has_endpoints(const Facts& facts, const Json& service) {
  return count_endpoints(facts, service, false) > 0;
}

const Json* namespace_object(const Facts& facts, const std::string& space) {
  for (const Json* object : facts.items("namespaces")) {
    if (name_of(*object) == space) return object;
  }
  return nullptr;
}

const Json& namespace_labels(const Facts& facts, const std::string& space) {
  static const Json unknown;
  const Json* object = namespace_object(facts, space);
  return object == nullptr ? unknown : at(*object, "metadata.labels");
}

}  // namespace hpawalk::diagnose
