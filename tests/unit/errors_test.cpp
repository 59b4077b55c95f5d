// docs/errors.md and the code name the same errors.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

namespace fs = std::filesystem;

namespace {

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// The arguments of a call, from behind its opening parenthesis or brace; those behind the fourth are left out.
std::vector<std::string> arguments(const std::string& code, size_t at) {
  std::vector<std::string> all(1);
  int depth = 1;
  bool quoted = false;
  for (; at < code.size() && depth > 0 && all.size() < 5; ++at) {
    char c = code[at];
    if (c == '"' && code[at - 1] != '\\') quoted = !quoted;
    if (!quoted && (c == '(' || c == '{' || c == '[')) ++depth;
    if (!quoted && (c == ')' || c == '}' || c == ']')) --depth;
    if (!quoted && c == ',' && depth == 1) {
      all.emplace_back();
    } else {
      all.back() += c;
    }
  }
  return all;
}

void add_literals(const std::string& expression, std::set<std::string>& ids) {
  static const std::regex literal("\"([a-z][a-z0-9-]*)\"");
  for (std::sregex_iterator m(expression.begin(), expression.end(), literal), end; m != end; ++m) {
    std::string id = (*m)[1];
    ids.insert(id.ends_with('-') ? id + "NAME" : id);
  }
}

// Ids as the code writes them: failure(class, ID, ...), Error{class, ID, ...}, run_checked(a, b, ID, ...), and the
// few places that give an Error its id by other means.
std::set<std::string> ids_in(const std::string& code) {
  std::set<std::string> ids;
  struct Place {
    const char* opening;
    size_t argument;
  };
  constexpr Place places[] = {{"failure(ErrorClass::", 1}, {"Error{ErrorClass::", 1}, {" error{ErrorClass::", 1},
                              {" forbidden{ErrorClass::", 1}, {"run_checked(", 2}, {" make(\"", 0}, {" environment(\"", 0}};
  for (const Place& place : places) {
    std::string opening = place.opening;
    size_t arguments_at = opening.find_first_of("({") + 1;
    for (size_t at = code.find(opening); at != std::string::npos; at = code.find(opening, at + 1)) {
      std::vector<std::string> list = arguments(code, at + arguments_at);
      if (list.size() > place.argument) add_literals(list[place.argument], ids);
    }
  }
  for (const char* sign : {"error.id = ", "std::string id = "}) {
    for (size_t at = code.find(sign); at != std::string::npos; at = code.find(sign, at + 1)) {
      add_literals(code.substr(at, code.find(';', at) - at), ids);
    }
  }
  ids.erase("");
  return ids;
}

std::set<std::string> ids_of_code() {
  std::set<std::string> all;
  for (const char* folder : {"base", "world", "config", "hpasim", "manifests", "diagnose", "observe", "cluster", "steps", "cli"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(TESTS_FOLDER) / ".." / folder)) {
      std::string extension = entry.path().extension().string();
      if (extension == ".cpp" || extension == ".hpp") all.merge(ids_in(text_of(entry.path())));
    }
  }
  return all;
}

// The first column of every table row.
std::set<std::string> ids_of_page() {
  std::set<std::string> ids;
  std::istringstream page(text_of(fs::path(TESTS_FOLDER) / "../docs/errors.md"));
  static const std::regex quoted("`([^`]+)`");
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with("| `")) continue;
    std::string cell = line.substr(0, line.find(" | "));
    for (std::sregex_iterator m(cell.begin(), cell.end(), quoted), end; m != end; ++m) ids.insert((*m)[1]);
  }
  return ids;
}

}  // namespace

TEST_CASE("Ids of errors are found in all forms in which the code writes them") {
  CHECK(ids_in("return failure(ErrorClass::usage, \"a-b\", \"What, then\");") == std::set<std::string>{"a-b"});
  CHECK(ids_in("Error{ErrorClass::usage,\n  yes ? \"one\" : \"two\", \"x\"}") == std::set<std::string>{"one", "two"});
  CHECK(ids_in("run_checked(p, Command{.argv = {\"nft\", \"-f\"}}, \"rules\", \"x\")") == std::set<std::string>{"rules"});
  CHECK(ids_in("failure(ErrorClass::usage, \"stage-\" + name, \"x\")") == std::set<std::string>{"stage-NAME"});
}

TEST_CASE("Every error of the code is in docs/errors.md, and every one there is in the code") {
  std::set<std::string> code = ids_of_code(), page = ids_of_page();
  CHECK(code.size() > 80);
  for (const std::string& id : code) CHECK_MESSAGE(page.contains(id), "docs/errors.md lacks `" << id << "`");
  for (const std::string& id : page) CHECK_MESSAGE(code.contains(id), "no code makes the error `" << id << "`");
}
