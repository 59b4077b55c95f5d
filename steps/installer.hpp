// Which process installs a Helm release: written into the release's labels, so that a second `up` can tell an
// install that goes on from one whose process is gone. Knows nothing about Helm.
#pragma once

#include <string>

#include "world/files.hpp"

namespace hpawalk::steps {

enum class InstallerState {
  running,
  gone,
  unknown  // on another machine, or it did not say who it is
};

// This process, as a label's value: machine, number and start. Empty where /proc cannot be read.
std::string this_installer(world::Files& files);
InstallerState look_for_installer(world::Files& files, const std::string& installer);

}  // namespace hpawalk::steps
