#include "steps/down.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/text.hpp"
#include "manifests/manifests.hpp"
#include "steps/made_kinds.hpp"
#include "steps/namespace_look.hpp"
#include "steps/operator_users.hpp"
#include "steps/ownership.hpp"
#include "steps/release.hpp"
#include "steps/standing.hpp"
#include "world/kube_change.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::steps {

namespace {

// The group of the operator that the object is of; empty: of none.
std::string_view operator_group(const Json& item, const Object& object) {
  const Json& name = at(item, {"metadata", "labels", "app.kubernetes.io/name"});
  const bool definition = object.kind == "CustomResourceDefinition";
  for (const auto& [group, label] :
       {std::pair(monitoring_group, "prometheus-operator"), std::pair(keda_group, "keda")}) {
    if (definition ? object.name.ends_with(fmt::format(".{}", group)) : name == label) return group;
  }
  return {};
}

class Down {
 public:
  Down(world::World& world, const config::Config& config, const cluster::ClusterAccess& access,
       world::KubeApi& api, world::Progress& progress, DownReport& report)
      : world_(world), config_(config), access_(access), api_(api), progress_(progress), report_(report) {}

  Status run() {
    Status status = survey();
    if (status) status = survey_release();
    if (status) status = survey_operator();
    if (status) status = survey_keda();
    if (status) status = report_strangers();
    if (status) status = take_away();
    return status;
  }

 private:
  // Everything that carries hpawalk's labels, by whose it is.
  Status survey() {
    Result<std::set<std::string>> names = configured_names(config_);
    if (!names) return failure(names.error());
    for (const world::KubeResource& kind : made_kinds()) {
      Result<std::vector<Json>> items = world::list_metadata(
          api_, world_.clock,
          kind.collection() + "?labelSelector=" + world::query_value(manifests::owner_selector));
      if (!items) return failure(items.error());
      for (const Json& item : *items) {
        Object object = object_from(item, kind);
        sort_in(item, std::move(object), *names);
      }
    }
    for (const auto& [instance, count] : others_) {
      leave(fmt::format("{} objects of another hpawalk instance", count),
            fmt::format("their label {} is {}; {} --instance={} removes them", manifests::instance_label,
                        instance, config_.again("down"), instance));
    }
    return {};
  }

  void sort_in(const Json& item, Object object, const std::set<std::string>& names) {
    Owner owner = owner_of(item, config_.text("instance"));
    bool crd = object.kind == "CustomResourceDefinition";
    const std::string_view group = operator_group(item, object);
    if (crd && group.empty()) return leave(object.title(), "it does not belong to an operator of hpawalk");
    if (owner == Owner::another) {
      ++others_[instance_of(item)];
      report_.others = true;
    } else if (owner == Owner::earlier && !crd &&
               !names.contains(configured_name(object.kind, object.space, object.name))) {
      leave(object.title(), fmt::format("it was created by an earlier hpawalk without the label {}, and this "
                                        "configuration does not name it",
                                        manifests::instance_label));
    } else if (object.kind == "Namespace") {
      bool ending = !at(item, "metadata.deletionTimestamp").is_null();  // nothing is left to decide
      (ending ? ending_ : spaces_).push_back(std::move(object));
    } else {
      (group == keda_group         ? keda_
       : group == monitoring_group ? operator_
                                   : chain_)
          .push_back(std::move(object));
    }
  }

  // The one release that the configuration names. What others look like hpawalk's is only said.
  Status survey_release() {
    std::string space = config_.text("adapter.namespace"), name = config_.text("adapter.release");
    Result<Release> release = find_release(api_, world_.clock, config_, space, name);
    if (!release) return failure(release.error());
    std::string title = fmt::format("Helm release {} in namespace {}", name, space);
    if (release->there && release->ours) {
      Result<ReleaseParts> parts = read_release(world_, config_, access_, api_);
      if (!parts) return failure(parts.error());
      if (!parts->refused.empty()) leave(title, parts->refused);
      if (parts->refused.empty()) release_ = parts->objects;
    } else if (release->there) {
      leave(title, release->instance.empty()
                       ? "it was not created by hpawalk"
                       : fmt::format("it belongs to another hpawalk instance, {}", release->instance));
    }
    return name_other_releases(space, name);
  }

