// What prometheus-operator and KEDA made for a chain, who else needs their custom resources, and who serves
// them. Reads only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "steps/removal.hpp"

namespace hpawalk::steps {

inline constexpr std::string_view monitoring_group = "monitoring.coreos.com", keda_group = "keda.sh";

// Is it this API group, or one below it ("eventing.keda.sh")?
bool in_group(std::string_view group, std::string_view of);

// Why the operator of a group and its custom resources must stay: "ServiceMonitor web in namespace shop still
// needs it", or a kind that could not be read. Empty: nobody but `going` has any.
std::string user_of_custom_resources(world::KubeApi& api, world::Clock& clock, std::string_view group,
                                     const std::vector<Object>& going);

// The StatefulSets, Services, Secrets and ConfigMaps of the Prometheuses among `chain`.
Result<std::vector<Object>> made_by_operator(world::KubeApi& api, world::Clock& clock,
                                             const std::vector<Object>& chain);

// The Secret with the certificates that KEDA's operator made for itself, in the namespaces of `keda`.
Result<std::vector<Object>> made_by_keda(world::KubeApi& api, world::Clock& clock,
                                         const std::vector<Object>& keda);

// A pod of an operator that somebody else installed, by its labels or its image; empty: none was found.
Result<std::string> operator_pod(world::KubeApi& api);

}  // namespace hpawalk::steps
