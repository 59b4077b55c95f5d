// Whether an HTTPS server says yes. For who waits until a server is ready, and has nothing else to ask it.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

namespace hpawalk::world {

// GET `url` gives 200, from a server whose certificate the authority in `ca_file` signed.
bool https_says_ok(const std::string& url, const std::filesystem::path& ca_file,
                   std::chrono::milliseconds limit);

}  // namespace hpawalk::world
