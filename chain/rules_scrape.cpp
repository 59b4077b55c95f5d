// From the pods to the series in Prometheus. If the series is there and current, everything before it has been
// proven; only if it is not, each link is looked at to find the one that is broken.
#include <algorithm>
#include <set>

#include <yaml-cpp/yaml.h>

#include "chain/collect.hpp"
#include "chain/rules.hpp"

namespace hpawalk {
namespace {

struct Source {
  std::vector<const Json*> pods;
  std::vector<const Json*> services;
};

// What should expose the metric: the Service that the HPA names, or its pods and the Services before them. For other
// objects, and external metrics, nothing says where the metric comes from.
Source source_of(const Context& c) {
  Source source;
  if (c.need.type == "Object" && c.need.resource.resource == "services") {
    for (const Json* service : c.facts.items("services", c.hpa.space)) {
      if (name_of(*service) == c.need.object_name) source.services.push_back(service);
    }
    if (!source.services.empty()) source.pods = pods_of_service(c.facts, *source.services.front());
  } else if (c.need.type == "Pods") {
    source.pods = c.hpa.pods;
    for (const Json* service : c.facts.items("services", c.hpa.space)) {
      bool serves = std::any_of(source.pods.begin(), source.pods.end(), [&](const Json* pod) {
        return map_matches(at(*service, "spec.selector"), at(*pod, "metadata.labels"));
      });
      if (serves) source.services.push_back(service);
    }
  }
  return source;
}

std::string patch_command(const std::string& what, const std::string& space, const Json& patch) {
  return fmt::format("kubectl patch {} -n {} --type merge -p {}", what, space, text::shell_quote({patch.dump()}));
}

std::string target_text(const Json& target) {
  return fmt::format("{} is {}{}", text_at(target, "url"), text_at(target, "health"),
                     text_at(target, "lastError").empty() ? "" : ": " + text_at(target, "lastError"));
}

// Rows of the series that belong to the object which the HPA names.
std::vector<Row> own_rows(const Context& c, const std::vector<Row>& rows) {
  const Candidate* candidate = c.candidate();
  if (c.need.external() || candidate == nullptr) return rows;
  std::optional<std::string> space = label_for(*candidate->rule, {"", "namespaces"});
  std::optional<std::string> object = label_for(*candidate->rule, c.need.resource);
  if (!space || !object) return rows;
  std::vector<std::string> names = c.object_names();
  std::vector<Row> own;
  for (const Row& row : rows) {
    auto in = row.labels.find(*space), of = row.labels.find(*object);
    if (in == row.labels.end() || in->second != c.hpa.space || of == row.labels.end()) continue;
    if (std::find(names.begin(), names.end(), of->second) != names.end()) own.push_back(row);
  }
  return own;
}

class ScrapeRules {
 public:
  ScrapeRules(const Context& c, Report& report) : c_(c), report_(report), source_(source_of(c)), series_(c.expected_series()) {
    const Reading* targets = c.prometheus_reading("targets");
    if (targets != nullptr && targets->read()) targets_ = &targets->value;
    monitors_ = monitors_of(c.facts);
  }

  void judge() {
    std::vector<Row> rows = c_.samples(series_);
    std::vector<Row> own = own_rows(c_, rows);
    bool known = c_.samples_known();
    bool too_many = rows.empty() && c_.sample_count(series_) > 0;
    if (known && (!own.empty() || too_many)) return proven(own, too_many);
    find_break();
    series(rows, known);
  }

 private:
  void proven(const std::vector<Row>& own, bool too_many) {
    std::string count = too_many ? fmt::format("{} series", c_.sample_count(series_)) : plural_count(own.size(), "sample");
    report_.set(Link::series, Mark::ok, own.size() == 1 ? fmt::format("{} = {}", series_, own[0].value) : fmt::format("{}: {}", series_, count));
    std::string job = own.empty() ? "" : label(own[0], "job");
    size_t up = 0, down = 0;
    std::string pool, error;
    for (const Json& target : targets_ == nullptr ? Json::array() : *targets_) {
      bool ours = !own.empty() && text_at(at(target, "labels"), "job") == job && (label(own[0], "namespace").empty() ||
                  text_at(at(target, "labels"), "namespace") == label(own[0], "namespace"));
      if (!ours) continue;
      (text_at(target, "health") == "down" ? down : up)++;
      if (text_at(target, "health") == "down") error = target_text(target);
      pool = text_at(target, "pool");
    }
    pods_and_services(true);
    report_.set(Link::monitor, Mark::ok, pool.empty() ? "the series is scraped" : pool);
    if (pool.empty()) report_.set(Link::monitor, Mark::ok, own.empty() || job.empty() ? "the series is there" : "job " + job);
    report_.set(Link::prometheus, Mark::ok, up > 0 ? plural_count(up, "target") + " up" : "has the series");
    if (down > 0) {
      report_.note("target-down", Link::prometheus, fmt::format("{} of {} targets of {} are down", down, up + down, pool), {error},
                   "kubectl get pods -n " + c_.hpa.space + " -o wide");
    }
  }

