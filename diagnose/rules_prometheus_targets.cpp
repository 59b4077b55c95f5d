// The chain's targets in Prometheus: is one up, and if not, why can Prometheus not scrape them?
#include <algorithm>

#include "diagnose/rules_monitor.hpp"

namespace hpawalk::diagnose {

const Cause cause::service_target_port = {.id = "service-target-port",
                                          .link = Link::service,
                                          .symptom = "The target is down: connection refused",
                                          .reason = "The program does not listen on the Service's targetPort",
                                          .detection = "The target's last error in Prometheus",
                                          .fix = "Correct targetPort"};

const Cause cause::target_down = {.id = "target-down",
                                  .link = Link::prometheus,
                                  .symptom = "The target is down",
                                  .reason = "Prometheus cannot scrape it: timeout, 404, TLS, a parse error",
                                  .detection = "The target's last error",
                                  .fix = "As the error says"};

const Cause cause::target_mesh_sidecar = {
    .id = "target-mesh-sidecar",
    .link = Link::prometheus,
    .symptom = "The target is down: connection reset by peer, or EOF",
    .reason = "A service mesh's sidecar in front of the application requires mutual TLS",
    .detection = "The target's last error, and the containers of its pod",
    .fix = "Scrape with the mesh's certificates, or exclude the port from the mesh"};

namespace {

// "http://10.0.0.1:9113/metrics" -> 9113
long long port_of(const std::string& url) {
  size_t host = url.find("://");
  size_t end = url.find('/', host == std::string::npos ? 0 : host + 3);
  size_t colon = url.rfind(':', end);
  return colon == std::string::npos ? 0 : std::atoll(url.c_str() + colon + 1);
}

// The Service's port whose targetPort this URL was scraped at, led to the port that the pods declare for it.
std::optional<Fix> lead_to_declared(const Json& service, const std::string& url,
                                    const std::vector<std::pair<std::string, long long>>& declared) {
  const Json& ports = list_at(service, "spec.ports");
  for (size_t i = 0; i < ports.size(); ++i) {
    const Json& target = at(ports[i], "targetPort");
    if (!target.is_number() || target != port_of(url)) continue;  // a name leads to a declared port
    std::string name = text_at(ports[i], "name"), index = std::to_string(i);
    std::optional<long long> right;
    for (const auto& [own, number] : declared) {
      if (declared.size() == 1 || (!own.empty() && own == name)) right = number;
    }
    if (!right) return std::nullopt;
    return json_patch(ref_of("service", service), service,
                      Json::array({operation("test", {"spec", "ports", index, "port"}, at(ports[i], "port")),
                                   operation("test", {"spec", "ports", index, "targetPort"}, target),
                                   operation("replace", {"spec", "ports", index, "targetPort"}, *right)}),
                      fmt::format("Point port {} of Service {} to {}, which the pods declare",
                                  text_at(ports[i], "port"), full_name(service), *right));
  }
  return std::nullopt;
}

// The Service that the address names, which refuses connections to ports that it does not have; null: none.
const Json* service_without_port(const Scrape& s, const std::string& url) {
  for (const Json* service : s.c.facts.items("services")) {
    if (!leads_to(url, *service)) continue;
    const Json& ports = list_at(*service, "spec.ports");
    bool has_port = std::any_of(ports.begin(), ports.end(),
                                [&](const Json& port) { return int_at(port, "port") == port_of(url); });
    return has_port ? nullptr : service;
  }
  return nullptr;
}

void no_such_port(const Scrape& s, const Json& service, const Json& target,
                  std::vector<std::string> evidence) {
  std::string url = text_at(target, "url");
  std::vector<std::string> ports;
  for (const Json& port : list_at(service, "spec.ports")) ports.push_back(text_at(port, "port"));
  evidence.push_back(fmt::format("Service {}: port {}", full_name(service), text::join(ports, ", ")));
  const Monitor* m = monitor_of(s, target);
  std::string where = m != nullptr ? m->ref() : "job " + text_at(target, "pool");
  s.report.broken(cause::target_down,
                  fmt::format("Prometheus cannot scrape {}: Service {} has no port {}", url,
                              full_name(service), port_of(url)),
                  std::move(evidence),
                  advice("Correct the port in the address that " + where + " names",
                         look_at("get", ref_of("service", service))));
}

// Nothing listens where Prometheus scrapes.
void refused(const Scrape& s, const Json& target, std::vector<std::string> evidence) {
  std::string url = text_at(target, "url");
  if (const Json* service = service_without_port(s, url))
    return no_such_port(s, *service, target, std::move(evidence));
  const std::vector<std::pair<std::string, long long>> declared = declared_ports(s);
  std::vector<std::string> shown;
  for (const auto& [name, number] : declared)
    shown.push_back(name.empty() ? std::to_string(number) : fmt::format("{} ({})", number, name));
  evidence.push_back("the pods declare " + (shown.empty() ? "no port" : "port " + text::join(shown, ", ")));
  long long port = port_of(url);
  bool meant = std::any_of(declared.begin(), declared.end(), [&](const auto& p) { return p.second == port; });
  std::string sentence = fmt::format("Prometheus cannot scrape {}: nothing listens there", url);
  std::vector<std::string> look =
      s.services.empty() ? look_for("pods", s.space) : look_at("get", ref_of("service", *s.services.front()));
  if (meant) {
    s.report.broken(
        cause::service_target_port,
        fmt::format("{}, although the pods declare port {}; the program listens on another port, or only "
                    "on localhost",
                    sentence, port),
        evidence,
        advice(fmt::format("Make the program listen on port {} of its pod's address; or correct the "
                           "declared port and the Service's targetPort",
                           port),
               look));
    return;
  }
  Fix fix = advice("Point the Service's port to the port where the program listens", look);
  if (!s.services.empty()) fix = lead_to_declared(*s.services.front(), url, declared).value_or(fix);
  s.report.broken(cause::service_target_port,
                  sentence + ", so the Service's targetPort is wrong, or the program listens elsewhere",
                  evidence, fix);
}

// A connection was made, and ended without a response: by a mesh's sidecar, if the pod has one.
void cut_off(const Scrape& s, const Json& target, const std::string& sentence,
             std::vector<std::string> evidence) {
  const Json* pod = own_pod(s, target);
  std::string sidecar = pod == nullptr ? "" : mesh_sidecar({pod});
  if (sidecar.empty()) {
    s.report.broken(
        cause::target_down, sentence + "; what listens there ends the connection without a response",
        evidence,
        advice("Find what ends the connection: a proxy that requires TLS, or the program itself",
               pod == nullptr ? look_for("pods", s.space) : look_at("logs", ref_of("pod", *pod))));
    return;
  }
  evidence.push_back(sidecar);
  long long port = port_of(text_at(target, "url"));
  std::string says =
      "Scrape with scheme https and the mesh's certificates (tlsConfig of the monitor's endpoint), or "
      "exclude the metrics port from the mesh in the pods' template";
  bool istio = has(sidecar, "istio-proxy");
  Json exclude = {
      {"metadata",
       {{"annotations", {{"traffic.sidecar.istio.io/excludeInboundPorts", std::to_string(port)}}}}}};
  s.report.broken(
      cause::target_mesh_sidecar,
      sentence +
          "; a service mesh's sidecar is in front of the application, and it refuses plain HTTP if "
          "mutual TLS is required",
      evidence, advice_with(says, istio ? exclude : Json(), look_at("get", ref_of("pod", *pod))),
      Certainty::likely);
}

void target_is_down(const Scrape& s, const Json& target) {
  std::string error = text_at(target, "lastError"), url = text_at(target, "url");
  std::vector<std::string> evidence = {seen(*s.c.prometheus_reading("targets"), target_text(target))};
  std::string sentence = fmt::format("Prometheus cannot scrape {}: {}", url, error);
  if (has(error, "connection refused")) {
    refused(s, target, evidence);
  } else if (has(error, "reset by peer") || error.ends_with(": EOF")) {
    cut_off(s, target, sentence, evidence);
  } else if (!response_refused(s, target, sentence, evidence)) {
    s.report.broken(
        cause::target_down, sentence, evidence,
        advice("Make the target respond at that address, or correct path, scheme and port in the monitor",
               look_for("pods", s.space)));
  }
  s.report.set(Link::prometheus, Mark::broken, target_text(target));
}

}  // namespace

std::vector<std::pair<std::string, long long>> declared_ports(const Scrape& s) {
  std::vector<std::pair<std::string, long long>> ports;
  if (s.pods.empty()) return ports;
  for (const Json& container : list_at(*s.pods.front(), "spec.containers")) {
    for (const Json& port : list_at(container, "ports"))
      ports.emplace_back(text_at(port, "name"), int_at(port, "containerPort"));
  }
  return ports;
}

void judge_targets(const Scrape& s, const std::vector<const Json*>& own) {
  std::vector<world::Target> targets;
  for (const Json* target : own) targets.push_back(target_from(*target));
  Scrapes scrapes = scrapes_of(targets);
  if (scrapes.up == 0 && scrapes.down > 0)
    return target_is_down(s, *own[static_cast<size_t>(scrapes.last_down - targets.data())]);
  Readiness seen = scrapes.readiness();
  s.report.set(Link::prometheus, seen.ready ? Mark::ok : Mark::unknown, seen.text);
}

}  // namespace hpawalk::diagnose
