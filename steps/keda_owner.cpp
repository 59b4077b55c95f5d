#include "steps/keda_owner.hpp"

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/text.hpp"
#include "diagnose/readiness.hpp"
#include "steps/ownership.hpp"
#include "world/kube_list.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::steps {

namespace {

using world::kube_kind;

constexpr const char* definition = "scaledobjects.keda.sh";

// The object, or null where there is none.
Result<Json> look_for(world::KubeApi& api, const std::string& path) {
  Result<Json> live = world::kube_get(api, path);
  if (!live && live.error().is("kube-not-found")) return Json();
  return live;
}

bool served_by_keda(const Json& api_service) {
  return diagnose::api_service_available(api_service).ready &&
         text_at(api_service, "spec.service.name").find("keda") != std::string::npos;
}

// Of the operator's image: "mcr.microsoft.com/oss/v2/kedacore/keda:v2.18.1@sha256:..." is 2.18.1.
std::string version_of_image(std::string image) {
  image = image.substr(0, image.find('@'));
  size_t colon = image.rfind(':');
  if (colon == std::string::npos || image.find('/', colon) != std::string::npos) return {};
  std::string tag = image.substr(colon + 1);
  return tag.starts_with('v') ? tag.substr(1) : tag;
}

std::string title_of(world::KubeApi& api, const Json& api_service) {
  const std::string space = text_at(api_service, "spec.service.namespace");
  Result<Json> runs = world::kube_get(api, kube_kind("Deployment").object(space, "keda-operator"));
  const Json& containers = runs ? list_at(*runs, "spec.template.spec.containers") : Json();
  std::string version =
      containers.is_array() && !containers.empty() ? version_of_image(text_at(containers[0], "image")) : "";
  return fmt::format("KEDA{}{} in namespace {}", version.empty() ? "" : " ", version, space);
}

tl::unexpected<Error> autoscaler_exists(const config::Config& config, const std::string& what,
                                        const std::string& because) {
  return failure(ErrorClass::check_failed, "autoscaler-exists", what, because,
                 "Two autoscalers of one workload undo each other's decisions. " + config.again("down") +
                     "   removes this chain; or choose another --workload-name. Nothing was changed");
}

}  // namespace

Result<KedaOwner> keda_owner(world::KubeApi& api, const config::Config& config) {
  Result<Json> crd = look_for(api, kube_kind("CustomResourceDefinition").object(definition));
  if (!crd) return failure(crd.error());
  if (crd->is_null() || is_ours(*crd, config)) return KedaOwner{};
  Result<Json> service = look_for(api, kube_kind("APIService").object(external_metrics_service));
  if (!service) return failure(service.error());
  if (!served_by_keda(*service)) return KedaOwner{true, false};
  return KedaOwner{true, true, title_of(api, *service)};
}

Result<bool> use_other_keda(world::KubeApi& api, const config::Config& config, bool addon) {
  Result<KedaOwner> owner = keda_owner(api, config);
  if (!owner) return failure(owner.error());
  if (owner->usable) return true;
  if (addon && !owner->foreign) {
    return failure(
        ErrorClass::check_failed, "keda-unusable",
        "The cluster's KEDA add-on is on, and KEDA is not there yet",
        fmt::format("CustomResourceDefinition {} {}", definition,
                    "was not found, or was created by this chain, before the add-on was enabled"),
        "Wait until the add-on is installed (kubectl get pods -n kube-system), and run the command "
        "again. If hpawalk installed its own KEDA before: " +
            config.again("down") + " removes it. Nothing was changed");
  }
  Result<Json> service = look_for(api, kube_kind("APIService").object(external_metrics_service));
  if (!service) return failure(service.error());
  if (owner->foreign) {
    return failure(
        ErrorClass::check_failed, "keda-unusable",
        "KEDA is already installed on this cluster, and does not serve the external metrics API",
        service->is_null()
            ? fmt::format("APIService {} not found", external_metrics_service)
            : fmt::format("APIService {} leads to Service {}/{}: {}", external_metrics_service,
                          text_at(*service, "spec.service.namespace"), text_at(*service, "spec.service.name"),
                          diagnose::api_service_available(*service).text),
        "Repair it. Or, if nobody needs it, delete its definitions, which deletes all objects of their "
        "kinds, and "
        "hpawalk installs its own: kubectl get crd -o name | grep keda.sh | xargs kubectl delete. Nothing "
        "was "
        "changed");
  }
  if (service->is_null() || !at(*service, "metadata.deletionTimestamp").is_null()) return false;
  if (!is_ours(*service, config)) {
    return failure(
        ErrorClass::check_failed, "not-ours",
        fmt::format("APIService {} (another metrics adapter) already exists and was not created by this "
                    "chain",
                    external_metrics_service),
        fmt::format("it leads to Service {}/{}, and only one adapter can serve the external metrics API",
                    text_at(*service, "spec.service.namespace"), text_at(*service, "spec.service.name")),
        "Use prometheus-adapter for this chain: --metrics adapter. Or remove the other one, if nobody "
        "needs it. Nothing was changed");
  }
  std::string space = text_at(*service, "spec.service.namespace");
  if (space == config.text("keda.namespace")) return false;
  return failure(ErrorClass::check_failed, "keda-elsewhere",
                 "hpawalk's KEDA is already installed on this cluster, in namespace " + space,
                 "a cluster can have only one",
                 config.again("down") + " " + text::shell_quote({"--keda-namespace=" + space}) +
                     "   removes it; then, the new settings can be used. Nothing was changed");
}

std::string scaled_object_of(const Json& hpa) {
  for (const Json& owner : list_at(hpa, "metadata.ownerReferences")) {
    if (text_at(owner, "kind") == "ScaledObject") return text_at(owner, "name");
  }
  return {};
}

Status only_autoscaler(world::KubeApi& api, const config::Config& config, std::string_view stage) {
  const std::string space = config.text("namespace"), name = config.text("hpa.name");
  Result<Json> hpas = world::kube_list(api, kube_kind("HorizontalPodAutoscaler").collection(space));
  if (!hpas) return failure(hpas.error());
  for (const Json& hpa : list_at(*hpas, "items")) {
    const std::string its = text_at(hpa, "metadata.name"), owner = scaled_object_of(hpa);
    const std::string title = fmt::format("HorizontalPodAutoscaler {} in namespace {}", its, space);
    if (its == name && owner != (stage == "hpa" ? "" : name)) {
      return autoscaler_exists(config, title + " already exists",
                               owner.empty() ? "it was not created by a ScaledObject"
                                             : fmt::format("it was created by ScaledObject {}", owner));
    }
    const bool same_workload = text_at(hpa, "spec.scaleTargetRef.kind") == "Deployment" &&
                               text_at(hpa, "spec.scaleTargetRef.name") == config.text("workload.name");
    if (stage == "scaledobject" && its != name && same_workload) {
      return autoscaler_exists(config, title + " already exists",
                               fmt::format("it scales Deployment {}", config.text("workload.name")));
    }
  }
  return {};
}

}  // namespace hpawalk::steps
