// The three ways in which `watch` and `set-value --watch` show a chain: redrawn in place on a terminal,
// time-stamped lines elsewhere, JSON lines with `-o json`.
#pragma once

#include "cli/open_chain.hpp"
#include "observe/follow.hpp"

namespace hpawalk::cli {

// Follows the configured chain (observe/follow.hpp) and shows it.
Result<observe::Followed> follow_shown(Session& session, OpenChain& chain, const observe::Follow& what);
// Any chain. `where`: the cluster, as the title says it.
Result<observe::Followed> follow_shown(Session& session, world::KubeApi& api, const observe::LiveChain& chain,
                                       const diagnose::ControllerSettings& controller,
                                       const std::string& where, const observe::Follow& what);

}  // namespace hpawalk::cli
