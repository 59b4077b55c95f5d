// ServiceMonitors and PodMonitors: does one select the Service or pods, and does Prometheus select it?
#include <algorithm>

#include "chain/rules_scrape.hpp"

namespace hpawalk {
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
                 std::string fix) {
  s.report.broken("monitor-port-name", Link::monitor, std::move(sentence), std::move(evidence),
                  std::move(fix));
  s.report.set(Link::prometheus, Mark::unknown, "waits for the " + m.kind());
}

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
  std::string wanted;
  for (const Json& endpoint : list_at(*m.object, "spec.endpoints")) wanted = text_at(endpoint, "port");
  std::optional<std::string> near = text::nearest(wanted, names);
  std::string name = near.value_or(names.empty() ? "" : names.front());
  std::string fix;
  if (name.empty()) {
    fix = fmt::format(
        "kubectl patch service {} -n {} --type json -p "
        "'[{{\"op\":\"add\",\"path\":\"/spec/ports/0/name\",\"value\":\"{}\"}}]'",
        name_of(service), s.c.hpa.space, wanted);
  } else {
    fix = fmt::format(
        "kubectl patch servicemonitor {} -n {} --type json -p "
        "'[{{\"op\":\"replace\",\"path\":\"/spec/endpoints/0/port\",\"value\":\"{}\"}}]'",
        m.name, m.space, name);
  }
  report_port(s, m,
              fmt::format("{} scrapes the port named {}, but Service {} has no port of that name", m.ref(),
                          wanted, name_of(service)),
              {fmt::format("{}: spec.endpoints[].port is {}", m.ref(), wanted),
               fmt::format("Service {}: ports {}", full_name(service), text::join(shown, ", "))},
              fix);
}

void no_monitor(const Scrape& s, const Json* service) {
  // The nearest: one that would match were it not for its namespaces, its labels, or that shares most
  // labels.
  const Monitor* by_space = nullptr;
  const Monitor* by_labels = nullptr;
  size_t best = 0;
  const Json& labels = service != nullptr ? at(*service, "metadata.labels")
                       : s.pods.empty()   ? Json()
                                          : at(*s.pods.front(), "metadata.labels");
  for (const Monitor& m : s.monitors) {
    const Json& selector = at(*m.object, "spec.selector");
    if (matches(selector, labels) && selector_text(selector) != "everything") by_space = &m;
    if (!m.covers(s.c.hpa.space)) continue;
    size_t likeness = 1;
    const Json& wanted = at(selector, "matchLabels");
    if (wanted.is_object() && labels.is_object()) {
      for (const auto& [key, value] : wanted.items()) likeness += labels.contains(key) ? 2 : 0;
    }
    if (service != nullptr && m.name.find(name_of(*service)) != std::string::npos) likeness += 3;
    if (service != nullptr && port_matches(m, *service)) likeness += 1;
    if (likeness > best) {
      best = likeness;
      by_labels = &m;
    }
  }
  std::string what = service != nullptr ? "Service " + full_name(*service)
                                        : "the pods of " + s.c.hpa.target_kind + " " + s.c.hpa.target_name;
  if (by_space != nullptr && (by_labels == nullptr || best < 5)) {
    s.report.broken(
        "monitor-selects-no-service", Link::monitor,
        fmt::format("{} matches the labels of {}, but does not look into namespace {}", by_space->ref(), what,
                    s.c.hpa.space),
        {fmt::format("{}: spec.namespaceSelector {}", by_space->ref(),
                     at(*by_space->object, "spec.namespaceSelector").is_null()
                         ? "is not set, so only its own namespace counts"
                         : at(*by_space->object, "spec.namespaceSelector").dump())},
        patch_command((by_space->pods ? "podmonitor " : "servicemonitor ") + by_space->name, by_space->space,
                      {{"spec", {{"namespaceSelector", {{"matchNames", {s.c.hpa.space}}}}}}}));
  } else if (by_labels != nullptr) {
    const Json& selector = at(*by_labels->object, "spec.selector");
    std::string why = mismatch(selector, labels).value_or("");
    Json wanted = at(selector, "matchLabels");
    std::string fix = by_labels->pods || service == nullptr || !wanted.is_object()
                          ? "kubectl edit " +
                                std::string(by_labels->pods ? "podmonitor " : "servicemonitor ") +
                                by_labels->name + " -n " + by_labels->space
                          : patch_command("service " + name_of(*service), s.c.hpa.space,
                                          {{"metadata", {{"labels", wanted}}}});
    s.report.broken("monitor-selects-no-service", Link::monitor,
                    fmt::format("No ServiceMonitor or PodMonitor selects {}; the nearest, {}, wants {}: {}",
                                what, by_labels->ref(), selector_text(selector), why),
                    {fmt::format("{}: spec.selector {}", by_labels->ref(), selector_text(selector)),
                     fmt::format("{}: labels {}", what, labels_text(labels))},
                    fix);
  } else {
    s.report.broken("monitor-selects-no-service", Link::monitor,
                    fmt::format("No ServiceMonitor or PodMonitor selects {}", what),
                    {fmt::format("{} were looked at: {}", plural_count(s.monitors.size(), "monitor"),
                                 "none covers namespace " + s.c.hpa.space)},
                    "Create a ServiceMonitor for it; `hpawalk render` shows one");
  }
  s.report.set(Link::prometheus, Mark::unknown, "waits for the monitor");
}

