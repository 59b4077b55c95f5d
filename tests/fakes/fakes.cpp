#include "tests/fakes/fakes.hpp"

#include <cstdio>
#include <cstdlib>

#include "base/text.hpp"

namespace hpawalk::fakes {

// A broken script ends the test binary: a complaint in a destructor has no other way to be heard.
[[noreturn]] static void complain(const std::string& text) {
  std::fprintf(stderr, "scripted fake: %s\n", text.c_str());
  std::abort();
}

bool FakeClock::sleep(world::Duration d) {
  if (elapsed + d >= interrupt_at) return false;
  elapsed += d;
  return true;
}

static Error missing(const fs::path& path) {
  return Error{ErrorClass::environment,
               "file",
               "Cannot read " + path.string(),
               "No such file or directory",
               {},
               {},
               {}};
}

static bool below(const fs::path& path, const fs::path& folder) {
  auto relative = path.lexically_relative(folder);
  return !relative.empty() && *relative.begin() != "..";
}

Result<std::string> MemoryFiles::read(const fs::path& file, size_t most) {
  auto found = content.find(file);
  if (found == content.end()) return failure(missing(file));
  if (found->second.size() > most)
    return failure(ErrorClass::environment, "file", "Cannot read " + file.string(),
                   "it has more than " + std::to_string(most) + " bytes");
  return found->second;
}

Status MemoryFiles::write(const fs::path& file, std::string_view text, unsigned mode) {
  content[file] = std::string(text);
  modes[file] = mode;
  return {};
}

Status MemoryFiles::append(const fs::path& file, std::string_view text, unsigned mode) {
  if (!content.contains(file)) modes[file] = mode;
  content[file] += text;
  return {};
}

Status MemoryFiles::write_in_place(const fs::path& file, std::string_view text) {
  if (!content.contains(file)) return failure(missing(file));
  content[file] = std::string(text);
  return {};
}

bool MemoryFiles::exists(const fs::path& path) {
  if (folders.contains(path)) return true;
  for (const auto& [file, text] : content) {
    if (below(file, path)) return true;
  }
  return false;
}

Result<world::FileStatus> MemoryFiles::status(const fs::path& path) {
  if (!exists(path)) return failure(missing(path));
  bool folder = !content.contains(path);
  auto owner = owners.find(path);
  auto mode = modes.find(path);
  return world::FileStatus{owner == owners.end() ? 0 : owner->second,
                           mode == modes.end() ? (folder ? 0755U : 0644U) : mode->second, folder};
}

Status MemoryFiles::remove_all(const fs::path& path) {
  std::erase_if(content, [&](const auto& entry) { return below(entry.first, path); });
  std::erase_if(folders, [&](const auto& folder) { return below(folder, path); });
  return {};
}

Status MemoryFiles::make_folder(const fs::path& path, unsigned mode) {
  if (!exists(path)) modes[path] = mode;
  folders.insert(path);
  return {};
}

Status MemoryFiles::rename(const fs::path& from, const fs::path& to) {
  if (!exists(from)) return failure(missing(from));
  std::map<fs::path, std::string> moved;
  for (const auto& [file, text] : content) {
    moved[below(file, from) ? to / file.lexically_relative(from) : file] = text;
  }
  if (moved.contains(to / ".")) {  // a file, not a folder
    moved[to] = moved[to / "."];
    moved.erase(to / ".");
  }
  content = std::move(moved);
  if (folders.erase(from) > 0) folders.insert(to);
  return {};
}

Result<std::vector<fs::path>> MemoryFiles::list(const fs::path& folder) {
  if (content.contains(folder))
    return failure(ErrorClass::environment, "file", "Cannot list " + folder.string(), "Not a directory");
  std::set<fs::path> found;
  for (const auto& [file, text] : content) {
    if (below(file, folder)) found.insert(folder / *file.lexically_relative(folder).begin());
  }
  for (const fs::path& made : folders) {
    if (made != folder && below(made, folder))
      found.insert(folder / *made.lexically_relative(folder).begin());
  }
  return std::vector<fs::path>(found.begin(), found.end());
}

ScriptedProcesses::~ScriptedProcesses() {
  for (const auto& [line, left] : expected_) {
    if (!left.empty()) complain("never called: " + line);
  }
}

void ScriptedProcesses::expect(const std::string& command_line, world::Outcome outcome) {
  expected_[command_line].push_back(std::move(outcome));
}

void ScriptedProcesses::allow(const std::string& command_line, world::Outcome outcome) {
  allowed_[command_line] = std::move(outcome);
}

Result<world::Outcome> ScriptedProcesses::run(const world::Command& command) {
  std::lock_guard lock(mutex_);
  calls.push_back(command);
  if (on_call) on_call(command);
  std::string line = text::shell_quote(command.argv);
  world::Outcome outcome;
  if (auto found = expected_.find(line); found != expected_.end() && !found->second.empty()) {
    outcome = std::move(found->second.front());
    found->second.pop_front();
  } else if (auto any = allowed_.find(line); any != allowed_.end()) {
    outcome = any->second;
  } else {
    complain("unexpected command: " + line);
  }
  for (const std::string& text : text::lines(outcome.output)) {
    if (command.on_line) command.on_line(text);
  }
  for (const std::string& text : text::lines(outcome.errors)) {
    if (command.on_error_line) command.on_error_line(text);
  }
  return outcome;
}

namespace {
struct FakeChild final : world::Child {
  bool alive = true;
  pid_t pid() const override { return 4242; }
  bool running() override { return alive; }
  void stop() override { alive = false; }
};
}  // namespace

Result<std::unique_ptr<world::Child>> ScriptedProcesses::start(const world::Command& command,
                                                               const std::filesystem::path&) {
  Result<world::Outcome> outcome = run(command);
  auto child = std::make_unique<FakeChild>();
  child->alive = outcome->ok();
  return child;
}

std::optional<std::filesystem::path> ScriptedProcesses::find(const std::string& program) {
  if (!programs.contains(program)) return std::nullopt;
  return std::filesystem::path("/usr/bin") / program;
}

ScriptedHttp::~ScriptedHttp() {
  for (const auto& [line, left] : expected_) {
    if (!left.empty()) complain("never requested: " + line);
  }
}

void ScriptedHttp::expect(const std::string& method_and_url, world::HttpResponse response) {
  expected_[method_and_url].push_back(std::move(response));
}

void ScriptedHttp::allow(const std::string& method_and_url, world::HttpResponse response) {
  allowed_[method_and_url] = std::move(response);
}

Result<world::HttpResponse> ScriptedHttp::send(const world::HttpRequest& request) {
  std::string line = request.method + " " + request.url;
  if (auto found = expected_.find(line); found != expected_.end() && !found->second.empty()) {
    world::HttpResponse response = std::move(found->second.front());
    found->second.pop_front();
    return response;
  }
  if (auto any = allowed_.find(line); any != allowed_.end()) return any->second;
  complain("unexpected request: " + line);
}

Result<world::HttpResponse> ScriptedHttp::stream(const world::HttpRequest& request,
                                                 const std::function<bool(std::string_view)>& on_line) {
  Result<world::HttpResponse> response = send(request);
  for (const std::string& line : text::lines(response->body)) {
    if (!on_line(line)) break;
  }
  return response;
}

}  // namespace hpawalk::fakes
