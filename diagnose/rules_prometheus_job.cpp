// A monitor that Prometheus selects, but whose job is not in the configuration that Prometheus runs with.
#include <algorithm>

#include "diagnose/rules_monitor.hpp"

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
  return advice("Correct what the operator names in " + m.ref(), look_at("get", ref_of_monitor(m)));
}

std::string no_job(const Scrape& s, const Monitor& m) {
  return seen(*s.c.prometheus_reading("config"), "no job " + m.job() + (m.of->by_selector ? "0" : ""));
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

bool configuration_rejected(const Scrape& s, std::vector<std::string> evidence) {
  const Reading* runtime = s.c.prometheus_reading("runtime");
  if (runtime == nullptr || !runtime->read() || bool_at(runtime->value, "reloadConfigSuccess", true))
    return false;
  evidence.insert(evidence.begin(),
                  seen(*runtime, "reloadConfigSuccess is false, the last good configuration is of " +
                                     text_at(runtime->value, "lastConfigTime")));
  s.report.broken(
      cause::prometheus_config_rejected,
      "Prometheus rejected the configuration that the operator wrote, and still uses the previous one",
      std::move(evidence), prometheus_log(s));
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

// Who holds up a monitor, of which Prometheus's running configuration has nothing, or the state before a
// change.
bool held_up(const Scrape& s, const Monitor& m, const std::vector<std::string>& evidence) {
  return rejected_by_event(s, m) || rejected_by_status(s, m) || configuration_rejected(s, evidence) ||
         no_operator(s, m);
}

}  // namespace

// An event stays for an hour after its reason is gone: it counts if the object has not changed since. Both
// times are in whole seconds. In the same second either can be first: then the event counts only once a
// repair would have taken effect.
static bool is_of_now(const Json& event, const Json& object, world::WallTime now) {
  std::optional<world::WallTime> changed = world::parse_time(text_at(object, "metadata.hpawalkLastChange"));
  std::optional<world::WallTime> last =
      world::parse_time(std::max(text_at(event, "lastTimestamp"), text_at(event, "eventTime")));
  if (!changed || !last) return true;
  auto second = [](world::WallTime t) { return std::chrono::floor<std::chrono::seconds>(t); };
  if (second(*last) == second(*changed)) return now - *changed >= usual_config_delay;
  return *last > *changed;
}

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
    if (ours && is_of_now(*event, *what.object, s.c.facts.taken)) return message;
  }
  return std::nullopt;
}

void job_missing(const Scrape& s, const Monitor& m) {
  const std::vector<std::string> evidence = {no_job(s, m)};
  if (held_up(s, m, evidence)) return;
  if (std::optional<ConfigLag> lag = recent_change(s, selectable(m))) return pending(s, *lag, evidence);
  s.report.broken(
      cause::prometheus_config_rejected,
      fmt::format("{} is selected, but Prometheus's running configuration has no job for it", m.ref()),
      evidence, prometheus_log(s), Certainty::likely);
}

void job_outdated(const Scrape& s, const Monitor& m, const ConfigLag& lag,
                  std::vector<std::string> evidence) {
  if (!held_up(s, m, evidence)) pending(s, lag, std::move(evidence));
}

}  // namespace hpawalk::diagnose
