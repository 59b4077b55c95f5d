#include "cli/completion.hpp"

#include <algorithm>
#include <optional>

#include "base/text.hpp"
#include "diagnose/causes.hpp"
#include "lint/lint.hpp"
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

// A word in capitals stands for a value: FILE in "FILE|NAME".
bool is_placeholder(const std::string& word) {
  return std::none_of(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

std::string type_of(const CLI::Option& option) {
  std::string type = option.get_type_name();
  type.resize(std::min(type.size(), type.find(':')));  // CLI11 appends what is checked
  return type;
}

bool is_namespace(const CLI::Option& option) {
  return option.check_name("--namespace") || type_of(option) == "NS";
}

// What the words before the cursor say about the cluster.
void note(Names& names, const CLI::Option& option, const std::string& value) {
  if (option.check_name("--context")) names.target.context = value;
  if (option.check_name("--kubeconfig")) names.target.kubeconfig = value;
  if (is_namespace(option)) names.space = value;
}

// The values that an option or positional takes, where they can be listed: "text|json" is written in its
// type.
void add_values(Completion& completion, const CLI::Option& option, Names names, const ListNames& list) {
  auto add = [&](const std::vector<std::string>& words) {
    for (const std::string& word : words) completion.suggestions.push_back({word, {}});
  };
  if (option.check_name("STAGE") || type_of(option) == "STAGE") add(steps::stage_names());
  if (option.check_name("CAUSE")) {
    for (const diagnose::Cause* cause : diagnose::causes())
      completion.suggestions.push_back({std::string(cause->id), std::string(cause->symptom)});
    for (const lint::FileCause& cause : lint::file_causes)
      completion.suggestions.push_back({std::string(cause.id), std::string(cause.meaning)});
  }
  std::optional<Names::Kind> kind;
  if (option.check_name("HPA")) kind = Names::Kind::hpas;
  if (option.check_name("--context")) kind = Names::Kind::contexts;
  if (is_namespace(option)) kind = Names::Kind::namespaces;
  if (kind) {
    names.kind = *kind;
    add(list(names));
  }
  std::vector<std::string> values = text::split(type_of(option), '|');
  for (const std::string& value : values) {
    if (value == "FILE") completion.files = true;
    if (values.size() > 1 && !is_placeholder(value)) add({value});  // one word alone is the name of a type
  }
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

Completion complete(const CLI::App& app, const std::vector<std::string>& words, const ListNames& list) {
  Completion completion;
  if (words.empty()) return completion;
  const CLI::App* command = &app;
  const CLI::Option* open = nullptr;  // an option that waits for its value
  Names names;
  size_t positionals = 0;
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string& word = words[i];
    size_t equals = word.find('=');
    if (open != nullptr) {
      note(names, *open, word);
      open = nullptr;
    } else if (word.starts_with('-')) {
      const CLI::Option* option = find_option(*command, word.substr(0, equals));
      if (option != nullptr && equals != std::string::npos)
        note(names, *option, word.substr(equals + 1));
      else if (option != nullptr && takes_value(*option))
        open = option;
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
    add_values(completion, *open, names, list);
  } else if (current.starts_with("--") && equals != std::string::npos) {
    const CLI::Option* option = find_option(*command, current.substr(0, equals));
    if (option != nullptr) add_values(completion, *option, names, list);
    for (Suggestion& c : completion.suggestions) c.word.insert(0, current.substr(0, equals + 1));
  } else if (current.starts_with('-')) {
    add_options(completion, *command, current.size() > 2);
  } else {
    add_subcommands(completion, *command);
    for (const CLI::Option* option : command->get_options()) {
      if (option->get_positional() && positionals-- == 0) add_values(completion, *option, names, list);
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
  local files=${lines[-1]}
  lines=("${(@)lines[1,-2]//:/\\:}")
  lines=("${(@)lines//$'\t'/:}")
  (( $#lines )) && _describe hpawalk lines
  [[ $files != :0 ]] || _files
}
if [[ ${funcstack[1]} == _hpawalk ]]; then _hpawalk "$@"; else compdef _hpawalk hpawalk; fi)";
  }
  if (shell == "fish") {
    return R"(# Put it into ~/.config/fish/completions/hpawalk.fish, or: hpawalk completion fish | source
function __hpawalk_complete
    set -l lines (hpawalk __complete (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)
    test (count $lines) -gt 0; or return
    printf '%s\n' $lines[1..-2]
    if test "$lines[-1]" = :0
        __fish_complete_path (commandline -ct)
    end
end
complete -c hpawalk -f -a '(__hpawalk_complete)')";
  }
  if (shell == "powershell") {
    return R"(# Add to your $PROFILE: hpawalk completion powershell | Out-String | Invoke-Expression
# Needs PowerShell 7.3, which passes empty words on to programs.
Register-ArgumentCompleter -Native -CommandName hpawalk -ScriptBlock {
  param($current, $line, $cursor)
  $words = @($line.CommandElements | Select-Object -Skip 1 | Where-Object { $_.Extent.EndOffset -lt $cursor } |
    ForEach-Object { if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value } else { $_.Extent.Text } })
  $program = $line.CommandElements[0].Extent.Text
  & $program __complete @words $current 2>$null | Where-Object { $_ -notmatch '^:[04]$' } | ForEach-Object {
    $word, $help = $_ -split "`t", 2
    [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $(if ($help) { $help } else { $word }))
  }
})";
  }
  return R"(# Put it into /etc/bash_completion.d/hpawalk, or: source <(hpawalk completion bash)
_hpawalk() {
  local words=() word glue='' lines
  for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do  # which bash has split at = and :
    if [[ ${#words[@]} -gt 0 && ($glue || $word == [=:]*) ]]; then words[-1]+=$word; else words+=("$word"); fi
    [[ $word == *[=:] ]] && glue=yes || glue=''
  done
  mapfile -t lines < <("${COMP_WORDS[0]}" __complete "${words[@]}" 2>/dev/null | cut -f 1)
  [[ ${#lines[@]} -gt 0 ]] || return
  [[ ${lines[-1]} != :0 ]] || compopt -o default
  unset 'lines[-1]'
  local current=${words[-1]}
  COMPREPLY=("${lines[@]#"${current%"${current##*[=:]}"}"}")
}
complete -F _hpawalk hpawalk)";
}

}  // namespace hpawalk::cli
