#include "cluster/local/mount_points.hpp"

#include <unistd.h>

#include "base/text.hpp"

namespace hpawalk::local {

static const fs::path list_file = "/var/lib/hpawalk-mount-points";

Status make_mount_points(world::World& world) {
  std::string made = world.files.read(list_file).value_or("");
  std::string missing;  // the parent before its child
  for (const Bind& bind : binds) {
    for (const fs::path& folder : {fs::path(bind.inside).parent_path(), fs::path(bind.inside)}) {
      if (!world.files.exists(folder) && missing.find(folder.string() + "\n") == std::string::npos)
        missing += folder.string() + "\n";
    }
  }
  if (missing.empty()) return {};
  // Noted first: an interruption in between leaves a note too many, which does no harm.
  if (Status noted = world.files.write(list_file, made + missing); !noted) return noted;
  for (const std::string& folder : text::lines(missing)) {
    if (Status done = world.files.make_folder(folder); !done) return done;
  }
  return {};
}

Status remove_mount_points(world::World& world) {
  std::vector<std::string> made = text::lines(world.files.read(list_file).value_or(""));
  for (auto folder = made.rbegin(); folder != made.rend(); ++folder) {
    rmdir(folder->c_str());  // refuses a folder that somebody else has put something into, and rightly
  }
  return world.files.remove_all(list_file);
}

}  // namespace hpawalk::local
