// What up would do: the stages that a user chose, and the commands that build them.
#pragma once

#include <memory>

#include <CLI/CLI.hpp>

#include "cli/command.hpp"
#include "cli/settings_options.hpp"
#include "steps/up.hpp"

namespace hpawalk::cli {

// Adds --from and --only.
std::shared_ptr<steps::UpOptions> add_stage_options(CLI::App& command);

// Every command that builds these stages, and what must be true after each. Changes nothing.
Status print_plan(Session& session, const SettingFlags& flags, const steps::UpOptions& options);

}  // namespace hpawalk::cli
