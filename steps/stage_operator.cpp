#include "steps/stage_operator.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/json.hpp"
#include "manifests/manifests.hpp"
#include "manifests/operator_bundle.hpp"
#include "steps/operator_users.hpp"
#include "steps/ownership.hpp"
#include "steps/stages.hpp"
#include "world/kube_discovery.hpp"
#include "world/kube_path.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::steps {
namespace {

constexpr const char* deployment_name = "prometheus-operator";
constexpr std::array<const char*, 5> needed_crds = {"servicemonitors", "prometheuses", "podmonitors",
                                                    "probes", "prometheusrules"};

Operations operations(const config::Config& config, const cluster::ClusterAccess&) {
  return std::vector{Operation{"prometheus-operator " + config.text("operator.version"), InstallBundle{}}};
}

diagnose::Judgement resources_served(const StageContext& context) {
  Result<Json> list =
      world::kube_get(context.api, world::api_root(world::kube_kind("Prometheus").api_version()));
  if (!list && !list.error().is("kube-not-found")) {
    return {Mark::unknown, list.error().what + ": " + list.error().because, list.error().id};
  }
  for (const char* crd : needed_crds) {
    bool there = false;
    if (list) {
      for (const Json& resource : list_at(*list, "resources"))
        there = there || text_at(resource, "name") == crd;
    }
    if (!there) return {Mark::broken, fmt::format("the API server does not serve {} yet", crd)};
  }
  return {Mark::ok, "its custom resources are served"};
}

// The configured operator; or, where somebody else's custom resources are there, whatever serves those.
diagnose::Judgement available(const StageContext& context) {
  diagnose::Judgement own =
      rollout(context, context.config.text("operator.namespace"), deployment_name,
              "app.kubernetes.io/name=prometheus-operator,app.kubernetes.io/component=controller");
  if (own.mark != Mark::broken) return own;
  Result<std::vector<Json>> crds =
      world::list_metadata(context.api, context.clock,
                           world::kube_kind("CustomResourceDefinition").collection() +
                               "?labelSelector=" + world::query_value(manifests::owner_selector));
  bool some_ours = crds && std::any_of(crds->begin(), crds->end(),
                                       [&](const Json& crd) { return is_ours(crd, context.config); });
  if (!crds || some_ours || !resources_served(context).ok()) return own;
  Result<std::string> pod = operator_pod(context.api);
  if (!pod) return {Mark::unknown, pod.error().what + ": " + pod.error().because, pod.error().id};
  if (pod->empty())
    return {Mark::broken, "its custom resource definitions exist, but no operator is running"};
  return {Mark::ok, "its custom resource definitions were not created by hpawalk; the operator is " + *pod};
}

LogSource logs(const config::Config& config) {
  return {config.text("operator.namespace"), "app.kubernetes.io/name=prometheus-operator"};
}

Operation custom_resource(const manifests::BundleObject& object) {
  Operation operation{"CRD " + object.name, Apply{.yaml = object.text, .crd = object.name}};
  operation.reaches = {Milestone::Kind::custom_resource, object.name.substr(0, object.name.find('.'))};
  if (!manifests::needed_first(object)) operation.after = {stage_ready("prometheus")};
  return operation;
}

}  // namespace

std::string bundle_source(const config::Config& config, const cluster::ClusterAccess& access) {
  if (!config.text("operator.bundle").empty()) return config.text("operator.bundle");
  if (!access.operator_bundle.empty()) return access.operator_bundle;
  return fmt::format(
      "https://github.com/prometheus-operator/prometheus-operator/releases/download/v{}/bundle.yaml",
      config.text("operator.version"));
}

std::vector<Milestone> needed_custom_resources() {
  std::vector<Milestone> all;
  for (const char* crd : needed_crds) all.push_back({Milestone::Kind::custom_resource, crd});
  return all;
}

Operations bundle_operations(std::string_view bundle, const config::Config& config) {
  Result<std::vector<manifests::BundleObject>> objects = manifests::adapt_bundle(bundle, config);
  if (!objects) return failure(objects.error());
  Result<std::string> the_rest = manifests::render_namespace(config.text("operator.namespace"), config);
  if (!the_rest) return failure(the_rest.error());
  const Milestone rights{Milestone::Kind::operator_rights}, deployed{Milestone::Kind::operator_deployment};
  std::vector<Operation> operations;
  std::string deployment;
  std::vector<Milestone> whole = {deployed};
  for (const manifests::BundleObject& object : *objects) {
    if (object.kind == "CustomResourceDefinition") {
      operations.push_back(custom_resource(object));
      whole.push_back(*operations.back().reaches);
      continue;
    }
    std::string& text = object.kind == "Deployment" ? deployment : *the_rest;
    text += (text.empty() ? "" : "---\n") + object.text;
  }
  operations.push_back(applying("the operator's account, permissions and Service", *the_rest));
  operations.back().reaches = rights;
  operations.push_back(applying("the operator's Deployment", deployment));
  operations.back().after = needed_custom_resources();
  operations.back().after.push_back(rights);
  operations.back().reaches = deployed;
  operations.push_back(Operation{"restart the operator, so that it watches its other custom resources",
                                 Restart{config.text("operator.namespace"), deployment_name}, whole});
  return operations;
}

Stage operator_stage() {
  return {.name = "operator",
          .why =
              "prometheus-operator turns the resources Prometheus and ServiceMonitor into a running, "
              "configured Prometheus.",
          .needs = {},
          .makes = {{kube_kind("CustomResourceDefinition"), "", "1.16"},
                    {kube_kind("ClusterRole"), "", "1.8"},
                    {kube_kind("ClusterRoleBinding"), ""},
                    {kube_kind("Deployment"), "operator.namespace"},
                    {kube_kind("Service"), "operator.namespace"},
                    {kube_kind("ServiceAccount"), "operator.namespace"}},
          .operations = operations,
          .rules = {{"its custom resources are served", resources_served},
                    {"the operator is available", available}},
          .logs = logs};
}

}  // namespace hpawalk::steps
