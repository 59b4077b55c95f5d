// Where Prometheus is, as far as the cluster knows: the URL that the adapter should have.
#include <set>

#include "diagnose/rules_adapter.hpp"

namespace hpawalk::diagnose {
namespace {

// The Service's port that leads to Prometheus's API on this pod; Services carry those of sidecars too.
std::optional<std::string> web_port(const Json& service, const Json& pod) {
  std::set<std::string> names = {"web", "http-web"}, numbers = {"9090"};
  for (const Json& container : list_at(pod, "spec.containers")) {
    if (text_at(container, "name").find("prometheus") == std::string::npos) continue;
    for (const Json& port : list_at(container, "ports")) {
      if (names.contains(text_at(port, "name"))) numbers.insert(text_at(port, "containerPort"));
    }
  }
  const Json& ports = list_at(service, "spec.ports");
  for (const Json& port : ports) {
    std::string target = text_at(port, "targetPort", text_at(port, "port"));
    if (ports.size() == 1 || names.contains(target) || numbers.contains(target)) return text_at(port, "port");
  }
  return std::nullopt;
}

std::string route_prefix(const Context& c) {
  std::string prefix =
      c.prometheus.resource == nullptr ? "" : text_at(*c.prometheus.resource, "spec.routePrefix");
  return prefix == "/" ? "" : prefix;
}

}  // namespace

// Where Prometheus is, as far as this cluster knows: its governing Service, or one before its pods.
std::string likely_url(const Context& c) {
  for (const Json* service : c.facts.items("services")) {
    for (const Json* pod : c.prometheus.pods) {
      if (space_of(*pod) != space_of(*service) ||
          !map_matches(at(*service, "spec.selector"), at(*pod, "metadata.labels")))
        continue;
      if (name_of(*service) == "prometheus-operated") continue;
      if (std::optional<std::string> port = web_port(*service, *pod))
        return fmt::format("http://{}.{}.svc:{}{}", name_of(*service), space_of(*service), *port,
                           route_prefix(c));
    }
  }
  if (c.prometheus.resource != nullptr)
    return fmt::format("http://prometheus-operated.{}.svc:9090{}", space_of(*c.prometheus.resource),
                       route_prefix(c));
  return {};
}

}  // namespace hpawalk::diagnose
