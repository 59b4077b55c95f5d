#include "cluster/local/layout.hpp"

namespace hpawalk::local {

static fs::path base_folder(const world::Environment& environment, const char* variable,
                            const char* below_home) {
  auto set = environment.find(variable);
  if (set != environment.end() && fs::path(set->second).is_absolute()) return set->second;
  auto home = environment.find("HOME");
  return fs::path(home == environment.end() || home->second.empty() ? "/root" : home->second) / below_home;
}

Layout make_layout(const world::Environment& environment) {
  return {base_folder(environment, "XDG_CACHE_HOME", ".cache") / "hpawalk",
          base_folder(environment, "XDG_STATE_HOME", ".local/state") / "hpawalk/clusters"};
}

}  // namespace hpawalk::local
