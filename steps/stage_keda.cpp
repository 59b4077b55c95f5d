// Stage `keda`: KEDA's operator and its metrics API server.
#include "cluster/local/images.hpp"
#include "manifests/manifests.hpp"
#include "steps/keda_owner.hpp"
#include "steps/stages.hpp"

namespace hpawalk::steps {
namespace {

Operations operations(const config::Config& config, const cluster::ClusterAccess&) {
  Result<std::string> definitions = manifests::render_keda_definitions(config);
  Result<std::string> programs = manifests::render_stage("keda", config);
  if (!definitions) return failure(definitions.error());
  if (!programs) return failure(programs.error());
  const Milestone image{Milestone::Kind::keda_image},
      served{Milestone::Kind::custom_resource, "scaledobjects"};
  std::vector<Operation> all;
  // Images of other names are the user's business.
  if (config.text("keda.image") == local::keda_image().names[0])
    all.push_back({"KEDA's images", BringKeda{}, {prometheus_can_be_created()}, image});
  all.push_back(applying("KEDA's custom resource definitions", *definitions));
  all.back().after = {prometheus_can_be_created()};
  all.back().reaches = served;
  all.push_back(applying("KEDA's operator and metrics API server", *programs));
  all.back().after = {served, image};
  return all;
}

diagnose::Judgement of_another(const KedaOwner& owner) {
  return {Mark::ok, owner.title + " was not created by this chain"};
}

diagnose::Judgement deployed(const StageContext& context, const std::string& name) {
  diagnose::Judgement own = rollout(context, context.config.text("keda.namespace"), name, "app=" + name);
  if (own.mark != Mark::broken) return own;
  Result<KedaOwner> owner = keda_owner(context.api, context.config);
  if (!owner) return {Mark::unknown, owner.error().what + ": " + owner.error().because, owner.error().id};
  return owner->usable ? of_another(*owner) : own;
}

diagnose::Judgement operator_available(const StageContext& context) {
  return deployed(context, "keda-operator");
}

diagnose::Judgement server_available(const StageContext& context) {
  return deployed(context, "keda-metrics-apiserver");
}

diagnose::Judgement reachable(const StageContext& context) {
  diagnose::Judgement seen = diagnose::check_api_service(context.api, external_metrics_service);
  if (seen.mark != Mark::ok) return seen;
  Result<KedaOwner> owner = keda_owner(context.api, context.config);
  return owner && owner->usable ? of_another(*owner) : seen;  // `status` shows the last check's text
}

LogSource logs(const config::Config& config) {
  return {config.text("keda.namespace"), "app in (keda-operator,keda-metrics-apiserver)"};
}

}  // namespace

Stage keda_stage() {
  return {.name = "keda",
          .why =
              "KEDA's operator creates an HPA for each ScaledObject, and scales to and from 0 itself; its "
              "metrics API server serves what the HPA asks for in the external metrics API.",
          .needs = {},
          .metrics = "keda",
          .makes = {{kube_kind("CustomResourceDefinition"), "", "1.16"},
                    {kube_kind("APIService"), "", "1.10"},
                    {kube_kind("ClusterRole"), ""},
                    {kube_kind("ClusterRoleBinding"), ""},
                    {kube_kind("RoleBinding"), "=kube-system"},
                    {kube_kind("Role"), "keda.namespace"},
                    {kube_kind("RoleBinding"), "keda.namespace"},
                    {kube_kind("Deployment"), "keda.namespace"},
                    {kube_kind("Service"), "keda.namespace"},
                    {kube_kind("ServiceAccount"), "keda.namespace"}},
          .operations = operations,
          .rules = {{"the operator is available", operator_available},
                    {"the metrics API server is available", server_available},
                    {"the API server reaches it", reachable}},
          .logs = logs};
}

}  // namespace hpawalk::steps
