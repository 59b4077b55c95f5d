// The page of `playground`: one HTML file with its styles, its scripts and the simulator as WebAssembly
// inside.
#pragma once

#include <string_view>

namespace hpawalk::playground {

// Empty in a build without it (CMake: HPAWALK_PLAYGROUND).
std::string_view page();

}  // namespace hpawalk::playground
