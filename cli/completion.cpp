#include "cli/completion.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "steps/stages.hpp"

namespace hpawalk::cli {
namespace {

bool takes_value(const CLI::Option& option) {
  return option.get_items_expected_max() > 0;
}

const CLI::Option* find_option(const CLI::App& command, const std::string& word) {
  for (const CLI::Option* option : command.get_options()) {
    if (!option->get_positional() && option->check_name(word)) return option;
  }
  return nullptr;
}

// The values that an option or positional takes, where they can be listed: "text|json" is written in its
// type.
void add_values(Completion& completion, const CLI::Option& option) {
  std::string type = option.get_type_name();
  type.resize(std::min(type.size(), type.find(':')));  // CLI11 appends what is checked
  if (type == "FILE") completion.files = true;
  if (type == "STAGE" || option.get_name() == "STAGE") {
    for (const std::string& stage : steps::stage_names()) completion.suggestions.push_back({stage, {}});
  }
  if (type.find('|') == std::string::npos) return;
  for (const std::string& value : text::split(type, '|')) completion.suggestions.push_back({value, {}});
}

// The first sentence, on one line.
std::string brief(const std::string& help) {
  return help.substr(0, help.find_first_of("\n;"));
}

void add_options(Completion& completion, const CLI::App& command, bool all) {
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_positional() || option->get_lnames().empty()) continue;
    if (!all && option->get_group().empty()) continue;  // the many settings: when more than -- is typed
    completion.suggestions.push_back({"--" + option->get_lnames().front(), brief(option->get_description())});
  }
}

void add_subcommands(Completion& completion, const CLI::App& command) {
  for (const CLI::App* sub : command.get_subcommands([](const CLI::App*) { return true; })) {
    if (!sub->get_group().empty())
      completion.suggestions.push_back({sub->get_name(), brief(sub->get_description())});
  }
}

}  // namespace

Completion complete(const CLI::App& app, const std::vector<std::string>& words) {
  Completion completion;
  if (words.empty()) return completion;
  const CLI::App* command = &app;
  const CLI::Option* open = nullptr;  // an option that waits for its value
  size_t positionals = 0;
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string& word = words[i];
    if (open != nullptr) {
      open = nullptr;
    } else if (word.starts_with('-')) {
      const CLI::Option* option = find_option(*command, word);
      if (option != nullptr && takes_value(*option)) open = option;
    } else {
      auto subs = command->get_subcommands([&](const CLI::App* sub) { return sub->check_name(word); });
      if (subs.empty())
        ++positionals;
      else
        command = subs.front(), positionals = 0;
    }
  }
  const std::string& current = words.back();
  size_t equals = current.find('=');
  if (open != nullptr) {
    add_values(completion, *open);
  } else if (current.starts_with("--") && equals != std::string::npos) {
    const CLI::Option* option = find_option(*command, current.substr(0, equals));
    if (option != nullptr) add_values(completion, *option);
    for (Suggestion& c : completion.suggestions) c.word.insert(0, current.substr(0, equals + 1));
  } else if (current.starts_with('-')) {
    add_options(completion, *command, current.size() > 2);
  } else {
    add_subcommands(completion, *command);
    for (const CLI::Option* option : command->get_options()) {
      if (option->get_positional() && positionals-- == 0) add_values(completion, *option);
    }
  }
  std::erase_if(completion.suggestions, [&](const Suggestion& c) { return !c.word.starts_with(current); });
  return completion;
}

std::string completion_script(const std::string& shell) {
  if (shell == "zsh") {
    return R"(#compdef hpawalk
# Put it into a folder of $fpath as _hpawalk, or: source <(hpawalk completion zsh)
_hpawalk() {
  local -a lines
  lines=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ ${lines[1]} == :files ]]; then
    _files
  elif [[ -n ${lines[1]} ]]; then
    lines=("${(@)lines//:/\\:}")
    lines=("${(@)lines//$'\t'/:}")
    _describe hpawalk lines
  fi
}
if [[ ${funcstack[1]} == _hpawalk ]]; then _hpawalk "$@"; else compdef _hpawalk hpawalk; fi)";
  }
  if (shell == "fish") {
    return R"(# Put it into ~/.config/fish/completions/hpawalk.fish, or: hpawalk completion fish | source
function __hpawalk_complete
    set -l lines (hpawalk __complete (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)
    if test "$lines[1]" = :files
        __fish_complete_path (commandline -ct)
    else
        printf '%s\n' $lines
    end
end
complete -c hpawalk -f -a '(__hpawalk_complete)')";
  }
  return R"(# Put it into /etc/bash_completion.d/hpawalk, or: source <(hpawalk completion bash)
_hpawalk() {
  local words=("${COMP_WORDS[@]:1:COMP_CWORD}") lines
  mapfile -t lines < <("${COMP_WORDS[0]}" __complete "${words[@]}" 2>/dev/null | cut -f 1)
  if [ "${lines[0]-}" = :files ]; then
    compopt -o default
    COMPREPLY=()
  else
    COMPREPLY=("${lines[@]}")
  fi
}
complete -F _hpawalk hpawalk)";
}

}  // namespace hpawalk::cli
