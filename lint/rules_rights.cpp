// What prometheus-adapter is allowed to do, by the bindings in the files. They need not hold all of them:
// what is missing counts where they hold others of the same service account, or the same binding of another
// one.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"
#include "diagnose/collect.hpp"
#include "lint/facts.hpp"
#include "lint/rules.hpp"

namespace hpawalk::lint {

using diagnose::Certainty;
using diagnose::space_of;

namespace {

constexpr const char* delegator = "system:auth-delegator";

struct Account {
  std::string space, name;
  std::string text() const { return "ServiceAccount " + space + "/" + name; }
};

bool names(const Json& subject, const Account& account) {
  const std::string kind = text_at(subject, "kind"), name = text_at(subject, "name");
  if (kind == "ServiceAccount") return name == account.name && text_at(subject, "namespace") == account.space;
  if (kind == "User") return name == fmt::format("system:serviceaccount:{}:{}", account.space, account.name);
  return kind == "Group" && (name == "system:serviceaccounts" || name == "system:authenticated" ||
                             name == "system:serviceaccounts:" + account.space);
}

bool binds(const Object& binding, const Account& account) {
  const Json& subjects = list_at(binding.value, "subjects");
  return std::any_of(subjects.begin(), subjects.end(),
                     [&](const Json& subject) { return names(subject, account); });
}

bool holds(const Json& list, std::string_view word) {
  return std::any_of(list.begin(), list.end(), [&](const Json& one) { return one == "*" || one == word; });
}

// Does a role of the files allow it? Nothing: the files do not hold the role.
std::optional<bool> allows(const Chains& chains, const Json& binding, std::string_view verb,
                           std::string_view group, std::string_view resource) {
  const std::string kind = text_at(binding, "roleRef.kind"), name = text_at(binding, "roleRef.name");
  if (name == "cluster-admin") return true;
  // Kubernetes' own: they read configuration, and ask for nobody else's rights.
  if (kind == "ClusterRole" && (name == "view" || name == "edit" || name == "admin"))
    return resource == "configmaps";
  const Object* role = chains.find(kind, kind == "Role" ? space_of(binding) : "", name);
  if (role == nullptr) return name.starts_with("system:") ? std::optional(false) : std::nullopt;
  const Json& rules = list_at(role->value, "rules");
  return std::any_of(rules.begin(), rules.end(), [&](const Json& rule) {
    return holds(list_at(rule, "verbs"), verb) && holds(list_at(rule, "apiGroups"), group) &&
           holds(list_at(rule, "resources"), resource);
  });
}

// What an account needs, and who gives it.
struct Right {
  const diagnose::Cause& cause;
  std::string kind, role, space;  // of the binding; space: empty for a ClusterRoleBinding
  std::string_view verb, group, resource;
  std::string consequence;
};

struct Bindings {
  const Object* other = nullptr;   // it gives the role to somebody else
  const Object* astray = nullptr;  // it gives the role to the account where that does nothing
  bool given = false, unknown = false, any = false;
};

Bindings look(const Chains& chains, const Account& account, const Right& right) {
  Bindings found;
  for (const Object& object : chains.contents.objects) {
    const std::string kind = object.kind();
    if (kind != "ClusterRoleBinding" && kind != "RoleBinding") continue;
    const bool own = binds(object, account), same_role = text_at(object.value, "roleRef.name") == right.role;
    const bool there =
        kind == "ClusterRoleBinding" || (kind == right.kind && space_of(object.value) == right.space);
    found.any |= own;
    if (same_role && !own && there) found.other = &object;
    if (same_role && own && !there) found.astray = &object;
    if (!own || !there) continue;
    if (same_role) found.given = true;
    const auto allowed = allows(chains, object.value, right.verb, right.group, right.resource);
    found.given |= allowed == true;
    found.unknown |= !allowed && !same_role;
  }
  return found;
}

void judge(const Chains& chains, const Object& workload, const Account& account, const Right& right,
           const std::vector<std::string>& hpas, Findings& findings) {
  const Bindings found = look(chains, account, right);
  if (found.given || found.unknown) return;
  const std::string binding =
      right.space.empty() ? right.kind : fmt::format("{} in namespace {}", right.kind, right.space);
  const std::string fix = fmt::format("A {} of {} whose subject is {}", binding, right.role, account.text());
  auto add = [&](const Object& object, const std::string& path, std::string sentence) {
    findings.push_back(finding_at(right.cause.id, &object, path, sentence + ": " + right.consequence));
    findings.back().certainty = Certainty::likely;
    findings.back().fix = fix;
    findings.back().hpas = hpas;
  };
  if (found.astray != nullptr) {
    add(*found.astray, found.astray->kind() == "RoleBinding" ? "metadata.namespace" : "kind",
        fmt::format("{} gives {} only what is in its own namespace", found.astray->ref(), account.text()));
  } else if (found.other != nullptr) {
    add(*found.other, "subjects", fmt::format("{} does not name {}", found.other->ref(), account.text()));
  } else if (found.any && chains.find("ServiceAccount", account.space, account.name) != nullptr) {
    add(workload, "spec.template.spec.serviceAccountName",
        fmt::format("The files bind other roles to {}, but not {}", account.text(), right.role));
  }
}

// The workload of the files whose pods are the adapter's.
const Object* workload_of(const Chains& chains, const diagnose::Adapter& adapter) {
  for (const Object& object : chains.contents.objects) {
    const bool owner = object.kind() == "Deployment" || object.kind() == "DaemonSet";
    if (owner && space_of(object.value) == adapter.space && !adapter.pods.empty() &&
        diagnose::name_of(object.value) == diagnose::name_of(*adapter.pods.front()))
      return &object;
  }
  return nullptr;
}

}  // namespace

void judge_rights(const Chains& chains, Findings& findings) {
  const Right rights[] = {
      {diagnose::cause::adapter_auth_delegator, "ClusterRoleBinding", delegator, "", "create",
       "authorization.k8s.io", "subjectaccessreviews",
       "the adapter cannot ask who may read metrics, and the HPA controller receives an error"},
      {diagnose::cause::adapter_auth_reader, "RoleBinding", diagnose::authentication_reader,
       diagnose::authentication_space, "get", "", "configmaps",
       fmt::format("the adapter cannot read ConfigMap {}/{}, and does not start",
                   diagnose::authentication_space, diagnose::authentication_config)}};
  std::vector<const Object*> judged;
  for (const auto& [name, group] : chains.parts.groups) {
    const Object* workload = workload_of(chains, group.adapter);
    if (group.adapter.kind != diagnose::AdapterKind::prometheus_adapter || workload == nullptr ||
        std::find(judged.begin(), judged.end(), workload) != judged.end())
      continue;
    judged.push_back(workload);
    std::vector<std::string> hpas;
    for (const diagnose::Hpa& hpa : chains.parts.hpas) {
      bool served = std::any_of(hpa.needs.begin(), hpa.needs.end(), [&](const diagnose::MetricNeed& need) {
        const diagnose::Adapter& adapter = chains.parts.groups.at(need.api_group()).adapter;
        return adapter.space == group.adapter.space && adapter.service_name == group.adapter.service_name;
      });
      if (served) hpas.push_back(title(hpa));
    }
    const Account account{group.adapter.space,
                          text_at(workload->value, "spec.template.spec.serviceAccountName", "default")};
    for (const Right& right : rights) judge(chains, *workload, account, right, hpas, findings);
  }
}

}  // namespace hpawalk::lint
