// hpawalk config: every setting, its value, and where that came from.
#include <fmt/format.h>

#include "base/json_text.hpp"
#include "cli/settings_options.hpp"
#include "cli/style.hpp"

namespace hpawalk::cli {

namespace {

std::string flow(const yaml::Value& value) {
  return value.is_string() ? yaml::scalar(value) : json_text(value);
}

Status show(Session& session, const SettingFlags& flags) {
  Result<config::Config> config = load_config(session.world, flags);
  if (!config) return failure(config.error());
  Style style(session.world, session.world.terminal.out_is_terminal());
  Painted text;
  yaml::Value data = yaml::Value::object();
  for (const config::Setting& setting : config::settings()) {
    const yaml::Value& value = config->value(setting.path);
    std::string origin(config::origin_name(config->origin(setting.path))),
        where = config->where(setting.path);
    data[std::string(setting.path)] = {{"value", value}, {"origin", origin}, {"where", where}};
    Painted from = where.empty() ? style.dim(origin) : style.bold(where);
    text += painted("{:<28} {:<44} {}\n", setting.path, flow(value), from);
  }
  session.print(std::move(text).without_line_end(), json_text(data, 2));
  return {};
}

}  // namespace

void add_config(CLI::App& app, Chosen& chosen) {
  CLI::App& command =
      *app.add_subcommand("config", "Show every setting, its value, and where the value comes from");
  auto example = std::make_shared<bool>(false);
  command.add_flag("--example", *example, "Print a commented hpawalk.yaml instead");
  auto flags = add_settings(command,
                            "  hpawalk config\n  hpawalk config --example > hpawalk.yaml\n"
                            "  HPAWALK_HPA_MAX=20 hpawalk config --hpa-target 5 -o json");
  add_output_option(command, chosen);
  command.callback([flags, example, &chosen] {
    chosen.action = [flags, example](Session& session) -> Status {
      if (!*example) return show(session, *flags);
      session.print(config::example_file().substr(0, config::example_file().size() - 1),
                    json_text(yaml::Value{{"example", config::example_file()}}, 2));
      return {};
    };
  });
}

}  // namespace hpawalk::cli
