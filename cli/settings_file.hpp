// The settings file of a command: the one that was named, or ./hpawalk.yaml, which is taken only where nobody
// but the caller can have put it there.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "world/world.hpp"

namespace hpawalk::cli {

struct SettingsFile {
  std::string name;  // as the user knows it
  std::string text;
  bool named = true;  // by --config or $HPAWALK_CONFIG
};

// `named`: what --config says; empty: nothing.
Result<std::optional<SettingsFile>> find_settings_file(world::World& world, const std::string& named);

// Why a file that was only found must not be read; empty: it may. `callers`: the users whose files are
// trusted.
std::string why_not_trusted(const world::FileStatus& file, const world::FileStatus& folder,
                            const std::vector<unsigned>& callers);

}  // namespace hpawalk::cli
