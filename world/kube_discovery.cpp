#include "world/kube_discovery.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/json.hpp"
#include "world/kube_path.hpp"

namespace hpawalk {

namespace {

using namespace std::chrono_literals;

constexpr int page_size = 500;

bool has_verb(const Json& resource, const char* verb) {
  const Json& verbs = list_at(resource, "verbs");
  return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
}

std::string root_of(const std::string& group, const std::string& version) {
  return group.empty() ? "/api/" + version : fmt::format("/apis/{}/{}", group, version);
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
    KubeRequest request{.path = path,
                        .headers = {{"Accept", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
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
      unread({}, {}, "the answer to " + path + " is no list of kinds");
    }
  }

  void aggregated(const Json& group) {
    std::string name = text_at(group, "metadata.name");
    if (list_at(group, "versions").empty()) return unread(name, "", "it lists no versions");
    for (const Json& version : list_at(group, "versions")) {
      std::string its_name = text_at(version, "version");
      if (text_at(version, "freshness") == "Stale") {
        unread(name, its_name, "whoever serves it does not answer");
        continue;
      }
      for (const Json& resource : list_at(version, "resources")) {
        add({name, its_name, text_at(resource, "resource"), text_at(resource, "responseKind.kind"), text_at(resource, "scope") == "Namespaced",
             has_verb(resource, "list"), has_verb(resource, "delete")});
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
    Result<Json> answer = read(KubeRequest{.path = root_of(group, version)});
    if (!answer) return unread(group, version, answer.error().what + ": " + answer.error().because);
    for (const Json& resource : list_at(*answer, "resources")) {
      std::string name = text_at(resource, "name");
      if (name.find('/') != std::string::npos) continue;  // a part of an object
      add({group, version, name, text_at(resource, "kind"), bool_at(resource, "namespaced"), has_verb(resource, "list"),
           has_verb(resource, "delete")});
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
  return root_of(group, version) + (space.empty() ? "" : kube_path("/namespaces/{}", space)) + "/" + resource;
}

const KubeKind* KubeKinds::find(const std::string& api_version, const std::string& kind) const {
  size_t slash = api_version.find('/');
  std::string group = slash == std::string::npos ? std::string() : api_version.substr(0, slash);
  auto found = std::find_if(all.begin(), all.end(), [&](const KubeKind& k) { return k.group == group && k.kind == kind; });
  return found == all.end() ? nullptr : &*found;
}

KubeKinds discover(KubeApi& api) { return Discovery(api).run(); }

Result<std::vector<Json>> list_metadata(KubeApi& api, Clock& clock, const std::string& path) {
  std::string first = fmt::format("{}{}limit={}", path, path.find('?') == std::string::npos ? "?" : "&", page_size);
  std::vector<Json> all;
  std::string next;
  int restarts = 0;
  do {
    KubeRequest request{.path = first + (next.empty() ? "" : "&continue=" + query_value(next)),
                        .headers = {{"Accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"}}};
    Result<HttpResponse> response = api.send(request);
    // 429: a custom resource that was made just now has no storage yet.
    for (int i = 0; i < 50 && response && response->status == 429 && clock.sleep(200ms); ++i) response = api.send(request);
    if (!response) return failure(response.error());
    if (response->status == 404) return std::vector<Json>();
    if (response->status == 410 && !next.empty() && ++restarts < 5) {  // the page's place is forgotten: from the beginning
      all.clear();
      next.clear();
      continue;
    }
    if (!response->ok()) return failure(kube_error(request, *response));
    Result<Json> page = parse_json(response->body, "The answer to " + path);
    if (!page) return failure(page.error());
    if (!page->is_object() || !page->contains("items")) {
      return failure(ErrorClass::check_failed, "kube-refused", "The answer to " + path + " is no list");
    }
    // An empty list may be written as null.
    if ((*page)["items"].is_array()) {
      for (Json& item : (*page)["items"]) all.push_back(std::move(item));
    }
    next = text_at(*page, "metadata.continue");
    if (next.empty()) break;
  } while (true);
  return all;
}

}  // namespace hpawalk
