// What the files allow the adapter.
#include <doctest/doctest.h>

#include "tests/unit/lint/chain.hpp"

namespace hpawalk::lint {

namespace {

const char* adapter_yaml = R"(---
apiVersion: apps/v1
kind: Deployment
metadata: {name: adapter, namespace: metrics}
spec:
  selector: {matchLabels: {app: adapter}}
  template:
    metadata: {labels: {app: adapter}}
    spec:
      serviceAccountName: adapter
      containers:
      - name: adapter
        image: prometheus-adapter
        args: [--prometheus-url=http://prometheus-operated.watch.svc:9090, --config=/etc/adapter/config.yaml]
---
apiVersion: v1
kind: Service
metadata: {name: adapter, namespace: metrics}
spec: {selector: {app: adapter}, ports: [{port: 443, targetPort: 6443}]}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.custom.metrics.k8s.io}
spec:
  group: custom.metrics.k8s.io
  version: v1beta1
  service: {namespace: metrics, name: adapter}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: adapter, namespace: metrics}
)";
const char* delegator_yaml = R"(---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: adapter-delegator}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: system:auth-delegator}
subjects:
- {kind: ServiceAccount, name: adapter, namespace: metrics}
)";
const char* reader_yaml = R"(---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: adapter-reader, namespace: kube-system}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: extension-apiserver-authentication-reader}
subjects:
- {kind: ServiceAccount, name: adapter, namespace: metrics}
)";

std::string all() {
  return whole_chain() + adapter_yaml + delegator_yaml + reader_yaml;
}

}  // namespace

TEST_CASE("An adapter with its bindings, and one without any in the files, has no finding") {
  Report report = linted(all(), "");
  CHECK_MESSAGE(report.findings.empty(), told(report));
  report = linted(whole_chain() + adapter_yaml, "");
  CHECK_MESSAGE(report.findings.empty(), told(report));
}

TEST_CASE("A binding that is missing beside others, or of another account, or elsewhere, is found") {
  struct Case {
    std::string chain;
    const char *cause, *object;
  };
  const std::string wrong = "name: adapter, namespace: metrics}\n---";
  const Case cases[] = {
      {whole_chain() + adapter_yaml + reader_yaml, "adapter-auth-delegator", "Deployment metrics/adapter"},
      {whole_chain() + adapter_yaml + delegator_yaml, "adapter-auth-reader", "Deployment metrics/adapter"},
      {whole_chain() + adapter_yaml + reader_yaml +
           with(delegator_yaml, "namespace: metrics", "namespace: default"),
       "adapter-auth-delegator", "ClusterRoleBinding adapter-delegator"},
      {whole_chain() + adapter_yaml + delegator_yaml +
           with(reader_yaml, "namespace: kube-system", "namespace: metrics"),
       "adapter-auth-reader", "RoleBinding metrics/adapter-reader"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.object);
    Report report = linted(one.chain, "");
    const Finding* finding = find(report, one.cause);
    REQUIRE_MESSAGE(finding != nullptr, told(report));
    CHECK(finding->object == one.object);
    CHECK(finding->certainty == diagnose::Certainty::likely);
    CHECK(finding->hpas == std::vector<std::string>{"shop/web"});
  }
}

TEST_CASE("A role that allows the same, or that the files do not hold, is no finding") {
  auto other = [](const std::string& role) {
    return whole_chain() + adapter_yaml + reader_yaml +
           with(delegator_yaml, "system:auth-delegator", "own-delegator") + role;
  };
  CHECK(linted(other(""), "").findings.empty());
  const std::string role =
      "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: own-delegator}\n"
      "rules: [{apiGroups: [authorization.k8s.io], resources: [subjectaccessreviews], verbs: [create]}]\n";
  CHECK(linted(other(role), "").findings.empty());
  CHECK(find(linted(other(with(role, "[create]", "[get]")), ""), "adapter-auth-delegator") != nullptr);
  // view lets read ConfigMaps, in kube-system too, and asks for nobody.
  auto view = [](const char* binding) {
    return whole_chain() + adapter_yaml + binding +
           with(with(delegator_yaml, "system:auth-delegator", "view"), "adapter-delegator", "adapter-view");
  };
  CHECK(linted(view(delegator_yaml), "").findings.empty());
  CHECK(find(linted(view(reader_yaml), ""), "adapter-auth-delegator") != nullptr);
}

}  // namespace hpawalk::lint
