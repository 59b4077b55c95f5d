// hpawalk get-value: the number that the whole chain carries.
#include <set>

#include "base/json_text.hpp"
#include "cli/open_chain.hpp"
#include "observe/live.hpp"
#include "steps/chain_names.hpp"

namespace hpawalk::cli {
namespace {

Status get_value(Session& session, const SettingFlags& flags) {
  Result<OpenChain> open = open_chain(session, flags);
  if (!open) return failure(open.error());
  observe::Source source = steps::prom_fake_source(*open->config);
  Result<std::map<std::string, std::string>> values = observe::source_values(*open->api, source);
  if (!values) return failure(values.error());
  std::set<std::string> different;
  std::string each;
  for (const auto& [pod, value] : *values) {
    different.insert(value);
    each += (each.empty() ? "" : "\n") + pod + " " + value;
  }
  bool same = different.size() == 1;
  session.print(same ? *different.begin() : each,
                json_text(Json{{"metric", open->config->text("prom-fake.metric")},
                               {"value", same ? Json(*different.begin()) : Json()},
                               {"pods", *values}},
                          2));
  return {};
}

}  // namespace

void add_get_value(CLI::App& app, Chosen& chosen) {
  CLI::App& command = *app.add_subcommand("get-value", "Print prom-fake's value");
  auto flags = add_settings(
      command, "  hpawalk get-value\n\nPrints one number, or the value of each pod if the values differ.");
  add_output_option(command, chosen);
  command.callback(
      [flags, &chosen] { chosen.action = [flags](Session& session) { return get_value(session, *flags); }; });
}

}  // namespace hpawalk::cli
