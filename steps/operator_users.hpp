// What prometheus-operator made of a chain, and who else needs its custom resources. Reads only.
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

}  // namespace hpawalk::steps
