#include "migrate/steps.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"
#include "diagnose/readiness.hpp"
#include "migrate/parts.hpp"

namespace hpawalk::migrate {

namespace {

bool has_finalizer(const Json& object, std::string_view name) {
  const Json& all = list_at(object, "metadata.finalizers");
  return std::find(all.begin(), all.end(), name) != all.end();
}

bool going(const Json& object) {
  return !at(object, "metadata.deletionTimestamp").is_null();
}

// The owner that must not be overruled, or a null.
const Json& controller_of(const Json& object) {
  static const Json none;
  for (const Json& owner : list_at(object, "metadata.ownerReferences")) {
    if (bool_at(owner, "controller")) return owner;
  }
  return none;
}

bool owned_by(const Json& hpa, const Json& scaled_object) {
  return !scaled_object.is_null() &&
         text_at(controller_of(hpa), "uid") == text_at(scaled_object, "metadata.uid");
}

const Json& source_of(const Json& metric) {
  for (const char* field : {"object", "pods", "external", "resource", "containerResource"}) {
    if (const Json& source = at(metric, field); !source.is_null()) return source;
  }
  static const Json none;
  return none;
}

// What a metric is, without its target.
std::string identity(const Json& metric) {
  const Json& source = source_of(metric);
  const std::string name = text_at(source, "metric.name", text_at(source, "name"));
  return fmt::format("{}/{}/{}/{}", text_at(metric, "type"), name, text_at(source, "describedObject.name"),
                     text_at(source, "container"));
}

std::vector<std::string> identities(const Json& metrics) {
  std::vector<std::string> all;
  for (const Json& metric : metrics) all.push_back(identity(metric));
  std::sort(all.begin(), all.end());
  return all;
}

// Does the HPA have the metrics of the plan's manifest, and no owner?
bool changed(const Plan& plan, const State& state) {
  if (plan.switched) return true;
  if (plan.manifest.is_null()) return false;
  const Json wanted = Json::parse(plan.manifest["spec"]["metrics"].dump());
  return identities(list_at(state.hpa, "spec.metrics")) == identities(wanted) &&
         !owned_by(state.hpa, state.scaled_object);
}

std::string patch(const Plan& plan, const char* type, const std::string& body) {
  return text::shell_quote({"kubectl", "patch", "scaledobject", plan.scaled_object, "-n", plan.space,
                            fmt::format("--type={}", type), "-p", body});
}

std::string again(const Plan& plan, const char* rest) {
  return text::shell_quote({"hpawalk", "migrate", plan.to == Side::keda ? plan.hpa : plan.scaled_object, "-n",
                            plan.space, "--to", std::string(name_of(plan.to)), "-o", "yaml"}) +
         rest;
}

std::string look(const Plan& plan) {
  return text::shell_quote({"kubectl", "get", "hpa", plan.hpa, "-n", plan.space});
}

std::vector<Step> steps_to_keda(const Plan& plan, const State& state) {
  const bool there = !state.scaled_object.is_null();
  const bool taken = there && owned_by(state.hpa, state.scaled_object);
  const std::string missing = unread(state.hpa);
  return {
      {StepKind::create, "create",
       fmt::format("Create ScaledObject {}, which names HPA {}.", plan.scaled_object, plan.hpa),
       again(plan, " | kubectl create -f -"), there, "ScaledObject not found"},
      {StepKind::take_over, "take-over",
       fmt::format("KEDA changes HPA {} in place: it keeps its UID, gets KEDA's metrics, and belongs to the "
                   "ScaledObject.",
                   plan.hpa),
       look(plan), taken,
       there ? fmt::format("the HPA does not belong to the ScaledObject{}",
                           text_at(condition(state.scaled_object, "Ready"), "message").empty()
                               ? ""
                               : "; KEDA: " + text_at(condition(state.scaled_object, "Ready"), "message"))
             : "ScaledObject not found"},
      {StepKind::read, "read", fmt::format("HPA {} reads all of its metrics.", plan.hpa), look(plan),
       taken && missing.empty(), taken ? missing : "KEDA has not changed the HPA yet"}};
}

std::vector<Step> steps_to_adapter(const Plan& plan, const State& state) {
  const Json& object = state.scaled_object;
  const bool gone = object.is_null(), is_changed = changed(plan, state);
  const bool let_go = gone || (going(object) && !has_finalizer(object, keda_finalizer));
  const std::string missing = unread(state.hpa);
  std::vector<Step> steps;
  if (!plan.rules.empty())
    steps.push_back(
        {StepKind::rule,
         "rule",
         fmt::format("Add {} to {}, and restart the adapter.",
                     text::count(static_cast<long long>(plan.rules.size()), "rule"), plan.rules_place),
         {},
         is_changed,
         "the adapter's configuration does not have the rules"});
  for (const PlannedMetric& metric : plan.metrics) {
    if (metric.path.empty()) continue;
    steps.push_back({StepKind::served, "served", fmt::format("The custom metrics API serves {}.", metric.to),
                     text::shell_quote({"kubectl", "get", "--raw", metric.path}),
                     metric.served.value_or(false) || is_changed, metric.served_text});
  }
  if (bool_at(object, "spec.advanced.restoreToOriginalReplicaCount"))
    steps.push_back({StepKind::keep_replicas, "keep-replicas",
                     "Turn restoreToOriginalReplicaCount off, so that KEDA leaves the replicas as they are.",
                     patch(plan, "merge", R"({"spec":{"advanced":{"restoreToOriginalReplicaCount":false}}})"),
                     let_go, "restoreToOriginalReplicaCount is true"});
  steps.push_back(
      {StepKind::hold, "hold",
       fmt::format("Add the finalizer {}, so that KEDA serves the metric until the HPA has its new spec.",
                   own_finalizer),
       patch(plan, "json",
             fmt::format(R"([{{"op":"add","path":"/metadata/finalizers/-","value":"{}"}}])", own_finalizer)),
       gone || has_finalizer(object, own_finalizer) || (let_go && is_changed), "the finalizer is missing"});
  steps.push_back(
      {StepKind::let_go, "let-go",
       fmt::format("Delete ScaledObject {} without its HPA. KEDA stops writing the HPA.", plan.scaled_object),
       text::shell_quote({"kubectl", "delete", "scaledobject", plan.scaled_object, "-n", plan.space,
                          "--cascade=orphan", "--wait=false"}),
       let_go,
       going(object) ? "KEDA's operator has not taken its finalizer off yet"
                     : "the ScaledObject is not deleted"});
  steps.push_back(
      {StepKind::change, "change",
       fmt::format("Change HPA {} in place: it keeps its UID, and gets the adapter's metrics.", plan.hpa),
       again(plan, " | kubectl replace -f -"), is_changed, "the HPA has KEDA's metrics"});
  steps.push_back({StepKind::read, "read", fmt::format("HPA {} reads all of its metrics.", plan.hpa),
                   look(plan), is_changed && missing.empty(),
                   is_changed ? missing : "the HPA has KEDA's metrics"});
  steps.push_back({StepKind::release, "release", "Take the finalizer off: the ScaledObject ends.",
                   patch(plan, "json",
                         fmt::format(R"([{{"op":"test","path":"/metadata/finalizers/0","value":"{}"}},)"
                                     R"({{"op":"remove","path":"/metadata/finalizers/0"}}])",
                                     own_finalizer)),
                   gone, "the ScaledObject still exists"});
  return steps;
}

bool same_workload(const Json& target, const std::string& workload) {
  return text_at(target, "kind", "Deployment") + " " + text_at(target, "name") == workload;
}

// Is every field of `wanted` in `there`, with the same value?
bool contains(const Json& there, const Json& wanted) {
  if (wanted.is_object() && there.is_object()) {
    for (const auto& [key, value] : wanted.items()) {
      if (!there.contains(key) || !contains(there[key], value)) return false;
    }
    return true;
  }
  if (wanted.is_array() && there.is_array() && wanted.size() == there.size()) {
    return std::equal(wanted.begin(), wanted.end(), there.begin(),
                      [](const Json& a, const Json& b) { return contains(b, a); });
  }
  return wanted == there;
}

void other_autoscalers(const Plan& plan, const Surroundings& around, std::vector<std::string>& all) {
  for (const Json& hpa : around.hpas) {
    const std::string name = text_at(hpa, "metadata.name");
    if (name != plan.hpa && same_workload(at(hpa, "spec.scaleTargetRef"), plan.workload))
      all.push_back(fmt::format("HPA {} scales {} too", name, plan.workload));
  }
  for (const Json& object : around.scaled_objects) {
    const std::string name = text_at(object, "metadata.name");
    if (name != plan.scaled_object && same_workload(at(object, "spec.scaleTargetRef"), plan.workload))
      all.push_back(fmt::format("ScaledObject {} scales {} too", name, plan.workload));
  }
}

void obstacles_to_keda(const Plan& plan, const State& state, const Surroundings& around,
                       std::vector<std::string>& all) {
  if (!around.keda_defined)
    all.emplace_back("KEDA is not installed: CustomResourceDefinition scaledobjects.keda.sh not found");
  else if (!around.keda_serves.empty())
    all.push_back("KEDA does not serve the external metrics API: " + around.keda_serves);
  if (plan.switched) return;
  const Json& owner = controller_of(state.hpa);
  if (!owner.is_null())
    all.push_back(fmt::format("HPA {} belongs to {} {}, which would write it again", plan.hpa,
                              text_at(owner, "kind"), text_at(owner, "name")));
  if (!state.scaled_object.is_null()) {
    const Json wanted = plan.manifest.is_null() ? Json() : Json::parse(plan.manifest["spec"].dump());
    if (going(state.scaled_object))
      all.push_back(fmt::format("ScaledObject {} is being deleted", plan.scaled_object));
    else if (!contains(at(state.scaled_object, "spec"), wanted))
      all.push_back(fmt::format("ScaledObject {} already exists, and is another one", plan.scaled_object));
  }
  if (diagnose::Readiness active = diagnose::hpa_active(state.hpa); !active.ready)
    all.push_back(fmt::format("HPA {} does not work now: {}", plan.hpa, active.text));
  if (!around.login_flags.empty())
    all.push_back(fmt::format("The adapter shows Prometheus credentials ({}), and the triggers have none",
                              text::join(around.login_flags, ", ")));
  for (const PlannedMetric& metric : plan.metrics) {
    if (metric.query.empty() || metric.rows == 1) continue;
    all.push_back(metric.rows
                      ? fmt::format("{}: the query gives {} now, and KEDA needs exactly one: {}", metric.from,
                                    text::count(static_cast<long long>(*metric.rows), "result"), metric.query)
                      : fmt::format("{}: the query could not be tried: {}", metric.from, metric.now));
  }
}

void obstacles_to_adapter(const Plan& plan, const State& state, const Surroundings& around,
                          std::vector<std::string>& all) {
  const Json& object = state.scaled_object;
  if (state.hpa.is_null()) all.push_back(fmt::format("HPA {}, which KEDA creates, not found", plan.hpa));
  if (plan.switched) return;
  if (!plan.rules.empty())
    all.push_back(
        fmt::format("The adapter does not have the rules yet: add them to {}, and restart the adapter",
                    plan.rules_place));
  for (const PlannedMetric& metric : plan.metrics) {
    if (!metric.query.empty() && !metric.served.value_or(false) && metric.rule != "new")
      all.push_back(
          fmt::format("The custom metrics API does not serve {}: {}", metric.to, metric.served_text));
  }
  if (going(object)) {
    if (!has_finalizer(object, own_finalizer) && !changed(plan, state))
      all.push_back(fmt::format("ScaledObject {} is being deleted by somebody else", plan.scaled_object));
    return;
  }
  for (const char* paused : {"autoscaling.keda.sh/paused", "autoscaling.keda.sh/paused-replicas"}) {
    if (!at(object, std::vector<std::string>{"metadata", "annotations", paused}).is_null())
      all.push_back(
          fmt::format("ScaledObject {} is paused ({}): it has no HPA then", plan.scaled_object, paused));
  }
  if (around.replicas == 0)
    all.push_back(fmt::format(
        "{} has 0 replicas: KEDA has deactivated it, and an HPA does not start it again", plan.workload));
  if (!state.hpa.is_null() && !owned_by(state.hpa, object))
    all.push_back(fmt::format("HPA {} does not belong to ScaledObject {}", plan.hpa, plan.scaled_object));
}

}  // namespace

std::string unread(const Json& hpa) {
  if (hpa.is_null()) return "HPA not found";
  if (diagnose::Readiness active = diagnose::hpa_active(hpa); !active.ready) return active.text;
  const std::vector<std::string> current = identities(list_at(hpa, "status.currentMetrics"));
  for (const std::string& one : identities(list_at(hpa, "spec.metrics"))) {
    if (std::find(current.begin(), current.end(), one) == current.end())
      return fmt::format("the HPA has not read {} yet", text::split(one, '/')[1]);
  }
  return {};
}

std::vector<Step> steps_of(const Plan& plan, const State& state) {
  std::vector<Step> steps =
      plan.to == Side::keda ? steps_to_keda(plan, state) : steps_to_adapter(plan, state);
  for (Step& step : steps) {
    if (step.done) step.missing.clear();
  }
  return steps;
}

Json changed_hpa(const Plan& plan, Json hpa) {
  hpa["spec"] = Json::parse(plan.manifest["spec"].dump());
  const Json wanted = Json::parse(plan.manifest["metadata"].dump());
  for (const char* marks : {"labels", "annotations"})  // KEDA's are those of the ScaledObject, and its own
    hpa["metadata"][marks] = wanted.contains(marks) ? wanted[marks] : Json::object();
  Json owners = Json::array();
  for (const Json& owner : list_at(hpa, "metadata.ownerReferences")) {
    if (text_at(owner, "kind") != "ScaledObject") owners.push_back(owner);
  }
  hpa["metadata"]["ownerReferences"] = owners;
  return hpa;
}

std::vector<std::string> obstacles(const Plan& plan, const State& state, const Surroundings& around) {
  std::vector<std::string> all;
  if (!plan.switched) {
    for (const std::string& one : plan.cannot) all.push_back(one);
    const Json& kept = plan.to == Side::keda ? state.hpa : state.scaled_object;
    if (std::string by = kept_by(kept); !by.empty())
      all.push_back(fmt::format("{} would undo the change, because it keeps {} as it is in its repository",
                                by, plan.to == Side::keda ? "the HPA" : "the ScaledObject"));
  }
  other_autoscalers(plan, around, all);
  if (plan.to == Side::keda)
    obstacles_to_keda(plan, state, around, all);
  else
    obstacles_to_adapter(plan, state, around, all);
  return all;
}

}  // namespace hpawalk::migrate
