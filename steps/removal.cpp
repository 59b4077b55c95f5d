#include "steps/removal.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/json.hpp"
#include "steps/broken_apis.hpp"
#include "steps/namespace_end.hpp"
#include "world/kube_change.hpp"
#include "world/kube_discovery.hpp"

namespace hpawalk::steps {

namespace {

using namespace std::chrono_literals;

// An API server that is busy with what it has to delete may not answer at once.
Result<world::StillWaiting> unread(const Error& error) {
  if (error.kind == ErrorClass::interrupted || error.is("kube-forbidden")) return failure(error);
  return world::StillWaiting(error.what + ": " + error.because);
}

std::string why_still_there(const Object& object, const Json& live) {
  std::string reason = object.title() + " still exists";
  for (const Json& condition : list_at(live, "status.conditions")) {
    if (text_at(condition, "status") == "True" &&
        text_at(condition, "type").find("Failure") != std::string::npos) {
      reason += ": " + text_at(condition, "message");
    }
  }
  return reason;
}

bool waits_for_discovery(world::KubeApi& api, const std::vector<Object>& objects) {
  return std::any_of(objects.begin(), objects.end(), [&](const Object& object) {
    if (object.kind != "Namespace") return false;
    Result<Json> live = world::kube_get(api, object.path());
    return live && text_at(condition(*live, "NamespaceDeletionDiscoveryFailure"), "status") == "True";
  });
}

// A namespace ends only after everything in it was found, also what an API service would serve that does not
// answer. Whose that is, hpawalk does not know.
Error still_there(world::KubeApi& api, const config::Config& config, const std::vector<Object>& objects,
                  Error error) {
  if (!error.is("timeout")) return error;
  for (const Object& object : objects) {
    if (object.kind != "ScaledObject" || !world::kube_get(api, object.path())) continue;
    error.because += "\nKEDA's operator has not taken off its finalizer";
    error.hint = fmt::format(
        "hpawalk logs keda   says why, if it runs. Without it: kubectl patch scaledobject {} -n {} "
        "--type=merge -p "
        "'{{\"metadata\":{{\"finalizers\":null}}}}'; {} continues",
        object.name, object.space, config.again("down"));
    return error;
  }
  if (!waits_for_discovery(api, objects)) return error;
  Result<std::vector<BrokenApi>> broken = broken_apis(api);
  if (!broken || broken->empty()) return error;
  for (const BrokenApi& service : *broken)
    error.because += fmt::format("\nAPIService {} is unavailable: {}", service.name, service.why);
  error.hint = fmt::format(
      "Repair what serves APIService {0}, or, if nobody needs it: kubectl delete apiservice {0}. hpawalk did "
      "not create it, and does not delete it. The namespace ends after that; {1} checks it",
      broken->front().name, config.again("down"));
  return error;
}

}  // namespace

std::string Object::title() const {
  return space.empty() ? kind + " " + name : fmt::format("{} {} in namespace {}", kind, name, space);
}

std::string Object::path() const {
  return world::kube_object(api_version, space, resource, name);
}

Object object_from(const Json& item, const world::KubeResource& kind) {
  return object_from(item, kind.api_version(), std::string(kind.kind), std::string(kind.plural));
}

Object object_from(const Json& item, std::string api_version, std::string kind, std::string resource) {
  return {std::move(api_version),         std::move(kind),     text_at(item, "metadata.namespace"),
          text_at(item, "metadata.name"), std::move(resource), text_at(item, "metadata.uid")};
}

Result<Removed> remove_objects(world::World& world, world::KubeApi& api, world::Progress& progress,
                               const std::string& step, const std::vector<Object>& objects) {
  Removed removed;
  if (objects.empty()) return removed;
  progress.now(step, fmt::format("deleting {} objects", objects.size()));
  for (const Object& object : objects) {
    Result<world::Deleted> deleted = world::kube_delete(api, world.clock, object.path(), object.uid);
    if (!deleted) {
      progress.failed(step, deleted.error().what);
      return failure(deleted.error());
    }
    (*deleted == world::Deleted::another ? removed.anew : removed.gone).push_back(object.title());
  }
  return removed;
}

Status wait_gone(world::World& world, const config::Config& config, const cluster::ClusterAccess& access,
                 world::KubeApi& api, world::Progress& progress, const std::string& step,
                 const std::vector<Object>& objects) {
  if (objects.empty()) return {};
  size_t next = 0;
  std::vector<NamespaceEnd> ends;
  for (const Object& object : objects) {
    bool own = object.kind == "Namespace" && config.text("cluster") == "local";
    if (own) ends.emplace_back(world, access, api, object.name, object.uid);
  }
  Status gone = world::wait_until(world.clock, {config.duration("timeout"), 50ms}, "waiting for the deletion",
                                  [&]() -> Result<world::StillWaiting> {
                                    for (NamespaceEnd& end : ends) end.look();
                                    for (; next < objects.size(); ++next) {
                                      Result<Json> live = world::kube_get(api, objects[next].path());
                                      if (!live && live.error().is("kube-not-found")) continue;
                                      if (!live) return unread(live.error());
                                      if (text_at(*live, "metadata.uid") != objects[next].uid)
                                        continue;  // somebody made it anew
                                      std::string reason = why_still_there(objects[next], *live);
                                      progress.now(step, reason);
                                      return world::StillWaiting(reason);
                                    }
                                    return world::StillWaiting();
                                  });
  if (gone) {
    progress.done(step, fmt::format("{} objects deleted", objects.size()));
    return gone;
  }
  progress.failed(step, gone.error().because);
  return failure(still_there(api, config, objects, gone.error()));
}

Result<std::vector<Object>> dependents_of(world::KubeApi& api, world::Clock& clock,
                                          const std::vector<Object>& objects) {
  std::set<std::string> spaces, owners;
  for (const Object& object : objects) {
    owners.insert(object.uid);
    if (object.kind == "Deployment" || object.kind == "StatefulSet" || object.kind == "Service")
      spaces.insert(object.space);
  }
  constexpr world::KubeResource dependents[] = {world::kube_kind("ReplicaSet"), world::kube_kind("Pod"),
                                                world::kube_kind("EndpointSlice")};
  std::vector<Object> found;
  for (const std::string& space : spaces) {
    for (const world::KubeResource& kind : dependents) {
      Result<std::vector<Json>> items = world::list_metadata(api, clock, kind.collection(space));
      if (!items) return failure(items.error());
      for (const Json& item : *items) {
        const Json& refs = list_at(item, "metadata.ownerReferences");
        bool all = !refs.empty() && std::all_of(refs.begin(), refs.end(), [&](const Json& ref) {
          return owners.contains(text_at(ref, "uid"));
        });
        if (!all) continue;
        found.push_back(object_from(item, kind));
        owners.insert(found.back().uid);
      }
    }
  }
  return found;
}

}  // namespace hpawalk::steps