void not_selected_by(const Scrape& s, const Json& prometheus, const Monitor& m, const Selection& why) {
  std::string field = m.pods ? "podMonitor" : "serviceMonitor";
  std::string ref = full_name(prometheus);
  std::string kind = m.pods ? "podmonitor " : "servicemonitor ";
  if (why.by_namespace) {
    s.report.broken(
        "monitor-namespace-not-selected", Link::monitor,
        fmt::format("Prometheus {} does not look for {}s in namespace {}: {}", ref, m.kind(), m.space,
                    why.why),
        {fmt::format("Prometheus {}: spec.{}NamespaceSelector {}", ref, field,
                     at(prometheus, "spec." + field + "NamespaceSelector").dump()),
         fmt::format("namespace {}: labels {}", m.space, labels_text(namespace_labels(s.c.facts, m.space)))},
        at(prometheus, "spec." + field + "NamespaceSelector.matchLabels").is_object()
            ? fmt::format("kubectl label namespace {} {}", m.space,
                          [&] {
                            std::string labels = labels_text(
                                at(prometheus, "spec." + field + "NamespaceSelector.matchLabels"));
                            std::replace(labels.begin(), labels.end(), ',', ' ');
                            return labels;
                          }())
            : patch_command("prometheus " + name_of(prometheus), space_of(prometheus),
                            {{"spec", {{field + "NamespaceSelector", Json::object()}}}}));
  } else {
    const Json& wanted = at(prometheus, "spec." + field + "Selector.matchLabels");
    s.report.broken(
        "monitor-not-selected", Link::monitor,
        fmt::format("Prometheus {} does not select {}: {}", ref, m.ref(), why.why),
        {fmt::format("Prometheus {}: spec.{}Selector {}", ref, field,
                     selector_text(at(prometheus, "spec." + field + "Selector"))),
         fmt::format("{}: labels {}", m.ref(), labels_text(at(*m.object, "metadata.labels")))},
        wanted.is_object()
            ? patch_command(kind + m.name, m.space, {{"metadata", {{"labels", wanted}}}})
            : fmt::format("kubectl edit prometheus {} -n {}", name_of(prometheus), space_of(prometheus)));
  }
  s.report.set(Link::prometheus, Mark::unknown, "waits for the monitor");
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
  std::string wanted;
  for (const Json& endpoint : list_at(*m.object, "spec.podMetricsEndpoints"))
    wanted = text_at(endpoint, "port");
  std::string name = text::nearest(wanted, names).value_or(names.empty() ? "" : names.front());
  std::string fix =
      name.empty()
          ? fmt::format("Give the container's port the name {}: spec.containers[].ports[].name", wanted)
          : fmt::format(
                "kubectl patch podmonitor {} -n {} --type json -p "
                "'[{{\"op\":\"replace\",\"path\":\"/spec/podMetricsEndpoints/0/port\",\"value\":\"{}\"}}]'",
                m.name, m.space, name);
  report_port(
      s, m,
      fmt::format("{} scrapes the port named {}, but no container of these pods has a port of that name",
                  m.ref(), wanted),
      {fmt::format("{}: spec.podMetricsEndpoints[].port is {}", m.ref(), wanted),
       fmt::format("pod {}: ports {}", s.pods.empty() ? "" : name_of(*s.pods.front()),
                   names.empty() ? "without names" : text::join(names, ", "))},
      fix);
}

