// The aggregation layer: is the API group registered, is its adapter reached, and is it the right one?
#include <algorithm>
#include <set>

#include "chain/rules.hpp"

namespace hpawalk {
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

void missing(const Context& c, Report& report) {
  const Reading* listing = c.facts.find("apiservices");
  if (listing == nullptr || listing->refused()) {
    report.set(Link::api_service, Mark::unknown, why_unread(listing));
    return;
  }
  std::string group = c.need.api_group();
  std::string fix = "Install an adapter that serves it";
  std::string what = "and no adapter is running";
  if (group == "metrics.k8s.io") {
    what = "metrics-server is not installed";
    fix =
        "kubectl apply -f "
        "https://github.com/kubernetes-sigs/metrics-server/releases/latest/download/components.yaml";
  } else if (!c.adapter.service_name.empty()) {
    what = fmt::format("though prometheus-adapter runs behind Service {}/{}", c.adapter.space,
                       c.adapter.service_name);
    fix = fmt::format(
        "kubectl apply -f - <<'EOF'\napiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: "
        "{{name: v1beta1.{0}}}\nspec:\n  group: {0}\n  version: v1beta1\n"
        "  groupPriorityMinimum: 100\n  versionPriority: 100\n  insecureSkipTLSVerify: true\n  service: "
        "{{namespace: {1}, name: {2}, port: 443}}\nEOF",
        group, c.adapter.space, c.adapter.service_name);
  }
  report.broken("apiservice-missing", Link::api_service,
                fmt::format("No APIService registers {}: {}", group, what),
                {seen(*listing, "none of group " + group)}, fix);
}

// reason, message: of the APIService's condition, or what it answered just now.
void unavailable(const Context& c, Report& report, const Json& api_service, const std::string& reason,
                 const std::string& message, std::vector<std::string> evidence) {
  std::string name = name_of(api_service), backend = c.adapter.space + "/" + c.adapter.service_name;
  if (reason == "ServiceNotFound") {
    report.broken(
        "dangling-apiservice", Link::api_service,
        fmt::format(
            "{} points to Service {}, which is gone; while it does, namespaces cannot be deleted either",
            name, backend),
        evidence,
        fmt::format(
            "Install the adapter again, or if it is not wanted any more:\nkubectl delete apiservice {}",
            name));
    return;
  }
  if (reason == "MissingEndpoints" ||
      (!c.adapter.pods.empty() && std::none_of(c.adapter.pods.begin(), c.adapter.pods.end(),
                                               [](const Json* p) { return pod_ready(*p); }))) {
    report.set(Link::api_service, Mark::broken, "the adapter behind it has no ready pod");
    if (!report.broken_before(Link::api_service)) {
      report.broken("adapter-not-ready", Link::adapter, "The adapter behind " + backend + " has no ready pod",
                    evidence, "kubectl get pods -n " + c.adapter.space);
    }
    return;
  }
  if (reason == "ServicePortError") {
    report.broken(
        "apiservice-port", Link::api_service,
        fmt::format("{} names a port that Service {} does not have", name, backend), evidence,
        fmt::format(
            "kubectl patch apiservice {} --type merge -p '{{\"spec\":{{\"service\":{{\"port\":443}}}}}}'",
            name));
    return;
  }
  if (has(message, "Address is not allowed")) {
    report.broken("overlay-network", Link::api_service,
                  "The control plane cannot route to pod addresses, because the pods are on an overlay "
                  "network that it is not part of",
                  evidence,
                  fmt::format("Run the adapter on the host's network (the chart: hostNetwork.enabled=true, "
                              "listenPort=8443):\nkubectl edit deployment -n {}",
                              c.adapter.space));
    return;
  }
  if (has(message, "proxyconnect") || message.ends_with(": Forbidden") ||
      (has(message, "403") && (has(message, "Forbidden") || has(message, "forbidden")) &&
       !has(message, "x509"))) {
    report.broken(
        "apiserver-http-proxy", Link::api_service,
        "The API server sends its question to the adapter through an HTTP proxy, which refuses a cluster "
        "address",
        evidence,
        "Add the Service and pod ranges and .svc to no_proxy of the kube-apiserver, then restart it");
    return;
  }
  if (has(message, "x509") || has(message, "certificate") || has(message, "tls:")) {
    std::string mismatch =
        bool_at(api_service, "spec.insecureSkipTLSVerify")
            ? "the requestheader CA does not fit"
            : "the certificate that the adapter shows is not signed by the APIService's caBundle";
    report.broken(
        "requestheader-ca", Link::api_service,
        "The API server and the adapter do not trust each other's certificates: " + mismatch, evidence,
        fmt::format("Restart the adapter after a CA rotation; else set caBundle, or insecureSkipTLSVerify "
                    "for a self-signed one:\n"
                    "kubectl patch apiservice {} --type json -p "
                    "'[{{\"op\":\"remove\",\"path\":\"/spec/caBundle\"}},{{\"op\":\"add\",\"path\":\"/spec/"
                    "insecureSkipTLSVerify\",\"value\":true}}]'",
                    name));
    return;
  }
  if (has(message, "401") || has(message, "nauthorized")) {
    report.broken("requestheader-ca", Link::api_service,
                  "The adapter does not accept the API server's request header certificate", evidence,
                  fmt::format("kubectl rollout restart deployment -n {}", c.adapter.space));
    return;
  }
  if (std::string mesh = mesh_of(c); !mesh.empty()) {
    evidence.push_back(mesh);
    report.broken("adapter-mesh-sidecar", Link::api_service,
                  "A service mesh's sidecar stands before the adapter, and the API server cannot speak "
                  "mutual TLS with it",
                  evidence,
                  fmt::format("kubectl patch deployment -n {} {} --type merge -p "
                              "'{{\"spec\":{{\"template\":{{\"metadata\":{{\"annotations\":{{\"sidecar.istio."
                              "io/inject\":\"false\",\"linkerd.io/inject\":\"disabled\"}}}}}}}}}}'",
                              c.adapter.space, c.adapter.service_name));
    return;
  }
  std::string port = "6443";
  if (c.adapter.service != nullptr) {
    for (const Json& p : list_at(*c.adapter.service, "spec.ports"))
      port = text_at(p, "targetPort", text_at(p, "port"));
  }
  report.broken("apiservice-unreachable", Link::api_service,
                fmt::format("The control plane cannot reach the adapter behind {} (port {})", backend, port),
                evidence,
                fmt::format("Let the control plane reach the adapter's pods on port {}: firewall or security "
                            "group (private GKE and EKS clusters need a rule), NetworkPolicy in {}, or a "
                            "targetPort that the adapter does not listen on",
                            port, c.adapter.space));
}

}  // namespace

