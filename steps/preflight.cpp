#include "steps/preflight.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "chain/json_read.hpp"

namespace hpawalk {

namespace {

Precondition tool(World& world, const std::string& name, const std::string& program, const std::vector<std::string>& version, bool ask) {
  auto found = world.processes.find(program);
  if (!found) {
    return {name, Mark::broken, program + " is not in PATH",
            fmt::format("Install {}, or set tools.{} to where it is", name, name)};
  }
  if (!ask) return {name, Mark::ok, found->string()};
  std::vector<std::string> argv = {program};
  argv.insert(argv.end(), version.begin(), version.end());
  Result<Outcome> said = world.processes.run(Command{.argv = argv, .limit = std::chrono::seconds(10)});
  if (!said || !said->ok()) return {name, Mark::broken, found->string() + " does not run", "Install it again"};
  return {name, Mark::ok, fmt::format("{} ({})", std::string(text::trim(text::lines(said->output).front())), found->string())};
}

struct Right {
  const char *verb, *group, *resource;
  const char* space;  // a setting; nullptr: the whole cluster
};

constexpr Right rights[] = {
    {"create", "apps", "deployments", "namespace"},
    {"create", "", "services", "namespace"},
    {"create", "autoscaling", "horizontalpodautoscalers", "namespace"},
    {"create", "", "namespaces", nullptr},
    {"create", "apiextensions.k8s.io", "customresourcedefinitions", nullptr},
    {"create", "rbac.authorization.k8s.io", "clusterroles", nullptr},
    {"create", "rbac.authorization.k8s.io", "clusterrolebindings", nullptr},
    {"create", "apiregistration.k8s.io", "apiservices", nullptr},
    {"create", "monitoring.coreos.com", "prometheuses", "prometheus.namespace"},
    {"create", "monitoring.coreos.com", "servicemonitors", "prometheus.namespace"},
    {"create", "", "secrets", "adapter.namespace"},
    {"get", "", "services/proxy", "prometheus.namespace"},
};

}  // namespace

std::vector<Precondition> look_at_tools(World& world, const ClusterAccess& access, bool versions) {
  return {tool(world, "kubectl", access.kube.kubectl, {"version", "--client"}, versions),
          tool(world, "helm", access.helm, {"version", "--short"}, versions)};
}

std::vector<Precondition> look_at_cluster(KubeApi& api, const Config& config) {
  std::vector<Precondition> findings;
  Result<Json> version = kube_get(api, "/version");
  if (!version) {
    findings.push_back({"API server", Mark::broken, version.error().what + ": " + version.error().because, version.error().hint});
    return findings;
  }
  findings.push_back({"API server", Mark::ok, "Kubernetes " + text_at(*version, "gitVersion")});
  Result<bool> everything = may(api, {"*", "*", "*"});
  if (everything && *everything) {
    findings.push_back({"rights", Mark::ok, "may do everything"});
    return findings;
  }
  std::vector<std::string> missing;
  for (const Right& right : rights) {
    std::string space = right.space == nullptr ? "" : config.text(right.space);
    Result<bool> allowed = may(api, {right.verb, right.group, right.resource, space});
    std::string name = fmt::format("{} {}{}", right.verb, right.resource, space.empty() ? "" : " in " + space);
    if (!allowed) {
      findings.push_back({"rights", Mark::unknown, allowed.error().what + ": " + allowed.error().because, allowed.error().hint});
      return findings;
    }
    if (!*allowed) missing.push_back(name);
  }
  if (missing.empty()) {
    findings.push_back({"rights", Mark::ok, "may do what hpawalk needs"});
  } else {
    findings.push_back({"rights", Mark::broken, "may not " + text::join(missing, ", "),
                        "Ask for these rights, or use a context of somebody who has them: --context NAME"});
  }
  return findings;
}

Status all_fine(const std::vector<Precondition>& findings) {
  for (const Precondition& finding : findings) {
    if (finding.mark == Mark::ok || finding.mark == Mark::note) continue;
    std::string id = "preflight-" + text::join(text::split(finding.name, ' '), "-");
    return failure(ErrorClass::environment, id, "Not ready to run: " + finding.name, finding.evidence, finding.hint);
  }
  return {};
}

}  // namespace hpawalk
