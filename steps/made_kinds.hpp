// Which kinds of objects hpawalk creates. Where they are in the API: world/kube_resource.hpp. Data only.
#pragma once

#include <span>
#include <string_view>

#include "world/kube_resource.hpp"

namespace hpawalk::steps {

std::span<const world::KubeResource> made_kinds();  // in the order in which `down` takes them away

}  // namespace hpawalk::steps
