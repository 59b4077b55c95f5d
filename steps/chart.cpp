#include "steps/chart.hpp"

#include "base/fingerprint.hpp"
#include "cluster/local/layout.hpp"
#include "manifests/manifests.hpp"
#include "world/trust.hpp"

namespace hpawalk::steps {

static bool holds(world::World& world, const fs::path& folder,
                  const std::map<std::string, std::string>& chart) {
  size_t found = 0;
  std::vector<fs::path> folders = {folder};
  while (!folders.empty()) {
    fs::path here = folders.back();
    folders.pop_back();
    Result<std::vector<fs::path>> entries = world.files.list(here);
    if (!entries) return false;
    for (const fs::path& entry : *entries) {
      Result<world::FileStatus> status = world.files.status(entry);
      if (!status) return false;
      if (status->folder) {
        folders.push_back(entry);
        continue;
      }
      auto own = chart.find(entry.lexically_relative(folder).string());
      Result<std::string> text = world.files.read(entry);
      if (own == chart.end() || !text || *text != own->second) return false;
      ++found;
    }
  }
  return found == chart.size();
}

std::filesystem::path chart_folder(const world::Environment& environment) {
  std::string content;
  for (const auto& [file, text] : manifests::bundled_chart()) content += file + text;
  return local::make_layout(environment).cache / "charts" / fingerprint(content) / "prometheus-adapter";
}

Result<std::string> write_chart(world::World& world) {
  const std::map<std::string, std::string> chart = manifests::bundled_chart();
  fs::path folder = chart_folder(world.environment);
  if (Status trusted = world::check_trusted(world, folder); !trusted) return failure(trusted.error());
  if (holds(world, folder, chart)) return folder.string();
  if (Status removed = world.files.remove_all(folder); !removed) return failure(removed.error());
  for (const auto& [file, text] : chart) {
    if (Status written = world.files.write(folder / file, text); !written) return failure(written.error());
  }
  return folder.string();
}

}  // namespace hpawalk::steps
