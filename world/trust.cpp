#include "world/trust.hpp"

#include <unistd.h>
#include <algorithm>
#include <charconv>

#include "base/text.hpp"

namespace hpawalk::world {

std::vector<unsigned> trusted_users(const Environment& environment) {
  std::vector<unsigned> users = {0, geteuid(), getuid()};
  auto sudo = environment.find("SUDO_UID");
  if (geteuid() == 0 && sudo != environment.end()) {
    const std::string& text = sudo->second;
    unsigned user = 0;
    auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), user);
    if (bad == std::errc() && end == text.data() + text.size()) users.push_back(user);
  }
  return users;
}

Status check_trusted(World& world, const fs::path& folder) {
  constexpr unsigned by_group = 020, by_all = 002, only_own_removed = 01000;
  std::vector<unsigned> users = trusted_users(world.environment);
  bool ours = true;  // up to the folder "hpawalk"
  for (fs::path path = folder; path.has_relative_path(); path = path.parent_path()) {
    if (path.filename().empty()) continue;  // a slash at the end
    if (world.files.exists(path)) {
      Result<FileStatus> status = world.files.status(path);
      if (!status) return failure(status.error());
      bool trusted = std::find(users.begin(), users.end(), status->owner) != users.end();
      bool open = (status->mode & by_all) != 0 && (ours || (status->mode & only_own_removed) == 0);
      open = open || (ours && (status->mode & by_group) != 0);
      if (!trusted || open) {
        std::string why = trusted ? "other users can write to " + path.string()
                                  : path.string() + " belongs to user " + std::to_string(status->owner);
        return failure(ErrorClass::environment, "folder-not-trusted",
                       "The content of " + folder.string() + " is not used", why,
                       trusted ? "chmod go-w " + text::shell_quote({path.string()}) +
                                     ", or set XDG_CACHE_HOME to a folder that you own"
                               : "Set XDG_CACHE_HOME to a folder that you own, or remove that folder");
      }
    }
    if (path.filename() == "hpawalk") ours = false;
  }
  return {};
}

}  // namespace hpawalk::world
