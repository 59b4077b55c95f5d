// What the rules share: one metric of one HPA with everything that belongs to it, and where rules write.
// Inside diagnose/.
#pragma once

#include <fmt/format.h>

#include "base/text.hpp"
#include "diagnose/causes.hpp"
#include "diagnose/controller.hpp"
#include "diagnose/diagnosis.hpp"
#include "diagnose/readiness.hpp"
#include "diagnose/selector.hpp"
#include "diagnose/view.hpp"
#include "world/times.hpp"

namespace hpawalk::diagnose {

// One sample of a series, or one row of a query's result.
struct Row {
  world::Labels labels;
  std::string value;
};

using Samples = std::map<std::string, std::vector<Row>>;  // by the series' name
Samples samples_of(const Facts& facts, const PrometheusView& prometheus);

struct Context {
  const Facts& facts;
  const std::vector<Hpa>& hpas;  // all that were read
  const std::map<std::string, Group>& groups;
  const Hpa& hpa;
  const MetricNeed& need;
  const Adapter& adapter;
  const PrometheusView& prometheus;
  const RuleIndex& index;  // of the adapter's rules
  const std::map<std::string, Samples>& samples_of_groups;
  const Samples& all_samples;  // of the metric's group
  const ControllerSettings& controller;
  std::vector<Candidate> candidates;  // the last one wins, as in the adapter

  const Candidate* candidate() const { return candidates.empty() ? nullptr : &candidates.back(); }
  const Reading* prometheus_reading(const std::string& what) const;
  const std::vector<Row>& samples(const std::string& series) const;
  bool samples_known() const;
  long long sample_count(const std::string& series) const;  // also of series too many to be read
  const Reading* evaluation(const Candidate& c) const;
  std::optional<Reading> probe() const;           // what the metrics API answers
  std::optional<bool> registered() const;         // does discovery list the metric for the resource?
  std::vector<std::string> listed_names() const;  // what discovery lists: "services/prom_fake_value"
  std::vector<std::string> log() const;           // recent lines of trouble of the adapter
  // The metric in the other of the custom and the external metrics API, as that one lists it.
  std::vector<std::string> listed_by_other_api() const;
  std::string expected_series() const;
  std::vector<std::string> object_names() const;  // of the Service or pods that the metric is about
  // Pods of adapters that could serve the group's metrics, but are not asked: no APIService of it leads
  // there.
  std::vector<std::string> other_adapters() const;
  bool works() const;  // the HPA says that it got the metric
};

// Of a metric of an HPA; all else is looked up by its API group.
Context context_of(const Facts& facts, const std::vector<Hpa>& hpas,
                   const std::map<std::string, Group>& groups, const std::map<std::string, Samples>& samples,
                   const ControllerSettings& controller, const Hpa& hpa, const MetricNeed& need);

class Report {
 public:
  explicit Report(ChainDiagnosis& chain) : chain_(chain) {}
  void set(Link link, Mark mark, std::string text);
  Mark mark(Link link) const { return chain_.links[static_cast<size_t>(link)].mark; }
  bool broken_before(Link link) const;  // by a cause of its own
  // On the cause's own link, or on the one where it was found this time.
  void broken(const Cause& cause, std::string sentence, std::vector<std::string> evidence, Fix fix,
              Certainty certainty = Certainty::certain);
  void broken(const Cause& cause, Link link, std::string sentence, std::vector<std::string> evidence, Fix fix,
              Certainty certainty = Certainty::certain);
  void note(const Cause& cause, std::string sentence, std::vector<std::string> evidence, Fix fix = {});
  bool has(const Cause& cause) const;

 private:
  void add(Finding finding);

  ChainDiagnosis& chain_;
};

bool has(std::string_view text, std::string_view part);
std::vector<std::string> look_at_api(const Context& c);  // at what the metrics API lists
// A role's rule: who has it may read these.
Json rule_for(const std::string& group, const std::vector<std::string>& resources);
// A List of the role and what binds it to the service account "system:serviceaccount:NS:NAME".
Json role_and_binding(const Json& role, const std::string& kind, const std::string& user);
Json binding_to(const std::string& kind, const Json& metadata, const std::string& role_kind,
                const std::string& role, const std::string& user);
// The rule for the HPA controller, as a role of this name and its binding.
Fix let_hpa_controller(const std::string& name, const Json& rule, const std::string& says);
std::string seen(const Reading& reading, std::string_view what);  // "GET /path: what"
std::string why_unread(const Reading* reading);  // "not allowed to list pods in namespace web"
// Does a condition's message quote what the metrics API answered? Not where the controller could not ask it,
// and not where somebody was forbidden something.
bool quotes_metrics_api(std::string_view message);
// Who was forbidden something, as a message says: `User "system:serviceaccount:NS:NAME" cannot ...`.
std::string forbidden_user(const std::string& message);
bool scale_failed(const Json& hpa);  // the controller could not read the scale, and then does nothing else
// Not answered in a way that says nothing about who was asked: a right, the load, or the time was missing.
bool says_nothing(const Reading& reading);
// The workload that a pod belongs to: "Deployment web"; empty: its ReplicaSet was not read.
std::string owner_of(const Facts& facts, const Json& pod);
std::string mesh_sidecar(const std::vector<const Json*>& pods);  // "pod NS/NAME has a container istio-proxy"
// May the adapter ask the API server who may read metrics? Nothing: unknown.
std::optional<bool> adapter_may_delegate(const Context& c);
std::vector<Row> rows_of(const Json& list);
ObjectRef target_ref(const Context& c);       // the workload that the HPA scales
bool has_ended(const Json& pod);              // Succeeded or Failed
std::string why_no_node(const Json& pod);     // the scheduler's reason; empty: it has a node
std::string why_refused(const Json& object);  // why no more pods of the workload can be created; or empty
// Of these pods, those without a node: "pod web-1 has no node: 0/1 nodes are available: ..."
std::vector<std::string> without_node(const std::vector<const Json*>& pods);
Fix give_node(const Json& pod);
// Does an HPA name a kind in an API group that does not serve it? Then that is reported.
bool target_kind_unserved(const Context& c, Report& report);
bool object_kind_unserved(const Context& c, Report& report);

// In the order in which they are asked; each sets the marks of its links and adds what it finds.
void judge_scrape(const Context& c, Report& report);    // pods, Service, monitor, Prometheus, series
void judge_adapter(const Context& c, Report& report);   // adapter: pods, flags, rules
void judge_api(const Context& c, Report& report);       // APIService
void judge_value(const Context& c, Report& report);     // the metric's value
void judge_resource(const Context& c, Report& report);  // metrics.k8s.io, instead of the four above
void judge_hpa(const Context& c, Report& report);       // the HPA's own view
void judge_target(const Context& c, Report& report);    // scale target and its pods
// The target is, or may be, an idle canary: true, and there is nothing else to judge.
bool judge_canary(const Context& c, Report& report);
// With minReplicas 0, does only the scale target itself expose the metric? At 0 replicas that is the cause;
// and before that, it will be.
void judge_asleep(const Context& c, Report& report);
void judge_zero_ahead(const Context& c, Report& report);
// One failing metric holds back the others: seen from the metrics that work.
void judge_together(const Hpa& hpa, std::vector<ChainDiagnosis>& chains);

}  // namespace hpawalk::diagnose