  static std::string label(const Row& row, const std::string& name) {
    auto found = row.labels.find(name);
    return found == row.labels.end() ? std::string() : found->second;
  }

  // The marks of pods and Service; with `proven`, they only inform.
  void pods_and_services(bool proven) {
    const Reading* pods = c_.facts.listing("pods", c_.hpa.space);
    const Reading* services = c_.facts.listing("services", c_.hpa.space);
    if (source_.pods.empty() && source_.services.empty() && (c_.need.external() || c_.need.resource.resource != "services")) {
      if (c_.need.type != "Pods") {
        report_.set(Link::pods, Mark::not_applicable, "nothing says which pods expose it");
        report_.set(Link::service, Mark::not_applicable, "nothing says which Service it comes from");
        return;
      }
    }
    size_t ready = static_cast<size_t>(std::count_if(source_.pods.begin(), source_.pods.end(), [](const Json* p) { return pod_ready(*p); }));
    if (pods == nullptr || pods->refused()) {
      report_.set(Link::pods, Mark::unknown, why_unread(pods));
    } else {
      report_.set(Link::pods, ready > 0 || proven ? Mark::ok : Mark::broken,
                  fmt::format("{} of {} ready", ready, plural_count(source_.pods.size(), "pod")));
    }
    if (services == nullptr || services->refused()) {
      report_.set(Link::service, Mark::unknown, why_unread(services));
    } else if (source_.services.empty()) {
      report_.set(Link::service, c_.need.type == "Pods" ? Mark::not_applicable : proven ? Mark::ok : Mark::broken, "no Service before these pods");
    } else {
      report_.set(Link::service, Mark::ok, "Service " + full_name(*source_.services.front()));
    }
  }

  void find_break() {
    pods_and_services(false);
    if (c_.need.type == "Object" && c_.need.resource.resource == "services") {
      if (report_.mark(Link::service) == Mark::unknown) return unknown_from(Link::monitor, "the Service could not be read");
      if (source_.services.empty()) return no_such_service();
      if (!service_has_pods(*source_.services.front())) return;
    } else if (c_.need.type == "Pods") {
      if (source_.pods.empty()) return unknown_from(Link::monitor, "the scale target has no pods");
    } else {
      return unknown_source();
    }
    if (!monitored()) return;
  }

  void unknown_from(Link first, const std::string& why) {
    for (Link link : {Link::monitor, Link::prometheus}) {
      if (link >= first) report_.set(link, Mark::unknown, why);
    }
  }

  void unknown_source() {
    report_.set(Link::monitor, Mark::not_applicable, "nothing says who scrapes it");
    prometheus_answers();
  }

  void no_such_service() {
    std::vector<std::string> names;
    for (const Json* s : c_.facts.items("services", c_.hpa.space)) names.push_back(name_of(*s));
    std::optional<std::string> near = text::nearest(c_.need.object_name, names);
    report_.broken("object-missing", Link::service,
                   fmt::format("The HPA asks for a metric of Service {}, which does not exist in namespace {}{}", c_.need.object_name,
                               c_.hpa.space, near ? "; there is " + *near : ""),
                   {fmt::format("HPA {}/{}: spec.metrics[{}].object.describedObject.name is {}", c_.hpa.space, c_.hpa.name, c_.need.index, c_.need.object_name)},
                   near ? fmt::format("kubectl patch hpa {} -n {} --type json -p '[{{\"op\":\"replace\",\"path\":\"/spec/metrics/{}/object/describedObject/name\",\"value\":\"{}\"}}]'",
                                      c_.hpa.name, c_.hpa.space, c_.need.index, *near)
                        : "Create the Service, or name the right one in the HPA");
    unknown_from(Link::monitor, "there is no Service");
  }