void judge_api(const Context& c, Report& report) {
  const std::vector<const Json*>& all = c.adapter.api_services;
  if (all.empty()) return missing(c, report);
  if (version_of(c.adapter).empty() && !c.need.resource_metric()) {
    std::vector<std::string> versions;
    for (const Json* s : all) versions.push_back(text_at(*s, "spec.version"));
    report.broken("api-version-mismatch", Link::api_service,
                  fmt::format("{} is registered only as {}, and HPA controllers speak v1beta1 and v1beta2",
                              c.need.api_group(), text::join(versions, ", ")),
                  {"APIService " + name_of(*all.front())},
                  fmt::format("Register v1beta1.{} (see `hpawalk diagnose --explain apiservice-missing`)",
                              c.need.api_group()));
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
    report.broken(
        "api-version-mismatch", Link::api_service,
        fmt::format("Clients follow the preferred version {}, which is not Available, though {} is",
                    name_of(preferred), name_of(*other_up)),
        {api_condition(preferred), api_condition(*other_up)},
        fmt::format("kubectl delete apiservice {}   # or make its adapter serve it", name_of(preferred)));
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
    for (const std::string& pod : others) evidence.push_back("another adapter runs: pod " + pod);
    std::string sentence = fmt::format("More than one adapter claims {}; only {}/{} is asked",
                                       c.need.api_group(), c.adapter.space, c.adapter.service_name);
    std::string fix = "Keep one adapter for this API group, with all the rules: helm list -A | grep adapter";
    if (c.registered() == false)
      report.broken("two-adapters", Link::api_service, sentence + ", and it does not have this metric",
                    evidence, fix);
    else
      report.note("two-adapters", Link::api_service, sentence, evidence, fix);
  }
  if (discovery != nullptr && discovery->read() && list_at(discovery->value, "resources").empty()) {
    report.note("empty-discovery", Link::api_service,
                c.works() ? "The API lists no metric, but serves them: for this adapter that is normal"
                          : "The API lists no metric at all; what is broken is before it",
                {seen(*discovery, "resources: []")});
  }
}

}  // namespace hpawalk
