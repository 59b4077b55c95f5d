// What cannot be equal on the two sides, each with the code that makes it so and its effect. Pure. Inside
// migrate/.
#pragma once

#include "migrate/plan.hpp"

namespace hpawalk::migrate {

// Of an HPA whose metrics go to KEDA. `login`: the adapter's flags for Prometheus's credentials.
std::vector<Difference> differences_to_keda(const Json& hpa, const std::vector<std::string>& login);

// Of a ScaledObject whose triggers go to the adapter. `adapter_url`: its Prometheus; empty: not known.
std::vector<Difference> differences_to_adapter(const Json& scaled_object, const std::string& adapter_url);

}  // namespace hpawalk::migrate
