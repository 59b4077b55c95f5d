// An APIService that is not available: what keeps the API server from its adapter?
#include <algorithm>

#include "diagnose/rules_api.hpp"

namespace hpawalk::diagnose {

const Cause cause::apiservice_port = {.id = "apiservice-port",
                                      .link = Link::api_service,
                                      .symptom = "ServicePortError",
                                      .reason = "The APIService names a port that its Service does not have",
                                      .detection = "The condition's reason",
                                      .fix = "Correct the port"};

const Cause cause::apiservice_unreachable = {.id = "apiservice-unreachable",
                                             .link = Link::api_service,
                                             .symptom = "FailedDiscoveryCheck",
                                             .reason = "The control plane cannot reach the adapter's pod",
                                             .detection = "The condition's message",
                                             .fix = "Open the firewall for its port"};

const Cause cause::apiserver_http_proxy = {
    .id = "apiserver-http-proxy",
    .link = Link::api_service,
    .symptom = "FailedDiscoveryCheck with a proxy's 403",
    .reason = "The API server uses an HTTP proxy for cluster addresses",
    .detection = "The condition's message",
    .fix = "no_proxy"};

const Cause cause::adapter_mesh_sidecar = {
    .id = "adapter-mesh-sidecar",
    .link = Link::api_service,
    .symptom = "FailedDiscoveryCheck in a mesh",
    .reason = "A sidecar in front of the adapter requires mutual TLS",
    .detection = "Containers of the pod, injection label of the namespace",
    .fix = "Exclude the adapter from the mesh"};

const Cause cause::overlay_network = {.id = "overlay-network",
                                      .link = Link::api_service,
                                      .symptom = "Address is not allowed",
                                      .reason = "The control plane is not part of the pods' overlay network",
                                      .detection = "The condition's message",
                                      .fix = "hostNetwork"};

const Cause cause::requestheader_ca = {
    .id = "requestheader-ca",
    .link = Link::api_service,
    .symptom = "x509 in the condition, 401 from the adapter",
    .reason = "The API server and the adapter do not trust each other's certificates, often after a rotation",
    .detection = "The condition's message",
    .fix = "Restart the adapter; set caBundle"};

const Cause cause::api_group_not_served = {
    .id = "api-group-not-served",
    .link = Link::api_service,
    .symptom = "FailedDiscoveryCheck: bad status ...: 404; or no known available metric versions found",
    .reason =
        "The adapter responds, but does not serve the API group: prometheus-adapter without externalRules "
        "(or "
        "without rules). Or the APIService is Available, and the API server responds with 404",
    .detection = "The condition's message, the adapter's rules, and a request to the group",
    .fix = "Add rules of that type"};

const Cause cause::dangling_apiservice = {.id = "dangling-apiservice",
                                          .link = Link::api_service,
                                          .symptom = "Namespaces stay Terminating",
                                          .reason = "The adapter no longer exists, but its APIService does",
                                          .detection = "Condition ServiceNotFound",
                                          .fix = "Delete the APIService"};

namespace {

std::string backend(const Context& c) {
  return c.adapter.space + "/" + c.adapter.service_name;
}

// A mesh's sidecar before the adapter, by its pods or its namespace's label.
std::string mesh_of(const Context& c) {
  if (std::string sidecar = mesh_sidecar(c.adapter.pods); !sidecar.empty()) return sidecar;
  const Json& labels = namespace_labels(c.facts, c.adapter.space);
  if (text_at(labels, "istio-injection") == "enabled")
    return "namespace " + c.adapter.space + " has istio-injection=enabled";
  return {};
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

void service_gone(const Context& c, Report& report, const Unavailable& u) {
  std::string name = name_of(u.api_service);
  report.broken(
      cause::dangling_apiservice,
      fmt::format("{} points to Service {}, which no longer exists; in this state, namespaces cannot be "
                  "deleted either",
                  name, backend(c)),
      u.evidence,
      advice(fmt::format("Install the adapter again; if it is no longer needed, delete APIService {}", name),
             look_at("get", ref_of("apiservice", u.api_service))));
}

// It responds, with 404.
void not_served(const Context& c, Report& report, const Unavailable& u) {
  std::string group = text_at(u.api_service, "spec.group") + "/" + text_at(u.api_service, "spec.version");
  std::string rules = c.need.external() ? "externalRules" : "rules";
  bool without = c.adapter.config && c.adapter.rules(c.need.external()).empty();
  std::string name = name_of(u.api_service);
  report.broken(cause::api_group_not_served,
                fmt::format("The adapter behind {} responds, but does not serve {}{}", backend(c), group,
                            without ? ": it has no " + rules : ""),
                u.evidence,
                without ? edit_rules(c, "Add " + rules)
                        : advice(fmt::format("Point APIService {} to an adapter that serves {}", name, group),
                                 look_at("get", ref_of("apiservice", u.api_service))));
}

void no_ready_adapter(const Context& c, Report& report, const Unavailable& u) {
  report.set(Link::api_service, Mark::broken, "the adapter behind it has no ready pod");
  if (report.broken_before(Link::api_service)) return;
  report.broken(cause::adapter_not_ready, "The adapter behind " + backend(c) + " has no ready pod",
                u.evidence, wake_adapter(c));
}

void wrong_service_port(const Context& c, Report& report, const Unavailable& u) {
  std::optional<Fix> right;
  if (std::optional<long long> port = api_port(c))
    right = merge_patch(ref_of("apiservice", u.api_service), u.api_service,
                        {{"spec", {{"service", {{"port", *port}}}}}},
                        fmt::format("Use port {} of Service {}", *port, backend(c)));
  report.broken(
      cause::apiservice_port,
      fmt::format("{} names a port that Service {} does not have", name_of(u.api_service), backend(c)),
      u.evidence,
      right.value_or(advice("Use a port of Service " + backend(c) + " in spec.service.port",
                            look_at("get", ref_of("apiservice", u.api_service)))));
}

void no_way_to_pods(const Context& c, Report& report, const Unavailable& u) {
  report.broken(
      cause::overlay_network,
      "The control plane cannot route to pod addresses, because the pods are on an overlay network that it "
      "is not part of",
      u.evidence,
      advice("Run the adapter on the host's network (the chart: hostNetwork.enabled=true, listenPort=8443)",
             look_at_adapter(c)));
}

void through_proxy(Report& report, const Unavailable& u) {
  report.broken(
      cause::apiserver_http_proxy,
      "The API server sends its requests to the adapter through an HTTP proxy, which rejects a cluster "
      "address",
      u.evidence,
      advice("Add the Service and pod ranges and .svc to no_proxy of the kube-apiserver, then restart it"));
}

Fix restart_for_ca(const Context& c) {
  return restart_adapter(c, "Restart the adapter, which reads the requestheader CA when it starts");
}

void certificates(const Context& c, Report& report, const Unavailable& u) {
  std::string mismatch = bool_at(u.api_service, "spec.insecureSkipTLSVerify")
                             ? "the requestheader CA does not match"
                             : "the adapter's certificate is not signed by the APIService's caBundle";
  report.broken(cause::requestheader_ca,
                "The API server and the adapter do not trust each other's certificates: " + mismatch,
                u.evidence,
                merge_patch(ref_of("apiservice", u.api_service), u.api_service,
                            {{"spec", {{"caBundle", nullptr}, {"insecureSkipTLSVerify", true}}}},
                            "Skip the verification of the adapter's certificate; if it has a CA, set that CA "
                            "as caBundle instead",
                            "the API server then trusts any server behind Service " + backend(c))
                    .value_or(restart_for_ca(c)));
}

void unreachable(const Context& c, Report& report, const Unavailable& u) {
  std::string port = "6443";
  if (c.adapter.service != nullptr) {
    for (const Json& p : list_at(*c.adapter.service, "spec.ports"))
      port = text_at(p, "targetPort", text_at(p, "port"));
  }
  report.broken(
      cause::apiservice_unreachable,
      fmt::format("The control plane cannot reach the adapter behind {} (port {})", backend(c), port),
      u.evidence,
      listening_port(c).value_or(
          advice(fmt::format("Allow the control plane to reach the adapter's pods on port {}: firewall or "
                             "security group (private GKE and EKS clusters need a rule), NetworkPolicy in "
                             "{}, or a targetPort that the adapter does not listen on",
                             port, c.adapter.space))),
      c.adapter.pods.empty() ? Certainty::likely : Certainty::certain);  // unread ones may have a sidecar
}

bool of_a_proxy(const std::string& message) {
  if (has(message, "proxyconnect") || message.ends_with(": Forbidden")) return true;
  return has(message, "403") && (has(message, "Forbidden") || has(message, "forbidden")) &&
         !has(message, "x509");
}

// The adapter has pods, and none of them is ready.
bool none_ready(const Context& c) {
  return !c.adapter.pods.empty() && std::none_of(c.adapter.pods.begin(), c.adapter.pods.end(),
                                                 [](const Json* p) { return pod_ready(*p); });
}

}  // namespace

void judge_unavailable(const Context& c, Report& report, const Unavailable& u) {
  if (u.reason == "ServiceNotFound") return service_gone(c, report, u);
  if (u.reason == "MissingEndpoints" || none_ready(c)) return no_ready_adapter(c, report, u);
  if (u.reason == "ServicePortError") return wrong_service_port(c, report, u);
  if (has(u.message, "Address is not allowed")) return no_way_to_pods(c, report, u);
  if (of_a_proxy(u.message)) return through_proxy(report, u);
  if (has(u.message, "x509") || has(u.message, "certificate") || has(u.message, "tls:"))
    return certificates(c, report, u);
  if (has(u.message, "bad status") && u.message.ends_with(": 404")) return not_served(c, report, u);
  if (has(u.message, "401") || has(u.message, "nauthorized")) {
    report.broken(cause::requestheader_ca, "The adapter rejects the API server's request header certificate",
                  u.evidence, restart_for_ca(c));
    return;
  }
  std::string mesh = mesh_of(c);
  if (mesh.empty()) return unreachable(c, report, u);
  std::vector<std::string> evidence = u.evidence;
  evidence.push_back(mesh);
  report.broken(
      cause::adapter_mesh_sidecar,
      "A service mesh's sidecar is in front of the adapter, and the API server cannot use mutual TLS",
      evidence, leave_mesh(c));
}

}  // namespace hpawalk::diagnose
