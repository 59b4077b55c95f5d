// The adapter: does it run, and which one is it? What it asks and what its rules do have files of their own.
#include <algorithm>

#include "diagnose/rules_adapter.hpp"
#include "diagnose/rules_keda.hpp"

namespace hpawalk::diagnose {

const Cause cause::adapter_not_ready = {.id = "adapter-not-ready",
                                        .link = Link::adapter,
                                        .symptom = "APIService: MissingEndpoints",
                                        .reason = "The adapter has no ready pod",
                                        .detection = "Its pods' states and the end of its log",
                                        .fix = "As the log says"};

const Cause cause::adapter_config_invalid = {
    .id = "adapter-config-invalid",
    .link = Link::adapter,
    .symptom = "The adapter does not start, or serves no metrics",
    .reason =
        "Its rules are invalid YAML, have a field that the adapter does not know, or are missing at the path "
        "in --config",
    .detection = "The ConfigMap is parsed",
    .fix = "Correct it"};

namespace {

void config_invalid(const Context& c, Report& report, std::vector<std::string> evidence) {
  evidence.insert(evidence.begin(), fmt::format("ConfigMap {}/{}, {}", c.adapter.space, c.adapter.config_map,
                                                c.adapter.config_key));
  report.broken(cause::adapter_config_invalid, c.adapter.config_error, std::move(evidence),
                edit_rules(c, "Correct the rules"));
}

// Is there a Service with pods to look at? Where not, the mark says why.
bool pods_known(const Context& c, Report& report) {
  const Reading* pods = c.facts.listing("pods", c.adapter.space);
  if (pods == nullptr || pods->refused()) {
    report.set(Link::adapter, Mark::unknown, why_unread(pods));
    return false;
  }
  const Reading* services = c.facts.listing("services", c.adapter.space);
  if (c.adapter.service == nullptr && (services == nullptr || services->refused())) {
    report.set(Link::adapter, Mark::unknown, why_unread(services));
    return false;
  }
  if (c.adapter.service == nullptr) {  // judge_api says so
    report.set(Link::adapter, Mark::broken,
               fmt::format("Service {}/{} not found", c.adapter.space, c.adapter.service_name));
    return false;
  }
  return true;
}

// What the states of its first pod and its log say.
std::vector<std::string> why_not_ready(const Context& c) {
  std::vector<std::string> evidence = {fmt::format("Service {}/{}: {}, none ready", c.adapter.space,
                                                   c.adapter.service_name,
                                                   text::count(c.adapter.pods.size(), "pod"))};
  if (!c.adapter.pods.empty()) {
    const Json& pod = *c.adapter.pods.front();
    for (const std::string& line : without_node(c.adapter.pods)) evidence.push_back(line);
    for (const Json& s : list_at(pod, "status.containerStatuses")) {
      for (const char* state : {"state.waiting", "state.terminated", "lastState.terminated"}) {
        std::string reason = text_at(at(s, state), "reason");
        if (!reason.empty())
          evidence.push_back(
              fmt::format("pod {}: {} {}", name_of(pod), reason, text_at(at(s, state), "message")));
      }
    }
  }
  for (const std::string& line : c.log()) {
    if (line.starts_with('F') || has(line, "unable to") || has(line, "panic") || has(line, "is forbidden"))
      evidence.push_back("log: " + line);
  }
  if (evidence.size() > 6) evidence.erase(evidence.begin() + 2, evidence.end() - 4);
  return evidence;
}

// True: there are pods all the same, whose flags and rules are worth a look.
bool not_ready(const Context& c, Report& report) {
  std::vector<std::string> evidence = why_not_ready(c);
  if (!c.adapter.config_error.empty()) {
    config_invalid(c, report, std::move(evidence));
    return false;
  }
  if (authentication_unread(c, report, evidence)) return false;
  bool ages_refused = std::any_of(evidence.begin(), evidence.end(), [](const std::string& line) {
    return has(line, "max age must not be less than relist interval");
  });
  if (ages_refused) {
    max_age_refused(c, report, std::move(evidence));
    return false;
  }
  report.broken(cause::adapter_not_ready,
                fmt::format("The adapter behind {}/{} {}", c.adapter.space, c.adapter.service_name,
                            c.adapter.pods.empty() ? "has no pods" : "has no ready pod"),
                evidence, wake_adapter(c));
  return !c.adapter.pods.empty();
}

bool runs(const Context& c, Report& report) {
  const Reading* pods = c.facts.listing("pods", c.adapter.space);
  bool unread = pods == nullptr || pods->refused();
  if (!pods_known(c, report)) return unread && c.adapter.service != nullptr && !c.adapter.pods.empty();
  bool ready =
      std::any_of(c.adapter.pods.begin(), c.adapter.pods.end(), [](const Json* p) { return pod_ready(*p); });
  return ready || not_ready(c, report);
}

void no_config(const Context& c, Report& report) {
  if (!c.adapter.config_error.empty()) return config_invalid(c, report, {});
  report.set(Link::adapter, Mark::unknown,
             c.adapter.config_map.empty()
                 ? "hpawalk cannot find the ConfigMap with its rules"
                 : "its rules could not be read: " + why_unread(c.adapter.config_reading));
}

}  // namespace

void judge_adapter(const Context& c, Report& report) {
  if (elsewhere_than_keda(c)) return judge_elsewhere(c, report);
  if (c.adapter.kind == AdapterKind::keda) {
    judge_keda(c, report);
    return judge_delegation(c, report);
  }
  if (c.adapter.service_name.empty()) {
    const Reading* registered = c.facts.find("apiservices");
    bool unseen = registered == nullptr || registered->refused();
    report.set(Link::adapter, Mark::unknown, unseen ? why_unread(registered) : "no adapter is registered");
    return;
  }
  if (!runs(c, report)) return;
  if (c.adapter.kind == AdapterKind::other) {
    report.set(Link::adapter, Mark::note,
               "Service " + c.adapter.space + "/" + c.adapter.service_name +
                   ": an adapter that hpawalk does not support");
    judge_delegation(c, report);
    return;
  }
  report.set(Link::adapter, Mark::ok, where(c));
  judge_delegation(c, report);
  if (!judge_way_to_prometheus(c, report)) return;
  if (!c.adapter.config) return no_config(c, report);
  judge_listing(c, report);
  judge_naming(c, report);
  judge_ages(c, report);
  std::optional<Reading> probe = c.probe();
  bool served = probe && probe->read();  // some adapters list nothing and serve all the same
  bool whole = report.mark(Link::adapter) == Mark::ok && report.mark(Link::series) == Mark::ok;
  if (whole && c.registered() == false && !served) not_listed(c, report);
}

}  // namespace hpawalk::diagnose
