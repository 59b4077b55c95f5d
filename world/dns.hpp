// One DNS question to one server, by the C library's resolver.
#pragma once

#include <string>

#include "base/error.hpp"

namespace hpawalk::world {

// The name's first IPv4 address. Waits at most one second; the reason of a failure is in `because`.
Result<std::string> resolve_at(const std::string& name, const std::string& server_ipv4);

}  // namespace hpawalk::world
