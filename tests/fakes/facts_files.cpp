#include "tests/fakes/facts_files.hpp"

#include <fstream>

namespace hpawalk::fakes {

namespace fs = std::filesystem;

static const fs::path folder = fs::path(TESTS_FOLDER) / "facts";

static Json content(const fs::path& file) {
  std::ifstream in(file);
  return Json::parse(in);
}

std::vector<fs::path> facts_files() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  return files;
}

Json facts_document(const fs::path& file) {
  static const Json healthy = content(folder / "healthy.json");
  Json read = content(file);
  if (read.contains("hpawalkFacts")) return read;
  Json document = healthy;
  document.merge_patch(read);
  return document;
}

}  // namespace hpawalk::fakes
