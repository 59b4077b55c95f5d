#include "steps/preflight.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/text.hpp"
#include "steps/chain_names.hpp"
#include "steps/pod_security.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::steps {

namespace {

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

struct Tool {
  std::string name, program;
  std::vector<std::string> version_arguments;
  int major = 0, minor = 0;  // the oldest that will do
};

// The first "vMAJOR.MINOR" in what a tool says about itself.
std::pair<int, int> version_in(const std::string& text) {
  int major = 0, minor = 0;
  for (size_t v = text.find('v'); v != std::string::npos; v = text.find('v', v + 1)) {
    if (std::sscanf(text.c_str() + v, "v%d.%d", &major, &minor) == 2) return {major, minor};
  }
  return {0, 0};
}

cluster::Precondition look_at_tool(world::World& world, const Tool& tool) {
  auto found = world.processes.find(tool.program);
  if (!found) {
    return {tool.name, Mark::broken, tool.program + " is not in PATH",
            fmt::format("Install {}, or say where it is: --tools-{} FILE", tool.name, tool.name)};
  }
  std::vector<std::string> argv = {tool.program};
  argv.insert(argv.end(), tool.version_arguments.begin(), tool.version_arguments.end());
  Result<world::Outcome> said =
      world.processes.run(world::Command{.argv = argv, .limit = std::chrono::seconds(10)});
  if (!said)
    return {tool.name, Mark::broken, said.error().what + ": " + said.error().because, said.error().hint};
  auto [major, minor] = version_in(said->output);
  if (!said->ok() || major == 0)
    return {tool.name, Mark::broken, found->string() + " does not report its version", "Install it again"};
  std::string evidence =
      fmt::format("{} ({})", std::string(text::trim(text::lines(said->output).front())), found->string());
  if (std::pair(major, minor) < std::pair(tool.major, tool.minor)) {
    return {tool.name, Mark::broken, evidence + " is too old",
            fmt::format("Install {} {}.{} or later", tool.name, tool.major, tool.minor)};
  }
  return {tool.name, Mark::ok, evidence};
}

std::string space_of(const Making& making, const config::Config& config) {
  std::string_view space = making.space;
  if (space.empty()) return {};
  return space.starts_with('=') ? std::string(space.substr(1)) : config.text(space);
}

// The questions of these stages, each once.
std::vector<world::AccessQuestion> questions(world::KubeApi& api, const config::Config& config,
                                             const std::vector<std::string>& stages) {
  std::vector<world::AccessQuestion> all;
  auto ask = [&](world::AccessQuestion question) {
    bool known = std::any_of(all.begin(), all.end(), [&](const world::AccessQuestion& q) {
      return q.verb == question.verb && q.group == question.group && q.resource == question.resource &&
             q.space == question.space;
    });
    if (!known) all.push_back(std::move(question));
  };
  std::set<std::string> spaces;
  for (const Stage& stage : steps::stages()) {
    if (!contains(stages, stage.name)) continue;
    for (const Making& making : stage.makes) {
      std::string space = space_of(making, config);
      for (const char* verb : {"create", "patch"})
        ask({verb, std::string(making.kind.group), std::string(making.kind.plural), space});
      if (!space.empty()) spaces.insert(space);
    }
  }
  for (const std::string& space : spaces) {
    Result<Json> there = world::kube_get(api, kube_kind("Namespace").object(space));
    if (!there && there.error().is("kube-not-found")) ask({"create", "", "namespaces"});
  }
  // What the rules read on the way.
  if (contains(stages, "prometheus") || contains(stages, "servicemonitor")) {
    ask({"get", "", "services/proxy", config.text("prometheus.namespace")});
  }
  if (contains(stages, "adapter")) {
    ask({"get", "custom.metrics.k8s.io", "services/" + config.text("prom-fake.metric"),
         config.text("namespace")});
  }
  if (contains(stages, "scaledobject"))
    ask({"get", "external.metrics.k8s.io", std::string(keda_metric), config.text("namespace")});
  return all;
}

cluster::Precondition look_at_rights(world::KubeApi& api, const config::Config& config,
                                     const std::vector<std::string>& stages) {
  Result<bool> everything = world::may(api, {"*", "*", "*"});
  if (everything && *everything) return {"rights", Mark::ok, "has all permissions"};
  std::map<std::string, std::vector<std::string>> missing;  // by where
  for (const world::AccessQuestion& question : questions(api, config, stages)) {
    Result<bool> allowed = world::may(api, question);
    if (!allowed)
      return {"rights", Mark::unknown, allowed.error().what + ": " + allowed.error().because,
              allowed.error().hint};
    std::string where = question.space.empty() ? "in the whole cluster" : "in namespace " + question.space;
    if (!*allowed) missing[where].push_back(question.verb + " " + question.resource);
  }
  if (missing.empty()) return {"rights", Mark::ok, "has the permissions that hpawalk needs"};
  std::vector<std::string> lines;
  for (const auto& [where, rights] : missing)
    lines.push_back(fmt::format("forbidden {}: {}", where, text::join(rights, ", ")));
  return {"rights", Mark::broken, text::join(lines, "\n"),
          "Ask for these permissions, or use a context that has them: --context NAME"};
}

cluster::Precondition look_at_apis(world::KubeApi& api, const std::vector<std::string>& stages) {
  Result<Json> groups = world::kube_get(api, "/apis");
  if (!groups)
    return {"APIs", Mark::unknown, groups.error().what + ": " + groups.error().because, groups.error().hint};
  std::set<std::string> served;
  for (const Json& group : list_at(*groups, "groups")) {
    for (const Json& version : list_at(group, "versions")) served.insert(text_at(version, "groupVersion"));
  }
  std::vector<std::string> missing;
  for (const Stage& stage : steps::stages()) {
    if (!contains(stages, stage.name)) continue;
    for (const Making& needed : stage.makes) {
      if (needed.since.empty() || served.contains(needed.kind.api_version())) continue;
      missing.push_back(fmt::format("{} (stage {}; Kubernetes has it since {})", needed.kind.api_version(),
                                    stage.name, needed.since));
    }
  }
  if (missing.empty()) return {"APIs", Mark::ok, "serves the APIs that hpawalk needs"};
  return {"APIs", Mark::broken, "the API server does not serve " + text::join(missing, ", "),
          "kubectl api-versions   lists the served APIs; use a newer cluster, or enable the API"};
}

// "25+" on some clouds. An API server that does not say its version is judged by what it serves.
bool is_too_old(const Json& version) {
  std::string minor = text_at(version, "minor");
  return text_at(version, "major") == "1" && !minor.empty() && std::atoi(minor.c_str()) < oldest_minor;
}

// Older API servers do not have this question.
std::vector<cluster::Precondition> look_at_login(world::KubeApi& api) {
  const world::KubeResource& kind = kube_kind("SelfSubjectReview");
  Json review = {{"apiVersion", kind.api_version()}, {"kind", kind.kind}};
  Result<Json> who = world::kube_create(api, kind.collection(), review);
  if (who) return {{"login", Mark::ok, text_at(*who, "status.userInfo.username")}};
  if (who.error().is("kube-not-found") || who.error().is("kube-forbidden")) return {};
  return {{"login", Mark::broken, who.error().what + ": " + who.error().because, who.error().hint}};
}

}  // namespace

