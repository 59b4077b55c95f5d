// The one place that prints an Error: for people on stderr, and as a JSON document on stdout when asked for.
#pragma once

#include "world/world.hpp"

namespace hpawalk {

void report_error(const Error& error, World& world, bool json);

}  // namespace hpawalk
