// prom-fake's image, carried inside the hpawalk binary: a docker-archive with one static program in it.
#pragma once

#include <string_view>

namespace hpawalk::cluster {

// Empty in a build without promfake/.
std::string_view prom_fake_archive();

}  // namespace hpawalk::cluster
