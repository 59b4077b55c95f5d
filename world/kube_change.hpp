// The two requests with which `down` and `up` are exact: a delete that means one object and no other of its
// name, and the API server's own word on whether an apply would change anything.
#pragma once

#include <optional>
#include <string>

#include "world/clock.hpp"
#include "world/kube_api.hpp"

namespace hpawalk::world {

enum class Deleted {
  accepted,  // it is gone, or going
  absent,    // it was gone already
  another    // of that name there is another object now: somebody made it anew, and it was left alone
};

// Deletes the object at `path` if it still is the one with this UID (a precondition that the API server
// checks). `grace`: the seconds that a pod's processes get. An API server that is busy or restarts is asked
// again for a while.
Result<Deleted> kube_delete(KubeApi& api, Clock& clock, const std::string& path, const std::string& uid,
                            std::optional<int> grace = std::nullopt);

// What the object at `path` would be after a server-side apply of `object` as the field manager hpawalk.
// Nothing changes.
Result<Json> kube_dry_apply(KubeApi& api, const std::string& path, const Json& object);

}  // namespace hpawalk::world
