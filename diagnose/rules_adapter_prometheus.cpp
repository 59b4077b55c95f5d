// The way from the adapter to Prometheus: URL, network, login.
#include <algorithm>
#include <set>

#include "base/printable.hpp"
#include "diagnose/collect.hpp"
#include "diagnose/rules_adapter.hpp"

namespace hpawalk::diagnose {
namespace {

// klog's "E1124 02:15:33.123456": does the line belong to the last `age` before the facts were taken?
bool recent(const std::string& line, world::WallTime taken, world::Duration age) {
  int month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (std::sscanf(line.c_str(), "%*c%2d%2d %2d:%2d:%2d", &month, &day, &hour, &minute, &second) != 5)
    return true;
  std::string year = world::rfc3339(taken).substr(0, 4);
  std::optional<world::WallTime> when = world::parse_time(
      fmt::format("{}-{:02}-{:02}T{:02}:{:02}:{:02}Z", year, month, day, hour, minute, second));
  return !when || taken - *when <= age;
}

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

Fix fix_url(const Context& c, const std::string& url) {
  if (url.empty() || url == c.adapter.prometheus_url)
    return advice(
        "Set --prometheus-url of the adapter to Prometheus's API (in the chart: prometheus.url, "
        "prometheus.port)",
        look_at_adapter(c));
  return set_adapter_flag(
      c, "prometheus-url", url,
      fmt::format("Point the adapter to {} (--prometheus-url; in the chart: prometheus.url, "
                  "prometheus.port)",
                  url));
}

bool url_broken(const Context& c, Report& report, std::string sentence, std::vector<std::string> evidence,
                const std::string& right_url, Certainty certainty = Certainty::certain) {
  evidence.insert(evidence.begin(), fmt::format("Deployment {}/{}: --prometheus-url={}", c.adapter.space,
                                                deployment(c), c.adapter.prometheus_url));
  report.broken("adapter-prometheus-url", Link::adapter, std::move(sentence), std::move(evidence),
                fix_url(c, right_url), certainty);
  return false;
}

bool auth_broken(const Context& c, Report& report, std::vector<std::string> evidence) {
  std::string token =
      std::any_of(c.adapter.args.begin(), c.adapter.args.end(),
                  [](const std::string& a) {
                    return has(a, "token-file") || has(a, "prometheus-header") || has(a, "auth");
                  })
          ? "its flags contain credentials, which Prometheus rejects"
          : "it sends no credentials";
  report.broken(
      "adapter-prometheus-auth", Link::adapter,
      fmt::format("Prometheus (or a proxy in front of it) rejects the adapter's requests: {}", token),
      std::move(evidence),
      advice("Give the adapter credentials (--prometheus-token-file, --prometheus-header), or exempt it",
             look_at_adapter(c)));
  return false;
}

// Does one of the peers of a policy's rule ("from" or "to") stand for these pods? No peers: everybody.
bool lets(const Context& c, const Json& peers, const std::string& policy_space, const std::string& space,
          const std::vector<const Json*>& pods) {
  if (peers.empty()) return true;
  return std::any_of(peers.begin(), peers.end(), [&](const Json& peer) {
    if (!at(peer, "ipBlock").is_null()) return false;
    const Json& by_space = at(peer, "namespaceSelector");
    const Json& by_pod = at(peer, "podSelector");
    bool space_fits =
        by_space.is_null() ? space == policy_space : matches(by_space, namespace_labels(c.facts, space));
    bool pod_fits =
        by_pod.is_null() || (!pods.empty() && matches(by_pod, at(*pods.front(), "metadata.labels")));
    return space_fits && pod_fits;
  });
}

// The first policy of `space` that isolates `pods`, when none of its policies lets through what they need.
std::optional<std::string> isolating(const Context& c, const std::string& space,
                                     const std::vector<const Json*>& pods, bool ingress,
                                     const std::string& other_space, const std::vector<const Json*>& others) {
  std::optional<std::string> first;
  for (const Json* policy : c.facts.items("networkpolicies", space)) {
    const Json& spec = at(*policy, "spec");
    std::vector<std::string> types = text_list(list_at(spec, "policyTypes"));
    bool of_type = std::find(types.begin(), types.end(), ingress ? "Ingress" : "Egress") != types.end();
    if (types.empty()) of_type = ingress || !list_at(spec, "egress").empty();
    bool selects = std::any_of(pods.begin(), pods.end(), [&](const Json* p) {
      return matches(at(spec, "podSelector"), at(*p, "metadata.labels"));
    });
    if (!of_type || !selects) continue;
    if (!first) first = full_name(*policy);
    for (const Json& rule : list_at(spec, ingress ? "ingress" : "egress")) {
      if (lets(c, list_at(rule, ingress ? "from" : "to"), space, other_space, others)) return std::nullopt;
    }
  }
  return first;
}

// A policy more: policies only ever add to what may pass.
Fix let_through(const Context& c, bool ingress) {
  const Json& prometheus = at(*c.prometheus.service, "spec.selector");
  const Json& adapter = c.adapter.service == nullptr ? Json() : at(*c.adapter.service, "spec.selector");
  const std::string &from = c.adapter.space, &to = c.adapter.url_space;
  std::string says =
      ingress
          ? fmt::format("Allow ingress from the adapter's pods of namespace {} to Prometheus's pods", from)
          : fmt::format("Allow egress from the adapter's pods to Prometheus's pods of namespace {}", to);
  // A selector that names nothing would mean all pods.
  if (!prometheus.is_object() || prometheus.empty() || !adapter.is_object() || adapter.empty())
    return advice(says);
  Json peer = {
      {"namespaceSelector", {{"matchLabels", {{"kubernetes.io/metadata.name", ingress ? from : to}}}}},
      {"podSelector", {{"matchLabels", ingress ? adapter : prometheus}}}};
  ObjectRef ref = {"networkpolicy", ingress ? to : from, ingress ? "allow-adapter" : "allow-prometheus"};
  for (const Json* there : c.facts.items("networkpolicies", ref.space)) {
    if (name_of(*there) == ref.name) return advice(says, look_at("get", ref));
  }
  Json rule = {{ingress ? "from" : "to", Json::array({peer})}};
  Json spec = {{"podSelector", {{"matchLabels", ingress ? prometheus : adapter}}},
               {"policyTypes", Json::array({ingress ? "Ingress" : "Egress"})},
               {ingress ? "ingress" : "egress", Json::array({rule})}};
  return create(ref,
                {{"apiVersion", "networking.k8s.io/v1"},
                 {"kind", "NetworkPolicy"},
                 {"metadata", {{"name", ref.name}, {"namespace", ref.space}}},
                 {"spec", spec}},
                says)
      .value_or(advice(says));
}

bool policy_broken(const Context& c, Report& report, std::vector<std::string> evidence) {
  const Adapter& adapter = c.adapter;
  const std::vector<const Json*>& prometheus = c.prometheus.pods;
  if (c.prometheus.service == nullptr) return false;
  std::optional<std::string> policy =
      isolating(c, adapter.url_space, prometheus, true, adapter.space, adapter.pods);
  bool ingress = policy.has_value();
  if (!policy) policy = isolating(c, adapter.space, adapter.pods, false, adapter.url_space, prometheus);
  if (!policy) return false;
  evidence.push_back(
      ingress
          ? fmt::format(
                "NetworkPolicy {} selects Prometheus's pods, and no policy allows ingress from the adapter "
                "in namespace {}",
                *policy, adapter.space)
          : fmt::format("NetworkPolicy {} selects the adapter's pods, and no policy allows egress to "
                        "namespace {}",
                        *policy, adapter.url_space));
  report.broken("adapter-network-policy", Link::adapter,
                fmt::format("NetworkPolicy {} blocks traffic from the adapter to Prometheus", *policy),
                std::move(evidence), let_through(c, ingress));
  return true;
}

// What the adapter's own log says about reaching Prometheus, lately.
bool connection_by_log(const Context& c, Report& report) {
  world::Duration age =
      std::max<world::Duration>(c.adapter.relist.value_or(world::Duration(0)) * 2, std::chrono::seconds(20));
  std::string line;
  for (const std::string& l : c.log()) {
    if ((has(l, "unable to update list of all metrics") ||
         has(l, "unable to fetch metrics from prometheus")) &&
        recent(l, c.facts.taken, age))
      line = l;
  }
  if (line.empty()) return true;
  std::vector<std::string> evidence = {"adapter's log: " + std::string(shortened(line, 400))};
  // An answer of Prometheus that hpawalk gets itself says that it is up: then the way to it is to blame.
  if (has(line, " 401") || has(line, " 403") || has(line, "nauthorized") || has(line, "orbidden"))
    return auth_broken(c, report, evidence);
  if (has(line, "no such host"))
    return url_broken(c, report, "The adapter cannot resolve Prometheus's name", evidence, likely_url(c));
  if (has(line, "HTTP response to HTTPS client") || has(line, "malformed HTTP response") ||
      has(line, "HTTP request to an HTTPS server")) {
    return url_broken(c, report, "The adapter uses the wrong scheme (http or https) for Prometheus", evidence,
                      likely_url(c));
  }
  bool timeout = has(line, "i/o timeout") || has(line, "deadline exceeded") || has(line, "Client.Timeout");
  if (timeout) {
    if (policy_broken(c, report, evidence)) return false;
    if (too_broad(c, report, evidence)) return true;
    return url_broken(c, report, "The adapter's requests to Prometheus time out", evidence, likely_url(c),
                      Certainty::likely);
  }
  if (has(line, "connection refused") || has(line, "no route to host") || has(line, "EOF") ||
      has(line, "404")) {
    // After Prometheus has just come back, the last line is still the old one.
    const Reading* runtime = c.prometheus_reading("runtime");
    if (runtime != nullptr && runtime->read() && c.registered() == true) return true;
    return url_broken(c, report, "The adapter gets no response from Prometheus", evidence, likely_url(c),
                      Certainty::likely);
  }
  return true;  // bad_data and the like: judge_listing finds the rule
}

// hpawalk cannot ask a Prometheus outside of the cluster, but the adapter's log says whether it can.
bool asked_outside(const Context& c, Report& report) {
  std::string host = c.adapter.url_host;
  if (host == "localhost" || host.starts_with("127.")) {
    return url_broken(
        c, report,
        "The adapter connects to Prometheus at localhost, which is its own pod: --prometheus-url is not set",
        {}, likely_url(c));
  }
  if (!connection_by_log(c, report)) return false;
  report.set(
      Link::adapter, Mark::unknown,
      c.adapter.prometheus_url + " is outside this cluster; the adapter's log shows no errors with it");
  return true;
}

}  // namespace

bool judge_way_to_prometheus(const Context& c, Report& report) {
  if (!c.adapter.url_in_cluster) return asked_outside(c, report);
  const Reading* services = c.facts.listing("services", c.adapter.url_space);
  if (c.prometheus.service == nullptr) {
    if (services == nullptr || services->refused()) {
      report.set(
          Link::adapter, Mark::unknown,
          "the Service of " + c.adapter.prometheus_url + " could not be read: " + why_unread(services));
      return true;
    }
    return url_broken(
        c, report,
        fmt::format("The adapter connects to {}, but Service {} does not exist in namespace {}",
                    c.adapter.prometheus_url, c.adapter.url_service, c.adapter.url_space),
        {fmt::format("Services of namespace {}: no {}", c.adapter.url_space, c.adapter.url_service)},
        likely_url(c));
  }
  std::vector<std::string> ports;
  bool found = false;
  for (const Json& port : list_at(*c.prometheus.service, "spec.ports")) {
    ports.push_back(text_at(port, "port"));
    found |= int_at(port, "port") == c.adapter.url_port;
  }
  if (!found) {
    return url_broken(
        c, report,
        fmt::format("The adapter connects to port {} of Service {}/{}, which has only port {}",
                    c.adapter.url_port, c.adapter.url_space, c.adapter.url_service, text::join(ports, ", ")),
        {fmt::format("Service {}/{}: ports {}", c.adapter.url_space, c.adapter.url_service,
                     text::join(ports, ", "))},
        ports.size() == 1 ? fmt::format("{}://{}:{}{}", c.adapter.url_scheme, c.adapter.url_host,
                                        ports.front(), c.adapter.url_prefix)
                          : likely_url(c));
  }
  if (ready_endpoints(c.facts, *c.prometheus.service) == 0) {
    const Reading* slices = c.facts.listing("endpointslices", c.adapter.url_space);
    if (slices != nullptr && slices->read()) {
      bool prometheus_runs = std::any_of(c.prometheus.pods.begin(), c.prometheus.pods.end(),
                                         [](const Json* p) { return pod_ready(*p); });
      if (prometheus_runs || c.prometheus.resource == nullptr ||
          pods_of_service(c.facts, *c.prometheus.service).empty()) {
        return url_broken(c, report,
                          fmt::format("The adapter connects to Service {}/{}, which has no ready pod",
                                      c.adapter.url_space, c.adapter.url_service),
                          {fmt::format("EndpointSlices of Service {}/{}: no ready address",
                                       c.adapter.url_space, c.adapter.url_service)},
                          likely_url(c));
      }
    }
  }
  // The question that the adapter itself depends on: others that speak PromQL lack some of Prometheus's
  // status pages.
  const Reading* names = c.prometheus_reading("names");
  if (names != nullptr && names->error_id == "prometheus-http") {
    std::string said = names->error.empty() ? "" : ": " + std::string(shortened(names->error, 120));
    if (has(names->error, "401") || has(names->error, "nauthorized") || has(names->error, "orbidden")) {
      return auth_broken(c, report, {seen(*names, names->error)});
    }
    return url_broken(
        c, report, fmt::format("The server at {} is not a Prometheus API{}", c.adapter.prometheus_url, said),
        {seen(*names, "no response of Prometheus" + said)}, likely_url(c), Certainty::likely);
  }
  return connection_by_log(c, report);
}

}  // namespace hpawalk::diagnose