// Why a list of monitors may not be whole; empty if it is.
std::string monitors_unread(const Scrape& s) {
  for (const char* resource : {"servicemonitors", "podmonitors"}) {
    const Reading* reading = s.c.facts.whole(resource);
    if (reading == nullptr || reading->refused()) return why_unread(reading);
  }
  return {};
}

// Those that select the Service (which is set to the one found) or the pods.
std::vector<Monitor> matching_monitors(const Scrape& s, const Json*& service) {
  std::vector<Monitor> matching;
  for (const Monitor& m : s.monitors) {
    if (!m.covers(s.c.hpa.space)) continue;
    const Json& selector = at(*m.object, "spec.selector");
    auto matched = [&](const Json* object) { return matches(selector, at(*object, "metadata.labels")); };
    const std::vector<const Json*>& objects = m.pods ? s.pods : s.services;
    auto found = std::find_if(objects.begin(), objects.end(), matched);
    if (found == objects.end()) continue;
    matching.push_back(m);
    if (!m.pods) service = *found;
  }
  return matching;
}

void unknown_monitor(const Scrape& s, const std::string& why) {
  s.report.set(Link::monitor, Mark::unknown, why);
  if (!prometheus_answers(s)) return;
  s.report.set(Link::prometheus, Mark::unknown,
               "it answers; whether it is to scrape these depends on the monitor");
}

}  // namespace

void monitored(const Scrape& s) {
  const Json* service = s.services.empty() ? nullptr : s.services.front();
  std::vector<Monitor> matching = matching_monitors(s, service);
  std::string unread = monitors_unread(s);
  if (matching.empty() && !unread.empty()) {
    return unknown_monitor(s, unread);
  }
  if (matching.empty()) return no_monitor(s, service);
  // The one that comes furthest decides: another that is broken too does not matter when one works.
  std::vector<Monitor> with_port;
  for (const Monitor& m : matching) {
    if (m.pods ? pod_port_matches(m, s.pods) : port_matches(m, *service)) with_port.push_back(m);
  }
  if (with_port.empty()) {
    const Monitor& m = matching.front();
    return m.pods ? wrong_pod_port(s, m) : wrong_port(s, m, *service);
  }
  std::vector<const Json*> prometheuses = s.c.facts.items("prometheuses");
  if (s.c.prometheus.resource != nullptr) prometheuses = {s.c.prometheus.resource};
  if (prometheuses.empty()) {
    const Reading* reading = s.c.facts.whole("prometheuses");
    s.report.set(Link::monitor, Mark::ok, with_port.front().ref());
    s.report.set(
        Link::prometheus, Mark::unknown,
        reading == nullptr || reading->refused() ? why_unread(reading) : "there is no Prometheus object");
    return;
  }
  std::vector<Monitor> selected;
  Selection worst;
  const Json* by = prometheuses.front();
  for (const Monitor& m : with_port) {
    for (const Json* prometheus : prometheuses) {
      Selection selection = selects(s.c.facts, *prometheus, m);
      if (selection.answer == Selection::Answer::yes) selected.push_back(m);
      bool first = worst.answer == Selection::Answer::yes;
      if (first || selection.answer == Selection::Answer::unknown) worst = selection, by = prometheus;
    }
  }
  if (!selected.empty()) {
    s.report.set(Link::monitor, Mark::ok, selected.front().ref());
    return scraped(s, selected, service);
  }
  if (worst.answer == Selection::Answer::unknown) {
    return unknown_monitor(s, worst.why);
  }
  not_selected_by(s, *by, with_port.front(), worst);
}

}  // namespace hpawalk
