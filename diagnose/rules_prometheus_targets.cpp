// The chain's targets in Prometheus: is one up, and if not, why can Prometheus not scrape them?
#include "diagnose/rules_scrape.hpp"

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

namespace {

// What the pods' containers declare: name (or empty) and number.
std::vector<std::pair<std::string, long long>> declared_ports(const Scrape& s) {
  std::vector<std::pair<std::string, long long>> ports;
  if (s.pods.empty()) return ports;
  for (const Json& container : list_at(*s.pods.front(), "spec.containers")) {
    for (const Json& port : list_at(container, "ports"))
      ports.emplace_back(text_at(port, "name"), int_at(port, "containerPort"));
  }
  return ports;
}

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

Fix right_target_port(const Scrape& s, const Json& service, const std::string& url) {
  std::vector<std::pair<std::string, long long>> declared = declared_ports(s);
  std::vector<std::string> shown;
  for (const auto& [name, number] : declared)
    shown.push_back(name.empty() ? std::to_string(number) : fmt::format("{} ({})", number, name));
  return lead_to_declared(service, url, declared)
      .value_or(advice(
          fmt::format("Point the Service's port to the port where the program listens; the pods declare {}",
                      shown.empty() ? "no port" : text::join(shown, ", ")),
          look_at("get", ref_of("service", service))));
}

void target_is_down(const Scrape& s, const Json& target) {
  std::string error = text_at(target, "lastError"), url = text_at(target, "url");
  std::vector<std::string> evidence = {seen(*s.c.prometheus_reading("targets"), target_text(target))};
  Fix fix = advice("Make the target respond at that address, or correct path, scheme and port in the monitor",
                   look_for("pods", s.c.hpa.space));
  if (has(error, "connection refused") || has(error, "reset by peer")) {
    if (!s.services.empty()) fix = right_target_port(s, *s.services.front(), url);
    s.report.broken(cause::service_target_port,
                    fmt::format("Prometheus cannot scrape {}: nothing listens there, so the Service's "
                                "targetPort is wrong, or the program listens elsewhere",
                                url),
                    evidence, fix);
  } else {
    s.report.broken(cause::target_down, fmt::format("Prometheus cannot scrape {}: {}", url, error), evidence,
                    fix);
  }
  s.report.set(Link::prometheus, Mark::broken, target_text(target));
}

}  // namespace

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
