// An API server in memory with the rules that deleting stands on: discovery, lists by label and in pages,
// UIDs, delete preconditions, the garbage collector, namespaces that take everything along. A request for a
// path that this cluster never had, or that it cannot answer, fails the test.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "world/kube_api.hpp"

namespace hpawalk::fakes {

class FakeCluster final : public world::KubeApi {
 public:
  ~FakeCluster() override;
  FakeCluster();  // with the kinds of a plain Kubernetes, prometheus-operator's and a ScaledObject

  // A kind of an aggregated API or a custom resource.
  void add_kind(const std::string& group, const std::string& version, const std::string& resource,
                const std::string& kind, bool namespaced = true,
                Json verbs = {"create", "delete", "get", "list"});
  void make_stale(const std::string& group);  // whoever serves it does not answer

  // `object` with apiVersion, kind and metadata.name; its UID when it was made. A namespace brings
  // Kubernetes' own along.
  std::string add(Json object);
  void remove(const std::string& kind, const std::string& space, const std::string& name);
  bool has(const std::string& kind, const std::string& space, const std::string& name) const;
  Json& get(const std::string& kind, const std::string& space, const std::string& name);

  std::map<std::string, world::HttpResponse>
      answers;  // "METHOD PATH" (without a query), instead of what the rules say
  std::function<void(const world::KubeRequest&)>
      before;                        // sees each request first: somebody else may act meanwhile
  std::vector<std::string> deletes;  // "KIND SPACE/NAME", in order
  std::vector<Json> delete_options;
  size_t page = 500;  // a list has no more at once

  Result<world::HttpResponse> send(const world::KubeRequest& request) override;
  Result<world::HttpResponse> stream(const std::string&,
                                     const std::function<bool(std::string_view)>&) override {
    return world::HttpResponse{410, {}};
  }

 private:
  struct Kind {
    std::string group, version, resource, kind;
    bool namespaced;
    Json verbs;
  };
  using Key = std::tuple<std::string, std::string, std::string>;  // kind, namespace, name

  const Kind* kind_of(const std::string& root, const std::string& resource) const;
  world::HttpResponse discovery(bool core) const;
  world::HttpResponse list(const Kind& kind, const std::string& space, const std::string& query) const;
  world::HttpResponse erase(const Kind& kind, const Key& key, const world::KubeRequest& request);
  void collect_garbage();
  world::HttpResponse unexpected(const world::KubeRequest& request, world::HttpResponse answer);

  std::mutex mutex_;
  std::vector<Kind> kinds_;
  std::vector<std::string> stale_;
  std::vector<std::string> gone_;     // paths of kinds whose definition was deleted
  std::set<std::string> unexpected_;  // each fails the test
  std::map<Key, Json> objects_;
  int made_ = 0;
};

// The same object with hpawalk's labels; `instance` empty: as an hpawalk made it that knew no instances.
Json with_labels(Json object, const std::string& instance);
Json object(const std::string& api_version, const std::string& kind, const std::string& space,
            const std::string& name);
Json owned_by(Json object, const Json& owner);

}  // namespace hpawalk::fakes
