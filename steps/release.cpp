#include "steps/release.hpp"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/text.hpp"
#include "base/yaml.hpp"
#include "manifests/manifests.hpp"
#include "steps/ownership.hpp"
#include "steps/stages.hpp"
#include "world/kube_discovery.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::steps {

namespace {

using world::kube_kind;
using world::KubeResource;

// What adapters' charts consist of, the bundled one and the community's.
constexpr KubeResource chart_kinds[] = {
    kube_kind("APIService"),
    kube_kind("Deployment"),
    kube_kind("PodDisruptionBudget"),
    kube_kind("Service"),
    kube_kind("ConfigMap"),
    kube_kind("Secret"),
    kube_kind("ServiceAccount"),
    kube_kind("RoleBinding"),
    kube_kind("Role"),
    kube_kind("ClusterRoleBinding"),
    kube_kind("ClusterRole"),
};

const KubeResource* find_chart_kind(const std::string& kind) {
  auto found = std::find_if(std::begin(chart_kinds), std::end(chart_kinds),
                            [&](const KubeResource& k) { return k.kind == kind; });
  return found == std::end(chart_kinds) ? nullptr : &*found;
}

// With what the names of a chart's objects begin.
std::vector<std::string> fronts(const config::Config& config) {
  std::vector<std::string> all = {config.text("adapter.release"), "prometheus-adapter"};
  Result<std::string> text = manifests::render_adapter_values(config);
  Result<yaml::Value> values = text ? yaml::parse(*text) : Result<yaml::Value>(failure(text.error()));
  if (values) all.push_back(text_at(Json(*values), "fullnameOverride", all.front()));
  return all;
}

// Beyond its own namespace a chart makes only what has its name in front, and the APIs that an adapter can
// serve.
bool is_a_charts_name(const config::Config& config, const std::string& kind, const std::string& name) {
  if (kind == "APIService") {
    return name.ends_with(".custom.metrics.k8s.io") || name.ends_with(".external.metrics.k8s.io") ||
           name == "v1beta1.metrics.k8s.io";
  }
  std::vector<std::string> all = fronts(config);
  return std::any_of(all.begin(), all.end(),
                     [&](const std::string& front) { return name.starts_with(front + "-"); });
}

}  // namespace

bool carries_mark(const Json& live, const std::string& space, const std::string& release) {
  const Json& annotations = at(live, "metadata.annotations");
  return at(annotations, std::vector<std::string>{"meta.helm.sh/release-name"}) == release &&
         at(annotations, std::vector<std::string>{"meta.helm.sh/release-namespace"}) == space;
}

Result<Release> find_release(world::KubeApi& api, world::Clock& clock, const config::Config& config,
                             const std::string& space, const std::string& name) {
  // Only the metadata: a release's content is up to a megabyte.
  Result<std::vector<Json>> secrets =
      world::list_metadata(api, clock,
                           kube_kind("Secret").collection(space) +
                               "?labelSelector=" + world::query_value("owner=helm,name=" + name));
  if (!secrets) return failure(secrets.error());
  Release release;
  long long newest = -1;
  for (const Json& secret : *secrets) {
    const Json& labels = at(secret, "metadata.labels");
    std::string status = text_at(labels, "status");
    release.deployed = release.deployed || status == "deployed";
    if (status.starts_with("pending-") && is_ours(secret, config))
      release.unfinished.push_back(object_from(secret, kube_kind("Secret")));
    long long version = std::atoll(text_at(labels, "version", "0").c_str());
    if (version < newest) continue;
    newest = version;
    release.there = true;
    release.ours = is_ours(secret, config);
    release.pending = status != "deployed";
    release.values = text_at(labels, "hpawalk/values");
    release.installer = text_at(labels, installer_mark);
    release.instance =
        owner_of(secret, config.text("instance")) == Owner::another ? instance_of(secret) : std::string();
  }
  return release;
}

Result<ReleaseParts> read_release(world::World& world, const config::Config& config,
                                  const cluster::ClusterAccess& access, world::KubeApi& api) {
  std::string space = config.text("adapter.namespace"), name = config.text("adapter.release");
  Result<std::vector<Json>> secrets =
      world::list_metadata(api, world.clock,
                           kube_kind("Secret").collection(space) +
                               "?labelSelector=" + world::query_value("owner=helm,name=" + name));
  if (!secrets) return failure(secrets.error());
  world::Command command{.argv = helm_line(access, {"get", "manifest", name, "--namespace=" + space})};
  Result<std::string> manifest = world::run_checked(
      world.processes, command, "helm", "Cannot read what the Helm release " + name + " contains");
  if (!manifest) return failure(manifest.error());
  ReleaseParts parts;
  Result<std::vector<yaml::Value>> documents = yaml::parse_all(*manifest);
  if (!documents) {
    parts.refused = "its manifest cannot be read: " + documents.error().because;
    return parts;
  }
  for (const yaml::Value& document : *documents) {
    Json object(document);
    if (object.is_null()) continue;
    std::string kind = text_at(object, "kind"), its_name = text_at(object, "metadata.name");
    const KubeResource* known = find_chart_kind(kind);
    std::string its_space =
        text_at(object, "metadata.namespace", known != nullptr && known->namespaced ? space : "");
    if (known != nullptr && !known->namespaced) its_space.clear();
    Object part{{}, kind, its_space, its_name, {}, {}};
    bool elsewhere = its_space != space;
    bool allowed = known != nullptr && !its_name.empty() && its_name.find('/') == std::string::npos &&
                   (!elsewhere || is_a_charts_name(config, kind, its_name)) &&
                   (!elsewhere || its_space.empty() || (kind == "RoleBinding" && its_space == "kube-system"));
    if (!allowed) {
      parts.refused = fmt::format("its manifest names {}, which no adapter chart creates", part.title());
      return parts;
    }
    part.api_version = known->api_version();
    part.resource = known->plural;
    Result<Json> live = world::kube_get(api, part.path());
    if (!live && live.error().is("kube-not-found")) continue;
    if (!live) return failure(live.error());
    if (!carries_mark(*live, space, name)) {
      parts.refused =
          fmt::format("its manifest names {}, which does not belong to this release", part.title());
      return parts;
    }
    part.uid = text_at(*live, "metadata.uid");
    parts.objects.push_back(std::move(part));
  }
  std::stable_sort(parts.objects.begin(), parts.objects.end(), [](const Object& a, const Object& b) {
    return find_chart_kind(a.kind) < find_chart_kind(b.kind);
  });
  for (const Json& secret : *secrets) parts.objects.push_back(object_from(secret, "v1", "Secret", "secrets"));
  return parts;
}

}  // namespace hpawalk::steps
