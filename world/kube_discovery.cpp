#include "world/kube_discovery.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/json.hpp"
#include "world/kube_list.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::world {

namespace {

using namespace std::chrono_literals;

bool has_verb(const Json& resource, const char* verb) {
  const Json& verbs = list_at(resource, "verbs");
  return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
}

class Discovery {
 public:
  explicit Discovery(KubeApi& api) : api_(api) {}

  KubeKinds run() {
    root("/api");
    root("/apis");
    return std::move(kinds_);
  }

 private:
  // All of it in one answer; API servers before 1.26 know only the older form, a request for each version.
  void root(const std::string& path) {
    KubeRequest request{
        .path = path,
        .headers = {{"Accept",
                     "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
                     "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
                     "application/json"}}};
    Result<Json> answer = read(request);
    if (!answer) return unread({}, {}, answer.error().what + ": " + answer.error().because);
    std::string kind = text_at(*answer, "kind");
    if (kind == "APIGroupDiscoveryList") {
      for (const Json& group : list_at(*answer, "items")) aggregated(group);
    } else if (kind == "APIVersions") {
      for (const Json& version : list_at(*answer, "versions")) {
        if (version.is_string()) one_version({}, version.get<std::string>());
      }
    } else if (kind == "APIGroupList") {
      for (const Json& group : list_at(*answer, "groups")) older(group);
    } else {
      unread({}, {}, "the answer to " + path + " is not a list of kinds");
    }
  }

  void aggregated(const Json& group) {
    std::string name = text_at(group, "metadata.name");
    if (list_at(group, "versions").empty()) return unread(name, "", "it lists no versions");
    for (const Json& version : list_at(group, "versions")) {
      std::string its_name = text_at(version, "version");
      if (text_at(version, "freshness") == "Stale") {
        unread(name, its_name, "its backend does not respond");
        continue;
      }
      for (const Json& resource : list_at(version, "resources")) {
        add({name, its_name, text_at(resource, "resource"), text_at(resource, "responseKind.kind"),
             text_at(resource, "scope") == "Namespaced", has_verb(resource, "list"),
             has_verb(resource, "delete")});
      }
    }
  }

  void older(const Json& group) {
    std::string name = text_at(group, "name"), preferred = text_at(group, "preferredVersion.version");
    if (!preferred.empty()) one_version(name, preferred);
    for (const Json& version : list_at(group, "versions")) {
      if (text_at(version, "version") != preferred) one_version(name, text_at(version, "version"));
    }
  }

  void one_version(const std::string& group, const std::string& version) {
    Result<Json> answer = read(KubeRequest{.path = api_root(group, version)});
    if (!answer) return unread(group, version, answer.error().what + ": " + answer.error().because);
    for (const Json& resource : list_at(*answer, "resources")) {
      std::string name = text_at(resource, "name");
      if (name.find('/') != std::string::npos) continue;  // a part of an object
      add({group, version, name, text_at(resource, "kind"), bool_at(resource, "namespaced"),
           has_verb(resource, "list"), has_verb(resource, "delete")});
    }
  }

  // A kind that several versions have is the same objects.
  void add(KubeKind kind) {
    bool known = std::any_of(kinds_.all.begin(), kinds_.all.end(), [&](const KubeKind& k) {
      return k.group == kind.group && k.resource == kind.resource;
    });
    if (!known) kinds_.all.push_back(std::move(kind));
  }

  void unread(std::string group, std::string version, std::string why) {
    kinds_.unread.push_back({std::move(group), std::move(version), std::move(why)});
  }

  Result<Json> read(const KubeRequest& request) {
    Result<HttpResponse> response = api_.send(request);
    if (!response) return failure(response.error());
    if (!response->ok()) return failure(kube_error(request, *response));
    return parse_json(response->body, "The answer to " + request.path);
  }

  KubeApi& api_;
  KubeKinds kinds_;
};

}  // namespace

std::string KubeKind::collection(const std::string& space) const {
  return kube_collection(group.empty() ? version : group + "/" + version, space, resource);
}

const KubeKind* KubeKinds::find(const std::string& api_version, const std::string& kind) const {
  size_t slash = api_version.find('/');
  std::string group = slash == std::string::npos ? std::string() : api_version.substr(0, slash);
  auto found = std::find_if(all.begin(), all.end(),
                            [&](const KubeKind& k) { return k.group == group && k.kind == kind; });
  return found == all.end() ? nullptr : &*found;
}

KubeKinds discover(KubeApi& api) {
  return Discovery(api).run();
}

Result<std::vector<Json>> list_metadata(KubeApi& api, Clock& clock, const std::string& path) {
  Result<Json> list = kube_list(api, path, {.metadata_only = true});
  // A custom resource that was made just now has no storage yet.
  for (int i = 0; i < 50 && !list && list.error().is("kube-busy") && clock.sleep(200ms); ++i) {
    list = kube_list(api, path, {.metadata_only = true});
  }
  if (!list && list.error().is("kube-not-found")) return std::vector<Json>();
  if (!list) return failure(list.error());
  // What is no list must not be taken for an empty one.
  std::string kind = text_at(*list, "kind");
  if (!list->is_object() || (!kind.empty() && !kind.ends_with("List"))) {
    return failure(ErrorClass::check_failed, "kube-refused", "The answer to " + path + " is not a list");
  }
  const Json& items = list_at(*list, "items");
  return std::vector<Json>(items.begin(), items.end());
}

}  // namespace hpawalk::world
