// Prometheus: does it run, and which of its targets are those of this chain?
#include <algorithm>

#include "diagnose/rules_monitor.hpp"

namespace hpawalk::diagnose {

const Cause cause::prometheus_not_ready = {
    .id = "prometheus-not-ready",
    .link = Link::prometheus,
    .symptom = "Everything downstream is empty",
    .reason = "Prometheus has no ready pod",
    .detection = "Its pods and the conditions of the Prometheus object",
    .fix = "Look at its pods"};

const Cause cause::no_scrape_config = {
    .id = "no-scrape-config",
    .link = Link::prometheus,
    .symptom = "A Prometheus without operator does not know the application",
    .reason = "No scrape_config or annotation leads to it",
    .detection = "Active targets against the Service and its pods",
    .fix = "Add one"};

namespace {

// The operator has not even written a condition.
bool never_reconciled(const Scrape& s) {
  const Json& resource = *s.c.prometheus.resource;
  if (!s.c.prometheus.pods.empty() || !list_at(resource, "status.conditions").empty()) return false;
  std::optional<std::string> none = no_operator_runs(s);
  if (!none) return false;
  s.report.broken(cause::operator_not_running,
                  fmt::format("Prometheus {} has no pods, and no prometheus-operator is running to create "
                              "them",
                              full_name(resource)),
                  {fmt::format("Prometheus {}: no status.conditions", full_name(resource)), *none},
                  start_operator(), Certainty::likely);
  return true;
}

void not_ready(const Scrape& s) {
  if (never_reconciled(s)) return;
  const Json& resource = *s.c.prometheus.resource;
  const std::vector<const Json*>& pods = s.c.prometheus.pods;
  const Json& available = condition(resource, "Available");
  std::string ref = full_name(resource);
  std::vector<std::string> evidence = {
      fmt::format("Prometheus {}: 0 of {} ready", ref, text::count(pods.size(), "pod"))};
  if (text_at(available, "status") != "True" && !available.is_null()) {
    evidence.push_back(fmt::format("condition Available: {}: {}", text_at(available, "reason"),
                                   text_at(available, "message")));
  }
  for (const std::string& line : without_node(pods)) evidence.push_back(line);
  bool no_node = !pods.empty() && !why_no_node(*pods.front()).empty();
  s.report.broken(cause::prometheus_not_ready, fmt::format("Prometheus {} has no ready pod", ref), evidence,
                  no_node ? give_node(*pods.front())
                          : advice("Fix the problem that keeps its pods from becoming ready",
                                   look_at("describe", pods.empty() ? ref_of("prometheus", resource)
                                                                    : ref_of("pod", *pods.front()))));
}

// No answer from Prometheus: not running, or not for us.
void no_answer(const Scrape& s, const Reading* reading) {
  const Json* resource = s.c.prometheus.resource;
  const Reading* pods = resource == nullptr ? nullptr : s.c.facts.listing("pods", space_of(*resource));
  bool ready = std::any_of(s.c.prometheus.pods.begin(), s.c.prometheus.pods.end(),
                           [](const Json* p) { return pod_ready(*p); });
  if (pods != nullptr && pods->read() && !ready) return not_ready(s);
  std::string why = reading != nullptr       ? why_unread(reading)
                    : s.c.prometheus.address ? "it was not queried"
                    : s.c.adapter.prometheus_url.empty()
                        ? "no adapter configuration names its address"
                        : s.c.adapter.prometheus_url +
                              " is not a Service of this cluster: hpawalk queries it with --prometheus URL";
  s.report.set(Link::prometheus, Mark::unknown, why);
}

// Does the target lead to the chain's pods or Service, by its labels or by its address?
bool leads_here(const Scrape& s, const Json& target) {
  return own_target(s, target) || std::any_of(s.services.begin(), s.services.end(), [&](const Json* service) {
           return leads_to(text_at(target, "url"), *service);
         });
}

// The jobs of the configuration that Prometheus has loaded; nothing: it was not read.
std::optional<std::vector<std::string>> loaded_jobs(const Scrape& s) {
  const Reading* config = s.c.prometheus_reading("config");
  if (config == nullptr || !config->read()) return std::nullopt;
  static const std::string key = "job_name: ";
  std::vector<std::string> jobs;
  for (const std::string& line : text::lines(text_at(config->value, "yaml"))) {
    size_t name = line.find(key);
    if (name != std::string::npos) jobs.push_back(line.substr(name + key.size()));
  }
  return jobs;
}

std::optional<ConfigLag> lag_of_all(const Scrape& s, const std::vector<Monitor>& monitors) {
  std::optional<ConfigLag> lag;
  for (const Monitor& m : monitors) {
    lag = config_lag(s, m);
    if (!lag) return std::nullopt;
  }
  return lag;
}

std::vector<std::string> errors_of(const std::vector<const Json*>& targets) {
  std::vector<std::string> errors;
  for (const Json* target : targets) {
    if (text_at(*target, "health") == "down") errors.push_back(target_text(*target));
  }
  return errors;
}

}  // namespace

bool prometheus_answers(const Scrape& s) {
  const Reading* runtime = s.c.prometheus_reading("targets");
  if (runtime != nullptr && runtime->read()) {
    s.report.set(Link::prometheus, Mark::ok, "answers");
    return true;
  }
  if (s.c.samples_known()) {
    s.report.set(
        Link::prometheus, Mark::unknown,
        s.c.prometheus.azure
            ? "it responds, but a workspace lists no targets: the Prometheus interface of the ama-metrics "
              "pods in namespace kube-system does"
            : "it responds, but does not list its targets: " + why_unread(runtime));
  } else {
    no_answer(s, runtime);
  }
  return false;
}

bool without_operator(const Scrape& s) {
  const Reading* listing = s.c.facts.whole("servicemonitors");
  bool azure = s.c.prometheus.azure || (s.targets == nullptr && serves_azure_monitors(s.c.facts));
  if (azure) return false;
  if (listing != nullptr && listing->absent()) return true;
  if (s.c.prometheus.resource != nullptr || s.targets == nullptr) return false;
  // It answers, no operator made it, and none of its jobs is named as the operator names them. (A query layer
  // before an operator's Prometheuses shows theirs.)
  std::optional<std::vector<std::string>> jobs = loaded_jobs(s);
  return jobs && std::none_of(jobs->begin(), jobs->end(), made_by_operator) &&
         std::none_of(s.targets->begin(), s.targets->end(), by_monitor);
}

void scraped_without_operator(const Scrape& s) {
  s.report.set(Link::monitor, Mark::not_applicable, "this Prometheus was not created by prometheus-operator");
  if (!prometheus_answers(s) || s.targets == nullptr) return;
  std::vector<const Json*> own;
  for (const Json& target : *s.targets) {
    if (leads_here(s, target)) own.push_back(&target);
  }
  if (!own.empty()) return judge_targets(s, own);
  std::string what = s.services.empty() ? "these pods" : "Service " + name_of(*s.services.front());
  s.report.broken(cause::no_scrape_config,
                  fmt::format("Prometheus has no target for {} in namespace {}", what, s.space),
                  {seen(*s.c.prometheus_reading("targets"),
                        text::count(s.targets->size(), "target") + ", none of them from this monitor")},
                  advice("Add a scrape_config for it to prometheus.yml, or the prometheus.io/scrape "
                         "annotation that its configuration looks for"),
                  Certainty::likely);
}

bool other_job(const Scrape& s) {
  std::vector<const Json*> own;
  if (s.targets == nullptr) return false;
  for (const Json& target : *s.targets) {
    const Monitor* m = monitor_of(s, target);
    bool other = m == nullptr ? !by_monitor(target) : !m->of->by_selector;
    if (other && leads_here(s, target)) own.push_back(&target);
  }
  if (own.empty()) return false;
  s.report.set(Link::monitor, Mark::ok, "job " + text_at(*own.front(), "pool"));
  judge_targets(s, own);
  return true;
}

void scraped(const Scrape& s, const std::vector<Monitor>& monitors, const Json* service) {
  if (s.targets == nullptr) {
    prometheus_answers(s);
    return;
  }
  std::vector<const Json*> own;
  for (const Json& target : *s.targets) {
    for (const Monitor& m : monitors) {
      if (!m.makes(text_at(target, "pool"))) continue;
      bool ours = own_pod(s, target) != nullptr ||
                  (service != nullptr && labels_name(at(target, "labels"), *service));
      // The target of a Probe is the prober, and a ScrapeConfig's labels are its own.
      if (ours || !m.of->by_selector) own.push_back(&target);
    }
  }
  // What is scraped by a configuration from before the change says nothing about the change.
  const Monitor& m = monitors.front();
  std::optional<ConfigLag> lag = lag_of_all(s, monitors);
  if (!own.empty()) return lag ? job_outdated(s, m, *lag, errors_of(own)) : judge_targets(s, own);
  std::optional<std::vector<std::string>> jobs = loaded_jobs(s);
  bool job_there =
      jobs && std::any_of(jobs->begin(), jobs->end(), [&](const std::string& job) { return m.makes(job); });
  if (jobs && !job_there) return job_missing(s, m);
  if (lag) return job_outdated(s, m, *lag, {});
  return nothing_discovered(s, m, service);
}

}  // namespace hpawalk::diagnose
