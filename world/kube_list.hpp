// A whole collection of the Kubernetes API, read by pages, so that neither the server nor hpawalk ever holds
// a large one at once. Every list that can be long goes through here. Knows nothing about what the objects
// mean.
#pragma once

#include <functional>
#include <string>

#include "world/kube_api.hpp"

namespace hpawalk::world {

struct ListOptions {
  size_t page = 500;  // objects; as kubectl
  bool metadata_only =
      false;  // apiVersion, kind and metadata of each object, which is all that the server then sends
  // Sees each object as it comes and may cut it: what it takes away is never held for all objects at once.
  std::function<void(Json& item)> each = {};
  // Called after the first page of a longer list with how many objects are still to come (0: not told).
  // False: no more is read, and the list's `metadata.continue` is left in.
  std::function<bool(size_t remaining)> go_on = {};
};

// {"kind", "apiVersion", "metadata": {"resourceVersion"}, "items": [...]}, as one answer of the API server
// would be. `path` may have a query (labelSelector, fieldSelector), but no limit. When the server has
// forgotten the place between two pages (410), the list is read anew, and the second time as one answer,
// which cannot be forgotten.
Result<Json> kube_list(KubeApi& api, const std::string& path, const ListOptions& options = {});

}  // namespace hpawalk::world
