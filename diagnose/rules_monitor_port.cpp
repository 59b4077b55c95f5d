// The port that a monitor names: does the Service, or a container of the pods, have one of that name?
#include <algorithm>

#include "diagnose/rules_monitor.hpp"

namespace hpawalk::diagnose {

const Cause cause::monitor_port_name = {.id = "monitor-port-name",
                                        .link = Link::monitor,
                                        .symptom = "0/0 targets",
                                        .reason =
                                            "endpoints[].port is the name of a Service port (PodMonitor: of "
                                            "a container port), and no port has that name",
                                        .detection = "The names; the closest name is suggested",
                                        .fix = "Name the port"};

namespace {

std::vector<std::string> port_names(const Json& pod) {
  std::vector<std::string> names;
  for (const Json& container : list_at(pod, "spec.containers")) {
    for (const Json& port : list_at(container, "ports")) {
      if (std::string name = text_at(port, "name"); !name.empty()) names.push_back(name);
    }
  }
  return names;
}

void report_port(const Scrape& s, const Monitor& m, std::string sentence, std::vector<std::string> evidence,
                 Fix fix) {
  s.report.broken(cause::monitor_port_name, std::move(sentence), std::move(evidence), std::move(fix));
  s.report.set(Link::prometheus, Mark::unknown, "skipped: needs the " + m.kind());
}

// Of the endpoints that name a port which there is not: the last, with where it stands.
struct WrongPort {
  size_t index = 0;
  std::string port;
};

WrongPort wrong_endpoint(const Json& endpoints, const std::vector<std::string>& names) {
  WrongPort wrong;
  for (size_t i = 0; i < endpoints.size(); ++i) {
    std::string port = text_at(endpoints[i], "port");
    if (!port.empty() && std::find(names.begin(), names.end(), port) == names.end()) wrong = {i, port};
  }
  return wrong;
}

// The name that was meant: the nearest, or the only one there is.
std::optional<std::string> meant(const std::string& wanted, std::vector<std::string> names) {
  std::erase(names, "");
  if (std::optional<std::string> near = text::nearest(wanted, names)) return near;
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names.size() == 1 ? std::optional(names.front()) : std::nullopt;
}

Fix name_port(const Monitor& m, const std::string& list, const WrongPort& wrong,
              const std::vector<std::string>& names, const std::string& whose) {
  std::string says =
      fmt::format("Make {} scrape an existing port of {}, instead of {}", m.ref(), whose, wrong.port);
  std::optional<std::string> name = meant(wrong.port, names);
  if (!name) return advice(says, look_at("get", ref_of_monitor(m)));
  const std::vector<std::string> path = {"spec", list, std::to_string(wrong.index), "port"};
  return json_patch(
             ref_of_monitor(m), *m.object,
             Json::array({operation("test", path, wrong.port), operation("replace", path, *name)}),
             fmt::format("Make {} scrape port {} of {}, instead of {}", m.ref(), *name, whose, wrong.port))
      .value_or(advice(says, look_at("get", ref_of_monitor(m))));
}

// The only port of a Service may be without a name.
std::optional<Fix> name_only_port(const Json& service, const std::string& name) {
  const Json& ports = list_at(service, "spec.ports");
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789-";
  bool possible = !name.empty() && name.size() <= 63 && name.front() != '-' && name.back() != '-' &&
                  name.find_first_not_of(letters) == std::string::npos;
  if (ports.size() != 1 || !text_at(ports[0], "name").empty() || !possible) return std::nullopt;
  return json_patch(ref_of("service", service), service,
                    Json::array({operation("test", {"spec", "ports", "0", "port"}, at(ports[0], "port")),
                                 operation("add", {"spec", "ports", "0", "name"}, name)}),
                    fmt::format("Name the only port of Service {}: {}", full_name(service), name));
}

}  // namespace

bool port_matches(const Monitor& m, const Json& service) {
  for (const Json& endpoint : list_at(*m.object, "spec.endpoints")) {
    std::string wanted = text_at(endpoint, "port");
    if (wanted.empty()) return true;  // targetPort, or all
    for (const Json& port : list_at(service, "spec.ports")) {
      if (text_at(port, "name") == wanted) return true;
    }
  }
  return false;
}

void wrong_port(const Scrape& s, const Monitor& m, const Json& service) {
  std::vector<std::string> names, shown;
  for (const Json& port : list_at(service, "spec.ports")) {
    names.push_back(text_at(port, "name"));
    shown.push_back(
        fmt::format("{} ({})", names.back().empty() ? "unnamed" : names.back(), text_at(port, "port")));
  }
  WrongPort wrong = wrong_endpoint(list_at(*m.object, "spec.endpoints"), names);
  const std::string& wanted = wrong.port;
  Fix fix = name_only_port(service, wanted)
                .value_or(name_port(m, "endpoints", wrong, names, "Service " + full_name(service)));
  report_port(s, m,
              fmt::format("{} scrapes the port named {}, but Service {} has no port of that name", m.ref(),
                          wanted, name_of(service)),
              {fmt::format("{}: spec.endpoints[].port is {}", m.ref(), wanted),
               fmt::format("Service {}: ports {}", full_name(service), text::join(shown, ", "))},
              fix);
}

// What a PodMonitor's port must be: a name that a container of the pods gives to one of its ports.
bool pod_port_matches(const Monitor& m, const std::vector<const Json*>& pods) {
  for (const Json& endpoint : list_at(*m.object, "spec.podMetricsEndpoints")) {
    std::string wanted = text_at(endpoint, "port");
    if (wanted.empty()) return true;  // portNumber, targetPort
    for (const Json* pod : pods) {
      for (const std::string& name : port_names(*pod)) {
        if (name == wanted) return true;
      }
    }
  }
  return false;
}

void wrong_pod_port(const Scrape& s, const Monitor& m) {
  std::vector<std::string> names = s.pods.empty() ? std::vector<std::string>{} : port_names(*s.pods.front());
  WrongPort wrong = wrong_endpoint(list_at(*m.object, "spec.podMetricsEndpoints"), names);
  const std::string& wanted = wrong.port;
  Fix fix = names.empty() ? advice(fmt::format("Give the container's port the name {}", wanted))
                          : name_port(m, "podMetricsEndpoints", wrong, names, "these pods");
  report_port(
      s, m,
      fmt::format("{} scrapes the port named {}, but no container of these pods has a port of that name",
                  m.ref(), wanted),
      {fmt::format("{}: spec.podMetricsEndpoints[].port is {}", m.ref(), wanted),
       fmt::format("pod {}: ports {}", s.pods.empty() ? "" : name_of(*s.pods.front()),
                   names.empty() ? "without names" : text::join(names, ", "))},
      fix);
}

}  // namespace hpawalk::diagnose
