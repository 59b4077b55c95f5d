// The settings as flags, and the configuration that a command works with. Shared by all commands that need
// one.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "cli/command.hpp"
#include "config/config.hpp"

namespace hpawalk::cli {

struct SettingFlags {
  std::string file;                           // --config
  std::map<std::string, std::string> values;  // by the setting's path
};

// Adds --config and one flag for every setting. Only the few that say where to work are listed in --help; the
// footer tells about the others.
std::shared_ptr<SettingFlags> add_settings(CLI::App& command, const std::string& examples);

// File (--config, $HPAWALK_CONFIG, or ./hpawalk.yaml), environment and flags.
Result<config::Config> load_config(world::World& world, const SettingFlags& flags);

}  // namespace hpawalk::cli
