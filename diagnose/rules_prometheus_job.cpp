// A monitor that Prometheus selects, but whose job is not in the configuration that Prometheus runs with.
#include <algorithm>

#include "diagnose/rules_scrape.hpp"

namespace hpawalk::diagnose {

const Cause cause::monitor_rejected = {.id = "monitor-rejected",
                                       .link = Link::monitor,
                                       .symptom = "The monitor is selected, but there is no job",
                                       .reason = "The operator rejected it as invalid",
                                       .detection = "InvalidConfiguration events and the monitor's status",
                                       .fix = "Correct the spec"};

const Cause cause::prometheus_config_rejected = {
    .id = "prometheus-config-rejected",
    .link = Link::prometheus,
    .symptom = "A selected monitor never becomes a job",
    .reason = "Prometheus rejects the generated configuration and keeps the previous one",
    .detection =
        "reloadConfigSuccess in runtimeinfo; the job is missing in status/config although the monitor is "
        "selected",
    .fix = "Read Prometheus's log; often a version mismatch"};

const Cause cause::prometheus_config_pending = {
    .id = "prometheus-config-pending",
    .link = Link::prometheus,
    .symptom = "A new monitor has no job yet",
    .reason = "The operator, the kubelet and the config reloader need a few minutes",
    .detection = "The job is missing in status/config, and the monitor was changed moments ago",
    .fix = "Wait"};

const Cause cause::operator_not_running = {
    .id = "operator-not-running",
    .link = Link::prometheus,
    .symptom = "Changes to monitors have no effect",
    .reason = "No prometheus-operator is running to write them into Prometheus's configuration",
    .detection = "The operator's pods",
    .fix = "Start it"};

namespace {

Fix prometheus_log(const Scrape& s) {
  std::vector<std::string> look;
  if (!s.c.prometheus.pods.empty()) look = look_at("logs", ref_of("pod", *s.c.prometheus.pods.front()));
  return advice(
      "Fix the errors in the logs of its containers prometheus and config-reloader; often, the versions of "
      "operator and Prometheus are incompatible",
      look);
}

Fix correct(const Monitor& m) {
  return advice("Correct what the operator names in " + m.ref(),
                look_at("get", {m.pods ? "podmonitor" : "servicemonitor", m.space, m.name}));
}

std::string no_job(const Scrape& s, const Monitor& m) {
  return seen(*s.c.prometheus_reading("config"), "no job " + m.pool() + "0");
}

bool rejected_by_event(const Scrape& s, const Monitor& m) {
  std::optional<std::string> message = rejection_of(s, selectable(m));
  if (!message) return false;
  s.report.broken(cause::monitor_rejected,
                  fmt::format("prometheus-operator rejected {} as invalid: {}", m.ref(), *message),
                  {fmt::format("event InvalidConfiguration of {}: {}", m.ref(), *message)}, correct(m));
  s.report.set(Link::prometheus, Mark::unknown, "skipped: needs the monitor");
  return true;
}

bool rejected_by_status(const Scrape& s, const Monitor& m) {
  for (const Json& binding : list_at(*m.object, "status.bindings")) {
    for (const Json& accepted : list_at(binding, "conditions")) {
      if (text_at(accepted, "type") != "Accepted" || text_at(accepted, "status") != "False") continue;
      s.report.broken(
          cause::monitor_rejected,
          fmt::format("prometheus-operator rejected {}: {}", m.ref(), text_at(accepted, "message")),
          {m.ref() + ": status.bindings: Accepted is False"}, correct(m));
      return true;
    }
  }
  return false;
}

bool configuration_rejected(const Scrape& s, const Monitor& m) {
  const Reading* runtime = s.c.prometheus_reading("runtime");
  if (runtime == nullptr || !runtime->read() || bool_at(runtime->value, "reloadConfigSuccess", true))
    return false;
  s.report.broken(
      cause::prometheus_config_rejected,
      "Prometheus rejected the configuration that the operator wrote, and still uses the previous one",
      {seen(*runtime, "reloadConfigSuccess is false, the last good configuration is of " +
                          text_at(runtime->value, "lastConfigTime")),
       no_job(s, m)},
      prometheus_log(s));
  return true;
}

// An operator can run elsewhere, or under labels of its own: only pods that are there and not ready prove it.
bool no_operator(const Scrape& s, const Monitor& m) {
  std::optional<std::string> none = no_operator_runs(s);
  if (!none) return false;
  s.report.broken(
      cause::operator_not_running,
      fmt::format(
          "{} is selected, but no prometheus-operator is running to write it into Prometheus's configuration",
          m.ref()),
      {*none}, start_operator(),
      s.c.facts.items(operator_pods).empty() ? Certainty::possible : Certainty::likely);
  return true;
}

bool pending(const Scrape& s, const Monitor& m) {
  std::optional<world::WallTime> changed =
      world::parse_time(text_at(*m.object, "metadata.hpawalkLastChange"));
  if (!changed || s.c.facts.taken - *changed >= config_delay) return false;
  s.report.broken(
      cause::prometheus_config_pending,
      fmt::format("{} is selected, but was changed so recently that Prometheus's configuration does not "
                  "contain it yet",
                  m.ref()),
      {no_job(s, m), fmt::format("{}: changed {} ago", m.ref(), text::duration(s.c.facts.taken - *changed))},
      advice("Wait: the operator, the kubelet and the config reloader need a few minutes"),
      Certainty::likely);
  return true;
}

}  // namespace

std::optional<std::string> no_operator_runs(const Scrape& s) {
  std::vector<const Json*> operators = s.c.facts.items(operator_pods);
  bool running = std::any_of(operators.begin(), operators.end(), [](const Json* p) { return pod_ready(*p); });
  const Reading* by_name = s.c.facts.find(operator_pods_by_name);
  if (by_name == nullptr || !by_name->read() || running) return std::nullopt;
  return seen(*by_name, text::count(operators.size(), "pod") + " of an operator, none ready");
}

Fix start_operator() {
  return advice("Start prometheus-operator", {"kubectl", "get", "deployments", "-A", "-o", "wide"});
}

std::optional<std::string> rejection_of(const Scrape& s, const Selectable& what) {
  for (const Json* event : s.c.facts.items("rejections")) {
    const Json& about = at(*event, "involvedObject");
    std::string message = text_at(*event, "message");
    bool ours =
        (text_at(about, "kind", what.kind) == what.kind && text_at(about, "name") == name_of(*what.object) &&
         text_at(about, "namespace") == space_of(*what.object)) ||
        has(message, full_name(*what.object));
    // An event stays for an hour after its reason is gone: it counts if the object has not changed since.
    std::string changed = text_at(*what.object, "metadata.hpawalkLastChange");
    std::string last = std::max(text_at(*event, "lastTimestamp"), text_at(*event, "eventTime"));
    if (ours && (changed.empty() || last.empty() || last >= changed)) return message;
  }
  return std::nullopt;
}

void job_missing(const Scrape& s, const Monitor& m) {
  if (rejected_by_event(s, m) || rejected_by_status(s, m) || configuration_rejected(s, m)) return;
  if (no_operator(s, m) || pending(s, m)) return;
  s.report.broken(
      cause::prometheus_config_rejected,
      fmt::format("{} is selected, but Prometheus's running configuration has no job for it", m.ref()),
      {no_job(s, m)}, prometheus_log(s), Certainty::likely);
}

}  // namespace hpawalk::diagnose