std::vector<cluster::Precondition> look_at_tools(world::World& world, const cluster::ClusterAccess& access,
                                                 const std::vector<std::string>& stages) {
  std::vector<Tool> tools = {
      {"kubectl", access.kube.kubectl, {"version", "--client"}, 1, 22}};  // server-side apply
  if (contains(stages, "adapter"))
    tools.push_back({"helm", access.helm, {"version", "--short"}, 3, 13});  // --labels
  std::vector<cluster::Precondition> findings;
  for (const Tool& tool : tools) findings.push_back(look_at_tool(world, tool));
  return findings;
}

std::vector<cluster::Precondition> look_at_cluster(world::KubeApi& api, const config::Config& config,
                                                   const std::vector<std::string>& stages,
                                                   const std::string& when_unreachable) {
  Result<Json> version = world::kube_get(api, "/version");
  if (!version) {
    bool out_of_reach = version.error().is("kube-unreachable") && !when_unreachable.empty();
    return {{"API server", Mark::broken, version.error().what + ": " + version.error().because,
             out_of_reach ? when_unreachable : version.error().hint}};
  }
  std::vector<cluster::Precondition> findings = {
      {"API server", Mark::ok, "Kubernetes " + text_at(*version, "gitVersion")}};
  if (is_too_old(*version)) {
    findings.push_back({"Kubernetes", Mark::broken,
                        fmt::format("{} is older than 1.{}, the oldest version that hpawalk supports",
                                    text_at(*version, "gitVersion"), oldest_minor),
                        "Upgrade the cluster, or use a local cluster: hpawalk up --cluster local"});
    return findings;
  }
  for (cluster::Precondition& finding : look_at_login(api)) findings.push_back(std::move(finding));
  if (findings.back().mark != Mark::ok) return findings;
  findings.push_back(look_at_apis(api, stages));
  findings.push_back(look_at_rights(api, config, stages));
  if (contains(stages, "workload")) findings.push_back(look_at_pod_security(api, config));
  return findings;
}

Status all_fine(const std::vector<cluster::Precondition>& findings) {
  for (const cluster::Precondition& finding : findings) {
    if (finding.mark == Mark::ok || finding.mark == Mark::note) continue;
    std::string name = text::join(text::split(finding.name, ' '), "-");
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    Error error{ErrorClass::environment, "preflight-NAME", "Preflight check failed: " + finding.name,
                finding.evidence,
                finding.hint.empty() ? "Nothing was changed" : finding.hint + "; nothing was changed"};
    return failure(named(std::move(error), name));
  }
  return {};
}

}  // namespace hpawalk::steps
