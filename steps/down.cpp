#include "steps/down.hpp"

#include <algorithm>
#include <mutex>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "base/text.hpp"
#include "base/json.hpp"
#include "manifests/manifests.hpp"
#include "steps/namespace_end.hpp"
#include "steps/standing.hpp"

namespace hpawalk {

namespace {

using namespace std::chrono_literals;

struct Object {
  std::string api_version, kind, space, name, plural;
  bool of_operator = false;

  std::string title() const { return space.empty() ? kind + " " + name : fmt::format("{} {} in namespace {}", kind, name, space); }
  std::string path() const {
    std::string root = api_version == "v1" ? "/api/v1" : "/apis/" + api_version;
    return root + (space.empty() ? "" : "/namespaces/" + space) + "/" + plural + "/" + name;
  }
};

struct Listing {
  const char *api_version, *kind, *plural;
};

// In the order in which they are deleted.
constexpr Listing listings[] = {
    {"autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"},
    {"monitoring.coreos.com/v1", "ServiceMonitor", "servicemonitors"},
    {"monitoring.coreos.com/v1", "Prometheus", "prometheuses"},
    {"apps/v1", "Deployment", "deployments"},
    {"v1", "Service", "services"},
    {"apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions"},
    {"v1", "ServiceAccount", "serviceaccounts"},
    {"rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings"},
    {"rbac.authorization.k8s.io/v1", "Role", "roles"},
    {"rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings"},
    {"rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles"},
    {"v1", "Namespace", "namespaces"},
};

std::string collection(const std::string& api_version, const std::string& plural, const std::string& space = {}) {
  std::string root = api_version == "v1" ? "/api/v1" : "/apis/" + api_version;
  return root + (space.empty() ? "" : "/namespaces/" + space) + "/" + plural;
}

// Metadata of everything in a collection. A collection that the API server does not know is empty. 429: a custom
// resource that was made just now has no storage yet.
Result<Json> metadata(KubeApi& api, Clock& clock, const std::string& path) {
  KubeRequest request{.path = path, .headers = {{"Accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}}};
  Result<HttpResponse> response = api.send(request);
  for (int i = 0; i < 50 && response && response->status == 429 && clock.sleep(200ms); ++i) response = api.send(request);
  if (!response) return failure(response.error());
  if (response->status == 404) return Json::array();
  if (!response->ok()) return failure(kube_error(request, *response));
  Result<Json> list = parse_json(response->body, "The answer to " + path);
  if (!list) return failure(list.error());
  return list_at(*list, "items");
}

class Removal {
 public:
  Removal(World& world, const Config& config, const ClusterAccess& access, KubeApi& api, Progress& progress, DownReport& report)
      : world_(world), config_(config), access_(access), api_(api), progress_(progress), report_(report) {}

  Status run() {
    Status status = survey();
    if (status) status = report_strangers();
    if (status) status = remove_objects();
    if (status) status = wait_for_pods();
    return status;
  }

 private:
  Status survey() {
    for (const Listing& listing : listings) {
      Result<Json> items = metadata(api_, world_.clock, collection(listing.api_version, listing.plural) +
                                              "?labelSelector=" + query_value(owner_selector));
      if (!items) return failure(items.error());
      for (const Json& item : *items) {
        const Json& labels = at(item, "metadata.labels");
        bool of_operator = at(labels, std::vector<std::string>{"app.kubernetes.io/name"}) == "prometheus-operator" ||
                           listing.kind == std::string_view("CustomResourceDefinition");
        ours_.push_back({listing.api_version, listing.kind, text_at(item, "metadata.namespace"), text_at(item, "metadata.name"),
                         listing.plural, of_operator});
      }
    }
    Result<Json> releases = metadata(api_, world_.clock, "/api/v1/secrets?labelSelector=" + query_value(fmt::format("owner=helm,{}", owner_selector)));
    if (!releases) return failure(releases.error());
    for (const Json& secret : *releases) {
      releases_.insert({text_at(secret, "metadata.namespace"), text_at(at(secret, "metadata.labels"), "name")});
    }
    return {};
  }

  // What the configuration names, but somebody else made.
  Status report_strangers() {
    for (const char* stage : {"workload", "prometheus", "prom-fake", "servicemonitor", "hpa"}) {
      Result<std::string> yaml = render_stage(stage, config_);
      if (!yaml) return failure(yaml.error());
      Result<std::vector<yaml::Value>> objects = yaml::parse_all(*yaml);
      if (!objects) return failure(objects.error());
      for (const yaml::Value& object : *objects) {
        Result<Json> live = kube_get(api_, object_path(object));
        if (live && !is_ours(*live)) leave(object_title(object), "hpawalk did not make it");
      }
    }
    return {};
  }

  void leave(const std::string& title, const std::string& reason) {
    std::string line = title + ": " + reason;
    if (std::find(report_.left.begin(), report_.left.end(), line) == report_.left.end()) report_.left.push_back(line);
  }

  // The adapter by Helm, everything else by one kubectl, in this order: the HPA, what the operator serves and what it
  // made of that, the programs, the operator with its custom resources, rights. Somebody else's ServiceMonitors must
  // survive: then their custom resources stay, and the operator with them.
  Status remove_objects() {
    Result<std::vector<Object>> objects = in_order();
    if (!objects) return failure(objects.error());
    std::vector<std::thread> threads;
    std::vector<Status> results(releases_.size() + 1);
    size_t i = 0;
    for (const auto& [space, name] : releases_) {
      threads.emplace_back([&, i, space = space, name = name] { results[i] = uninstall(space, name); });
      ++i;
    }
    // The custom resources' definitions cost the API server most of the time: behind all others, while those end.
    auto definitions = std::stable_partition(objects->begin(), objects->end(),
                                             [](const Object& o) { return o.kind != "CustomResourceDefinition"; });
    std::vector<Object> crds(definitions, objects->end());
    objects->erase(definitions, objects->end());
    results[i] = remove("chain", *objects);
    for (std::thread& thread : threads) thread.join();
    Status gone = results[i] ? hurry_pods(*objects) : results[i];
    Status crds_gone = gone;
    std::thread crd_thread([&] {
      if (crds_gone) crds_gone = remove("definitions", crds);
      if (crds_gone) crds_gone = wait_gone("definitions", crds);
    });
    if (gone) gone = wait_gone("chain", *objects);
    crd_thread.join();
    for (const Status* result : {&gone, &crds_gone}) {
      if (!*result) return *result;
    }
    for (const Status& result : results) {
      if (!result) return result;
    }
    return {};
  }

  // A namespace that still has pods is looked at again only after half of their grace period, and Prometheus may take
  // ten minutes. There is nothing left that it would have to save. What else Kubernetes puts into every namespace goes
  // with it.
  Status hurry_pods(const std::vector<Object>& objects) {
    for (const Object& object : objects) {
      if (object.kind != "Namespace") continue;
      Command command{.argv = kubectl_line(access_.kube, {"delete", "pods,events,configmaps,serviceaccounts", "--all",
                                                          "--namespace=" + object.name, "--grace-period=1", "--wait=false",
                                                          "--ignore-not-found"})};
      Result<std::string> done = run_checked(world_.processes, command, "kubectl-delete", "Cannot empty the namespace " + object.name);
      if (!done) return failure(done.error());
    }
    return {};
  }

  Result<std::vector<Object>> in_order() {
    bool ours = std::any_of(ours_.begin(), ours_.end(), [](const Object& o) { return o.of_operator; });
    Result<std::string> user = ours ? user_of_custom_resources() : std::string();
    if (!user) return failure(user.error());
    std::vector<Object> objects;
    for (const Object& object : ours_) {
      if (object.kind == "Namespace") continue;
      if (object.of_operator && !user->empty()) {
        leave(object.title(), *user + " still needs it");
        continue;
      }
      objects.push_back(object);
      if (object.kind != "Prometheus") continue;
      Status added = add_dependents(object, objects);
      if (!added) return failure(added.error());
    }
    if (ours && user->empty()) {
      // The operator itself made this Service, for the kubelets' metrics.
      Result<Json> kubelet = kube_get(api_, "/api/v1/namespaces/kube-system/services/kubelet");
      bool by_operator = kubelet && at(*kubelet, {"metadata", "labels", "app.kubernetes.io/managed-by"}) == "prometheus-operator";
      if (by_operator) objects.push_back({"v1", "Service", "kube-system", "kubelet", "services", true});
    }
    Status added = add_namespaces(objects);
    if (!added) return failure(added.error());
    return objects;
  }

  // What the operator made of a Prometheus. The garbage collector would take it away too, but not when the custom
  // resource's kind is gone before it has looked.
  Status add_dependents(const Object& prometheus, std::vector<Object>& objects) {
    constexpr Listing made[] = {{"apps/v1", "StatefulSet", "statefulsets"}, {"v1", "Service", "services"},
                                {"v1", "Secret", "secrets"}, {"v1", "ConfigMap", "configmaps"}};
    for (const Listing& listing : made) {
      Result<Json> items = metadata(api_, world_.clock, collection(listing.api_version, listing.plural, prometheus.space));
      if (!items) return failure(items.error());
      for (const Json& item : *items) {
        for (const Json& owner : list_at(item, "metadata.ownerReferences")) {
          if (text_at(owner, "kind") != "Prometheus" || text_at(owner, "name") != prometheus.name) continue;
          objects.push_back({listing.api_version, listing.kind, prometheus.space, text_at(item, "metadata.name"), listing.plural});
        }
      }
    }
    return {};
  }

  Status uninstall(const std::string& space, const std::string& name) {
    progress_.started("adapter");
    std::vector<std::string> argv = helm_line(access_, {"uninstall", name, "--namespace=" + space, "--ignore-not-found"});
    Result<std::string> done = run_checked(world_.processes, Command{.argv = argv, .limit = config_.duration("timeout")},
                                           "helm", "Cannot uninstall the Helm release " + name);
    if (!done) progress_.failed("adapter", done.error().what);
    if (!done) return failure(done.error());
    {
      std::lock_guard lock(mutex_);
      report_.removed.push_back(fmt::format("Helm release {} in namespace {}", name, space));
    }
    progress_.done("adapter", "uninstalled, with its API services");
    return {};
  }

  Result<std::string> user_of_custom_resources() {
    Result<Json> group = kube_get(api_, "/apis/monitoring.coreos.com");
    if (!group) return group.error().id == "kube-not-found" ? Result<std::string>("") : failure(group.error());
    for (const Json& version : list_at(*group, "versions")) {
      std::string api_version = text_at(version, "groupVersion");
      Result<Json> resources = kube_get(api_, "/apis/" + api_version);
      if (!resources) return failure(resources.error());
      for (const Json& resource : list_at(*resources, "resources")) {
        std::string plural = text_at(resource, "name");
        if (plural.find('/') != std::string::npos) continue;
        Result<Json> items = metadata(api_, world_.clock, collection(api_version, plural));
        if (!items) return failure(items.error());
        for (const Json& item : *items) {
          if (is_ours(item)) continue;
          return fmt::format("{} {} in namespace {}", text_at(resource, "kind"), text_at(item, "metadata.name"),
                             text_at(item, "metadata.namespace"));
        }
      }
    }
    return std::string();
  }

  // Kubernetes begins to tidy up a namespace 5 s after it was deleted, and by then all that was in it is gone: so they
  // are deleted first of all, unless something else is in them.
  Status add_namespaces(std::vector<Object>& objects) {
    std::vector<Object> chosen;
    for (const Object& object : ours_) {
      if (object.kind != "Namespace") continue;
      Result<std::string> user = user_of_namespace(object.name, objects);
      if (!user) return failure(user.error());
      if (user->empty()) {
        chosen.push_back(object);
      } else {
        leave(object.title(), *user + " is in it");
      }
    }
    objects.insert(objects.begin(), chosen.begin(), chosen.end());
    return {};
  }

  // The first object in a namespace that is neither going, nor hpawalk's, nor of its Helm release, nor a controller's.
  Result<std::string> user_of_namespace(const std::string& space, const std::vector<Object>& going) {
    constexpr std::pair<const char*, const char*> looked_at[] = {
        {"v1", "pods"}, {"apps/v1", "deployments"}, {"apps/v1", "statefulsets"}, {"apps/v1", "daemonsets"},
        {"batch/v1", "jobs"}, {"batch/v1", "cronjobs"}, {"v1", "services"}, {"v1", "configmaps"}, {"v1", "secrets"},
        {"v1", "persistentvolumeclaims"}, {"autoscaling/v2", "horizontalpodautoscalers"}, {"networking.k8s.io/v1", "ingresses"}};
    for (const auto& [api_version, plural] : looked_at) {
      Result<Json> items = metadata(api_, world_.clock, collection(api_version, plural, space));
      if (!items) return failure(items.error());
      for (const Json& item : *items) {
        std::string name = text_at(item, "metadata.name");
        bool known = std::any_of(going.begin(), going.end(), [&, p = std::string(plural)](const Object& o) {
          return o.plural == p && o.space == space && o.name == name;
        });
        const Json& annotations = at(item, "metadata.annotations");
        const Json& helm = at(annotations, std::vector<std::string>{"meta.helm.sh/release-name"});
        if (helm.is_string() && releases_.contains({space, helm.get<std::string>()})) continue;
        if (!at(item, "metadata.deletionTimestamp").is_null() || known || is_ours(item)) continue;
        if (!list_at(item, "metadata.ownerReferences").empty() || name == "kube-root-ca.crt") continue;
        return fmt::format("{}/{}", plural, name);
      }
    }
    return std::string();
  }

  // One kubectl for all of them, whatever their kinds and namespaces.
  Status remove(const std::string& step, const std::vector<Object>& objects) {
    if (objects.empty()) return {};
    progress_.started(step);
    progress_.now(step, fmt::format("deleting {} objects", objects.size()));
    std::string input;
    for (const Object& object : objects) {
      yaml::Value head = {{"apiVersion", object.api_version}, {"kind", object.kind}, {"metadata", {{"name", object.name}}}};
      if (!object.space.empty()) head["metadata"]["namespace"] = object.space;
      input += "---\n" + yaml::block(head);
    }
    Command command{.argv = kubectl_line(access_.kube, {"delete", "--ignore-not-found", "--wait=false", "-f", "-"}),
                    .input = input,
                    .limit = config_.duration("timeout")};
    Result<std::string> deleted = run_checked(world_.processes, command, "kubectl-delete", "Cannot remove everything of the " + step);
    if (!deleted) {
      progress_.failed(step, deleted.error().what);
      return failure(deleted.error());
    }
    note_removed(objects);
    return {};
  }

  void note_removed(const std::vector<Object>& objects) {
    std::lock_guard lock(mutex_);
    for (const Object& object : objects) report_.removed.push_back(object.title());
  }

  // An API server that is busy with what it has to delete may not answer at once.
  static Result<StillWaiting> unread(const Error& error) {
    if (error.kind == ErrorClass::interrupted || error.id == "kube-forbidden") return failure(error);
    return StillWaiting(error.what + ": " + error.because);
  }

  Status wait_gone(const std::string& step, const std::vector<Object>& objects) {
    if (objects.empty()) return {};
    size_t next = 0;
    std::vector<NamespaceEnd> ends;
    for (const Object& object : objects) {
      if (object.kind == "Namespace" && config_.text("cluster") == "local") ends.emplace_back(world_, access_, api_, object.name);
    }
    Status gone = wait_until(world_.clock, {config_.duration("timeout"), 50ms}, "waiting until it is gone",
                             [&]() -> Result<StillWaiting> {
                               for (NamespaceEnd& end : ends) end.look();
                               for (; next < objects.size(); ++next) {
                                 Result<Json> live = kube_get(api_, objects[next].path());
                                 if (!live && live.error().id == "kube-not-found") continue;
                                 if (!live) return unread(live.error());
                                 std::string reason = objects[next].title() + " is still there";
                                 for (const Json& condition : list_at(*live, "status.conditions")) {
                                   if (text_at(condition, "status") == "True" && text_at(condition, "type").find("Failure") != std::string::npos) {
                                     reason += ": " + text_at(condition, "message");
                                   }
                                 }
                                 progress_.now(step, reason);
                                 return StillWaiting(reason);
                               }
                               return StillWaiting();
                             });
    if (!gone) progress_.failed(step, gone.error().because);
    if (!gone) return gone;
    progress_.done(step, fmt::format("{} objects gone", objects.size()));
    return {};
  }

  // What controllers take away behind the objects: pods, replica sets, endpoints.
  Status wait_for_pods() {
    std::vector<std::string> paths;
    std::string owner = "?labelSelector=" + query_value(owner_selector);
    for (const char* path : {"/api/v1/pods", "/apis/apps/v1/replicasets", "/apis/discovery.k8s.io/v1/endpointslices"}) {
      paths.push_back(path + owner);
    }
    for (const auto& [space, name] : releases_) {
      paths.push_back(collection("v1", "pods", space) + "?labelSelector=" + query_value("app.kubernetes.io/instance=" + name));
    }
    for (const Object& object : ours_) {
      if (object.kind == "Prometheus") {
        paths.push_back(collection("v1", "pods", object.space) + "?labelSelector=" +
                        query_value("operator.prometheus.io/name=" + object.name));
      } else if (object.kind == "Deployment" && object.of_operator && report_.left.empty()) {
        paths.push_back(collection("v1", "pods", object.space) + "?labelSelector=" +
                        query_value("app.kubernetes.io/name=prometheus-operator,app.kubernetes.io/component=controller"));
      }
    }
    return wait_until(world_.clock, {config_.duration("timeout"), 50ms}, "waiting for the last pods to end",
                      [&]() -> Result<StillWaiting> {
                        while (!paths.empty()) {
                          Result<Json> items = metadata(api_, world_.clock, paths.back());
                          if (!items) return unread(items.error());
                          if (!items->empty()) return StillWaiting(text_at((*items)[0], "metadata.name") + " is still there");
                          paths.pop_back();
                        }
                        return StillWaiting();
                      });
  }

  World& world_;
  const Config& config_;
  const ClusterAccess& access_;
  KubeApi& api_;
  Progress& progress_;
  DownReport& report_;
  std::mutex mutex_;  // for report_.removed
  std::vector<Object> ours_;
  std::set<std::pair<std::string, std::string>> releases_;  // namespace, name
};

}  // namespace

Status down(World& world, const Config& config, const ClusterAccess& access, KubeApi& api, Progress& progress,
            DownReport& report) {
  TimePoint start = world.clock.now();
  Status status = Removal(world, config, access, api, progress, report).run();
  report.took = world.clock.now() - start;
  return status;
}

}  // namespace hpawalk
