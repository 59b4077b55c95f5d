// hpawalk version: what this program is, for a bug report and for scripts.
#include "base/json_text.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "playground/page.hpp"
#include "world/http.hpp"

namespace hpawalk::cli {

void add_version(CLI::App& app, Chosen& chosen) {
  CLI::App& command = *app.add_subcommand("version", "Print the version, and which libraries it has");
  command.footer("Examples:\n  hpawalk version\n  hpawalk version -o json");
  add_output_option(command, chosen);
  command.callback([&chosen] {
    chosen.action = [](Session& session) -> Status {
      std::vector<std::string> libraries = world::http_libraries();
      bool page = !playground::page().empty();
      Json data = {{"version", HPAWALK_VERSION},
                   {"platform", HPAWALK_PLATFORM},
                   {"schemas", "v1"},
                   {"libraries", libraries},
                   {"playground", page}};
      session.print("hpawalk " HPAWALK_VERSION " " HPAWALK_PLATFORM "\nlibraries: " +
                        text::join(libraries, ", ") + "\nplayground: " + (page ? "yes" : "no"),
                    json_text(data, 2));
      return {};
    };
  });
}

}  // namespace hpawalk::cli
