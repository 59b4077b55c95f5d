// The one place that prints an Error: for people on stderr, and as a JSON document on stdout when asked for.
#pragma once

#include <nlohmann/json.hpp>

#include "world/world.hpp"

namespace hpawalk::cli {

// {"id": ..., "exitCode": ..., "what": ..., ...}
nlohmann::ordered_json error_json(const Error& error);

void report_error(const Error& error, world::World& world, bool json);

}  // namespace hpawalk::cli