  Status name_other_releases(const std::string& space, const std::string& name) {
    Result<std::vector<Json>> secrets = world::list_metadata(
        api_, world_.clock,
        world::kube_kind("Secret").collection() +
            "?labelSelector=" + world::query_value(fmt::format("owner=helm,{}", manifests::owner_selector)));
    if (!secrets && secrets.error().kind == ErrorClass::interrupted) return failure(secrets.error());
    if (!secrets) {
      leave("Helm releases in other namespaces", secrets.error().what);
      return {};
    }
    for (const Json& secret : *secrets) {
      std::string its_space = text_at(secret, "metadata.namespace"),
                  its_name = text_at(secret, "metadata.labels.name");
      if (its_space == space && its_name == name) continue;
      leave(fmt::format("Helm release {} in namespace {}", its_name, its_space),
            fmt::format("the adapter's release of this configuration is {} in namespace {}", name, space));
    }
    return {};
  }

  // The operator and its custom resources stay as long as somebody else has such resources. What it made of
  // this chain's Prometheus goes: the garbage collector would take it away too, but not when the custom
  // resource's kind is gone before it has looked.
  Status survey_operator() {
    Result<std::vector<Object>> made = made_by_operator(api_, world_.clock, chain_);
    if (!made) return failure(made.error());
    chain_.insert(chain_.end(), made->begin(), made->end());
    if (leave_used(operator_, monitoring_group) || operator_.empty()) return {};
    // The operator itself made this Service, for the kubelets' metrics.
    Result<Json> kubelet =
        world::kube_get(api_, world::kube_kind("Service").object("kube-system", "kubelet"));
    bool by_operator = kubelet && at(*kubelet, {"metadata", "labels", "app.kubernetes.io/managed-by"}) ==
                                      "prometheus-operator";
    if (by_operator) operator_.push_back(object_from(*kubelet, world::kube_kind("Service")));
    return {};
  }

  Status survey_keda() {
    if (leave_used(keda_, keda_group)) return {};
    Result<std::vector<Object>> made = made_by_keda(api_, world_.clock, keda_);
    if (!made) return failure(made.error());
    keda_.insert(keda_.end(), made->begin(), made->end());
    return {};
  }

  // An operator that somebody else's objects still need is left, with its definitions.
  bool leave_used(std::vector<Object>& objects, std::string_view group) {
    if (objects.empty()) return false;
    std::string user = user_of_custom_resources(api_, world_.clock, group, chain_);
    if (user.empty()) return false;
    for (const Object& object : objects) leave(object.title(), user);
    objects.clear();
    return true;
  }

  // What the configuration names, but somebody else made.
  Status report_strangers() {
    Result<std::vector<yaml::Value>> objects = configured_objects(config_);
    if (!objects) return failure(objects.error());
    for (const yaml::Value& object : *objects) {
      Result<Json> live = world::kube_get(api_, object_path(object));
      if (!live && live.error().kind == ErrorClass::interrupted) return failure(live.error());
      bool strange = live && owner_of(*live, config_.text("instance")) == Owner::stranger;
      if (strange) leave(object_title(object), "it was not created by hpawalk");
    }
    return {};
  }

  void leave(const std::string& title, const std::string& reason) {
    std::string line = title + ": " + reason;
    if (std::find(report_.left.begin(), report_.left.end(), line) == report_.left.end())
      report_.left.push_back(line);
  }

  // In the safe order: ScaledObjects, while KEDA's operator runs, which has to take its finalizer off; what
  // serves the metrics with its API services (a namespace does not end while one of them is registered and
  // does not answer), the namespaces, the rest, and at last the custom resources' definitions, which cost the
  // API server most of the time.
  Status take_away() {
    std::vector<Object> scaled, services, rest, definitions;
    for (const std::vector<Object>* group : {&chain_, &keda_, &operator_}) {
      for (const Object& object : *group) {
        (object.kind == "CustomResourceDefinition" ? definitions
         : object.kind == "ScaledObject"           ? scaled
         : object.kind == "APIService"             ? services
                                                   : rest)
            .push_back(object);
      }
    }
    std::vector<Object> going = release_;
    for (const std::vector<Object>* group : {&scaled, &services, &rest})
      going.insert(going.end(), group->begin(), group->end());
    Result<std::vector<Object>> dependents = dependents_of(api_, world_.clock, going);
    if (!dependents) return failure(dependents.error());
    if (going.empty() && spaces_.empty() && ending_.empty() && definitions.empty()) return {};
    progress_.started("chain");
    Status status = remove(scaled);
    if (status) status = wait_gone(world_, config_, access_, api_, progress_, "chain", scaled);
    if (status) status = remove(services);
    if (status) status = remove(release_);
    if (status && !release_.empty()) {
      report_.removed.push_back(fmt::format("Helm release {} in namespace {}",
                                            config_.text("adapter.release"),
                                            config_.text("adapter.namespace")));
    }
    Result<std::vector<Object>> spaces =
        status ? remove_namespaces(going) : Result<std::vector<Object>>(failure(status.error()));
    if (!spaces) return failure(spaces.error());
    status = remove(rest);
    if (!status) return status;
    status = remove_definitions(definitions);
    if (!status) return status;
    going.insert(going.end(), dependents->begin(), dependents->end());
    going.insert(going.end(), definitions.begin(), definitions.end());
    going.insert(going.end(), spaces->begin(), spaces->end());
    going.insert(going.end(), ending_.begin(), ending_.end());
    return wait_gone(world_, config_, access_, api_, progress_, "chain", going);
  }

