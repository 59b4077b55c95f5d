// What a command is: one file `NAME_command.cpp` with one function `add_NAME(app, chosen)`, which declares
// the options and puts the action into `chosen` when the user asks for it. Declared here, listed in run.cpp.
#pragma once

#include <functional>
#include <string>

#include <CLI/CLI.hpp>

#include "base/error.hpp"
#include "world/patience.hpp"
#include "world/progress.hpp"
#include "world/world.hpp"

namespace hpawalk::cli {

// What an action works with.
struct Session {
  world::World& world;
  world::Progress& progress;  // to stderr
  bool json = false;          // --output json: stdout carries exactly one JSON document
  bool printed = false;       // it has been printed: a failure that follows is told on stderr alone

  // One result, in the form that was asked for. `data` is a JSON text.
  void print(const Painted& text, const std::string& data) {
    world.terminal.out((json ? Painted(data) : text) + "\n");
    printed = true;
  }
};

// For a connection to a cluster: what it waits for is told on stderr.
inline world::Waiting tell_waits(Session& session) {
  return [&session](const std::string& what) { session.progress.line("waiting", what); };
}

using Action = std::function<Status(Session&)>;

// The action of the subcommand that the user named, and what is common to all commands.
struct Chosen {
  Action action;
  std::string output = "text";
  bool debug = false;
};

// Adds `--output text|json`, which every command has.
void add_output_option(CLI::App& command, Chosen& chosen);

void add_up(CLI::App& app, Chosen& chosen);
void add_status(CLI::App& app, Chosen& chosen);
void add_verify(CLI::App& app, Chosen& chosen);
void add_set_value(CLI::App& app, Chosen& chosen);
void add_get_value(CLI::App& app, Chosen& chosen);
void add_watch(CLI::App& app, Chosen& chosen);
void add_open(CLI::App& app, Chosen& chosen);
void add_down(CLI::App& app, Chosen& chosen);
void add_plan(CLI::App& app, Chosen& chosen);
void add_render(CLI::App& app, Chosen& chosen);
void add_config(CLI::App& app, Chosen& chosen);
void add_doctor(CLI::App& app, Chosen& chosen);
void add_logs(CLI::App& app, Chosen& chosen);
void add_cluster(CLI::App& app, Chosen& chosen);
void add_node(CLI::App& app, Chosen& chosen);
void add_simulate(CLI::App& app, Chosen& chosen);
void add_tune(CLI::App& app, Chosen& chosen);
void add_shadow(CLI::App& app, Chosen& chosen);
void add_history(CLI::App& app, Chosen& chosen);
void add_playground(CLI::App& app, Chosen& chosen);
void add_drive(CLI::App& app, Chosen& chosen);
void add_report(CLI::App& app, Chosen& chosen);
void add_diagnose(CLI::App& app, Chosen& chosen);
void add_alerts(CLI::App& app, Chosen& chosen);
void add_exporter(CLI::App& app, Chosen& chosen);
void add_migrate(CLI::App& app, Chosen& chosen);
void add_lint(CLI::App& app, Chosen& chosen);
void add_explain(CLI::App& app, Chosen& chosen);
void add_version(CLI::App& app, Chosen& chosen);
void add_completion(CLI::App& app, Chosen& chosen);  // last: it completes all of them

}  // namespace hpawalk::cli
