// Does a monitor select or name the Service or pods, and does Prometheus select it?
#include "diagnose/rules_monitor.hpp"

#include <algorithm>

#include "world/kube_resource.hpp"

namespace hpawalk::diagnose {

const Cause cause::monitor_other_group = {
    .id = "monitor-other-group",
    .link = Link::monitor,
    .symptom = "The monitor selects the Service, and Prometheus has no such job",
    .reason =
        "The monitor is of the API group that another Prometheus reads: azmonitoring.coreos.com is Azure "
        "Monitor's managed Prometheus, monitoring.coreos.com is prometheus-operator",
    .detection =
        "The group of the monitors that select the Service, and which Prometheus the adapter queries",
    .fix = "Create the monitor in the group that this Prometheus reads"};

const Cause cause::monitor_selects_no_service = {
    .id = "monitor-selects-no-service",
    .link = Link::monitor,
    .symptom = "0/0 targets, or no such job",
    .reason =
        "The monitor's selector does not match the Service's labels, or its namespaceSelector excludes the "
        "namespace",
    .detection =
        "Every monitor's selector against the labels of the Service (not of its selector), in the namespaces "
        "that it covers",
    .fix = "Correct labels or namespaceSelector"};

ObjectRef ref_of_monitor(const Monitor& m) {
  return {m.resource, m.space, m.name};
}

const Json* found_by(const Monitor& m, const Source& source) {
  if (m.of->by_selector && !m.covers(source.space)) return nullptr;
  const std::vector<const Json*>& objects = m.pods() ? source.pods : source.services;
  auto found = std::find_if(objects.begin(), objects.end(), [&](const Json* object) {
    return m.of->by_selector ? matches(at(*m.object, "spec.selector"), at(*object, "metadata.labels"))
                             : names(m, *object);
  });
  return found == objects.end() ? nullptr : *found;
}

bool made_by_operator(const std::string& job) {
  return std::any_of(std::begin(monitor_kinds), std::end(monitor_kinds),
                     [&](const MonitorKind& kind) { return job.starts_with(std::string(kind.field) + "/"); });
}

bool by_monitor(const Json& target) {
  return made_by_operator(text_at(target, "pool"));
}

const Monitor* monitor_of(const Scrape& s, const Json& target) {
  std::string job = text_at(target, "pool");
  auto found =
      std::find_if(s.monitors.begin(), s.monitors.end(), [&](const Monitor& m) { return m.makes(job); });
  return found == s.monitors.end() ? nullptr : &*found;
}

std::optional<Endpoint> endpoint_of(const Scrape& s, const Json& target) {
  const Monitor* m = monitor_of(s, target);
  if (m == nullptr || !m->of->by_selector) return std::nullopt;
  std::string list = m->pods() ? "podMetricsEndpoints" : "endpoints",
              index = text_at(target, "pool").substr(m->job().size());
  const Json& endpoints = list_at(*m->object, "spec." + list);
  auto number = static_cast<size_t>(std::max(0, std::atoi(index.c_str())));
  if (number >= endpoints.size() || std::to_string(number) != index) return std::nullopt;
  return Endpoint{m, list, index, &endpoints[number]};
}

Json labels_with(const Json& object, const Json& wanted) {
  Json labels = at(object, "metadata.labels");
  if (!labels.is_object()) labels = Json::object();
  if (wanted.is_object()) labels.update(wanted);
  return labels;
}

// Labels are a map: those that are there stay, but for those that the selector wants otherwise.
std::optional<Fix> labelled(const ObjectRef& ref, const Json& object, const Json& selector, std::string says,
                            std::string beyond) {
  const Json& wanted = at(selector, "matchLabels");
  if (!wanted.is_object() || wanted.empty()) return std::nullopt;
  Json before = at(object, "metadata.labels"), after = labels_with(object, wanted);
  if (!matches(selector, after)) return std::nullopt;  // expressions, which labels of ours do not meet
  for (const auto& [name, value] : wanted.items()) {
    const Json& had = at(before, std::vector<std::string>{name});
    if (!had.is_string() || had == value) continue;
    beyond += fmt::format("{}replaces the label {}={}; selectors that use that label no longer match",
                          beyond.empty() ? "" : "; ", name, had.get<std::string>());
  }
  return merge_patch(ref, object, {{"metadata", {{"labels", wanted}}}}, std::move(says), std::move(beyond));
}

namespace {

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

// The monitors that come closest: one that would match were it not for its namespaces, and the one whose
// labels, name and port are most like the object's.
struct Nearest {
  const Monitor* by_space = nullptr;
  const Monitor* by_labels = nullptr;
  size_t likeness = 0;
};

size_t likeness_of(const Monitor& m, const Json* service, const Json& labels) {
  size_t likeness = 1;
  const Json& wanted = at(*m.object, "spec.selector.matchLabels");
  if (wanted.is_object() && labels.is_object()) {
    for (const auto& [key, value] : wanted.items()) likeness += labels.contains(key) ? 2 : 0;
  }
  if (service != nullptr && m.name.find(name_of(*service)) != std::string::npos) likeness += 3;
  if (service != nullptr && port_matches(m, *service)) likeness += 1;
  return likeness;
}

Nearest nearest_monitor(const Scrape& s, const Json* service, const Json& labels) {
  Nearest nearest;
  for (const Monitor& m : s.monitors) {
    if (!m.of->by_selector) continue;
    const Json& selector = at(*m.object, "spec.selector");
    if (matches(selector, labels) && selector_text(selector) != "everything") nearest.by_space = &m;
    if (!m.covers(s.space)) continue;
    size_t likeness = likeness_of(m, service, labels);
    if (likeness <= nearest.likeness) continue;
    nearest.likeness = likeness;
    nearest.by_labels = &m;
  }
  return nearest;
}

// Why the lists of a group's monitors that select by labels, or of those that name targets, may not be whole;
// empty: they are.
std::string unread_of(const Context& c, bool azure, bool by_selector) {
  for (const MonitorKind& kind : monitor_kinds) {
    if (kind.by_selector != by_selector || kind.azure != azure) continue;
    if (kind.azure && !serves_azure_monitors(c.facts)) continue;
    const Reading* reading = c.facts.whole(kind.key());
    if (reading == nullptr || reading->refused()) return why_unread(reading);
  }
  return {};
}

// Where other pods expose a Pods metric, these need not expose it too.
void selects_none(const Scrape& s, std::string sentence, std::vector<std::string> evidence, Fix fix) {
  std::string others = others_that_expose(s);
  bool samples_seen = s.c.need.type != "Pods" || s.c.samples_known();
  std::string unread = unread_of(s.c, s.c.prometheus.azure, false);
  if (!unread.empty()) evidence.push_back("ScrapeConfigs or Probes: " + unread);
  std::string unread_others = unread_of(s.c, !s.c.prometheus.azure, true);
  if (!unread_others.empty()) evidence.push_back("monitors of the other API group: " + unread_others);
  if (!others.empty())
    evidence.push_back(fmt::format("{} has samples of {}; type Pods fits only if these pods expose it too",
                                   s.series, others));
  s.report.broken(
      cause::monitor_selects_no_service, std::move(sentence), std::move(evidence), std::move(fix),
      others.empty() && samples_seen && unread.empty() && unread_others.empty() && s.targets != nullptr
          ? Certainty::certain
          : Certainty::likely);
}

void other_namespace(const Scrape& s, const Monitor& m, const std::string& what) {
  const Json& selector = at(*m.object, "spec.namespaceSelector");
  selects_none(
      s, fmt::format("{} matches the labels of {}, but does not select namespace {}", m.ref(), what, s.space),
      {fmt::format(
          "{}: spec.namespaceSelector {}", m.ref(),
          selector.is_null() ? "is not set, so it selects only its own namespace" : selector.dump())},
      look_into(m, s.space));
}

void other_labels(const Scrape& s, const Nearest& nearest, const Json* service, const Json& labels,
                  const std::string& what) {
  const Monitor& m = *nearest.by_labels;
  const Json& selector = at(*m.object, "spec.selector");
  Fix fix =
      advice(fmt::format("Make the selector of {} match {}, or change the labels to match it", m.ref(), what),
             look_at("get", ref_of_monitor(m)));
  // Of one that has nothing in common with the Service but the namespace, nobody knows that it is meant.
  if (!m.pods() && service != nullptr && nearest.likeness > 2)
    fix = labelled(ref_of("service", *service), *service, selector,
                   fmt::format("Give Service {} the labels that {} selects", full_name(*service), m.ref()))
              .value_or(fix);
  selects_none(s,
               fmt::format("No ServiceMonitor or PodMonitor selects {}; the closest, {}, requires {}: {}",
                           what, m.ref(), selector_text(selector), mismatch(selector, labels).value_or("")),
               {fmt::format("{}: spec.selector {}", m.ref(), selector_text(selector)),
                fmt::format("{}: labels {}", what, labels_text(labels))},
               fix);
}

void no_monitor(const Scrape& s, const Json* service) {
  const Json& labels = service != nullptr ? at(*service, "metadata.labels")
                       : s.pods.empty()   ? Json()
                                          : at(*s.pods.front(), "metadata.labels");
  Nearest nearest = nearest_monitor(s, service, labels);
  std::string what =
      service != nullptr ? "Service " + full_name(*service) : "the pods of " + s.c.hpa.target_text();
  if (nearest.by_space != nullptr && (nearest.by_labels == nullptr || nearest.likeness < 5)) {
    other_namespace(s, *nearest.by_space, what);
  } else if (nearest.by_labels != nullptr && nearest.likeness > 1) {
    other_labels(s, nearest, service, labels, what);
  } else {
    selects_none(s, fmt::format("No ServiceMonitor or PodMonitor selects {}", what),
                 {fmt::format("{} were checked: {}", text::count(s.monitors.size(), "monitor"),
                              nearest.by_labels == nullptr ? "none covers namespace " + s.space
                                                           : "none has a label of it in its selector")},
                 s.c.prometheus.azure
                     ? advice("Create a ServiceMonitor of azmonitoring.coreos.com/v1 for it, or a job in the "
                              "ConfigMap kube-system/ama-metrics-prometheus-config")
                     : advice("Create a ServiceMonitor for it; hpawalk render shows one"));
  }
  s.report.set(Link::prometheus, Mark::unknown, "skipped: needs the monitor");
}

// A monitor that would do, were it not for its group.
bool in_other_group(const Scrape& s) {
  std::vector<Monitor> others = monitors_of_others(s.c.facts, s.c.prometheus);
  auto found =
      std::find_if(others.begin(), others.end(), [&](const Monitor& m) { return found_by(m, s) != nullptr; });
  if (found == others.end()) return false;
  const std::string azure(world::azure_monitoring_group), own(world::kube_kind("ServiceMonitor").group);
  std::string group = found->of->azure ? azure : own, right = found->of->azure ? own : azure;
  std::string reader = s.c.prometheus.azure ? "Azure Monitor's managed Prometheus"
                       : s.c.prometheus.resource != nullptr
                           ? "Prometheus " + full_name(*s.c.prometheus.resource)
                           : "the Prometheus that the adapter queries";
  s.report.broken(
      cause::monitor_other_group,
      fmt::format("{} is of API group {}, but {} reads only {}", found->ref(), group, reader, right),
      {fmt::format("{}: apiVersion {}/v1", found->ref(), group),
       fmt::format("the adapter queries {}", s.c.adapter.prometheus_url)},
      advice(fmt::format("Create the same {} with apiVersion {}/v1", found->of->kind, right),
             look_at("get", ref_of_monitor(*found))));
  s.report.set(Link::prometheus, Mark::unknown, "skipped: needs the monitor");
  return true;
}

// Those that select or name the Service (which is set to the one found), or select the pods.
std::vector<Monitor> matching_monitors(const Scrape& s, const Json*& service) {
  std::vector<Monitor> matching;
  for (const Monitor& m : s.monitors) {
    const Json* found = found_by(m, s);
    if (found == nullptr) continue;
    matching.push_back(m);
    if (!m.pods()) service = found;
  }
  return matching;
}

void unknown_monitor(const Scrape& s, const std::string& why) {
  s.report.set(Link::monitor, Mark::unknown, why);
  if (!prometheus_answers(s)) return;
  s.report.set(Link::prometheus, Mark::unknown,
               "it responds; the monitor determines whether it scrapes these pods");
}

// The Prometheuses that may select the monitors; of none, the marks say why.
std::vector<const Json*> selecting_prometheuses(const Scrape& s, const Monitor& m) {
  std::vector<const Json*> prometheuses = s.c.facts.items("prometheuses");
  if (s.c.prometheus.resource != nullptr) prometheuses = {s.c.prometheus.resource};
  if (!prometheuses.empty()) return prometheuses;
  const Reading* reading = s.c.facts.whole("prometheuses");
  s.report.set(Link::monitor, Mark::ok, m.ref());
  s.report.set(
      Link::prometheus, Mark::unknown,
      reading == nullptr || reading->refused() ? why_unread(reading) : "there is no Prometheus object");
  return {};
}

void judge_selection(const Scrape& s, const std::vector<Monitor>& monitors, const Json* service) {
  // Azure Monitor's managed Prometheus reads all monitors of its group: it has no selectors.
  for (const Monitor& m : monitors) {
    if (!m.of->azure) continue;
    s.report.set(Link::monitor, Mark::ok, m.ref());
    return scraped(s, {m}, service);
  }
  std::vector<const Json*> prometheuses = selecting_prometheuses(s, monitors.front());
  if (prometheuses.empty()) return;
  std::vector<Monitor> selected;
  Selection worst;
  const Json* by = prometheuses.front();
  for (const Monitor& m : monitors) {
    for (const Json* prometheus : prometheuses) {
      Selection selection = selects(s.c.facts, *prometheus, selectable(m));
      if (selection.answer == Selection::Answer::yes) selected.push_back(m);
      bool first = worst.answer == Selection::Answer::yes;
      if (first || selection.answer == Selection::Answer::unknown) worst = selection, by = prometheus;
    }
  }
  if (!selected.empty()) {
    s.report.set(Link::monitor, Mark::ok, selected.front().ref());
    return scraped(s, selected, service);
  }
  if (worst.answer == Selection::Answer::unknown) return unknown_monitor(s, worst.why);
  not_selected_by(s, *by, selectable(monitors.front()), worst,
                  {cause::monitor_not_selected, cause::monitor_namespace_not_selected});
  s.report.set(Link::prometheus, Mark::unknown, "skipped: needs the monitor");
}

}  // namespace

std::string monitors_unread(const Scrape& s) {
  return unread_of(s.c, s.c.prometheus.azure, true);
}

bool selected_by_any_monitor(const Scrape& s) {
  const Json* service = nullptr;
  return !matching_monitors(s, service).empty();
}

void monitored(const Scrape& s) {
  const Json* service = s.services.empty() ? nullptr : s.services.front();
  std::vector<Monitor> matching = matching_monitors(s, service);
  std::string unread = monitors_unread(s);
  if (matching.empty() && other_job(s)) return;
  if (matching.empty() && !unread.empty()) return unknown_monitor(s, unread);
  if (matching.empty() && in_other_group(s)) return;
  if (matching.empty()) return no_monitor(s, service);
  // The one that comes furthest decides: another that is broken too does not matter when one works.
  std::vector<Monitor> with_port;
  for (const Monitor& m : matching) {
    bool has_port =
        !m.of->by_selector || (m.pods() ? pod_port_matches(m, s.pods) : port_matches(m, *service));
    if (has_port) with_port.push_back(m);
  }
  if (!with_port.empty()) return judge_selection(s, with_port, service);
  const Monitor& m = matching.front();
  return m.pods() ? wrong_pod_port(s, m) : wrong_port(s, m, *service);
}

}  // namespace hpawalk::diagnose