  // Kubernetes begins to tidy up a namespace 5 s after it was deleted, so they come early; and each is looked
  // into directly before, so that nobody has had the time to put something in.
  Result<std::vector<Object>> remove_namespaces(const std::vector<Object>& going) {
    std::vector<Object> removed;
    if (spaces_.empty()) return removed;
    world::KubeKinds kinds = world::discover(api_);
    for (const Object& space : spaces_) {
      NamespaceLook look = look_into(api_, world_.clock, kinds, space.name, going);
      if (world_.interrupt.requested()) return interrupted("removing the chain");
      if (!look.free()) {
        leave(space.title(), look.why_kept());
        continue;
      }
      Result<world::Deleted> deleted = world::kube_delete(api_, world_.clock, space.path(), space.uid);
      if (!deleted) return failure(deleted.error());
      if (*deleted == world::Deleted::another) {
        leave(space.title(), "it was created again");
        continue;
      }
      report_.removed.push_back(space.title());
      removed.push_back(space);
      Status hurried = hurry(space.name, look.along);
      if (!hurried) return failure(hurried.error());
    }
    return removed;
  }

  // A namespace that still has pods is looked at again only after half of their grace period, and Prometheus
  // may take ten minutes. There is nothing left that it would have to save. What else Kubernetes puts into
  // every namespace goes with it. Nothing new can be made in it any more.
  Status hurry(const std::string& space, const std::vector<Object>& along) {
    for (const Object& object : along) {
      bool pod = object.kind == "Pod" && object.api_version == "v1";
      if (!pod && object.kind != "ConfigMap" && object.kind != "ServiceAccount") continue;
      Result<world::Deleted> deleted = world::kube_delete(api_, world_.clock, object.path(), object.uid,
                                                          pod ? std::optional<int>(1) : std::nullopt);
      if (!deleted) return failure(deleted.error());
    }
    world::KubeRequest events{.method = "DELETE", .path = world::kube_kind("Event").collection(space)};
    (void)api_.send(events);  // if it fails, Kubernetes ends the namespace itself
    return {};
  }

  // A definition takes all objects of its kind along: a last look at whether somebody has made one meanwhile.
  Status remove_definitions(std::vector<Object>& definitions) {
    if (definitions.empty()) return {};
    std::vector<Object> free;
    for (std::string_view group : {monitoring_group, keda_group}) {
      std::vector<Object> own;
      std::copy_if(definitions.begin(), definitions.end(), std::back_inserter(own),
                   [&](const Object& object) { return object.name.ends_with(fmt::format(".{}", group)); });
      if (!leave_used(own, group)) free.insert(free.end(), own.begin(), own.end());
    }
    definitions = std::move(free);
    return remove(definitions);
  }

  Status remove(const std::vector<Object>& objects) {
    Result<Removed> removed = remove_objects(world_, api_, progress_, "chain", objects);
    if (!removed) return failure(removed.error());
    report_.removed.insert(report_.removed.end(), removed->gone.begin(), removed->gone.end());
    for (const std::string& title : removed->anew)
      leave(title, "it was created again while hpawalk was removing it");
    return {};
  }

  world::World& world_;
  const config::Config& config_;
  const cluster::ClusterAccess& access_;
  world::KubeApi& api_;
  world::Progress& progress_;
  DownReport& report_;
  std::vector<Object> chain_, operator_, keda_, spaces_, ending_, release_;
  std::map<std::string, int> others_;  // by instance
};

}  // namespace

Status down(world::World& world, const config::Config& config, const cluster::ClusterAccess& access,
            world::KubeApi& api, world::Progress& progress, DownReport& report) {
  world::TimePoint start = world.clock.now();
  Status status = Down(world, config, access, api, progress, report).run();
  report.took = world.clock.now() - start;
  return status;
}

}  // namespace hpawalk::steps
