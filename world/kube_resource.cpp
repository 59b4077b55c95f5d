#include "world/kube_resource.hpp"

#include "world/kube_path.hpp"

namespace hpawalk::world {

namespace {

std::string in_space(std::string root, std::string_view space, std::string_view plural) {
  if (!space.empty()) root += kube_path("/namespaces/{}", space);
  return root + kube_path("/{}", plural);
}

}  // namespace

std::string api_root(std::string_view group, std::string_view version) {
  return group.empty() ? kube_path("/api/{}", version) : kube_path("/apis/{}/{}", group, version);
}

std::string api_root(std::string_view api_version) {
  bool core = api_version.find('/') == std::string_view::npos;
  return core ? kube_path("/api/{}", api_version) : kube_path("/apis/{}", Segments{api_version});
}

std::string kube_collection(std::string_view api_version, std::string_view space, std::string_view plural) {
  return in_space(api_root(api_version), space, plural);
}

std::string kube_object(std::string_view api_version, std::string_view space, std::string_view plural,
                        std::string_view name) {
  return kube_collection(api_version, space, plural) + kube_path("/{}", name);
}

std::string custom_metric_path(std::string_view space, std::string_view plural, std::string_view name,
                               std::string_view metric) {
  return kube_object("custom.metrics.k8s.io/v1beta1", space, plural, name) + kube_path("/{}", metric);
}

std::string KubeResource::api_version() const {
  return group.empty() ? std::string(version) : std::string(group) + "/" + std::string(version);
}

std::string KubeResource::collection(std::string_view space) const {
  return in_space(api_root(group, version), space, plural);
}

std::string KubeResource::object(std::string_view space, std::string_view name) const {
  return collection(space) + kube_path("/{}", name);
}

}  // namespace hpawalk::world
