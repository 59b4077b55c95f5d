// hpawalk render: the manifests, as files that a person can read, keep and apply.
#include <fmt/format.h>

#include "base/json_text.hpp"
#include "cli/settings_options.hpp"
#include "cluster/target.hpp"
#include "manifests/manifests.hpp"
#include "manifests/operator_bundle.hpp"
#include "steps/bundle.hpp"
#include "steps/stage_operator.hpp"
#include "steps/stages.hpp"

namespace hpawalk::cli {

namespace {

// The bundle is four megabytes: only when it is asked for by name.
Result<std::string> rendered(world::World& world, const config::Config& config,
                             cluster::ClusterTarget& target, const std::string& stage, bool by_name) {
  if (stage == "adapter") {
    Result<std::string> values = manifests::render_adapter_values(config);
    return values ? "# Values for the adapter's chart, not an object.\n" + *values : values;
  }
  if (stage == "keda") {
    Result<std::string> definitions = manifests::render_keda_definitions(config);
    Result<std::string> programs = manifests::render_stage(stage, config);
    if (!by_name && programs) return "# Its definitions: hpawalk render keda prints them too.\n" + *programs;
    return definitions && programs ? *definitions + "---\n" + *programs : definitions;
  }
  if (stage == "image") return fmt::format("# {}\n", manifests::prom_fake_image(config));
  if (stage != "operator") return manifests::render_stage(stage, config);
  std::string source = steps::bundle_source(config, target.plan().access);
  if (!by_name) return fmt::format("# {}; hpawalk render operator prints it as it is applied.\n", source);
  Result<std::string> bundle = steps::read_bundle(world, config, source);
  if (!bundle) return bundle;
  Result<std::vector<manifests::BundleObject>> objects = manifests::adapt_bundle(*bundle, config);
  Result<std::string> all = manifests::render_namespace(config.text("operator.namespace"), config);
  if (!objects) return failure(objects.error());
  for (const manifests::BundleObject& object : *objects) *all += "---\n" + object.text;
  return all;
}

Status render(Session& session, const SettingFlags& flags, const std::vector<std::string>& asked) {
  Result<config::Config> config = load_config(session.world, flags);
  if (!config) return failure(config.error());
  auto target = cluster::make_target(session.world, *config);
  std::string text;
  yaml::Value data = yaml::Value::object();
  for (const std::string& stage : asked.empty() ? steps::stage_names(*config) : asked) {
    if (Status known = steps::check_stage(stage, *config); !known) return failure(known.error());
    Result<std::string> yaml = rendered(session.world, *config, *target, stage, !asked.empty());
    if (!yaml) return failure(yaml.error());
    text +=
        (asked.size() == 1 ? "" : (text.empty() ? "" : "---\n") + fmt::format("# ==== {}\n", stage)) + *yaml;
    data[stage] = *yaml;
  }
  text.pop_back();
  session.print(text, json_text(data, 2));
  return {};
}

}  // namespace

void add_render(CLI::App& app, Chosen& chosen) {
  CLI::App& command = *app.add_subcommand("render", "Print the manifests without applying them");
  auto asked = std::make_shared<std::vector<std::string>>();
  command.add_option("STAGE", *asked, "Only these stages");
  auto flags = add_settings(
      command,
      "  hpawalk render\n  hpawalk render hpa --hpa-max 20\n  hpawalk render operator > operator.yaml");
  add_output_option(command, chosen);
  command.callback([flags, asked, &chosen] {
    chosen.action = [flags, asked](Session& session) { return render(session, *flags, *asked); };
  });
}

}  // namespace hpawalk::cli
