#include "tests/fakes/golden.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/text.hpp"

namespace hpawalk::fakes {

std::string golden_difference(const std::string& name, const std::string& text) {
  std::filesystem::path file = std::filesystem::path(TESTS_FOLDER) / "golden" / name;
  if (const char* update = std::getenv("UPDATE_GOLDEN"); update != nullptr && std::string(update) == "1") {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return {};
  }
  std::ifstream in(file, std::ios::binary);
  if (!in) return name + " does not exist; UPDATE_GOLDEN=1 writes it";
  std::stringstream content;
  content << in.rdbuf();
  if (content.str() == text) return {};
  std::vector<std::string> was = text::lines(content.str()), is = text::lines(text);
  size_t line = 0;
  while (line < was.size() && line < is.size() && was[line] == is[line]) ++line;
  auto shown = [line](const std::vector<std::string>& all) {
    return line < all.size() ? all[line] : std::string("(end)");
  };
  return name + ":" + std::to_string(line + 1) + "\n  was: " + shown(was) + "\n  is:  " + shown(is);
}

}  // namespace hpawalk::fakes
