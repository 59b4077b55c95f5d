// What the adapter needs to be allowed before it answers anybody: for each request it asks the API server
// whether the caller may read metrics. The API server's own check of the APIService, and administrators of
// group system:masters, are served without that question. And what it needs to start: to know who is a
// client.
#include <algorithm>

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

const Cause cause::adapter_auth_reader = {
    .id = "adapter-auth-reader",
    .link = Link::adapter,
    .symptom =
        "The adapter ends again and again: configmaps \"extension-apiserver-authentication\" is forbidden",
    .reason =
        "No RoleBinding in namespace kube-system lets the adapter's service account read that ConfigMap; one "
        "in "
        "the adapter's own namespace does nothing",
    .detection = "The adapter's log, and the RoleBindings",
    .fix = "A RoleBinding in kube-system"};

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

bool grants(const Json& binding, const std::string& user) {
  if (text_at(binding, "roleRef.name") != authentication_reader) return false;
  const Json& subjects = list_at(binding, "subjects");
  return std::any_of(subjects.begin(), subjects.end(), [&](const Json& subject) {
    return text_at(subject, "kind") == "ServiceAccount" &&
           user == fmt::format("system:serviceaccount:{}:{}", text_at(subject, "namespace"),
                               text_at(subject, "name"));
  });
}

Fix let_read_authentication(const Context& c, const std::string& user) {
  std::string says = fmt::format("Bind Role {} in namespace {} to the adapter's service account ({})",
                                 authentication_reader, authentication_space, user);
  std::vector<std::string> parts = text::split(user, ':');
  if (parts.size() != 4) return advice(says);
  ObjectRef ref = {"rolebinding", authentication_space, fmt::format("{}-{}-auth-reader", parts[2], parts[3])};
  if (c.facts.object("rolebindings", ref.space, ref.name) != nullptr)
    return advice(fmt::format("Correct RoleBinding {} in namespace {}. {}", ref.name, ref.space, says),
                  look_at("get", ref));
  return create(ref,
                binding_to("RoleBinding", {{"name", ref.name}, {"namespace", ref.space}}, "Role",
                           authentication_reader, user),
                says, "the adapter's pod starts again within 5 minutes, as its back-off ends")
      .value_or(advice(says));
}

}  // namespace

bool authentication_unread(const Context& c, Report& report, std::vector<std::string> evidence) {
  const std::vector<std::string> log = c.log();
  auto line = std::find_if(log.rbegin(), log.rend(), [](const std::string& l) {
    return has(l, authentication_config) && has(l, "is forbidden");
  });
  if (line == log.rend()) return false;
  std::string user = forbidden_user(*line);
  if (user.empty()) user = user_of(*c.adapter.pods.front());
  std::string elsewhere;
  for (const Json* binding : c.facts.items("rolebindings")) {
    if (!grants(*binding, user)) continue;
    if (space_of(*binding) == authentication_space) return false;  // it has come since
    elsewhere = full_name(*binding);
    evidence.push_back(fmt::format("RoleBinding {} names Role {}, which its own namespace does not have",
                                   elsewhere, authentication_reader));
  }
  report.broken(
      cause::adapter_auth_reader,
      fmt::format(
          "The adapter {}/{} does not start: it is forbidden to read ConfigMap {}/{}{}", c.adapter.space,
          c.adapter.service_name, authentication_space, authentication_config,
          elsewhere.empty() ? "" : fmt::format("; RoleBinding {} is in the wrong namespace", elsewhere)),
      std::move(evidence), let_read_authentication(c, user));
  return true;
}

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
