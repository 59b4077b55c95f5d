// What an upgrade of Kubernetes changes, as text and as JSON. HPAs for which nothing changes are only
// counted.
#pragma once

#include "cli/timeline_text.hpp"
#include "observe/upgrade.hpp"

namespace hpawalk::cli {

Painted upgrade_text(const observe::UpgradeReport& report, const Canvas& canvas);
nlohmann::ordered_json upgrade_json(const observe::UpgradeReport& report);

}  // namespace hpawalk::cli
