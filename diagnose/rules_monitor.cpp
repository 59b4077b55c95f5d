// ServiceMonitors and PodMonitors: does one select the Service or pods, and does Prometheus select it?
#include <algorithm>

#include "diagnose/rules_scrape.hpp"

namespace hpawalk::diagnose {
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
  s.report.broken("monitor-port-name", Link::monitor, std::move(sentence), std::move(evidence),
                  std::move(fix));
  s.report.set(Link::prometheus, Mark::unknown, "skipped: needs the " + m.kind());
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

ObjectRef ref_of_monitor(const Monitor& m) {
  return {m.pods ? "podmonitor" : "servicemonitor", m.space, m.name};
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

// Labels are a map: those that are there stay, but for those that the selector wants otherwise.
std::optional<Fix> labelled(const ObjectRef& ref, const Json& object, const Json& selector, std::string says,
                            std::string beyond = {}) {
  const Json& wanted = at(selector, "matchLabels");
  if (!wanted.is_object() || wanted.empty()) return std::nullopt;
  Json before = at(object, "metadata.labels"), after = before.is_object() ? before : Json::object();
  after.update(wanted);
  if (!matches(selector, after)) return std::nullopt;  // expressions, which labels of ours do not meet
  for (const auto& [name, value] : wanted.items()) {
    const Json& had = at(before, std::vector<std::string>{name});
    if (!had.is_string() || had == value) continue;
    beyond += fmt::format("{}replaces the label {}={}; selectors that use that label no longer match",
                          beyond.empty() ? "" : "; ", name, had.get<std::string>());
  }
  return merge_patch(ref, object, {{"metadata", {{"labels", wanted}}}}, std::move(says), std::move(beyond));
}

// One namespace more: those that it looks into already stay.
Fix look_into(const Monitor& m, const std::string& space) {
  std::string says = fmt::format("Make {} also select namespace {}", m.ref(), space);
  const Json& selector = at(*m.object, "spec.namespaceSelector");
  std::optional<Fix> fix;
  if (text_list(list_at(selector, "matchNames")).empty()) {
    // Nothing set means its own namespace, which has to be named as soon as another one is.
    Json both = {{"matchNames", Json::array({m.space, space})}};
    fix = merge_patch(ref_of_monitor(m), *m.object, {{"spec", {{"namespaceSelector", both}}}}, says);
  } else {
    fix = json_patch(ref_of_monitor(m), *m.object,
                     Json::array({operation("add", {"spec", "namespaceSelector", "matchNames", "-"}, space)}),
                     says);
  }
  return fix.value_or(advice(says, look_at("get", ref_of_monitor(m))));
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
    s.report.broken("monitor-selects-no-service", Link::monitor,
                    fmt::format("{} matches the labels of {}, but does not select namespace {}",
                                by_space->ref(), what, s.c.hpa.space),
                    {fmt::format("{}: spec.namespaceSelector {}", by_space->ref(),
                                 at(*by_space->object, "spec.namespaceSelector").is_null()
                                     ? "is not set, so it selects only its own namespace"
                                     : at(*by_space->object, "spec.namespaceSelector").dump())},
                    look_into(*by_space, s.c.hpa.space));
  } else if (by_labels != nullptr) {
    const Json& selector = at(*by_labels->object, "spec.selector");
    std::string why = mismatch(selector, labels).value_or("");
    Fix fix = advice(fmt::format("Make the selector of {} match {}, or change the labels to match it",
                                 by_labels->ref(), what),
                     look_at("get", ref_of_monitor(*by_labels)));
    // Of one that has nothing in common with the Service but the namespace, nobody knows that it is meant.
    if (!by_labels->pods && service != nullptr && best > 2)
      fix = labelled(ref_of("service", *service), *service, selector,
                     fmt::format("Give Service {} the labels that {} selects", full_name(*service),
                                 by_labels->ref()))
                .value_or(fix);
    s.report.broken(
        "monitor-selects-no-service", Link::monitor,
        fmt::format("No ServiceMonitor or PodMonitor selects {}; the closest, {}, requires {}: {}", what,
                    by_labels->ref(), selector_text(selector), why),
        {fmt::format("{}: spec.selector {}", by_labels->ref(), selector_text(selector)),
         fmt::format("{}: labels {}", what, labels_text(labels))},
        fix);
  } else {
    s.report.broken("monitor-selects-no-service", Link::monitor,
                    fmt::format("No ServiceMonitor or PodMonitor selects {}", what),
                    {fmt::format("{} were checked: {}", plural_count(s.monitors.size(), "monitor"),
                                 "none covers namespace " + s.c.hpa.space)},
                    advice("Create a ServiceMonitor for it; hpawalk render shows one"));
  }
  s.report.set(Link::prometheus, Mark::unknown, "skipped: needs the monitor");
}

const Json* namespace_object(const Scrape& s, const std::string& name) {
  for (const Json* object : s.c.facts.items("namespaces")) {
    if (name_of(*object) == name) return object;
  }
  return nullptr;
}

// The monitor's namespace for Prometheus, and no other.
Fix select_namespace(const Scrape& s, const Json& prometheus, const Monitor& m, const std::string& field) {
  std::string says =
      fmt::format("Make Prometheus {} select {}s in namespace {}", full_name(prometheus), m.kind(), m.space);
  std::string beyond = fmt::format(
      "it then also selects every other {} of namespace {} that its selector matches", m.kind(), m.space);
  ObjectRef ref = ref_of("prometheus", prometheus);
  Fix otherwise = advice(says, look_at("get", ref));
  const Json& selector = at(prometheus, "spec." + field);
  if (selector.is_null()) {
    // Not set means its own namespace. `{}` would mean all of the cluster.
    Json both = {{"key", "kubernetes.io/metadata.name"},
                 {"operator", "In"},
                 {"values", Json::array({space_of(prometheus), m.space})}};
    return merge_patch(ref, prometheus, {{"spec", {{field, {{"matchExpressions", Json::array({both})}}}}}},
                       says, beyond)
        .value_or(otherwise);
  }
  const Json& expressions = list_at(selector, "matchExpressions");
  for (size_t i = 0; i < expressions.size(); ++i) {
    const Json& e = expressions[i];
    if (text_at(e, "key") != "kubernetes.io/metadata.name" || text_at(e, "operator") != "In") continue;
    Json longer = selector;
    longer["matchExpressions"][i]["values"].push_back(m.space);
    if (!matches(longer, namespace_labels(s.c.facts, m.space))) break;
    const std::vector<std::string> path = {"spec", field, "matchExpressions", std::to_string(i)};
    auto below = [&](std::vector<std::string> more) {
      more.insert(more.begin(), path.begin(), path.end());
      return more;
    };
    return json_patch(ref, prometheus,
                      Json::array({operation("test", below({"key"}), at(e, "key")),
                                   operation("test", below({"operator"}), "In"),
                                   operation("add", below({"values", "-"}), m.space)}),
                      says, beyond)
        .value_or(otherwise);
  }
  const Json* space = namespace_object(s, m.space);
  if (space == nullptr) return otherwise;
  return labelled({"namespace", "", m.space}, *space, selector, says, beyond).value_or(otherwise);
}

void not_selected_by(const Scrape& s, const Json& prometheus, const Monitor& m, const Selection& why) {
  std::string field = m.pods ? "podMonitor" : "serviceMonitor";
  std::string ref = full_name(prometheus);
  if (why.by_namespace) {
    s.report.broken(
        "monitor-namespace-not-selected", Link::monitor,
        fmt::format("Prometheus {} does not select {}s in namespace {}: {}", ref, m.kind(), m.space, why.why),
        {fmt::format("Prometheus {}: spec.{}NamespaceSelector {}", ref, field,
                     at(prometheus, "spec." + field + "NamespaceSelector").dump()),
         fmt::format("namespace {}: labels {}", m.space, labels_text(namespace_labels(s.c.facts, m.space)))},
        select_namespace(s, prometheus, m, field + "NamespaceSelector"));
  } else {
    std::string says = fmt::format("Give {} the labels that Prometheus {} selects", m.ref(), ref);
    s.report.broken(
        "monitor-not-selected", Link::monitor,
        fmt::format("Prometheus {} does not select {}: {}", ref, m.ref(), why.why),
        {fmt::format("Prometheus {}: spec.{}Selector {}", ref, field,
                     selector_text(at(prometheus, "spec." + field + "Selector"))),
         fmt::format("{}: labels {}", m.ref(), labels_text(at(*m.object, "metadata.labels")))},
        labelled(ref_of_monitor(m), *m.object, at(prometheus, "spec." + field + "Selector"), says)
            .value_or(advice(fmt::format("Change {}Selector of Prometheus {} to select it", field, ref),
                             look_at("get", ref_of("prometheus", prometheus)))));
  }
  s.report.set(Link::prometheus, Mark::unknown, "skipped: needs the monitor");
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
               "it responds; the monitor determines whether it scrapes these pods");
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

}  // namespace hpawalk::diagnose
