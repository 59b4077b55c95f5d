// What could come next on the command line: read off the commands as they are declared, so that it cannot go
// stale.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "world/kube_proxy.hpp"

namespace hpawalk::cli {

struct Suggestion {
  std::string word;
  std::string help;  // one line; may be empty
};

struct Completion {
  std::vector<Suggestion> suggestions;
  bool files = false;  // names of files fit here
};

// Names that only a cluster or a kubeconfig can list, and where the words before the cursor say that this is.
struct Names {
  enum class Kind { hpas, namespaces, contexts };
  Kind kind = Kind::hpas;
  world::KubeTarget target;
  std::string space;  // of the HPAs; empty: the context's
};
using ListNames = std::function<std::vector<std::string>(const Names& names)>;

// `words`: what stands behind the program's name; the last one is the word at the cursor, perhaps empty.
Completion complete(const CLI::App& app, const std::vector<std::string>& words, const ListNames& list);

std::string completion_script(const std::string& shell);  // bash, zsh, fish or powershell

}  // namespace hpawalk::cli
