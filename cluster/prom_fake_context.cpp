#include "cluster/prom_fake_context.hpp"

#include <map>

#include "cluster/local/layout.hpp"

namespace hpawalk::cluster::promfake_context {
const std::map<std::string_view, std::string_view>& embedded_files();  // cmake/embed.cmake
}

namespace hpawalk::cluster {

fs::path prom_fake_context_folder(const world::Environment& environment) {
  return local::make_layout(environment).cache / "prom-fake-" HPAWALK_VERSION;
}

Status write_prom_fake_context(world::World& world) {
  fs::path folder = prom_fake_context_folder(world.environment);
  if (Status removed = world.files.remove_all(folder); !removed) return removed;
  for (const auto& [name, content] : promfake_context::embedded_files()) {
    if (Status written = world.files.write(folder / name, content); !written) return written;
  }
  return {};
}

}  // namespace hpawalk::cluster
