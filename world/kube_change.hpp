// The requests with which `down`, `up` and `migrate` are exact: a delete and a change that mean one object
// and no other of its name, and the API server's own word on whether an apply would change anything.
#pragma once

#include <functional>
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
enum class Dependents { deleted, orphaned };  // what the object owns
Result<Deleted> kube_delete(KubeApi& api, Clock& clock, const std::string& path, const std::string& uid,
                            std::optional<int> grace = std::nullopt,
                            Dependents dependents = Dependents::deleted);

// Reads the object at `path` and writes it back whole as `change` leaves it, if it still is what was read;
// where somebody else has written it meanwhile, again. `change` returns false: nothing is written.
Result<Json> kube_modify(KubeApi& api, Clock& clock, const std::string& path,
                         const std::function<Result<bool>(Json& object)>& change);

// What the object at `path` would be after a server-side apply of `object` as the field manager hpawalk.
// Nothing changes.
Result<Json> kube_dry_apply(KubeApi& api, const std::string& path, const Json& object);

}  // namespace hpawalk::world
