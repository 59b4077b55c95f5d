// The small YAML file: the same settings as the flags, and the list of metrics. Knows nothing about the other
// sources.
#pragma once

#include <string>
#include <string_view>

#include "config.hpp"

namespace promfake {

// Mistakes are in the layer's own list, each with the line it is on. `name` is for those messages.
Layer parse_config_file(std::string_view text, const std::string& name);

// Reads the file and parses it.
Layer load_config_file(const std::string& path);

}  // namespace promfake
