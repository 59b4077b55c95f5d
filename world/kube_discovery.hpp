// Which kinds an API server has, by its own list (discovery), and what there is of one kind, page by page.
//
// Aggregated APIs and custom resources are among them. What could not be read is told apart from what is not
// there: who decides over other people's objects must know the difference. Knows nothing about what the kinds
// mean.
#pragma once

#include <string>
#include <vector>

#include "world/clock.hpp"
#include "world/kube_api.hpp"

namespace hpawalk::world {

struct KubeKind {
  std::string group;  // empty: the core group
  std::string version;
  std::string resource;  // "servicemonitors"
  std::string kind;      // "ServiceMonitor"
  bool namespaced = false;
  bool listable = false;
  bool deletable = false;  // what cannot be deleted is a view of something else, like metrics.k8s.io's pods

  std::string collection(
      const std::string& space = {}) const;  // "/apis/GROUP/VERSION/namespaces/SPACE/RESOURCE"
};

// A part of the API of which nobody knows what kinds it has now: whoever serves it does not answer.
struct UnreadKinds {
  std::string group, version;  // both empty: the whole list
  std::string why;
};

struct KubeKinds {
  std::vector<KubeKind> all;  // each once, in the version that the API server prefers
  std::vector<UnreadKinds> unread;

  const KubeKind* find(const std::string& api_version, const std::string& kind) const;
};

KubeKinds discover(KubeApi& api);

// Metadata of everything in a collection (a path, possibly with a query), read in pages. A collection that
// the API server does not know is empty.
Result<std::vector<Json>> list_metadata(KubeApi& api, Clock& clock, const std::string& path);

}  // namespace hpawalk::world
