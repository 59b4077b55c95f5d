// hpawalk completion: a script for the user's shell, and the hidden command that it asks.
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/completion.hpp"

namespace hpawalk::cli {

// Nothing where kubectl or the cluster says no: who presses Tab can do nothing with an error.
static std::vector<std::string> listed(world::World& world, const Names& names) {
  std::vector<std::string> words = {"config", "get-contexts", "-o", "name"};
  if (names.kind == Names::Kind::namespaces)
    words = {"get", "namespaces", "-o", "name", "--request-timeout=3s"};
  if (names.kind == Names::Kind::hpas) {
    words = {"get", "horizontalpodautoscalers.autoscaling", "-o", "name", "--request-timeout=3s"};
    if (!names.space.empty()) words.push_back("--namespace=" + names.space);
  }
  world::Command command{world::kubectl_line(names.target, words)};
  command.limit = std::chrono::seconds(5);
  Result<world::Outcome> outcome = world.processes.run(command);
  if (!outcome || !outcome->ok()) return {};
  std::vector<std::string> lines = text::lines(outcome->output);
  if (names.kind == Names::Kind::contexts) return lines;  // a context's name may contain a slash
  for (std::string& line : lines) line.erase(0, line.rfind('/') + 1);
  return lines;
}

void add_completion(CLI::App& app, Chosen& chosen) {
  CLI::App& command = *app.add_subcommand(
      "completion", "Print a script that completes commands, options and values in your shell");
  auto shell = std::make_shared<std::string>();
  command.add_option("SHELL", *shell, "bash, zsh, fish or powershell")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish", "powershell"}))
      ->type_name("bash|zsh|fish|powershell");
  command.footer(
      "Examples:\n  source <(hpawalk completion bash)     # in ~/.bashrc\n  source <(hpawalk completion zsh) "
      "     # in ~/.zshrc, after compinit\n"
      "  hpawalk completion fish > ~/.config/fish/completions/hpawalk.fish\n"
      "  hpawalk completion powershell | Out-String | Invoke-Expression    # in $PROFILE\n\n"
      "Names of HPAs, namespaces and contexts are read with kubectl from the cluster that the line names.");
  command.callback([shell, &chosen] {
    chosen.action = [shell](Session& session) -> Status {
      session.world.terminal.out(completion_script(*shell) + "\n");
      return {};
    };
  });

  // Answers as programs with the Go library cobra do, which is what kubectl expects of a plugin: a suggestion
  // a line, then `:0` where names of files fit, too, or `:4` where they do not.
  CLI::App& ask = *app.add_subcommand("__complete")->group("");
  ask.prefix_command();  // whatever comes is the user's unfinished line
  ask.callback([&app, &ask, &chosen] {
    std::vector<std::string> words = ask.remaining();
    chosen.action = [&app, words](Session& session) -> Status {
      Completion completion =
          complete(app, words.empty() ? std::vector<std::string>{""} : words,
                   [&session](const Names& names) { return listed(session.world, names); });
      for (const Suggestion& c : completion.suggestions)
        session.world.terminal.out(c.word + (c.help.empty() ? "" : "\t" + c.help) + "\n");
      session.world.terminal.out(completion.files ? ":0\n" : ":4\n");
      return {};
    };
  });
}

}  // namespace hpawalk::cli
