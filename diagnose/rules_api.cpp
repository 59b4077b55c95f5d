// The aggregation layer: is the API group registered, is its adapter reached, and is it the right one?
#include <algorithm>
#include <set>

#include "diagnose/rules_adapter.hpp"

namespace hpawalk::diagnose {
namespace {

std::string api_condition(const Json& api_service) {
  const Json& available = condition(api_service, "Available");
  return fmt::format("APIService {}: Available is {}: {}: {}", name_of(api_service),
                     text_at(available, "status", "unset"), text_at(available, "reason"),
                     text_at(available, "message"));
}

// A mesh's sidecar before the adapter, by its pods or its namespace's label.
std::string mesh_of(const Context& c) {
  for (const Json* pod : c.adapter.pods) {
    for (const char* group : {"spec.containers", "spec.initContainers"}) {
      for (const Json& container : list_at(*pod, group)) {
        std::string name = text_at(container, "name");
        if (name == "istio-proxy" || name == "linkerd-proxy" || name == "consul-dataplane" ||
            name == "kuma-sidecar") {
          return fmt::format("pod {} has a container {}", full_name(*pod), name);
        }
      }
    }
  }
  const Json& labels = namespace_labels(c.facts, c.adapter.space);
  if (text_at(labels, "istio-injection") == "enabled")
    return "namespace " + c.adapter.space + " has istio-injection=enabled";
  return {};
}

// The port of the adapter's Service that an APIService should name: its only one, or that of HTTPS.
std::optional<long long> api_port(const Context& c) {
  if (c.adapter.service == nullptr) return std::nullopt;
  const Json& ports = list_at(*c.adapter.service, "spec.ports");
  for (const Json& port : ports) {
    if (ports.size() == 1 || int_at(port, "port") == 443 || text_at(port, "name") == "https")
      return int_at(port, "port");
  }
  return std::nullopt;
}

// Registers the adapter that runs; nothing if it is not known where it is.
std::optional<Fix> registration(const Context& c, const std::string& group) {
  std::optional<long long> port = api_port(c);
  if (!port) return std::nullopt;
  std::string name = "v1beta1." + group;
  Json manifest = {
      {"apiVersion", "apiregistration.k8s.io/v1"},
      {"kind", "APIService"},
      {"metadata", {{"name", name}}},
      {"spec",
       {{"group", group},
        {"version", "v1beta1"},
        {"groupPriorityMinimum", 100},
        {"versionPriority", 100},
        {"insecureSkipTLSVerify", true},
        {"service", {{"namespace", c.adapter.space}, {"name", c.adapter.service_name}, {"port", *port}}}}}};
  return create(
      {"apiservice", "", name}, manifest,
      fmt::format("Register Service {}/{} for {}", c.adapter.space, c.adapter.service_name, group),
      "the API server does not verify the certificate of that Service (insecureSkipTLSVerify; use a caBundle "
      "to verify it)");
}

void missing(const Context& c, Report& report) {
  const Reading* listing = c.facts.find("apiservices");
  if (listing == nullptr || listing->refused()) {
    report.set(Link::api_service, Mark::unknown, why_unread(listing));
    return;
  }
  std::string group = c.need.api_group();
  Fix fix = advice("Install an adapter that serves it");
  std::string what = "and no adapter is running";
  if (group == "metrics.k8s.io") {
    what = "metrics-server is not installed";
    fix = advice("Install metrics-server: https://github.com/kubernetes-sigs/metrics-server");
  } else if (!c.adapter.service_name.empty()) {
    what = fmt::format("although prometheus-adapter is running behind Service {}/{}", c.adapter.space,
                       c.adapter.service_name);
    fix =
        registration(c, group).value_or(advice(fmt::format("Create an APIService v1beta1.{} for it", group)));
  }
  report.broken("apiservice-missing", Link::api_service,
                fmt::format("No APIService registers {}: {}", group, what),
                {seen(*listing, "none of group " + group)}, fix);
}

// Out of the mesh that mesh_of saw.
Fix leave_mesh(const Context& c) {
  bool linkerd = has(mesh_of(c), "linkerd");
  bool istio = has(mesh_of(c), "istio");
  std::string says = "Exclude the adapter's pods from the mesh";
  std::optional<AdapterOwner> owner = adapter_owner(c);
  if (!owner || owner->object == nullptr || (!linkerd && !istio)) return advice(says);
  Json mark = linkerd ? Json{{"annotations", {{"linkerd.io/inject", "disabled"}}}}
                      : Json{{"labels", {{"sidecar.istio.io/inject", "false"}}}};
  return merge_patch(owner->ref, *owner->object, {{"spec", {{"template", {{"metadata", mark}}}}}}, says,
                     "the adapter's own requests, including those to Prometheus, then bypass the mesh too")
      .value_or(advice(says));
}

// The Service leads to a port of the adapter's pods, but the adapter listens on another one.
std::optional<Fix> listening_port(const Context& c) {
  if (c.adapter.service == nullptr) return std::nullopt;
  const Json& ports = list_at(*c.adapter.service, "spec.ports");
  std::optional<std::string> own = adapter_flag(c, "secure-port");
  if (ports.size() != 1 || !own || !at(ports[0], "targetPort").is_number()) return std::nullopt;
  long long listens = std::atoll(own->c_str()), port = int_at(ports[0], "port");
  if (listens <= 0) return std::nullopt;
  return json_patch(
      ref_of("service", *c.adapter.service), *c.adapter.service,
      Json::array({operation("test", {"spec", "ports", "0", "port"}, port),
                   operation("replace", {"spec", "ports", "0", "targetPort"}, listens)}),
      fmt::format("Point port {} of Service {}/{} to {}, where the adapter listens (--secure-port)", port,
                  c.adapter.space, c.adapter.service_name, listens));
}

// reason, message: of the APIService's condition, or what it answered just now.
void unavailable(const Context& c, Report& report, const Json& api_service, const std::string& reason,
                 const std::string& message, std::vector<std::string> evidence) {
  std::string name = name_of(api_service), backend = c.adapter.space + "/" + c.adapter.service_name;
  if (reason == "ServiceNotFound") {
    report.broken(
        "dangling-apiservice", Link::api_service,
        fmt::format("{} points to Service {}, which no longer exists; in this state, namespaces cannot be "
                    "deleted either",
                    name, backend),
        evidence,
        advice(
            fmt::format("Install the adapter again; if it is no longer needed, delete APIService {}", name),
            look_at("get", ref_of("apiservice", api_service))));
    return;
  }
  if (reason == "MissingEndpoints" ||
      (!c.adapter.pods.empty() && std::none_of(c.adapter.pods.begin(), c.adapter.pods.end(),
                                               [](const Json* p) { return pod_ready(*p); }))) {
    report.set(Link::api_service, Mark::broken, "the adapter behind it has no ready pod");
    if (!report.broken_before(Link::api_service)) {
      report.broken("adapter-not-ready", Link::adapter, "The adapter behind " + backend + " has no ready pod",
                    evidence, wake_adapter(c));
    }
    return;
  }
  if (reason == "ServicePortError") {
    std::optional<Fix> right;
    if (std::optional<long long> port = api_port(c))
      right = merge_patch(ref_of("apiservice", api_service), api_service,
                          {{"spec", {{"service", {{"port", *port}}}}}},
                          fmt::format("Use port {} of Service {}", *port, backend));
    report.broken("apiservice-port", Link::api_service,
                  fmt::format("{} names a port that Service {} does not have", name, backend), evidence,
                  right.value_or(advice("Use a port of Service " + backend + " in spec.service.port",
                                        look_at("get", ref_of("apiservice", api_service)))));
    return;
  }
  if (has(message, "Address is not allowed")) {
    report.broken("overlay-network", Link::api_service,
                  "The control plane cannot route to pod addresses, because the pods are on an overlay "
                  "network that it is not part of",
                  evidence,
                  advice("Run the adapter on the host's network (the chart: hostNetwork.enabled=true, "
                         "listenPort=8443)",
                         look_at_adapter(c)));
    return;
  }
  if (has(message, "proxyconnect") || message.ends_with(": Forbidden") ||
      (has(message, "403") && (has(message, "Forbidden") || has(message, "forbidden")) &&
       !has(message, "x509"))) {
    report.broken(
        "apiserver-http-proxy", Link::api_service,
        "The API server sends its requests to the adapter through an HTTP proxy, which rejects a cluster "
        "address",
        evidence,
        advice("Add the Service and pod ranges and .svc to no_proxy of the kube-apiserver, then restart it"));
    return;
  }
  if (has(message, "x509") || has(message, "certificate") || has(message, "tls:")) {
    std::string mismatch = bool_at(api_service, "spec.insecureSkipTLSVerify")
                               ? "the requestheader CA does not match"
                               : "the adapter's certificate is not signed by the APIService's caBundle";
    report.broken("requestheader-ca", Link::api_service,
                  "The API server and the adapter do not trust each other's certificates: " + mismatch,
                  evidence,
                  merge_patch(ref_of("apiservice", api_service), api_service,
                              {{"spec", {{"caBundle", nullptr}, {"insecureSkipTLSVerify", true}}}},
                              "Skip the verification of the adapter's certificate; if it has a CA, set that "
                              "CA as caBundle instead",
                              "the API server then trusts any server behind Service " + backend)
                      .value_or(restart_adapter(
                          c, "Restart the adapter, which reads the requestheader CA when it starts")));
    return;
  }
  if (has(message, "401") || has(message, "nauthorized")) {
    report.broken("requestheader-ca", Link::api_service,
                  "The adapter rejects the API server's request header certificate", evidence,
                  restart_adapter(c, "Restart the adapter, which reads the requestheader CA when it starts"));
    return;
  }
  if (std::string mesh = mesh_of(c); !mesh.empty()) {
    evidence.push_back(mesh);
    report.broken("adapter-mesh-sidecar", Link::api_service,
                  "A service mesh's sidecar is in front of the adapter, and the API server cannot use "
                  "mutual TLS",
                  evidence, leave_mesh(c));
    return;
  }
  std::string port = "6443";
  if (c.adapter.service != nullptr) {
    for (const Json& p : list_at(*c.adapter.service, "spec.ports"))
      port = text_at(p, "targetPort", text_at(p, "port"));
  }
  report.broken(
      "apiservice-unreachable", Link::api_service,
      fmt::format("The control plane cannot reach the adapter behind {} (port {})", backend, port), evidence,
      listening_port(c).value_or(
          advice(fmt::format("Allow the control plane to reach the adapter's pods on port {}: firewall or "
                             "security group (private GKE and EKS clusters need a rule), NetworkPolicy "
                             "in {}, or a targetPort that the adapter does not listen on",
                             port, c.adapter.space))));
}

}  // namespace

void judge_api(const Context& c, Report& report) {
  const std::vector<const Json*>& all = c.adapter.api_services;
  if (all.empty()) return missing(c, report);
  if (version_of(c.adapter).empty() && !c.need.resource_metric()) {
    std::vector<std::string> versions;
    for (const Json* s : all) versions.push_back(text_at(*s, "spec.version"));
    report.broken("api-version-mismatch", Link::api_service,
                  fmt::format("{} is registered only as {}, and HPA controllers support v1beta1 and v1beta2",
                              c.need.api_group(), text::join(versions, ", ")),
                  {"APIService " + name_of(*all.front())},
                  (c.adapter.kind == AdapterKind::prometheus_adapter ? registration(c, c.need.api_group())
                                                                     : std::nullopt)
                      .value_or(advice(
                          fmt::format("Install an adapter that serves {} as v1beta1 or v1beta2, and register "
                                      "it with an APIService",
                                      c.need.api_group()))));
    return;
  }
  const Json& preferred = *all.front();
  bool up = text_at(condition(preferred, "Available"), "status") == "True";
  const Json* other_up = nullptr;
  for (const Json* s : all) {
    std::string version = text_at(*s, "spec.version");
    if (s != &preferred && (version == "v1beta1" || version == "v1beta2") &&
        text_at(condition(*s, "Available"), "status") == "True")
      other_up = s;
  }
  if (!up && other_up != nullptr) {
    report.broken("api-version-mismatch", Link::api_service,
                  fmt::format("Clients use the preferred version {}, which is not Available, although {} is",
                              name_of(preferred), name_of(*other_up)),
                  {api_condition(preferred), api_condition(*other_up)},
                  remove(ref_of("apiservice", preferred),
                         fmt::format("Make clients use {}, or fix the adapter behind {}", name_of(*other_up),
                                     name_of(preferred)),
                         fmt::format("{} is unavailable until it is registered again", name_of(preferred)))
                      .value_or(advice("Fix the adapter behind " + name_of(preferred))));
    return;
  }
  const Json& available = condition(preferred, "Available");
  if (!up)
    return unavailable(c, report, preferred, text_at(available, "reason"), text_at(available, "message"),
                       {api_condition(preferred)});
  // The condition can be older than the trouble: an answer that hpawalk just got counts more.
  const Reading* discovery = c.facts.find("discovery " + c.need.api_group());
  std::optional<Reading> probe = c.probe();
  bool served = probe && probe->read();  // then the adapter is there
  if (discovery != nullptr && discovery->error_id == "kube-unavailable" && !served) {
    unavailable(c, report, preferred, "", discovery->error,
                {seen(*discovery, discovery->error), api_condition(preferred)});
    return;
  }
  report.set(Link::api_service, Mark::ok, name_of(preferred) + " is Available");
  std::set<std::string> backends;
  for (const Json* s : all)
    backends.insert(text_at(*s, "spec.service.namespace") + "/" + text_at(*s, "spec.service.name"));
  std::vector<std::string> others = c.other_adapters();
  if (backends.size() > 1 || !others.empty()) {
    std::vector<std::string> evidence;
    for (const Json* s : all)
      evidence.push_back(fmt::format("APIService {} -> Service {}/{}", name_of(*s),
                                     text_at(*s, "spec.service.namespace"),
                                     text_at(*s, "spec.service.name")));
    for (const std::string& pod : others) evidence.push_back("another adapter is running: pod " + pod);
    std::string sentence = fmt::format("More than one adapter claims {}; only {}/{} receives requests",
                                       c.need.api_group(), c.adapter.space, c.adapter.service_name);
    Fix fix = advice("Keep one adapter for this API group, with all the rules");
    if (c.registered() == false)
      report.broken("two-adapters", Link::api_service, sentence + ", and it does not have this metric",
                    evidence, fix);
    else
      report.note("two-adapters", Link::api_service, sentence, evidence, fix);
  }
  if (discovery != nullptr && discovery->read() && list_at(discovery->value, "resources").empty()) {
    report.note("empty-discovery", Link::api_service,
                c.works() ? "The API lists no metrics, but serves them: this is normal for this adapter"
                          : "The API lists no metrics; the cause is earlier in the chain",
                {seen(*discovery, "resources: []")});
  }
}

}  // namespace hpawalk::diagnose
