#include "steps/operator_users.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/json.hpp"
#include "world/kube_discovery.hpp"
#include "world/kube_list.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::steps {

namespace {

bool has(const std::vector<Object>& objects, const std::string& uid) {
  return std::any_of(objects.begin(), objects.end(), [&](const Object& o) { return o.uid == uid; });
}

// Charts and mirrors give it other names, but for a label or the end of its image's name.
bool is_operator(const Json& pod) {
  std::string phase = text_at(pod, "status.phase");
  if (phase == "Succeeded" || phase == "Failed") return false;
  auto named = [](const std::string& text) { return text.find("prometheus-operator") != std::string::npos; };
  const Json& name = at(pod, {"metadata", "labels", "app.kubernetes.io/name"});
  if (name.is_string() && named(name.get<std::string>())) return true;
  const Json& containers = list_at(pod, "spec.containers");
  return std::any_of(containers.begin(), containers.end(), [&](const Json& container) {
    std::string image = text_at(container, "image");
    return named(image.substr(image.find_last_of('/') + 1));
  });
}

}  // namespace

bool in_group(std::string_view group, std::string_view of) {
  return group == of || group.ends_with(fmt::format(".{}", of));
}

std::string user_of_custom_resources(world::KubeApi& api, world::Clock& clock, std::string_view group,
                                     const std::vector<Object>& going) {
  world::KubeKinds kinds = world::discover(api);
  for (const world::UnreadKinds& unread : kinds.unread) {
    if (unread.group.empty() || in_group(unread.group, group))
      return "its remaining users are unknown: " + unread.why;
  }
  for (const world::KubeKind& kind : kinds.all) {
    if (!in_group(kind.group, group) || !kind.listable) continue;
    Result<std::vector<Json>> items = world::list_metadata(api, clock, kind.collection());
    if (!items) return "its remaining users are unknown: " + items.error().what;
    for (const Json& item : *items) {
      Object object = object_from(item, kind.group, kind.kind, kind.resource);
      if (!has(going, object.uid)) return object.title() + " still needs it";
    }
  }
  return {};
}

Result<std::vector<Object>> made_by_operator(world::KubeApi& api, world::Clock& clock,
                                             const std::vector<Object>& chain) {
  constexpr world::KubeResource made[] = {world::kube_kind("StatefulSet"), world::kube_kind("Service"),
                                          world::kube_kind("Secret"), world::kube_kind("ConfigMap")};
  std::set<std::string> spaces;
  for (const Object& object : chain) {
    if (object.kind == "Prometheus") spaces.insert(object.space);
  }
  std::vector<Object> found;
  for (const std::string& space : spaces) {
    for (const world::KubeResource& kind : made) {
      Result<std::vector<Json>> items = world::list_metadata(api, clock, kind.collection(space));
      if (!items) return failure(items.error());
      for (const Json& item : *items) {
        const Json& owners = list_at(item, "metadata.ownerReferences");
        bool by_operator =
            !owners.empty() && std::all_of(owners.begin(), owners.end(), [&](const Json& owner) {
              return text_at(owner, "kind") == "Prometheus" && has(chain, text_at(owner, "uid"));
            });
        if (by_operator) found.push_back(object_from(item, kind));
      }
    }
  }
  return found;
}

Result<std::vector<Object>> made_by_keda(world::KubeApi& api, world::Clock& clock,
                                         const std::vector<Object>& keda) {
  std::set<std::string> spaces;
  for (const Object& object : keda) {
    if (object.kind == "Deployment") spaces.insert(object.space);
  }
  std::vector<Object> found;
  constexpr world::KubeResource secret = world::kube_kind("Secret");
  for (const std::string& space : spaces) {
    Result<std::vector<Json>> items = world::list_metadata(
        api, clock,
        secret.collection(space) +
            "?labelSelector=" + world::query_value("app.kubernetes.io/name=keda-operator"));
    if (!items) return failure(items.error());
    for (const Json& item : *items) found.push_back(object_from(item, secret));
  }
  return found;
}

Result<std::string> operator_pod(world::KubeApi& api) {
  std::string found;
  world::ListOptions options;
  options.each = [&](Json& pod) {
    if (found.empty() && is_operator(pod))
      found = fmt::format("pod {}/{}", text_at(pod, "metadata.namespace"), text_at(pod, "metadata.name"));
    pod = Json::object();
  };
  options.go_on = [&](size_t) { return found.empty(); };
  Result<Json> pods = world::kube_list(api, world::kube_kind("Pod").collection(), options);
  if (!pods) return failure(pods.error());
  return found;
}

}  // namespace hpawalk::steps
