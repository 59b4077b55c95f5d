#include "cli/read_chain.hpp"

#include <fmt/format.h>

namespace hpawalk::cli {

Result<std::string> chosen_space(Session& session, const world::KubeTarget& target,
                                 const std::string& asked) {
  return asked.empty() ? world::current_namespace(session.world, target) : asked;
}

Result<diagnose::Facts> read_chain(Session& session, world::KubeApi& api, diagnose::CollectOptions what) {
  world::World& world = session.world;
  // For somebody who waits; in a pipe or a script it would only be noise.
  if (!world.terminal.err_is_terminal()) return diagnose::collect(api, world.http, world.clock, what);
  const std::string step = "read the cluster";
  session.progress.started(step);
  what.reading = [&](const std::string& now) { session.progress.now(step, now); };
  Result<diagnose::Facts> facts = diagnose::collect(api, world.http, world.clock, what);
  if (facts) {
    session.progress.done(step, fmt::format("{} requests", facts->requests));
  } else {
    session.progress.failed(step, facts.error().what);
  }
  return facts;
}

std::string plain_hpa_name(std::string name) {
  for (std::string_view kind : {"hpa/", "horizontalpodautoscaler/", "horizontalpodautoscaler.autoscaling/"}) {
    if (name.starts_with(kind)) name.erase(0, kind.size());
  }
  return name;
}

}  // namespace hpawalk::cli