  bool service_has_pods(const Json& service) {
    if (report_.mark(Link::pods) == Mark::unknown) return true;
    const Json& selector = at(service, "spec.selector");
    if (!source_.pods.empty()) {
      if (report_.mark(Link::pods) == Mark::broken) {
        std::string why;
        for (const Json* pod : source_.pods) {
          for (const Json& s : list_at(*pod, "status.containerStatuses")) {
            for (const char* state : {"state.waiting", "state.terminated", "lastState.terminated"}) {
              if (why.empty()) why = text_at(at(s, state), "reason");
            }
          }
        }
        report_.broken("source-pods-not-ready", Link::pods,
                       fmt::format("No pod behind Service {} is ready{}", name_of(service), why.empty() ? "" : " (" + why + ")"),
                       {fmt::format("{}: none ready", plural_count(source_.pods.size(), "pod"))},
                       fmt::format("kubectl describe pod {} -n {}", name_of(*source_.pods.front()), c_.hpa.space));
        return false;
      }
      return true;
    }
    if (!selector.is_object() || selector.empty()) return true;  // its endpoints are made by hand
    const Json* near = nullptr;
    std::string why;
    size_t best = 0;
    for (const Json* pod : c_.facts.items("pods", c_.hpa.space)) {
      const Json& labels = at(*pod, "metadata.labels");
      size_t common = 0;
      for (const auto& [name, value] : selector.items()) common += labels.is_object() && labels.contains(name) ? (labels[name] == value ? 2 : 1) : 0;
      if (common <= best) continue;
      best = common;
      near = pod;
      why = mismatch(from_map(selector), labels).value_or("");
    }
    Json patch = {{"spec", {{"selector", Json::object()}}}};
    std::string fix = fmt::format("Pods with the labels {} are needed, or another selector in Service {}", labels_text(selector), name_of(service));
    if (near != nullptr) {
      for (const auto& [name, value] : selector.items()) {
        const Json& has = at(*near, {"metadata", "labels", name});
        patch["spec"]["selector"][name] = has;
      }
      fix = patch_command("service " + name_of(service), c_.hpa.space, patch);
    }
    report_.broken("service-selects-no-pod", Link::service,
                   fmt::format("Service {} selects no pod: its selector is {}{}", name_of(service), labels_text(selector),
                               near == nullptr ? "" : ", and of the nearest pod " + name_of(*near) + ", " + why),
                   {fmt::format("Service {}: spec.selector {}", full_name(service), labels_text(selector)),
                    fmt::format("pods of namespace {}: none matches", c_.hpa.space)},
                   fix);
    report_.set(Link::pods, near == nullptr ? Mark::broken : Mark::ok, near == nullptr ? "no pod" : "pod " + name_of(*near));
    unknown_from(Link::monitor, "the Service has no pods");
    return false;
  }

  bool prometheus_answers() {
    const Reading* runtime = c_.prometheus_reading("targets");
    if (runtime != nullptr && runtime->read()) {
      report_.set(Link::prometheus, Mark::ok, "answers");
      return true;
    }
    return prometheus_broken(runtime);
  }

  // No answer from Prometheus: not running, or not for us.
  bool prometheus_broken(const Reading* reading) {
    size_t ready = static_cast<size_t>(std::count_if(c_.prometheus.pods.begin(), c_.prometheus.pods.end(), [](const Json* p) { return pod_ready(*p); }));
    if (c_.prometheus.resource != nullptr && ready == 0) {
      const Json& available = condition(*c_.prometheus.resource, "Available");
      std::string ref = full_name(*c_.prometheus.resource);
      std::vector<std::string> evidence = {fmt::format("Prometheus {}: {} of {} ready", ref, ready, plural_count(c_.prometheus.pods.size(), "pod"))};
      if (text_at(available, "status") != "True" && !available.is_null()) {
        evidence.push_back(fmt::format("condition Available: {}: {}", text_at(available, "reason"), text_at(available, "message")));
      }
      report_.broken("prometheus-not-ready", Link::prometheus, fmt::format("Prometheus {} has no ready pod", ref), evidence,
                     fmt::format("kubectl describe prometheus {} -n {}\nkubectl get pods -n {}", name_of(*c_.prometheus.resource),
                                 space_of(*c_.prometheus.resource), space_of(*c_.prometheus.resource)));
      return false;
    }
    std::string why = reading != nullptr ? why_unread(reading)
                      : c_.prometheus.address ? "it was not asked"
                      : c_.adapter.prometheus_url.empty() ? "no adapter says where it is"
                                                          : c_.adapter.prometheus_url + " is no Service of this cluster that hpawalk can ask";
    report_.set(Link::prometheus, Mark::unknown, why);
    return false;
  }

  bool monitors_readable() {
    for (const char* resource : {"servicemonitors", "podmonitors"}) {
      const Reading* reading = c_.facts.listing(resource, c_.hpa.space);
      if (reading != nullptr && reading->read()) return true;
    }
    return false;
  }

