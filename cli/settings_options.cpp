#include "cli/settings_options.hpp"

#include <fmt/format.h>

namespace hpawalk {

std::shared_ptr<SettingFlags> add_settings(CLI::App& command, const std::string& examples) {
  auto flags = std::make_shared<SettingFlags>();
  command.add_option("--config", flags->file, "Settings file (default: ./hpawalk.yaml, if there is one)")->type_name("FILE");
  for (const Setting& setting : settings()) {
    bool listed = setting.path == "cluster" || setting.path == "cluster-name" || setting.path == "context" ||
                  setting.path == "kubeconfig" || setting.path == "timeout";
    std::string path(setting.path);
    std::string type = setting.kind == Kind::choice ? std::string(setting.allowed) : std::string(kind_name(setting.kind));
    command
        .add_option_function<std::string>(
            flag_name(setting), [flags, path](const std::string& text) { flags->values[path] = text; }, std::string(setting.help))
        ->type_name(type)
        ->group(listed ? "Where" : "");
  }
  command.footer("Every setting of `hpawalk config` is also a flag: hpa.max is --hpa-max.\n\nExamples:\n" + examples);
  return flags;
}

Result<Config> load_config(World& world, const SettingFlags& flags) {
  Sources sources{{}, {}, world.environment, flags.values};
  std::string named = flags.file;
  if (auto variable = world.environment.find("HPAWALK_CONFIG"); named.empty() && variable != world.environment.end()) {
    named = variable->second;
  }
  std::string file = named.empty() ? std::string(default_config_file) : named;
  if (!named.empty() || world.files.exists(file)) {
    Result<std::string> text = world.files.read(file);
    if (!text) {
      Error error = text.error();
      error.kind = ErrorClass::usage;
      return failure(error);
    }
    sources.file_name = file;
    sources.file = *text;
  }
  return Config::from(sources);
}

}  // namespace hpawalk
