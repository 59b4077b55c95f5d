// The house: which room (folder, namespace, library) may include which. The rooms below come first.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>

namespace fs = std::filesystem;

namespace {

const std::map<std::string, std::set<std::string>> may_include = {
    {"base", {}},
    {"world", {"base"}},
    {"hpasim", {"base"}},
    {"playground", {"base", "hpasim"}},
    {"config", {"base", "world"}},
    {"manifests", {"base", "config"}},
    {"diagnose", {"base", "world", "hpasim"}},
    {"lint", {"base", "world", "hpasim", "diagnose"}},
    {"observe", {"base", "world", "hpasim", "diagnose"}},
    {"oncall", {"base", "world", "hpasim", "diagnose", "observe"}},
    {"migrate", {"base", "world", "hpasim", "diagnose"}},
    {"cluster", {"base", "world", "config"}},
    {"steps", {"base", "world", "hpasim", "config", "manifests", "diagnose", "observe", "cluster"}},
    {"cli",
     {"base", "world", "hpasim", "playground", "config", "manifests", "diagnose", "lint", "migrate",
      "observe", "oncall", "cluster", "steps"}},
};

std::set<std::string> included_rooms(const fs::path& file) {
  std::set<std::string> rooms;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("#include \"")) continue;
    std::string target = line.substr(10);
    rooms.insert(target.substr(0, target.find('/')));
  }
  return rooms;
}

}  // namespace

TEST_CASE("A room includes itself and the rooms that the table allows, and nothing else") {
  const fs::path root = fs::path(TESTS_FOLDER).parent_path();
  size_t files = 0;
  for (const auto& [room, allowed] : may_include) {
    for (const auto& entry : fs::recursive_directory_iterator(root / room)) {
      if (entry.path().extension() != ".cpp" && entry.path().extension() != ".hpp") continue;
      ++files;
      for (const std::string& other : included_rooms(entry.path())) {
        CHECK_MESSAGE((other == room || allowed.contains(other)), entry.path().string(), " includes ", other);
      }
    }
  }
  CHECK(files > 250);
}