  bool monitored() {
    const Reading* listing = c_.facts.listing("servicemonitors", c_.hpa.space);
    if (listing != nullptr && listing->absent()) return without_operator();
    if (!monitors_readable()) {
      report_.set(Link::monitor, Mark::unknown, why_unread(listing));
      prometheus_answers();
      return false;
    }
    std::vector<Monitor> matching;
    const Json* service = source_.services.empty() ? nullptr : source_.services.front();
    for (const Monitor& m : monitors_) {
      if (!m.covers(c_.hpa.space)) continue;
      const Json& selector = at(*m.object, "spec.selector");
      if (m.pods) {
        bool any = std::any_of(source_.pods.begin(), source_.pods.end(), [&](const Json* p) { return matches(selector, at(*p, "metadata.labels")); });
        if (any) matching.push_back(m);
        continue;
      }
      for (const Json* s : source_.services) {
        if (!matches(selector, at(*s, "metadata.labels"))) continue;
        matching.push_back(m);
        service = s;
        break;
      }
    }
    if (matching.empty()) return no_monitor(service);
    // The one that comes furthest decides: another that is broken too does not matter when one works.
    std::vector<Monitor> with_port;
    for (const Monitor& m : matching) {
      if (m.pods || service == nullptr || port_matches(m, *service)) with_port.push_back(m);
    }
    if (with_port.empty()) return wrong_port(matching.front(), *service);
    std::vector<Monitor> selected;
    std::vector<const Json*> prometheuses = c_.facts.items("prometheuses");
    if (c_.prometheus.resource != nullptr) prometheuses = {c_.prometheus.resource};
    for (const Monitor& m : with_port) {
      bool any = std::any_of(prometheuses.begin(), prometheuses.end(), [&](const Json* p) { return !not_selected(c_.facts, *p, m); });
      if (any) selected.push_back(m);
    }
    if (prometheuses.empty()) {
      const Reading* reading = c_.facts.find("prometheuses");
      report_.set(Link::monitor, Mark::ok, with_port.front().ref());
      report_.set(Link::prometheus, Mark::unknown, reading == nullptr || reading->refused() ? why_unread(reading) : "there is no Prometheus object");
      return false;
    }
    if (selected.empty()) return not_selected_by(*prometheuses.front(), with_port.front());
    report_.set(Link::monitor, Mark::ok, selected.front().ref());
    return scraped(selected, service);
  }

  static bool port_matches(const Monitor& m, const Json& service) {
    for (const Json& endpoint : list_at(*m.object, "spec.endpoints")) {
      std::string wanted = text_at(endpoint, "port");
      if (wanted.empty()) return true;  // targetPort, or all
      for (const Json& port : list_at(service, "spec.ports")) {
        if (text_at(port, "name") == wanted) return true;
      }
    }
    return false;
  }

  bool wrong_port(const Monitor& m, const Json& service) {
    std::vector<std::string> names, shown;
    for (const Json& port : list_at(service, "spec.ports")) {
      names.push_back(text_at(port, "name"));
      shown.push_back(fmt::format("{} ({})", names.back().empty() ? "unnamed" : names.back(), text_at(port, "port")));
    }
    std::string wanted;
    for (const Json& endpoint : list_at(*m.object, "spec.endpoints")) wanted = text_at(endpoint, "port");
    std::optional<std::string> near = text::nearest(wanted, names);
    std::string name = near.value_or(names.empty() ? "" : names.front());
    std::string fix;
    if (name.empty()) {
      fix = fmt::format("kubectl patch service {} -n {} --type json -p '[{{\"op\":\"add\",\"path\":\"/spec/ports/0/name\",\"value\":\"{}\"}}]'",
                        name_of(service), c_.hpa.space, wanted);
    } else {
      fix = fmt::format("kubectl patch servicemonitor {} -n {} --type json -p '[{{\"op\":\"replace\",\"path\":\"/spec/endpoints/0/port\",\"value\":\"{}\"}}]'",
                        m.name, m.space, name);
    }
    report_.broken("monitor-port-name", Link::monitor,
                   fmt::format("{} scrapes the port named {}, but Service {} has no port of that name", m.ref(), wanted, name_of(service)),
                   {fmt::format("{}: spec.endpoints[].port is {}", m.ref(), wanted),
                    fmt::format("Service {}: ports {}", full_name(service), text::join(shown, ", "))},
                   fix);
    report_.set(Link::prometheus, Mark::unknown, "waits for the ServiceMonitor");
    return false;
  }

