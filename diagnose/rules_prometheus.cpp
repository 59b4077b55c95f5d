// Prometheus: does it run, has it the job, does it find targets and can it scrape them?
#include <algorithm>
#include <set>

#include "diagnose/collect.hpp"
#include "diagnose/rules_scrape.hpp"

namespace hpawalk::diagnose {
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
                    advice("Fix the problem that keeps its pods from becoming ready",
                           s.c.prometheus.pods.empty()
                               ? look_at("describe", ref_of("prometheus", *s.c.prometheus.resource))
                               : look_at("describe", ref_of("pod", *s.c.prometheus.pods.front()))));
    return;
  }
  std::string why =
      reading != nullptr       ? why_unread(reading)
      : s.c.prometheus.address ? "it was not queried"
      : s.c.adapter.prometheus_url.empty()
          ? "no adapter configuration names its address"
          : s.c.adapter.prometheus_url + " is not a Service of this cluster that hpawalk can query";
  s.report.set(Link::prometheus, Mark::unknown, why);
}

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

// The port of the Service that leads to where nothing listens, led to the port that the pods declare instead.
Fix right_target_port(const Scrape& s, const Json& service, const std::string& url) {
  std::vector<std::pair<std::string, long long>> declared = declared_ports(s);
  std::vector<std::string> shown;
  for (const auto& [name, number] : declared)
    shown.push_back(name.empty() ? std::to_string(number) : fmt::format("{} ({})", number, name));
  Fix otherwise = advice(
      fmt::format("Point the Service's port to the port where the program listens; the pods declare {}",
                  shown.empty() ? "no port" : text::join(shown, ", ")),
      look_at("get", ref_of("service", service)));
  const Json& ports = list_at(service, "spec.ports");
  for (size_t i = 0; i < ports.size(); ++i) {
    const Json& target = at(ports[i], "targetPort");
    if (!target.is_number() || target != port_of(url)) continue;  // a name leads to a declared port
    std::string name = text_at(ports[i], "name");
    std::optional<long long> right;
    for (const auto& [own, number] : declared) {
      if (declared.size() == 1 || (!own.empty() && own == name)) right = number;
    }
    if (!right) return otherwise;
    const std::vector<std::string> path = {"spec", "ports", std::to_string(i)};
    return json_patch(
               ref_of("service", service), service,
               Json::array({operation("test", {"spec", "ports", path.back(), "port"}, at(ports[i], "port")),
                            operation("test", {"spec", "ports", path.back(), "targetPort"}, target),
                            operation("replace", {"spec", "ports", path.back(), "targetPort"}, *right)}),
               fmt::format("Point port {} of Service {} to {}, which the pods declare",
                           text_at(ports[i], "port"), full_name(service), *right))
        .value_or(otherwise);
  }
  return otherwise;
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
    s.report.set(Link::prometheus, Mark::unknown, "the target has not been scraped yet");
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
  Fix fix = advice("Make the target respond at that address, or correct path, scheme and port in the monitor",
                   look_for("pods", s.c.hpa.space));
  if (refused && !s.services.empty()) fix = right_target_port(s, *s.services.front(), text_at(*down, "url"));
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

Fix prometheus_log(const Scrape& s) {
  std::vector<std::string> look;
  if (!s.c.prometheus.pods.empty()) look = look_at("logs", ref_of("pod", *s.c.prometheus.pods.front()));
  return advice(
      "Fix the errors in the logs of its containers prometheus and config-reloader; often, the "
      "versions of operator and Prometheus are incompatible",
      look);
}

Fix correct(const Monitor& m) {
  return advice("Correct what the operator names in " + m.ref(),
                look_at("get", {m.pods ? "podmonitor" : "servicemonitor", m.space, m.name}));
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
    s.report.broken("monitor-rejected", Link::monitor,
                    fmt::format("prometheus-operator rejected {} as invalid: {}", m.ref(), message),
                    {fmt::format("event InvalidConfiguration of {}: {}", m.ref(), message)}, correct(m));
    s.report.set(Link::prometheus, Mark::unknown, "skipped: needs the monitor");
    return;
  }
  for (const Json& binding : list_at(*m.object, "status.bindings")) {
    for (const Json& accepted : list_at(binding, "conditions")) {
      if (text_at(accepted, "type") != "Accepted" || text_at(accepted, "status") != "False") continue;
      s.report.broken(
          "monitor-rejected", Link::monitor,
          fmt::format("prometheus-operator rejected {}: {}", m.ref(), text_at(accepted, "message")),
          {m.ref() + ": status.bindings: Accepted is False"}, correct(m));
      return;
    }
  }
  const Reading* runtime = s.c.prometheus_reading("runtime");
  if (runtime != nullptr && runtime->read() && !bool_at(runtime->value, "reloadConfigSuccess", true)) {
    s.report.broken(
        "prometheus-config-rejected", Link::prometheus,
        "Prometheus rejected the configuration that the operator wrote, and still uses the previous one",
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
    s.report.broken(
        "operator-not-running", Link::prometheus,
        fmt::format("{} is selected, but no prometheus-operator is running to write it into "
                    "Prometheus's configuration",
                    m.ref()),
        {seen(*by_name, plural_count(operators.size(), "pod") + " of an operator, none ready")},
        advice("Start prometheus-operator", {"kubectl", "get", "deployments", "-A", "-o", "wide"}),
        operators.empty() ? Certainty::possible : Certainty::likely);
    return;
  }
  std::optional<world::WallTime> changed =
      world::parse_time(text_at(*m.object, "metadata.hpawalkLastChange"));
  std::vector<std::string> evidence = {seen(*s.c.prometheus_reading("config"), "no job " + m.pool() + "0")};
  if (changed && s.c.facts.taken - *changed < std::chrono::seconds(120)) {
    evidence.push_back(
        fmt::format("{}: changed {} ago", m.ref(), text::duration(s.c.facts.taken - *changed)));
    s.report.broken("prometheus-config-pending", Link::prometheus,
                    fmt::format("{} is selected, but was changed so recently that Prometheus's configuration "
                                "does not contain it yet",
                                m.ref()),
                    evidence, advice("Wait: the operator and the config reloader need up to two minutes"),
                    Certainty::likely);
    return;
  }
  s.report.broken(
      "prometheus-config-rejected", Link::prometheus,
      fmt::format("{} is selected, but Prometheus's running configuration has no job for it", m.ref()),
      evidence, prometheus_log(s), Certainty::likely);
}

Fix allow_discovery(const Scrape& s, const std::string& user) {
  const std::string &space = s.c.hpa.space, name = "prometheus-discovery";
  Json rules = Json::array(
      {rule_for("", {"services", "endpoints", "pods"}), rule_for("discovery.k8s.io", {"endpointslices"})});
  Json role = {{"apiVersion", "rbac.authorization.k8s.io/v1"},
               {"kind", "Role"},
               {"metadata", {{"name", name}, {"namespace", space}}},
               {"rules", rules}};
  std::string says = fmt::format("Allow {} to discover targets in namespace {}", user, space);
  return create({"rolebinding", space, name}, role_and_binding(role, "RoleBinding", user), says)
      .value_or(advice(says));
}

void nothing_discovered(const Scrape& s, const Monitor& m, const Json* service) {
  if (!s.c.prometheus.pods.empty()) {
    std::string user = user_of(*s.c.prometheus.pods.front());
    std::vector<std::string> missing, evidence;
    for (const world::AccessQuestion& q : discovery_questions(user, s.c.hpa.space, s.c.prometheus.resource)) {
      const Reading* answer = s.c.facts.find(may_key(q));
      if (answer == nullptr || !answer->read() || !answer->value.is_boolean() || answer->value.get<bool>())
        continue;
      missing.push_back(q.resource);
      evidence.push_back(fmt::format("SubjectAccessReview: {} is forbidden to {} {} in namespace {}", user,
                                     q.verb, q.resource, s.c.hpa.space));
    }
    if (!missing.empty()) {
      s.report.broken(
          "prometheus-cannot-discover", Link::prometheus,
          fmt::format("Prometheus is forbidden to list {} in namespace {}, so it finds no targets there",
                      text::join(missing, ", "), s.c.hpa.space),
          evidence, allow_discovery(s, user));
      return;
    }
  }
  const Reading* slices = s.c.facts.listing("endpointslices", s.c.hpa.space);
  if (service != nullptr && slices != nullptr && slices->read() && !has_endpoints(s.c.facts, *service)) {
    s.report.broken(
        "service-selects-no-pod", Link::service,
        fmt::format("Service {} has no endpoints", name_of(*service)),
        {fmt::format("EndpointSlices of Service {}: no address", full_name(*service))},
        advice("Make its selector match running pods", look_at("describe", ref_of("service", *service))));
    return;
  }
  s.report.broken(
      "target-not-discovered", Link::prometheus,
      fmt::format("Prometheus has a job for {}, but no target in it; discovery may still be in progress",
                  m.ref()),
      {seen(*s.c.prometheus_reading("targets"), "no active target of " + m.pool())},
      advice("In Prometheus, look at Status > Service discovery: relabelings may drop the target"),
      Certainty::possible);
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
  s.report.set(Link::monitor, Mark::not_applicable, "this Prometheus was not created by prometheus-operator");
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
            plural_count(s.targets->size(), "target") + ", none of them from this monitor")},
      advice("Add a scrape_config for it to prometheus.yml, or the prometheus.io/scrape annotation that its "
             "configuration looks for"),
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

}  // namespace hpawalk::diagnose
