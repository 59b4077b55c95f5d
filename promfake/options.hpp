// The command line and the environment. Knows which flags there are and what --help says; knows nothing about
// what the settings do.
#pragma once

#include <string>
#include <vector>

#include "config.hpp"

namespace promfake {

struct Options {
  bool help = false, version = false;
  Layer environment, flags;
};

// `environment` as main gets it: NAME=VALUE.
Options parse_options(const std::vector<std::string>& arguments, const std::vector<std::string>& environment);

// Defaults < file < environment < flags; reads the file, so it is called again after SIGHUP.
Combined configure(const Options& options);

std::string help_text();

}  // namespace promfake
