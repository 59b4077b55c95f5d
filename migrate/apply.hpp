// Carries out the steps of a plan. Each is looked at before it is done, so that the same call continues a
// migration that ended anywhere.
#pragma once

#include "migrate/look.hpp"
#include "world/progress.hpp"

namespace hpawalk::migrate {

// `limit`: for each step. Errors: `migrate-refused`, before anything is changed; `migrate-timeout`,
// `migrate-changed`, `interrupted`, or those of the API.
Status apply(world::KubeApi& api, world::Clock& clock, world::Progress& progress, const Looked& looked,
             world::Duration limit);

}  // namespace hpawalk::migrate
