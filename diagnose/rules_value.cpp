// The metric's value: what the metrics API answers.
#include "diagnose/rules_value.hpp"

#include "diagnose/collect.hpp"
#include "diagnose/rules_keda.hpp"

namespace hpawalk::diagnose {

const Cause cause::adapter_cannot_list = {.id = "adapter-cannot-list",
                                          .link = Link::value,
                                          .symptom = "500 unable to list matching resources",
                                          .reason = "The adapter may not list the objects",
                                          .detection = "The API's answer",
                                          .fix = "A ClusterRoleBinding"};

namespace {

static Fix let_adapter_list(const Context& c) {
  std::string says = "Allow the adapter to read the objects that metrics refer to";
  if (c.adapter.pods.empty()) return advice(says);
  ObjectRef ref = {"clusterrolebinding", "", c.adapter.service_name + "-view"};
  std::string user = user_of(*c.adapter.pods.front());
  return create(ref, binding_to("ClusterRoleBinding", {{"name", ref.name}}, "ClusterRole", "view", user),
                says,
                fmt::format("{} can then read everything in ClusterRole view, in every namespace: ConfigMaps "
                            "too, but not Secrets",
                            user))
      .value_or(advice(says));
}

void not_asked(const Context& c, Report& report) {
  if (c.works()) {
    report.set(Link::value, Mark::ok, "the HPA reads it");
  } else if (report.broken_before(Link::value)) {
    report.set(Link::value, Mark::broken, "skipped: the previous check failed");
  } else {
    report.set(Link::value, Mark::unknown, "the API was not queried");
  }
}

// follows: the cause is before the value.
void served(const Context& c, Report& report, const Reading& probe, bool follows) {
  Readiness value = value_served(probe.value, c.need.metric);
  report.set(Link::value, value.ready ? Mark::ok : Mark::broken, value.text);
  if (value.ready) return;
  if (follows) return;
  report.broken(cause::metric_query_empty, "The API serves the metric, but has no value for these objects",
                {seen(probe, "items: []")}, advice("Look at the adapter's metricsQuery"), Certainty::likely);
}

// An answer that says nothing about the value: a right was missing, or somebody was busy for a moment.
bool not_answered(const Context& c, Report& report, const Reading& probe) {
  const bool worked = c.works() || idle_by_keda(c);
  if (says_nothing(probe)) {
    report.set(Link::value, c.works() ? Mark::ok : Mark::unknown,
               c.works() ? "the HPA reads it" : why_unread(&probe));
    return true;
  }
  // One 503 among answers: the adapter was busy for a moment, or an overloaded API server did not ask it.
  const Reading* discovery = c.facts.find(discovery_key(c.need.api_group()));
  bool discovered = discovery != nullptr && discovery->read();
  if (probe.failed_with("kube-unavailable") && worked && discovered) {
    report.set(Link::value, Mark::unknown, "the HPA has read it, but now: " + probe.error);
    return true;
  }
  if (probe.failed_with("kube-unreachable") && worked) {
    report.set(Link::value, Mark::unknown,
               "the HPA has read it, but now the API does not respond: " + probe.error);
    return true;
  }
  return false;
}

void refused(const Context& c, Report& report, const Reading& probe) {
  std::vector<std::string> evidence = {seen(probe, probe.error)};
  if (has(probe.error, "unable to list matching resources")) {
    report.broken(cause::adapter_cannot_list,
                  "The adapter is forbidden to list the objects that the metric refers to", evidence,
                  let_adapter_list(c));
  } else if (has(probe.error, "unable to fetch metrics")) {
    report.broken(cause::metric_query_fails, "The adapter's query to Prometheus fails", evidence,
                  advice("Fix the error in the adapter's log",
                         c.adapter.pods.empty() ? look_for("pods", c.adapter.space)
                                                : look_at("logs", ref_of("pod", *c.adapter.pods.front()))),
                  Certainty::likely);
  } else if (probe.absent()) {
    report.broken(cause::metric_unknown, Link::value,
                  "The metrics API does not serve this metric for this object", evidence,
                  advice("Use an existing metric and an existing object", look_at_api(c)), Certainty::likely);
  } else {
    report.broken(cause::metric_query_fails, "The metrics API returns an error: " + probe.error, evidence,
                  advice("See the adapter's log"), Certainty::possible);
  }
}

}  // namespace

static void judge_answer(const Context& c, Report& report) {
  // Without a series there is no value, also where nothing says why there is none.
  bool follows = report.broken_before(Link::hpa) || report.mark(Link::series) == Mark::broken ||
                 report.has(cause::pods_metric_of_others);
  std::optional<Reading> probe = c.probe();
  if (!probe) return not_asked(c, report);
  if (probe->read()) return served(c, report, *probe, follows);
  if (not_answered(c, report, *probe)) return;
  report.set(Link::value, Mark::broken, probe->error);
  if (!follows) refused(c, report, *probe);
}

void judge_value(const Context& c, Report& report) {
  judge_query(c, report);
  if (report.mark(Link::value) == Mark::broken) return;
  judge_answer(c, report);
  if (report.mark(Link::value) == Mark::ok) judge_counter(c, report);
}

}  // namespace hpawalk::diagnose
