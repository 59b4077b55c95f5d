// hpawalk node: what a local cluster's own processes run. Not for people, so not in --help.
#include "cli/command.hpp"
#include "cluster/local/keeper.hpp"
#include "cluster/local/node.hpp"
#include "world/dns.hpp"

namespace hpawalk::cli {

void add_node(CLI::App& app, Chosen& chosen) {
  CLI::App& node = *app.add_subcommand("node", "The processes of a local cluster")->group("");
  node.require_subcommand(1);
  auto first = std::make_shared<std::string>(), second = std::make_shared<std::string>();

  CLI::App& keep = *node.add_subcommand("keep", "Keep a cluster's node alive");
  keep.add_option("folder", *first, "The cluster's folder")->required();
  keep.callback([first, &chosen] {
    chosen.action = [first](Session& session) { return local::keep(session.world, *first); };
  });

  CLI::App& run = *node.add_subcommand("run", "Be a node's first process");
  run.add_option("folder", *first, "The cluster's folder")->required();
  run.callback([first, &chosen] {
    chosen.action = [first](Session& session) { return local::run_node(session.world, *first); };
  });

  CLI::App& resolve = *node.add_subcommand("resolve", "Ask a name server until it answers");
  resolve.add_option("name", *first, "The host name")->required();
  resolve.add_option("server", *second, "The name server's address")->required();
  resolve.callback([first, second, &chosen] {
    chosen.action = [first, second](Session& session) -> Status {
      std::string address;
      Status answered =
          world::wait_until(session.world.clock, {std::chrono::seconds(80), std::chrono::milliseconds(50)},
                            "asking " + *second, [&]() -> Result<world::StillWaiting> {
                              Result<std::string> reply = world::resolve_at(*first, *second);
                              if (!reply) return world::StillWaiting{reply.error().because};
                              address = *reply;
                              return world::StillWaiting{};
                            });
      if (answered) session.print(*first + " is " + address, "\"" + address + "\"");
      return answered;
    };
  });
}

}  // namespace hpawalk::cli
