// What a run needs before it may change anything: tools, a cluster that answers, and the right to make what it
// makes. `up` looks at what it needs itself; `doctor` shows all of it.
#pragma once

#include <string>
#include <vector>

#include "chain/mark.hpp"
#include "steps/stages.hpp"

namespace hpawalk {

struct Precondition {
  std::string name;      // "kubectl"
  Mark mark = Mark::unknown;
  std::string evidence;  // what was seen
  std::string hint = {}; // what to do when it is broken
};

// The programs that hpawalk starts, and with `versions` what they say about themselves.
std::vector<Precondition> look_at_tools(World& world, const ClusterAccess& access, bool versions);

// The API server and this user's rights on it.
std::vector<Precondition> look_at_cluster(KubeApi& api, const Config& config);

// The first finding that is not fine, as the error `preflight-...`.
Status all_fine(const std::vector<Precondition>& findings);

}  // namespace hpawalk
