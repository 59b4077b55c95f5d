// A migration as text, YAML and JSON.
#pragma once

#include "cli/timeline_text.hpp"
#include "migrate/look.hpp"

namespace hpawalk::cli {

struct MigrationShown {
  const migrate::Looked& looked;
  std::vector<migrate::Step> steps;
  std::vector<std::string> obstacles;
  std::string since;  // "1h"; empty: nothing was replayed
  std::optional<migrate::Replayed> replayed;
  std::string not_replayed;  // why
};

Painted migration_text(const MigrationShown& shown, const Canvas& canvas);
std::string migration_yaml(const migrate::Plan& plan);
nlohmann::ordered_json migration_json(const MigrationShown& shown, bool applied);

}  // namespace hpawalk::cli
