// hpawalk completion: a script for the user's shell, and the hidden command that it asks.
#include "cli/command.hpp"
#include "cli/completion.hpp"

namespace hpawalk::cli {

void add_completion(CLI::App& app, Chosen& chosen) {
  CLI::App& command = *app.add_subcommand(
      "completion", "Print a script that completes commands, options and values in your shell");
  auto shell = std::make_shared<std::string>();
  command.add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->type_name("bash|zsh|fish");
  command.footer(
      "Examples:\n  source <(hpawalk completion bash)     # in ~/.bashrc\n  source <(hpawalk completion zsh) "
      "     # in ~/.zshrc, after compinit\n"
      "  hpawalk completion fish > ~/.config/fish/completions/hpawalk.fish");
  command.callback([shell, &chosen] {
    chosen.action = [shell](Session& session) -> Status {
      session.world.terminal.out(completion_script(*shell) + "\n");
      return {};
    };
  });

  CLI::App& ask = *app.add_subcommand("__complete")->group("");
  ask.prefix_command();  // whatever comes is the user's unfinished line
  ask.callback([&app, &ask, &chosen] {
    std::vector<std::string> words = ask.remaining();
    chosen.action = [&app, words](Session& session) -> Status {
      Completion completion = complete(app, words.empty() ? std::vector<std::string>{""} : words);
      if (completion.files) session.world.terminal.out(":files\n");
      for (const Suggestion& c : completion.suggestions)
        session.world.terminal.out(c.word + (c.help.empty() ? "" : "\t" + c.help) + "\n");
      return {};
    };
  });
}

}  // namespace hpawalk::cli
