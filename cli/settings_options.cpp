#include "cli/settings_options.hpp"

#include <fmt/format.h>

#include "cli/settings_file.hpp"

namespace hpawalk::cli {

std::shared_ptr<SettingFlags> add_settings(CLI::App& command, const std::string& examples) {
  auto flags = std::make_shared<SettingFlags>();
  command
      .add_option("--config", flags->file,
                  "Settings file (default: ./hpawalk.yaml, if there is one that only you can write)")
      ->type_name("FILE");
  for (const config::Setting& setting : config::settings()) {
    bool listed = setting.path == "cluster" || setting.path == "cluster-name" || setting.path == "context" ||
                  setting.path == "kubeconfig" || setting.path == "timeout";
    std::string path(setting.path);
    std::string type = setting.kind == config::Kind::choice ? std::string(setting.allowed)
                                                            : std::string(config::kind_name(setting.kind));
    command
        .add_option_function<std::string>(
            flag_name(setting), [flags, path](const std::string& text) { flags->values[path] = text; },
            std::string(setting.help))
        ->type_name(type)
        ->group(listed ? "Where" : "");
  }
  command.footer("Every setting of `hpawalk config` is also a flag: hpa.max is --hpa-max.\n\nExamples:\n" +
                 examples);
  return flags;
}

Result<config::Config> load_config(world::World& world, const SettingFlags& flags) {
  Result<std::optional<SettingsFile>> file = find_settings_file(world, flags.file);
  if (!file) return failure(file.error());
  config::Sources sources{{}, {}, world.environment, flags.values};
  if (*file) {
    sources.file_name = (*file)->name;
    sources.file = (*file)->text;
    sources.file_named = (*file)->named;
  }
  Result<config::Config> config = config::Config::from(sources);
  if (config && *file && !(*file)->named) {
    bool says_where = config->origin("cluster") == config::Origin::file;
    world.terminal.err(fmt::format("Using the settings in ./{}{}\n", (*file)->name,
                                   says_where ? ": cluster " + config->text("cluster") : ""));
  }
  return config;
}

}  // namespace hpawalk::cli