  bool no_monitor(const Json* service) {
    // The nearest: one that would match were it not for its namespaces, its labels, or that shares most labels.
    const Monitor* by_space = nullptr;
    const Monitor* by_labels = nullptr;
    size_t best = 0;
    const Json& labels = service != nullptr ? at(*service, "metadata.labels") : source_.pods.empty() ? Json() : at(*source_.pods.front(), "metadata.labels");
    for (const Monitor& m : monitors_) {
      const Json& selector = at(*m.object, "spec.selector");
      if (matches(selector, labels) && selector_text(selector) != "everything") by_space = &m;
      if (!m.covers(c_.hpa.space)) continue;
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
    std::string what = service != nullptr ? "Service " + full_name(*service) : "the pods of " + c_.hpa.target_kind + " " + c_.hpa.target_name;
    if (by_space != nullptr && (by_labels == nullptr || best < 3)) {
      report_.broken("monitor-selects-no-service", Link::monitor,
                     fmt::format("{} matches the labels of {}, but does not look into namespace {}", by_space->ref(), what, c_.hpa.space),
                     {fmt::format("{}: spec.namespaceSelector {}", by_space->ref(), at(*by_space->object, "spec.namespaceSelector").is_null() ? "is not set, so only its own namespace counts" : at(*by_space->object, "spec.namespaceSelector").dump())},
                     patch_command((by_space->pods ? "podmonitor " : "servicemonitor ") + by_space->name, by_space->space,
                                   {{"spec", {{"namespaceSelector", {{"matchNames", {c_.hpa.space}}}}}}}));
    } else if (by_labels != nullptr) {
      const Json& selector = at(*by_labels->object, "spec.selector");
      std::string why = mismatch(selector, labels).value_or("");
      Json wanted = at(selector, "matchLabels");
      std::string fix = by_labels->pods || service == nullptr || !wanted.is_object()
                            ? "kubectl edit " + std::string(by_labels->pods ? "podmonitor " : "servicemonitor ") + by_labels->name + " -n " + by_labels->space
                            : patch_command("service " + name_of(*service), c_.hpa.space, {{"metadata", {{"labels", wanted}}}});
      report_.broken("monitor-selects-no-service", Link::monitor,
                     fmt::format("No ServiceMonitor or PodMonitor selects {}; the nearest, {}, wants {}: {}", what, by_labels->ref(), selector_text(selector), why),
                     {fmt::format("{}: spec.selector {}", by_labels->ref(), selector_text(selector)), fmt::format("{}: labels {}", what, labels_text(labels))}, fix);
    } else {
      report_.broken("monitor-selects-no-service", Link::monitor, fmt::format("No ServiceMonitor or PodMonitor selects {}", what),
                     {fmt::format("{} were looked at: {}", plural_count(monitors_.size(), "monitor"), "none covers namespace " + c_.hpa.space)},
                     "Create a ServiceMonitor for it; `hpawalk render` shows one");
    }
    report_.set(Link::prometheus, Mark::unknown, "waits for the monitor");
    return false;
  }

  bool not_selected_by(const Json& prometheus, const Monitor& m) {
    NotSelected why = *not_selected(c_.facts, prometheus, m);
    std::string field = m.pods ? "podMonitor" : "serviceMonitor";
    std::string ref = full_name(prometheus);
    std::string kind = m.pods ? "podmonitor " : "servicemonitor ";
    if (why.by_namespace) {
      report_.broken("monitor-namespace-not-selected", Link::monitor,
                     fmt::format("Prometheus {} does not look for {}s in namespace {}: {}", ref, m.kind(), m.space, why.why),
                     {fmt::format("Prometheus {}: spec.{}NamespaceSelector {}", ref, field, at(prometheus, "spec." + field + "NamespaceSelector").dump()),
                      fmt::format("namespace {}: labels {}", m.space, labels_text(namespace_labels(c_.facts, m.space)))},
                     at(prometheus, "spec." + field + "NamespaceSelector.matchLabels").is_object()
                         ? fmt::format("kubectl label namespace {} {}", m.space, [&] {
                             std::string labels = labels_text(at(prometheus, "spec." + field + "NamespaceSelector.matchLabels"));
                             std::replace(labels.begin(), labels.end(), ',', ' ');
                             return labels;
                           }())
                         : patch_command("prometheus " + name_of(prometheus), space_of(prometheus), {{"spec", {{field + "NamespaceSelector", Json::object()}}}}));
    } else {
      const Json& wanted = at(prometheus, "spec." + field + "Selector.matchLabels");
      report_.broken("monitor-not-selected", Link::monitor, fmt::format("Prometheus {} does not select {}: {}", ref, m.ref(), why.why),
                     {fmt::format("Prometheus {}: spec.{}Selector {}", ref, field, selector_text(at(prometheus, "spec." + field + "Selector"))),
                      fmt::format("{}: labels {}", m.ref(), labels_text(at(*m.object, "metadata.labels")))},
                     wanted.is_object() ? patch_command(kind + m.name, m.space, {{"metadata", {{"labels", wanted}}}})
                                        : fmt::format("kubectl edit prometheus {} -n {}", name_of(prometheus), space_of(prometheus)));
    }
    report_.set(Link::prometheus, Mark::unknown, "waits for the monitor");
    return false;
  }

  bool without_operator() {
    report_.set(Link::monitor, Mark::not_applicable, "no prometheus-operator here");
    if (!prometheus_answers() || targets_ == nullptr) return false;
    std::set<std::string> names;
    for (const Json* s : source_.services) names.insert(name_of(*s));
    for (const Json& target : *targets_) {
      const Json& labels = at(target, "labels");
      bool ours = text_at(labels, "namespace") == c_.hpa.space && (names.contains(text_at(labels, "service")) || is_own_pod(target));
      if (ours) return judge_targets({&target});
    }
    report_.broken("no-scrape-config", Link::prometheus,
                   fmt::format("Prometheus has no target for {} in namespace {}", source_.services.empty() ? "these pods" : "Service " + name_of(*source_.services.front()), c_.hpa.space),
                   {seen(*c_.prometheus_reading("targets"), plural_count(targets_->size(), "target") + ", none of them this one")},
                   "Add a scrape_config for it to prometheus.yml, or the prometheus.io/scrape annotation that its configuration looks for", Certainty::likely);
    return false;
  }

  bool is_own_pod(const Json& target) const {
    for (const Json* pod : source_.pods) {
      std::string ip = text_at(*pod, "status.podIP");
      if (!ip.empty() && text_at(target, "url").find("//" + ip + ":") != std::string::npos) return true;
      if (text_at(at(target, "labels"), "pod") == name_of(*pod)) return true;
    }
    return false;
  }

  bool scraped(const std::vector<Monitor>& monitors, const Json* service) {
    if (targets_ == nullptr) return prometheus_answers();
    std::vector<const Json*> own;
    for (const Json& target : *targets_) {
      for (const Monitor& m : monitors) {
        if (!text_at(target, "pool").starts_with(m.pool())) continue;
        const Json& labels = at(target, "labels");
        bool ours = is_own_pod(target) || (service != nullptr && text_at(labels, "service") == name_of(*service) && text_at(labels, "namespace") == c_.hpa.space);
        if (ours) own.push_back(&target);
      }
    }
    if (!own.empty()) return judge_targets(own);
    const Monitor& m = monitors.front();
    const Reading* config = c_.prometheus_reading("config");
    std::string yaml = config != nullptr && config->read() ? text_at(config->value, "yaml") : "";
    bool job_there = yaml.find("job_name: " + m.pool()) != std::string::npos;
    if (!yaml.empty() && !job_there) return job_missing(m);
    return nothing_discovered(m, service);
  }

  // Selected by Prometheus, but not in the configuration that it runs with.
  bool job_missing(const Monitor& m) {
    for (const Json* event : c_.facts.items("rejections")) {
      const Json& about = at(*event, "involvedObject");
      std::string message = text_at(*event, "message");
      bool ours = (text_at(about, "name") == m.name && text_at(about, "namespace") == m.space) || message.find(m.space + "/" + m.name) != std::string::npos;
      // An event stays for an hour after its reason is gone: it counts if the object has not changed since.
      std::string changed = text_at(*m.object, "metadata.hpawalkLastChange");
      std::string last = std::max(text_at(*event, "lastTimestamp"), text_at(*event, "eventTime"));
      if (!ours || (!changed.empty() && !last.empty() && last < changed)) continue;
      report_.broken("monitor-rejected", Link::monitor, fmt::format("prometheus-operator rejected {} as invalid: {}", m.ref(), message),
                     {fmt::format("event InvalidConfiguration of {}: {}", m.ref(), message)},
                     fmt::format("kubectl edit {} {} -n {}", m.pods ? "podmonitor" : "servicemonitor", m.name, m.space));
      report_.set(Link::prometheus, Mark::unknown, "waits for the monitor");
      return false;
    }
    for (const Json& binding : list_at(*m.object, "status.bindings")) {
      for (const Json& accepted : list_at(binding, "conditions")) {
        if (text_at(accepted, "type") != "Accepted" || text_at(accepted, "status") != "False") continue;
        report_.broken("monitor-rejected", Link::monitor, fmt::format("prometheus-operator rejected {}: {}", m.ref(), text_at(accepted, "message")),
                       {m.ref() + ": status.bindings: Accepted is False"}, "kubectl edit servicemonitor " + m.name + " -n " + m.space);
        return false;
      }
    }
    const Reading* runtime = c_.prometheus_reading("runtime");
    if (runtime != nullptr && runtime->read() && !bool_at(runtime->value, "reloadConfigSuccess", true)) {
      report_.broken("prometheus-config-rejected", Link::prometheus,
                     "Prometheus rejected the configuration that the operator wrote, and runs with its old one",
                     {seen(*runtime, "reloadConfigSuccess is false, the last good configuration is of " + text_at(runtime->value, "lastConfigTime")),
                      seen(*c_.prometheus_reading("config"), "no job " + m.pool() + "0")},
                     prometheus_log());
      return false;
    }
    std::vector<const Json*> operators = c_.facts.items("operator-pods");
    bool running = std::any_of(operators.begin(), operators.end(), [](const Json* p) { return pod_ready(*p); });
    const Reading* operator_list = c_.facts.find("operator-pods");
    if (operator_list != nullptr && operator_list->read() && !running) {
      report_.broken("operator-not-running", Link::prometheus,
                     fmt::format("{} is selected, but no prometheus-operator is running to write it into Prometheus's configuration", m.ref()),
                     {seen(*operator_list, plural_count(operators.size(), "pod") + ", none ready")},
                     "kubectl get deployment -A -l app.kubernetes.io/name=prometheus-operator", Certainty::likely);
      return false;
    }
    std::optional<WallTime> changed = parse_time(text_at(*m.object, "metadata.hpawalkLastChange"));
    std::vector<std::string> evidence = {seen(*c_.prometheus_reading("config"), "no job " + m.pool() + "0")};
    if (changed && c_.facts.taken - *changed < std::chrono::seconds(120)) {
      evidence.push_back(fmt::format("{}: changed {} ago", m.ref(), text::duration(c_.facts.taken - *changed)));
      report_.broken("prometheus-config-pending", Link::prometheus,
                     fmt::format("{} is selected, but so new that Prometheus's configuration does not have it yet", m.ref()), evidence,
                     "Wait: the operator and the config reloader need up to two minutes", Certainty::likely);
      return false;
    }
    report_.broken("prometheus-config-rejected", Link::prometheus,
                   fmt::format("{} is selected, but Prometheus's running configuration has no job for it", m.ref()), evidence, prometheus_log(),
                   Certainty::likely);
    return false;
  }

  std::string prometheus_log() const {
    if (c_.prometheus.pods.empty()) return "Read Prometheus's log";
    const Json& pod = *c_.prometheus.pods.front();
    return fmt::format("kubectl logs {} -n {} -c prometheus --tail 20\nkubectl logs {} -n {} -c config-reloader --tail 20", name_of(pod), space_of(pod), name_of(pod), space_of(pod));
  }

  bool nothing_discovered(const Monitor& m, const Json* service) {
    if (!c_.prometheus.pods.empty()) {
      std::string user = user_of(*c_.prometheus.pods.front());
      std::vector<std::string> missing, evidence;
      for (const AccessQuestion& q : discovery_questions(user, c_.hpa.space)) {
        const Reading* answer = c_.facts.find(may_key(q));
        if (answer == nullptr || !answer->read() || !answer->value.is_boolean() || answer->value.get<bool>()) continue;
        missing.push_back(q.resource);
        evidence.push_back(fmt::format("SubjectAccessReview: {} may not {} {} in namespace {}", user, q.verb, q.resource, c_.hpa.space));
      }
      if (!missing.empty()) {
        report_.broken("prometheus-cannot-discover", Link::prometheus,
                       fmt::format("Prometheus may not list {} in namespace {}, so it finds no targets there", text::join(missing, " and "), c_.hpa.space), evidence,
                       fmt::format("kubectl create role prometheus-discovery -n {0} --verb=get,list,watch --resource=services,endpoints,pods\n"
                                   "kubectl create rolebinding prometheus-discovery -n {0} --role=prometheus-discovery --serviceaccount={1}",
                                   c_.hpa.space, user.substr(std::string("system:serviceaccount:").size())));
        return false;
      }
    }
    if (service != nullptr && !has_endpoints(c_.facts, *service)) {
      report_.broken("service-selects-no-pod", Link::service, fmt::format("Service {} has no endpoints", name_of(*service)),
                     {fmt::format("EndpointSlices of Service {}: no address", full_name(*service))},
                     fmt::format("kubectl describe service {} -n {}", name_of(*service), c_.hpa.space));
      return false;
    }
    report_.broken("target-not-discovered", Link::prometheus,
                   fmt::format("Prometheus has a job for {}, but no target in it; it may be about to find one", m.ref()),
                   {seen(*c_.prometheus_reading("targets"), "no active target of " + m.pool())},
                   "Look at Status > Service discovery in Prometheus: relabelings may drop it", Certainty::possible);
    return false;
  }

  bool judge_targets(const std::vector<const Json*>& own) {
    size_t up = 0;
    const Json* down = nullptr;
    for (const Json* target : own) {
      if (text_at(*target, "health") == "up") ++up;
      if (text_at(*target, "health") == "down") down = target;
    }
    if (up > 0) {
      report_.set(Link::prometheus, Mark::ok, plural_count(up, "target") + " up");
      return true;
    }
    if (down == nullptr) {
      report_.set(Link::prometheus, Mark::unknown, "the target was not scraped yet");
      return false;
    }
    std::string error = text_at(*down, "lastError");
    bool refused = error.find("connection refused") != std::string::npos || error.find("reset by peer") != std::string::npos;
    std::string sentence = refused ? fmt::format("Prometheus cannot scrape {}: nothing listens there, so the Service's targetPort is wrong, or the program listens elsewhere", text_at(*down, "url"))
                                   : fmt::format("Prometheus cannot scrape {}: {}", text_at(*down, "url"), error);
    std::string fix = "kubectl get pods -n " + c_.hpa.space + " -o wide";
    if (refused && !source_.services.empty()) {
      std::vector<std::string> ports;
      if (!source_.pods.empty()) {
        for (const Json& container : list_at(*source_.pods.front(), "spec.containers")) {
          for (const Json& port : list_at(container, "ports")) ports.push_back(text_at(port, "containerPort"));
        }
      }
      fix = fmt::format("The pods declare port {}:\nkubectl patch service {} -n {} --type json -p '[{{\"op\":\"replace\",\"path\":\"/spec/ports/0/targetPort\",\"value\":{}}}]'",
                        ports.empty() ? "(none)" : text::join(ports, ", "), name_of(*source_.services.front()), c_.hpa.space, ports.empty() ? "PORT" : ports.front());
    }
    report_.broken(refused ? "service-target-port" : "target-down", refused ? Link::service : Link::prometheus, sentence,
                   {seen(*c_.prometheus_reading("targets"), target_text(*down))}, fix);
    report_.set(Link::prometheus, Mark::broken, target_text(*down));
    return false;
  }

  // The series itself, once what is before it is known.
  void series(const std::vector<Row>& rows, bool known) {
    if (!known) {
      const Reading* reading = c_.prometheus_reading("samples");
      report_.set(Link::series, Mark::unknown, reading == nullptr ? "Prometheus was not asked" : why_unread(reading));
      return;
    }
    std::string where = fmt::format("{} of {}", series_, c_.need.external() ? "anything" : c_.need.type == "Object" ? c_.need.object_kind + " " + c_.need.object_name : "these pods");
    if (!rows.empty()) {
      // It exists, but not for this object: judge_adapter says whether labels or rules are to blame.
      report_.set(Link::series, report_.broken_before(Link::series) ? Mark::broken : Mark::ok,
                  fmt::format("{} has {}, none labelled for this {}", series_, plural_count(rows.size(), "sample"), c_.need.resource.text()));
      return;
    }
    report_.set(Link::series, Mark::broken, "no sample of " + where);
    bool scraping = report_.mark(Link::prometheus) == Mark::ok && !report_.broken_before(Link::series);
    if (!scraping) return;
    if (c_.candidate() == nullptr && c_.adapter.config) {
      // No rule leads from any series to this name: judge_adapter says which of the two is wrong.
      report_.set(Link::series, Mark::unknown, "no rule of the adapter leads to a series");
      return;
    }
    bool source_known = !source_.pods.empty();
    std::string sentence = source_known ? fmt::format("The target is scraped, but does not expose {}", series_)
                                        : fmt::format("Prometheus has no series {}", series_);
    std::vector<std::string> names;
    const Reading* all = c_.prometheus_reading("names");
    if (all != nullptr) names = text_list(all->value);
    std::erase(names, series_);
    std::optional<std::string> near = text::nearest(series_, names);
    report_.broken("metric-not-exposed", Link::series, sentence + (near ? "; there is " + *near : ""),
                   {seen(*c_.prometheus_reading("samples"), "no sample of " + series_)},
                   near ? "Is " + *near + " the one that you mean?" : "Look at the application's /metrics, and at metricRelabelings of its monitor", source_known ? Certainty::certain : Certainty::likely);
  }

  const Context& c_;
  Report& report_;
  Source source_;
  std::string series_;
  const Json* targets_ = nullptr;
  std::vector<Monitor> monitors_;
};

}  // namespace

void judge_scrape(const Context& c, Report& report) {
  if (c.adapter.kind == AdapterKind::keda || c.adapter.kind == AdapterKind::other) {
    for (Link link : {Link::pods, Link::service, Link::monitor, Link::prometheus, Link::series}) {
      report.set(link, Mark::not_applicable, "the adapter has a source of its own");
    }
    return;
  }
  ScrapeRules(c, report).judge();
}

}  // namespace hpawalk
