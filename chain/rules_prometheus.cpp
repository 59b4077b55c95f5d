// Prometheus: does it run, has it the job, does it find targets and can it scrape them?
#include <algorithm>
#include <set>

#include "chain/collect.hpp"
#include "chain/rules_scrape.hpp"

namespace hpawalk {
namespace {

// No answer from Prometheus: not running, or not for us.
void prometheus_broken(const Scrape& s, const Reading* reading) {
  size_t ready = static_cast<size_t>(std::count_if(s.c.prometheus.pods.begin(), s.c.prometheus.pods.end(),
                                                   [](const Json* p) { return pod_ready(*p); }));
  const Reading* pods = s.c.prometheus.resource == nullptr
                            ? nullptr
                            : s.c.facts.listing("pods", space_of(*s.c.prometheus.resource));
  if (pods != nullptr && pods->read() && ready == 0) {
    const Json& available = condition(*s.c.prometheus.resource, "Available");
    std::string ref = full_name(*s.c.prometheus.resource);
    std::vector<std::string> evidence = {fmt::format("Prometheus {}: {} of {} ready", ref, ready,
                                                     plural_count(s.c.prometheus.pods.size(), "pod"))};
    if (text_at(available, "status") != "True" && !available.is_null()) {
      evidence.push_back(fmt::format("condition Available: {}: {}", text_at(available, "reason"),
                                     text_at(available, "message")));
    }
    s.report.broken("prometheus-not-ready", Link::prometheus,
                    fmt::format("Prometheus {} has no ready pod", ref), evidence,
                    fmt::format("kubectl describe prometheus {} -n {}\nkubectl get pods -n {}",
                                name_of(*s.c.prometheus.resource), space_of(*s.c.prometheus.resource),
                                space_of(*s.c.prometheus.resource)));
    return;
  }
  std::string why = reading != nullptr       ? why_unread(reading)
                    : s.c.prometheus.address ? "it was not asked"
                    : s.c.adapter.prometheus_url.empty()
                        ? "no adapter says where it is"
                        : s.c.adapter.prometheus_url + " is no Service of this cluster that hpawalk can ask";
  s.report.set(Link::prometheus, Mark::unknown, why);
}

void judge_targets(const Scrape& s, const std::vector<const Json*>& own) {
  size_t up = 0;
  const Json* down = nullptr;
  for (const Json* target : own) {
    if (text_at(*target, "health") == "up") ++up;
    if (text_at(*target, "health") == "down") down = target;
  }
  if (up > 0) {
    s.report.set(Link::prometheus, Mark::ok, plural_count(up, "target") + " up");
    return;
  }
  if (down == nullptr) {
    s.report.set(Link::prometheus, Mark::unknown, "the target was not scraped yet");
    return;
  }
  std::string error = text_at(*down, "lastError");
  bool refused = error.find("connection refused") != std::string::npos ||
                 error.find("reset by peer") != std::string::npos;
  std::string sentence = refused
                             ? fmt::format(
                                   "Prometheus cannot scrape {}: nothing listens there, so the Service's "
                                   "targetPort is wrong, or the program listens elsewhere",
                                   text_at(*down, "url"))
                             : fmt::format("Prometheus cannot scrape {}: {}", text_at(*down, "url"), error);
  std::string fix = "kubectl get pods -n " + s.c.hpa.space + " -o wide";
  if (refused && !s.services.empty()) {
    std::vector<std::string> ports;
    if (!s.pods.empty()) {
      for (const Json& container : list_at(*s.pods.front(), "spec.containers")) {
        for (const Json& port : list_at(container, "ports")) ports.push_back(text_at(port, "containerPort"));
      }
    }
    fix = fmt::format(
        "The pods declare port {}:\nkubectl patch service {} -n {} --type json -p "
        "'[{{\"op\":\"replace\",\"path\":\"/spec/ports/0/targetPort\",\"value\":{}}}]'",
        ports.empty() ? "(none)" : text::join(ports, ", "), name_of(*s.services.front()), s.c.hpa.space,
        ports.empty() ? "PORT" : ports.front());
  }
  s.report.broken(refused ? "service-target-port" : "target-down", refused ? Link::service : Link::prometheus,
                  sentence, {seen(*s.c.prometheus_reading("targets"), target_text(*down))}, fix);
  s.report.set(Link::prometheus, Mark::broken, target_text(*down));
}

bool is_own_pod(const Scrape& s, const Json& target) {
  for (const Json* pod : s.pods) {
    std::string ip = text_at(*pod, "status.podIP");
    if (!ip.empty() && text_at(target, "url").find("//" + ip + ":") != std::string::npos) return true;
    if (text_at(at(target, "labels"), "pod") == name_of(*pod)) return true;
  }
  return false;
}

// Does the target lead to the Service by its labels, or by its DNS name?
bool is_own_service(const Scrape& s, const Json& target) {
  const Json& labels = at(target, "labels");
  return std::any_of(s.services.begin(), s.services.end(), [&](const Json* service) {
    std::string name = name_of(*service), host = "//" + name + "." + s.c.hpa.space;
    std::string url = text_at(target, "url");
    if (has(url, host + ".") || has(url, host + ":") || has(url, host + "/")) return true;
    return text_at(labels, "namespace") == s.c.hpa.space && text_at(labels, "service") == name;
  });
}

std::string prometheus_log(const Scrape& s) {
  if (s.c.prometheus.pods.empty()) return "Read Prometheus's log";
  const Json& pod = *s.c.prometheus.pods.front();
  return fmt::format(
      "kubectl logs {} -n {} -c prometheus --tail 20\nkubectl logs {} -n {} -c config-reloader --tail 20",
      name_of(pod), space_of(pod), name_of(pod), space_of(pod));
}

// Selected by Prometheus, but not in the configuration that it runs with.
void job_missing(const Scrape& s, const Monitor& m) {
  for (const Json* event : s.c.facts.items("rejections")) {
    const Json& about = at(*event, "involvedObject");
    std::string message = text_at(*event, "message");
    bool ours = (text_at(about, "name") == m.name && text_at(about, "namespace") == m.space) ||
                message.find(m.space + "/" + m.name) != std::string::npos;
    // An event stays for an hour after its reason is gone: it counts if the object has not changed since.
    std::string changed = text_at(*m.object, "metadata.hpawalkLastChange");
    std::string last = std::max(text_at(*event, "lastTimestamp"), text_at(*event, "eventTime"));
    if (!ours || (!changed.empty() && !last.empty() && last < changed)) continue;
    s.report.broken(
        "monitor-rejected", Link::monitor,
        fmt::format("prometheus-operator rejected {} as invalid: {}", m.ref(), message),
        {fmt::format("event InvalidConfiguration of {}: {}", m.ref(), message)},
        fmt::format("kubectl edit {} {} -n {}", m.pods ? "podmonitor" : "servicemonitor", m.name, m.space));
    s.report.set(Link::prometheus, Mark::unknown, "waits for the monitor");
    return;
  }
  for (const Json& binding : list_at(*m.object, "status.bindings")) {
    for (const Json& accepted : list_at(binding, "conditions")) {
      if (text_at(accepted, "type") != "Accepted" || text_at(accepted, "status") != "False") continue;
      s.report.broken(
          "monitor-rejected", Link::monitor,
          fmt::format("prometheus-operator rejected {}: {}", m.ref(), text_at(accepted, "message")),
          {m.ref() + ": status.bindings: Accepted is False"},
          "kubectl edit servicemonitor " + m.name + " -n " + m.space);
      return;
    }
  }
  const Reading* runtime = s.c.prometheus_reading("runtime");
  if (runtime != nullptr && runtime->read() && !bool_at(runtime->value, "reloadConfigSuccess", true)) {
    s.report.broken(
        "prometheus-config-rejected", Link::prometheus,
        "Prometheus rejected the configuration that the operator wrote, and runs with its old one",
        {seen(*runtime, "reloadConfigSuccess is false, the last good configuration is of " +
                            text_at(runtime->value, "lastConfigTime")),
         seen(*s.c.prometheus_reading("config"), "no job " + m.pool() + "0")},
        prometheus_log(s));
    return;
  }
  std::vector<const Json*> operators = s.c.facts.items("operator-pods");
  bool running = std::any_of(operators.begin(), operators.end(), [](const Json* p) { return pod_ready(*p); });
  const Reading* by_name = s.c.facts.find("operator-pods/by-name");
  if (by_name != nullptr && by_name->read() && !running) {
    // An operator can run elsewhere, or under labels of its own: only pods that are there and not ready prove
    // it.
    s.report.broken("operator-not-running", Link::prometheus,
                    fmt::format("{} is selected, but no prometheus-operator is running to write it into "
                                "Prometheus's configuration",
                                m.ref()),
                    {seen(*by_name, plural_count(operators.size(), "pod") + " of an operator, none ready")},
                    "kubectl get deployments -A | grep -i operator",
                    operators.empty() ? Certainty::possible : Certainty::likely);
    return;
  }
  std::optional<WallTime> changed = parse_time(text_at(*m.object, "metadata.hpawalkLastChange"));
  std::vector<std::string> evidence = {seen(*s.c.prometheus_reading("config"), "no job " + m.pool() + "0")};
  if (changed && s.c.facts.taken - *changed < std::chrono::seconds(120)) {
    evidence.push_back(
        fmt::format("{}: changed {} ago", m.ref(), text::duration(s.c.facts.taken - *changed)));
    s.report.broken(
        "prometheus-config-pending", Link::prometheus,
        fmt::format("{} is selected, but so new that Prometheus's configuration does not have it yet",
                    m.ref()),
        evidence, "Wait: the operator and the config reloader need up to two minutes", Certainty::likely);
    return;
  }
  s.report.broken(
      "prometheus-config-rejected", Link::prometheus,
      fmt::format("{} is selected, but Prometheus's running configuration has no job for it", m.ref()),
      evidence, prometheus_log(s), Certainty::likely);
}

void nothing_discovered(const Scrape& s, const Monitor& m, const Json* service) {
  if (!s.c.prometheus.pods.empty()) {
    std::string user = user_of(*s.c.prometheus.pods.front());
    std::vector<std::string> missing, evidence;
    for (const AccessQuestion& q : discovery_questions(user, s.c.hpa.space, s.c.prometheus.resource)) {
      const Reading* answer = s.c.facts.find(may_key(q));
      if (answer == nullptr || !answer->read() || !answer->value.is_boolean() || answer->value.get<bool>())
        continue;
      missing.push_back(q.resource);
      evidence.push_back(fmt::format("SubjectAccessReview: {} may not {} {} in namespace {}", user, q.verb,
                                     q.resource, s.c.hpa.space));
    }
    if (!missing.empty()) {
      s.report.broken("prometheus-cannot-discover", Link::prometheus,
                      fmt::format("Prometheus may not list {} in namespace {}, so it finds no targets there",
                                  text::join(missing, ", "), s.c.hpa.space),
                      evidence,
                      fmt::format("kubectl create role prometheus-discovery -n {0} --verb=get,list,watch "
                                  "--resource=services,endpoints,pods\n"
                                  "kubectl create rolebinding prometheus-discovery -n {0} "
                                  "--role=prometheus-discovery --serviceaccount={1}",
                                  s.c.hpa.space, user.substr(std::string("system:serviceaccount:").size())));
      return;
    }
  }
  const Reading* slices = s.c.facts.listing("endpointslices", s.c.hpa.space);
  if (service != nullptr && slices != nullptr && slices->read() && !has_endpoints(s.c.facts, *service)) {
    s.report.broken("service-selects-no-pod", Link::service,
                    fmt::format("Service {} has no endpoints", name_of(*service)),
                    {fmt::format("EndpointSlices of Service {}: no address", full_name(*service))},
                    fmt::format("kubectl describe service {} -n {}", name_of(*service), s.c.hpa.space));
    return;
  }
  s.report.broken(
      "target-not-discovered", Link::prometheus,
      fmt::format("Prometheus has a job for {}, but no target in it; it may be about to find one", m.ref()),
      {seen(*s.c.prometheus_reading("targets"), "no active target of " + m.pool())},
      "Look at Status > Service discovery in Prometheus: relabelings may drop it", Certainty::possible);
}

}  // namespace

bool prometheus_answers(const Scrape& s) {
  const Reading* runtime = s.c.prometheus_reading("targets");
  if (runtime != nullptr && runtime->read()) {
    s.report.set(Link::prometheus, Mark::ok, "answers");
    return true;
  }
  prometheus_broken(s, runtime);
  return false;
}

bool without_operator(const Scrape& s) {
  const Reading* listing = s.c.facts.whole("servicemonitors");
  if (listing != nullptr && listing->absent()) return true;
  if (s.c.prometheus.resource != nullptr || s.targets == nullptr) return false;
  // It answers, no operator made it, and none of its jobs is named as the operator names them. (A query layer
  // before an operator's Prometheuses shows theirs.)
  auto by_operator = [](const Json& t) {
    std::string pool = text_at(t, "pool");
    return pool.starts_with("serviceMonitor/") || pool.starts_with("podMonitor/");
  };
  const Reading* config = s.c.prometheus_reading("config");
  bool job = config != nullptr && (has(text_at(config->value, "yaml"), "job_name: serviceMonitor/") ||
                                   has(text_at(config->value, "yaml"), "job_name: podMonitor/"));
  return config != nullptr && config->read() && !job &&
         std::none_of(s.targets->begin(), s.targets->end(), by_operator);
}

void scraped_without_operator(const Scrape& s) {
  s.report.set(Link::monitor, Mark::not_applicable, "no prometheus-operator made this Prometheus");
  if (!prometheus_answers(s) || s.targets == nullptr) return;
  std::vector<const Json*> own;
  for (const Json& target : *s.targets) {
    if (is_own_pod(s, target) || is_own_service(s, target)) own.push_back(&target);
  }
  if (!own.empty()) return judge_targets(s, own);
  std::string what = s.services.empty() ? "these pods" : "Service " + name_of(*s.services.front());
  s.report.broken(
      "no-scrape-config", Link::prometheus,
      fmt::format("Prometheus has no target for {} in namespace {}", what, s.c.hpa.space),
      {seen(*s.c.prometheus_reading("targets"),
            plural_count(s.targets->size(), "target") + ", none of them this one")},
      "Add a scrape_config for it to prometheus.yml, or the prometheus.io/scrape annotation that its "
      "configuration looks for",
      Certainty::likely);
}

void scraped(const Scrape& s, const std::vector<Monitor>& monitors, const Json* service) {
  if (s.targets == nullptr) {
    prometheus_answers(s);
    return;
  }
  std::vector<const Json*> own;
  for (const Json& target : *s.targets) {
    for (const Monitor& m : monitors) {
      if (!text_at(target, "pool").starts_with(m.pool())) continue;
      const Json& labels = at(target, "labels");
      bool ours =
          is_own_pod(s, target) || (service != nullptr && text_at(labels, "service") == name_of(*service) &&
                                    text_at(labels, "namespace") == s.c.hpa.space);
      if (ours) own.push_back(&target);
    }
  }
  if (!own.empty()) return judge_targets(s, own);
  const Monitor& m = monitors.front();
  const Reading* config = s.c.prometheus_reading("config");
  std::string yaml = config != nullptr && config->read() ? text_at(config->value, "yaml") : "";
  bool job_there = yaml.find("job_name: " + m.pool()) != std::string::npos;
  if (!yaml.empty() && !job_there) return job_missing(s, m);
  return nothing_discovered(s, m, service);
}

}  // namespace hpawalk
