// What prometheus-operator made of a chain, who else needs its custom resources, and who serves them. Reads
// only.
#pragma once

#include <string>
#include <vector>

#include "steps/removal.hpp"

namespace hpawalk::steps {

// Why the operator and its custom resources must stay: "ServiceMonitor web in namespace shop still needs it",
// or a kind that could not be read. Empty: nobody but `going` has any.
std::string user_of_custom_resources(world::KubeApi& api, world::Clock& clock,
                                     const std::vector<Object>& going);

// The StatefulSets, Services, Secrets and ConfigMaps of the Prometheuses among `chain`.
Result<std::vector<Object>> made_by_operator(world::KubeApi& api, world::Clock& clock,
                                             const std::vector<Object>& chain);

// A pod of an operator that somebody else installed, by its labels or its image; empty: none was found.
Result<std::string> operator_pod(world::KubeApi& api);

}  // namespace hpawalk::steps
