// What the adapter needs to be allowed before it answers anybody: for each request it asks the API server
// whether the caller may read metrics. The API server's own check of the APIService, and administrators of
// group system:masters, are served without that question.
#include "diagnose/collect.hpp"
#include "diagnose/rules_adapter.hpp"

namespace hpawalk::diagnose {

const Cause cause::adapter_auth_delegator = {
    .id = "adapter-auth-delegator",
    .link = Link::adapter,
    .symptom = "subjectaccessreviews.authorization.k8s.io is forbidden, while the APIService is Available",
    .reason = "The adapter's service account is not bound to ClusterRole system:auth-delegator",
    .detection = "A SubjectAccessReview as the adapter; the condition and the metrics API's response",
    .fix = "A ClusterRoleBinding",
    .also_when_served = true};

std::optional<bool> adapter_may_delegate(const Context& c) {
  if (c.adapter.pods.empty()) return std::nullopt;
  const Reading* answer = c.facts.find(may_key(delegation_question(user_of(*c.adapter.pods.front()))));
  if (answer == nullptr || !answer->read() || !answer->value.is_boolean()) return std::nullopt;
  return answer->value.get<bool>();
}

namespace {

bool about_delegation(const std::string& message) {
  return has(message, "subjectaccessreviews") && has(message, "forbidden");
}

// What the metrics API answered to the controller or to hpawalk.
std::vector<std::string> told(const Context& c) {
  std::vector<std::string> all;
  const Json& active = condition(*c.hpa.object, "ScalingActive");
  std::string message = text_at(active, "message");
  if (text_at(active, "status") == "False" && about_delegation(message))
    all.push_back(fmt::format("HPA {}: ScalingActive is False: {}: {}", full_name(*c.hpa.object),
                              text_at(active, "reason"), message));
  std::optional<Reading> probe = c.probe();
  if (probe && about_delegation(probe->error)) all.push_back(seen(*probe, probe->error));
  return all;
}

Fix let_delegate(const Context& c, const std::string& user) {
  std::string says = fmt::format("Allow the adapter ({}) to ask who may read metrics", user);
  std::vector<std::string> parts = text::split(user, ':');
  if (parts.size() != 4) return advice(says + ": bind ClusterRole system:auth-delegator to it");
  ObjectRef ref = {"clusterrolebinding", "", fmt::format("{}-{}-auth-delegator", parts[2], parts[3])};
  return create(ref,
                binding_to("ClusterRoleBinding", {{"name", ref.name}}, "ClusterRole", "system:auth-delegator",
                           user),
                says)
      .value_or(advice(says, look_at_adapter(c)));
}

}  // namespace

void judge_delegation(const Context& c, Report& report) {
  if (c.adapter.pods.empty()) return;
  std::optional<bool> may = adapter_may_delegate(c);
  std::vector<std::string> evidence = told(c);
  // Other adapters may decide otherwise who gets an answer.
  bool suspect = may == false && c.adapter.kind == AdapterKind::prometheus_adapter && !c.works();
  if (may == true || (evidence.empty() && !suspect)) return;
  std::string user = evidence.empty() ? "" : forbidden_user(evidence.front());
  if (user.empty()) user = user_of(*c.adapter.pods.front());
  if (may == false)
    evidence.push_back("SubjectAccessReview: " + user + " is forbidden to create subjectaccessreviews");
  report.broken(
      cause::adapter_auth_delegator,
      fmt::format("The adapter {}/{} is forbidden to ask the API server who may read metrics, so the HPA "
                  "controller receives an error",
                  c.adapter.space, c.adapter.service_name),
      evidence, let_delegate(c, user));
}

}  // namespace hpawalk::diagnose
