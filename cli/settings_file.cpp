#include "cli/settings_file.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "config/config.hpp"
#include "world/trust.hpp"

namespace hpawalk::cli {
namespace {

Result<std::string> read_settings(world::World& world, const std::string& file) {
  Result<std::string> text = world.files.read(file);
  if (text) return text;
  Error error = text.error();
  error.kind = ErrorClass::usage;
  return failure(error);
}

}  // namespace

std::string why_not_trusted(const world::FileStatus& file, const world::FileStatus& folder,
                            const std::vector<unsigned>& callers) {
  auto trusted = [&](unsigned user) {
    return std::find(callers.begin(), callers.end(), user) != callers.end();
  };
  constexpr unsigned by_group = 020, by_all = 002;
  if (!trusted(file.owner)) return fmt::format("it belongs to user {}", file.owner);
  if ((file.mode & (by_group | by_all)) != 0) return "users other than its owner can write to it";
  if (!trusted(folder.owner)) return fmt::format("its folder belongs to user {}", folder.owner);
  if ((folder.mode & by_all) != 0) return "everybody can write to its folder";
  return {};
}

Result<std::optional<SettingsFile>> find_settings_file(world::World& world, const std::string& named) {
  std::string file = named;
  if (auto variable = world.environment.find("HPAWALK_CONFIG");
      file.empty() && variable != world.environment.end())
    file = variable->second;
  if (!file.empty()) {
    Result<std::string> text = read_settings(world, file);
    if (!text) return failure(text.error());
    return SettingsFile{file, *text, true};
  }
  file = config::default_config_file;
  if (!world.files.exists(file)) return std::nullopt;
  Result<world::FileStatus> own = world.files.status(file), folder = world.files.status(".");
  if (!own) return failure(own.error());
  if (!folder) return failure(folder.error());
  if (std::string why = why_not_trusted(*own, *folder, world::trusted_users(world.environment));
      !why.empty()) {
    return failure(ErrorClass::usage, "config-not-trusted", "The hpawalk.yaml of this folder is not used",
                   why,
                   "If it is yours: chmod go-w hpawalk.yaml . ; if you trust it as it is: --config "
                   "hpawalk.yaml ; or work in another folder");
  }
  Result<std::string> text = read_settings(world, file);
  if (!text) return failure(text.error());
  return SettingsFile{file, *text, false};
}

}  // namespace hpawalk::cli
