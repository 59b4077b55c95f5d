// What could come next on the command line: read off the commands as they are declared, so that it cannot go
// stale.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace hpawalk::cli {

struct Suggestion {
  std::string word;
  std::string help;  // one line; may be empty
};

struct Completion {
  std::vector<Suggestion> suggestions;
  bool files = false;  // names of files fit here
};

// `words`: what stands behind the program's name; the last one is the word at the cursor, perhaps empty.
Completion complete(const CLI::App& app, const std::vector<std::string>& words);

std::string completion_script(const std::string& shell);  // bash, zsh or fish

}  // namespace hpawalk::cli
